package link

import (
	"context"
	"errors"
	"fmt"
	"time"

	"boardlink/connection"
	"boardlink/thingsboard"
)

const (
	// conflictFloor is the least pause after another client took the session over; it doubles with each time.
	conflictFloor = 30 * time.Second
	// throttleFloor is the least pause after a link that ended because it was too fast; it doubles up to a minute.
	throttleFloor = 5 * time.Second
	// refusedFloor is the least pause after the gateway's credentials were refused: ThingsBoard may block an address
	// for a minute after ten of those (TbMqttTransportComponent, ip_limits_enabled).
	refusedFloor = 15 * time.Second
	// maxQuick bounds the tries made soon because of a suspect: enough to find one and park it.
	maxQuick = 8
)

// schedule counts what the time of the next try depends on. Its zero value is a link that nothing is known of.
type schedule struct {
	lostAt    time.Time // the phases of the strategy count from here
	attempt   int       // tries since then
	conflicts int       // ends by another client's doing, since delivery was last proven
	slowdowns int       // ends by being too fast, since delivery was last proven
	quick     int       // tries made soon because an event may have ended the session, since delivery was last proven
	opened    bool      // an open link was lost then, not a try that failed
	told      string    // the failure that was last told, empty where none was since the link was open
}

// scheduleFrom goes on where the program left off. A loss before clocks were set has an unknown time, and counts from
// now, so that no strategy comes to its end because of a clock.
func scheduleFrom(saved connection.Status, now time.Time) schedule {
	lostAt := notAfter(saved.LostAt, now)
	if !lostAt.IsZero() && lostAt.Before(firstYear) && now.After(firstYear) {
		lostAt = now
	}
	s := schedule{lostAt: lostAt, attempt: saved.Attempt}
	s.opened = !saved.StartupTime.IsZero() && saved.LostAt.After(saved.StartupTime)
	if saved.State == connection.Closed && !saved.LostAt.IsZero() {
		s.told = failureKey(saved.ReasonCode, saved.Reason)
	}
	return s
}

// notAfter takes a time from the database for what it can be: one that is still to come was written by another clock.
func notAfter(t, now time.Time) time.Time {
	if t.After(now) {
		return now
	}
	return t
}

// show puts what is counted into a status.
func (s *schedule) show(st *connection.Status) { st.LostAt, st.Attempt = s.lostAt, s.attempt }

// failureKey is equal for failures that need not be told twice.
func failureKey(code connection.ReasonCode, sentence string) string {
	return string(code) + ": " + sentence
}

// resume starts a link when the program starts. A try is made at once, whatever the schedule says: the restart may be
// what the network needed. Refused credentials and a strategy that came to its end are not the program's to forget.
func (k *keeper) resume(ctx context.Context) {
	switch {
	case k.saved.State == connection.AuthenticationFailed:
		k.awaitTry(ctx)
	case k.saved.State == connection.Closed && k.saved.ReasonCode == connection.ReasonGivenUp:
	default:
		k.start(ctx)
	}
}

// failed decides what follows the end of a link that nobody asked for.
func (k *keeper) failed(ctx context.Context, r *run, err error) {
	now, s := k.m.now(), &k.schedule
	opened, proven, lostAt := r.history(now)
	switch {
	case opened && (proven || s.lostAt.IsZero()):
		*s = schedule{lostAt: lostAt, opened: true}
	case opened:
		s.told = "" // it was told that the link is open, so its loss is news
	case s.lostAt.IsZero():
		s.lostAt = r.began
	}
	if opened && !connection.RestartsLink(*r.conn, k.row) {
		k.workedUntil = lostAt
	}
	var no *refused
	if errors.As(err, &no) {
		k.notTaken(ctx, no)
		return
	}
	code, sentence := explain(err)
	if code == connection.ReasonNotDelivered {
		*s = schedule{}
		k.board.enter(nil, move{state: connection.Closed, code: code, level: connection.LevelWarning, event: sentence}, s.show)
		k.start(ctx)
		return
	}
	if code == connection.ReasonInternal || opened {
		k.log.Warn("Link lost", "reason", code, "error", err)
	} else {
		k.log.Info("Link could not be opened", "reason", code, "error", err)
	}
	if r.cleared.Load() {
		s.quick = 0
	}
	k.plan(err, code, sentence, opened, opened && r.accused.Load())
}

// plan shows a failure and sets the time of the next try. A ThingsBoard that was there and ended the session because the
// link was too fast, or perhaps because of an event (suspect), is not waited for as one that cannot be reached.
func (k *keeper) plan(err error, code connection.ReasonCode, sentence string, opened, suspect bool) {
	now, s := k.m.now(), &k.schedule
	strategy := k.row.Configuration.ReconnectStrategy
	wait, ok := strategy.NextTry(now.Sub(s.lostAt), s.attempt, k.m.opt.Random)
	floor := s.floor(err, code)
	switch {
	case opened && thingsboard.KindOf(err) == thingsboard.Throttled:
		wait, ok = floor+time.Duration(k.m.opt.Random()*float64(floor)/2), true
	case suspect && s.quick < maxQuick:
		s.quick++
		wait, ok = strategy.NextTry(0, 0, k.m.opt.Random)
	}
	if !ok {
		k.giveUp(sentence)
		return
	}
	next := now.Add(max(wait, floor))
	m := move{state: connection.Closed, code: code, reason: sentence, hint: k.hint(code), next: next, level: connection.LevelWarning}
	if key := failureKey(code, sentence); key != s.told {
		m.event = fmt.Sprintf("Closed: %s The next try is at %s.", sentence, clock(next))
		s.told = key
	}
	k.board.enter(nil, m, s.show)
	k.next.Reset(next.Sub(now))
}

