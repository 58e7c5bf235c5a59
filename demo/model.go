package demo

import (
	"time"

	"boardlink/connection"
	"boardlink/views/ui"
)

// pageModel is what the demo's page shows.
type pageModel struct {
	Now        time.Time
	Toasts     []ui.Toast
	Address    string // of Boardlink
	Email      string
	Password   string // of Boardlink's operator; random, and gone with the demo
	Sandbox    sandboxModel
	Targets    []Target
	Target     connection.ID
	Paused     bool
	Rows       []rowModel
	Gateways   []string // gateway devices that Boardlink made
	Received   int
	Repeats    int
	LastReply  string // answer to the last command
	LastDevice string // that it went to
}

type sandboxModel struct {
	Running                   bool
	HostPort, Email, Password string
}

// rowModel sets what a device sent beside what ThingsBoard received of it.
type rowModel struct {
	DevEUI, Name string
	Sent         int
	LastSentAt   time.Time
	LastAnswer   string
	Received     int
	Latest       []valueModel
	Commands     int
	LastCommand  string
}

type valueModel struct{ Key, Value string }
