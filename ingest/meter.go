package ingest

import (
	"errors"

	"boardlink/connection"
	"boardlink/queue"
)

// Meter counts what came in, of all connections together.
type Meter interface {
	// Accepted counts a document of any kind that is on disk.
	Accepted()
	// Refused counts one that was not accepted; reason is one of [RefusalReasons].
	Refused(reason string)
}

// Why a document is refused that no [connection.RefusalKind] names: no connection of ours is at fault.
const (
	refusedReplay      = "replayed"           // its Token was taken before; answered as a success
	refusedUnknown     = "unknown_connection" // known to be none only with an API key; else it counts as a wrong key
	refusedFull        = "queue_full"
	refusedUnavailable = "unavailable" // the queue is closed or broken, or the sender went away
)

// RefusalReasons lists what a [Meter] may be told.
func RefusalReasons() []string {
	return []string{string(connection.RefusedKey), string(connection.RefusedToken), string(connection.RefusedTime), string(connection.RefusedDocument),
		refusedReplay, refusedUnknown, refusedFull, refusedUnavailable}
}

// reasonOf says why the queue did not take a document.
func reasonOf(err error) string {
	if errors.Is(err, queue.ErrFull) {
		return refusedFull
	}
	return refusedUnavailable
}

func (a *Acceptor) accepted() {
	if a.Meter != nil {
		a.Meter.Accepted()
	}
}

func (a *Acceptor) refused(reason string) {
	if a.Meter != nil {
		a.Meter.Refused(reason)
	}
}