// hint returns what to try where that is another thing than the code alone says: an address that worked is not to be
// checked for its port.
func (k *keeper) hint(code connection.ReasonCode) string {
	switch code {
	case connection.ReasonTCPRefused, connection.ReasonTCPTimeout, connection.ReasonTCPFailed:
	default:
		return ""
	}
	if k.workedUntil.IsZero() {
		return ""
	}
	at := k.workedUntil.UTC().Format("15:04:05 UTC")
	if k.m.now().Sub(k.workedUntil) >= 24*time.Hour {
		at = clock(k.workedUntil)
	}
	return "ThingsBoard worked until " + at + ". Is it running? Uplinks wait in the queue, none is lost."
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

const (
	// nudgeAfter is the least time between two tries of which the second is made because the host is back, nudgeWithin
	// the span over which such tries are spread.
	nudgeAfter  = time.Minute
	nudgeWithin = 2 * time.Second
)

// nudged takes in that another link was opened at the host: whoever waits for it needs not wait for the strategy's next
// point. What only this link was refused for is no reason to try.
func (k *keeper) nudged() {
	s := k.board.read()
	soon := time.Duration(k.m.opt.Random() * float64(nudgeWithin))
	at := k.m.now().Add(soon)
	if k.run != nil || k.want != wantRun || s.State != connection.Closed || !away(s.ReasonCode) || k.m.now().Sub(k.triedAt) < nudgeAfter ||
		!s.NextAttemptAt.After(at) {
		return
	}
	k.board.note(nil, func(s *connection.Status) { s.NextAttemptAt = at })
	k.next.Reset(soon)
}

// away reports whether a reason says that a host could not be reached.
func away(code connection.ReasonCode) bool {
	switch code {
	case connection.ReasonDNSTimeout, connection.ReasonDNSNotFound, connection.ReasonTCPRefused, connection.ReasonTCPTimeout,
		connection.ReasonTCPFailed, connection.ReasonTimeout, connection.ReasonConnectionLost, connection.ReasonServerError,
		connection.ReasonMQTTNotFound:
		return true
	}
	return false
}

// giveUp shows that the strategy has come to its end.
func (k *keeper) giveUp(sentence string) {
	m := move{state: connection.Closed, code: connection.ReasonGivenUp, level: connection.LevelError}
	m.reason = connection.ReasonGivenUp.Text().Sentence
	if sentence != "" {
		m.reason += " The last try: " + sentence
	}
	m.event = "Closed: " + m.reason + " Nothing is tried until somebody restarts the connection."
	k.schedule.told = failureKey(m.code, m.reason)
	k.board.enter(nil, m, k.schedule.show)
}

// replan sets the next try anew after the strategy was changed while the link waits.
func (k *keeper) replan() {
	s := k.board.read()
	if k.run != nil || s.State != connection.Closed || k.schedule.lostAt.IsZero() {
		return
	}
	now := k.m.now()
	wait, ok := k.row.Configuration.ReconnectStrategy.NextTry(now.Sub(k.schedule.lostAt), k.schedule.attempt, k.m.opt.Random)
	if !ok {
		k.next.Stop()
		k.giveUp("")
		return
	}
	next := now.Add(wait)
	k.board.note(nil, func(s *connection.Status) {
		s.NextAttemptAt = next
		if s.ReasonCode == connection.ReasonGivenUp {
			s.ReasonCode, s.Reason = connection.ReasonEdited, "The reconnect strategy was changed."
			s.Hint = ""
		}
	})
	k.next.Reset(wait)
}

// floor returns the least pause after an end, and counts the ends that make it longer.
func (s *schedule) floor(err error, code connection.ReasonCode) time.Duration {
	var floor time.Duration
	switch kind := thingsboard.KindOf(err); {
	case kind == thingsboard.Conflict || code == connection.ReasonConflict:
		floor = conflictFloor << min(s.conflicts, 5)
		s.conflicts++
	case kind == thingsboard.Throttled:
		floor = min(throttleFloor<<min(s.slowdowns, 5), time.Minute)
		s.slowdowns++
	case code == connection.ReasonMQTTRefused:
		floor = refusedFloor
	}
	var e *thingsboard.Error
	if errors.As(err, &e) {
		floor = max(floor, min(e.RetryAfter, time.Hour))
	}
	return floor
}

// clock writes a time of day for an event; the page shows the exact one in the reader's own zone.
func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
