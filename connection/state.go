package connection

import "time"

// State is where a link stands. The names are those of ThingPark X IoT Flow.
type State string

// The states of a link. DEGRADED, THROTTLED, CONFLICT and the like are reason codes of [Opened] or [Closed], not states.
const (
	Closed               State = "CLOSED"
	Opening              State = "OPENING"
	Authenticating       State = "AUTHENTICATING"
	Opened               State = "OPENED"
	Closing              State = "CLOSING"
	AuthenticationFailed State = "AUTHENTICATION_FAILED"
	Deactivated          State = "DEACTIVATED"
	// Unreachable is computed by whoever reads: the node that owns the link has had no heartbeat for [HeartbeatLimit].
	// No link ever writes it.
	Unreachable State = "UNREACHABLE"
)

// States lists every state, those that need a person first.
var States = []State{AuthenticationFailed, Closed, Unreachable, Closing, Opening, Authenticating, Opened, Deactivated}

// HeartbeatLimit is how long a node may be silent before its links are [Unreachable].
const HeartbeatLimit = 10 * time.Second

// Valid reports whether s is one of [States].
func (s State) Valid() bool {
	for _, known := range States {
		if s == known {
			return true
		}
	}
	return false
}

// Transient reports whether the state must be left by a deadline of its own.
func (s State) Transient() bool { return s == Opening || s == Authenticating || s == Closing }

// NeedsPerson reports whether the state asks somebody to look: red on the dashboard.
func (s State) NeedsPerson() bool {
	return s == Closed || s == AuthenticationFailed || s == Unreachable
}

// Status is what can be said of a link at one moment. The zero value is a link that was never started.
type Status struct {
	State      State
	Since      time.Time // when State was entered; a try that fails and leads back to it does not count
	ReasonCode ReasonCode
	Reason     string // a sentence: what happened, and what the peer said, bounded and without secrets
	Hint       string // what to try; empty where nothing needs doing

	// Attempt counts the tries since the loss, or since the start; it is 0 while opened. In AUTHENTICATION_FAILED it
	// counts the sign-ins made with these credentials since the last that was taken.
	Attempt       int
	NextAttemptAt time.Time // zero where no try is planned
	LostAt        time.Time // when the link was lost, or first failed to open; the phases of the reconnect strategy count from here
	StartupTime   time.Time // when the link last reached OPENED
	Owner         string    // node that runs the link

	Backlog         int64 // events waiting in the queue
	OldestAge       time.Duration
	Parked          int64
	LastDeliveredAt time.Time // last PUBACK with success
}
