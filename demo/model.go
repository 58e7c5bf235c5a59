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
	Park       parkModel
	Targets    []Target
	Target     connection.ID
	TargetName string
	// FleetTrouble says why nothing of the fleet arrives; empty while all is well.
	FleetTrouble   string
	Paused         bool
	Rows           []rowModel
	Gateways       []string // gateway devices that Boardlink made
	Received       int
	Repeats        int
	LastReply      string // answer to the last command
	LastDevice     string // that it went to
	Payload, FPort string // as last typed
}

type sandboxModel struct {
	Running                   bool
	HostPort, Email, Password string
}

// parkModel is what a connection needs to send commands through the simulated ThingPark.
type parkModel struct{ URL, ASID, ASKey string }

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
