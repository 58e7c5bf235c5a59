package connection

import "time"

// Level says how much an event matters.
type Level string

// The levels of an event.
const (
	LevelInfo    Level = "info"
	LevelWarning Level = "warning"
	LevelError   Level = "error"
)

// Kinds lists every kind.
var Kinds = []Kind{KindState, KindCreated, KindUpdated, KindDeleted, KindUplink, KindDownlink, KindAlarm, KindAccess, KindSystem}

// Kind says what an event is about.
type Kind string

// The kinds of events.
const (
	KindState    Kind = "state"    // a link changed its state
	KindCreated  Kind = "created"  // a connection was made
	KindUpdated  Kind = "updated"  // a setting was changed
	KindDeleted  Kind = "deleted"  // a connection was removed
	KindUplink   Kind = "uplink"   // an uplink was skipped, expired, refused or parked
	KindDownlink Kind = "downlink" // a command was sent, refused or settled
	KindAlarm    Kind = "alarm"    // a limit was crossed
	KindAccess   Kind = "access"   // somebody signed in or was refused
	KindSystem   Kind = "system"   // the program itself
)

// System is the actor of events that no person caused.
const System = "system"

// Event is one line of the log. Message is a whole sentence and never holds a secret.
type Event struct {
	ID           int64
	Time         time.Time
	Level        Level
	Kind         Kind
	Actor        string // e-mail of a person, name of a key, or [System]
	Address      string // the IP address of the request that caused it, see [WithOrigin]; empty where none did
	ConnectionID ID     // 0 where the event is about no connection
	DevEUI       string // empty where it is about no device
	Message      string
}
