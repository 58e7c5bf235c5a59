package connection

import "time"

// RefusalKind says why an uplink was not accepted.
type RefusalKind string

// The kinds of refusals.
const (
	RefusedKey      RefusalKind = "key"      // the uplink key is wrong or missing
	RefusedToken    RefusalKind = "token"    // ThingPark's Token is wrong or missing
	RefusedTime     RefusalKind = "time"     // ThingPark's Token is right and was made too early or too late
	RefusedDocument RefusalKind = "document" // the document cannot be read
)

// Sentence says it to people.
func (k RefusalKind) Sentence() string {
	switch k {
	case RefusedKey:
		return "The uplink key was wrong or missing."
	case RefusedToken:
		return "ThingPark's Token was wrong or missing."
	case RefusedTime:
		return "ThingPark's Token was made too long before or after the time of this machine."
	case RefusedDocument:
		return "The document could not be read."
	}
	return ""
}

// Refusals counts the uplinks of one connection that were refused since an uplink was last accepted or the uplink key
// was renewed. It is kept in memory and begins anew when the program does. The zero value: none.
type Refusals struct {
	Count    int64
	LastAt   time.Time
	LastKind RefusalKind
}
