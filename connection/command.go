package connection

import "time"

// CommandState says what is known of a command.
type CommandState string

// The states of a command. The first five are how its posting to ThingPark ended; a delivery report of ThingPark's leads
// to one of the last three, from [CommandSending], [CommandQueued] or [CommandUnknown].
const (
	CommandSending  CommandState = "sending"  // written down, and about to be posted or just posted
	CommandQueued   CommandState = "queued"   // ThingPark took it; a class A device is sent to after it was heard
	CommandRefused  CommandState = "refused"  // ThingPark said no, and does not have it
	CommandNotSent  CommandState = "not_sent" // it never left; it may be sent again
	CommandUnknown  CommandState = "unknown"  // it may have been posted, and nobody knows what became of it
	CommandSent     CommandState = "sent"     // sent over the air, which is not yet received by the device
	CommandMissed   CommandState = "missed"   // not sent over the air, although it was queued
	CommandRejected CommandState = "rejected" // ThingPark threw it out after it was queued
)

// CommandStates lists every state.
var CommandStates = []CommandState{CommandSending, CommandQueued, CommandRefused, CommandNotSent, CommandUnknown, CommandSent,
	CommandMissed, CommandRejected}

// Text is the state for people: "sent over the air". An unknown state is its own text.
func (s CommandState) Text() string {
	switch s {
	case CommandNotSent:
		return "not sent"
	case CommandUnknown:
		return "outcome unknown"
	case CommandSent:
		return "sent over the air"
	case CommandMissed:
		return "not sent over the air"
	}
	return string(s)
}

// Settles reports whether a delivery report that says next changes what is known. A report that comes again changes
// nothing, and neither does one about a command that ThingPark never had. What did not go out at first may go out later:
// ThingPark reports each transmission of a confirmed downlink.
func (s CommandState) Settles(next CommandState) bool {
	switch s {
	case CommandSending, CommandQueued, CommandUnknown:
		return true
	case CommandMissed:
		return next == CommandSent
	}
	return false
}

// Command is one command to a device that was posted to ThingPark, or was about to be. One that was refused before that
// leaves an event alone.
type Command struct {
	ID            int64 // rises with the time at which it was written down
	ConnectionID  ID
	DevEUI        string
	Actor         string // who sent it by hand; empty: ThingsBoard did, and RPC and Hash are set
	RPC           int64  // ThingsBoard's number; it counts per device and begins anew at 0 when ThingsBoard restarts
	Hash          string // of method and parameters, so that the same number is not taken for the same command
	FPort         int    // 1 to 224
	CorrelationID string // 16 hexadecimal digits in upper case, by which a delivery report is recognised
	State         CommandState
	Sentence      string    // what is known, for people; fit to be shown, may be empty
	CameAt        time.Time // when it was sent to us
	SettledAt     time.Time // when State was last changed; zero while it is [CommandSending]
}

// CommandsRememberedFor is how long a command that comes again is answered and not posted again. ThingsBoard sends what
// is pending once more after each reconnect.
const CommandsRememberedFor = time.Hour
