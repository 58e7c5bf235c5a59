package ingest

import (
	"time"

	"boardlink/connection"
	"boardlink/queue"
	"boardlink/thingpark"
)

// MaxDeviation is how far the time of a Token may be from this machine's, before or after. It is what ThingPark proposes
// for the other way as well. The queue remembers Tokens for longer than one can be taken: [queue.TokenAge].
const MaxDeviation = 5 * time.Minute

// verify checks a document's Token and returns it. It is nil for the kinds of which ThingPark publishes no rule: they pass
// with the credential alone, for none of them can be taken for an uplink, and an alarm that is refused is lost.
//
// The Token comes before its time: whoever has no key must not be able to say what is wrong with ThingPark's clock.
func (a *Acceptor) verify(e entry, doc thingpark.Document, query string, now time.Time) (*queue.Token, error) {
	if _, signed := thingpark.ReportElements(doc); !signed {
		return nil, nil
	}
	signature, err := thingpark.VerifyReport(doc, query, e.asKey)
	if err != nil {
		e.refusals.add(connection.RefusedToken, now)
		a.refused(string(connection.RefusedToken))
		return nil, err
	}
	if off := signature.Time.Sub(now); off.Abs() > MaxDeviation {
		e.refusals.skewed(off, now)
		a.refused(string(connection.RefusedTime))
		return nil, connection.Fail(connection.CodeUnauthorized,
			"The Token was made more than %d minutes before or after the time of this server; both clocks must be right.", int(MaxDeviation.Minutes()))
	}
	return &queue.Token{Sum: signature.Token, Time: signature.Time}, nil
}
