package connection

import "time"

// ParkedEvent is an event that ThingsBoard would not take and that waits for a person: it is retried or dropped by hand,
// and by nothing else.
type ParkedEvent struct {
	ID         int64
	DevEUI     string // empty for a document about no device
	Kind       string // root of the document: "DevEUI_uplink"
	ReceivedAt time.Time
	ParkedAt   time.Time
	Attempts   int // deliveries that were tried, the last one included
	ReasonCode ReasonCode
	Reason     string // a sentence; the code's own where nothing better is known
	Document   []byte // as ThingPark sent it
}

// ParkedReason counts the parked events of a connection that share a reason.
type ParkedReason struct {
	Code  ReasonCode
	Count int64
}
