package connection

// Posting is what became of a downlink that somebody sent by hand.
type Posting struct {
	// State is [CommandQueued], [CommandRefused], [CommandNotSent] or [CommandUnknown].
	State CommandState
	// Code says in which way, for programs: "queued", or a code as commands of ThingsBoard are answered with.
	Code string
	// CorrelationID is 16 hexadecimal digits in upper case, by which a delivery report is recognised.
	CorrelationID string
	Sentence      string // for people; of ThingPark, where it said something. May be empty where it is queued.
}
