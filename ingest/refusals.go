package ingest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"boardlink/connection"
)

// reportEvery is the least time between two events of a kind about refused uplinks of one connection.
const reportEvery = time.Hour

// refusals counts the refused uplinks of one connection. Strangers can make it count and nothing more: what it tells is
// bounded whatever they send.
type refusals struct {
	any atomic.Bool // something was counted since the last uplink was accepted; spares the busy path the lock

	mu      sync.Mutex
	counted connection.Refusals
	refused burst
	kinds   map[connection.RefusalKind]int64 // of refused
	skew    burst
	least   time.Duration // of skew: by how much the time of Tokens differed from this machine's
	most    time.Duration
	again   burst // came with a Token that was taken before
}

// burst counts what is told once an hour.
type burst struct {
	n     int64
	since time.Time // of the first that was not told
	told  time.Time
}

func (b *burst) add(at time.Time) {
	if b.n == 0 {
		b.since = at
	}
	b.n++
}

func (b *burst) due(now time.Time) bool {
	return b.n > 0 && (b.told.IsZero() || now.Sub(b.told) >= reportEvery)
}

// were begins the sentence that tells a burst, and begins the next one.
func (b *burst) were(what string, now time.Time) string {
	were := fmt.Sprintf("%d uplinks were", b.n)
	if b.n == 1 {
		were = "1 uplink was"
	}
	text := fmt.Sprintf("%s %s since %s", were, what, b.since.UTC().Format("2006-01-02 15:04:05 UTC"))
	b.n, b.told = 0, now
	return text
}

func (r *refusals) add(kind connection.RefusalKind, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.countLocked(kind, at)
	r.refused.add(at)
	if r.kinds == nil {
		r.kinds = map[connection.RefusalKind]int64{}
	}
	r.kinds[kind]++
}

func (r *refusals) countLocked(kind connection.RefusalKind, at time.Time) {
	r.counted.Count++
	r.counted.LastAt, r.counted.LastKind = at, kind
	r.any.Store(true)
}

// skewed counts an uplink whose Token is right and was made too far from this machine's time: off is positive where it
// was made later.
func (r *refusals) skewed(off time.Duration, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.countLocked(connection.RefusedTime, at)
	if r.skew.n == 0 {
		r.least, r.most = off, off
	}
	r.skew.add(at)
	r.least, r.most = min(r.least, off), max(r.most, off)
}

// replayed counts an uplink that was answered as if it were accepted, and not stored, for it was before.
func (r *refusals) replayed(at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.again.add(at)
}

// accepted begins the count anew.
func (r *refusals) accepted() {
	if !r.any.Load() {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counted = connection.Refusals{}
	r.any.Store(false)
}

func (r *refusals) read() connection.Refusals {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.counted
}

// report returns the events that are due.
func (r *refusals) report(now time.Time) (due []connection.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	tell := func(level connection.Level, kind connection.Kind, text string) {
		due = append(due, connection.Event{Time: now, Level: level, Kind: kind, Actor: connection.System, Message: text})
	}
	if r.refused.due(now) {
		tell(connection.LevelWarning, connection.KindUplink, r.refused.were("refused", now)+". "+r.why())
		clear(r.kinds)
	}
	if r.skew.due(now) {
		tell(connection.LevelWarning, connection.KindAlarm, r.skew.were("refused", now)+": the Tokens are right, but "+difference(r.least, r.most)+
			fmt.Sprintf(", and %d minutes are allowed. Set the clocks of both machines by NTP; where they are right, somebody posts old uplinks again.", int(MaxDeviation.Minutes())))
	}
	if r.again.due(now) {
		tell(connection.LevelInfo, connection.KindUplink, r.again.were("posted again", now)+" with a Token that was taken before, and not stored a second time. "+
			"ThingPark or a proxy does so where an answer is late; else somebody repeats what was overheard.")
	}
	return due
}

// why lists the kinds of refusals, with their numbers where there are several.
func (r *refusals) why() string {
	var why []string
	for _, kind := range []connection.RefusalKind{connection.RefusedKey, connection.RefusedToken, connection.RefusedDocument} {
		if n := r.kinds[kind]; n > 0 {
			sentence := kind.Sentence()
			if len(r.kinds) > 1 {
				sentence = fmt.Sprintf("%s (%d).", strings.TrimSuffix(sentence, "."), n)
			}
			why = append(why, sentence)
		}
	}
	return strings.Join(why, " ")
}

// difference says by how much ThingPark's clock differs.
func difference(least, most time.Duration) string {
	side := func(off time.Duration) string {
		if off < 0 {
			return "behind"
		}
		return "ahead of"
	}
	least, most = least.Round(time.Second), most.Round(time.Second)
	if side(least) != side(most) {
		return fmt.Sprintf("ThingPark's clock is %s behind to %s ahead of this machine's", -least, most)
	}
	smaller, larger := min(least.Abs(), most.Abs()), max(least.Abs(), most.Abs())
	by := larger.String()
	if smaller != larger {
		by = smaller.String() + " to " + by
	}
	return fmt.Sprintf("ThingPark's clock is %s %s this machine's", by, side(least))
}

// Refusals tells how many uplinks of a connection were refused since one was last accepted or the uplink key was renewed.
func (r *Registry) Refusals(id connection.ID) connection.Refusals {
	e, ok := r.entry(id)
	if !ok {
		return connection.Refusals{}
	}
	return e.refusals.read()
}

// ReportRefusals gives add the events that are due about refused uplinks of each connection: for refusals, for a clock that
// differs and for repeats at most one an hour each, with their number. Call it now and then, beside the path of the uplinks.
func (r *Registry) ReportRefusals(ctx context.Context, add func(connection.Event)) {
	r.reportRefusals(ctx, time.Now(), add)
}

func (r *Registry) reportRefusals(ctx context.Context, now time.Time, add func(connection.Event)) {
	for id, counted := range r.refusing() {
		if ctx.Err() != nil {
			return
		}
		for _, e := range counted.report(now) {
			e.ConnectionID = id
			add(e)
		}
	}
}

// refusing lists all counters, so that events are written without the lock.
func (r *Registry) refusing() map[connection.ID]*refusals {
	r.mu.RLock()
	defer r.mu.RUnlock()
	all := make(map[connection.ID]*refusals, len(r.entries))
	for id, e := range r.entries {
		all[id] = e.refusals
	}
	return all
}
