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

// reportEvery is the least time between two events about refused uplinks of one connection.
const reportEvery = time.Hour

// refusals counts the refused uplinks of one connection. Strangers can make it count and nothing more: what it tells is
// bounded whatever they send.
type refusals struct {
	any atomic.Bool // something was counted since the last uplink was accepted; spares the busy path the lock

	mu       sync.Mutex
	counted  connection.Refusals
	untold   map[connection.RefusalKind]int64
	since    time.Time // of the first that was not told
	reported time.Time
}

func (r *refusals) add(kind connection.RefusalKind, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counted.Count++
	r.counted.LastAt, r.counted.LastKind = at, kind
	if r.untold == nil {
		r.untold = map[connection.RefusalKind]int64{}
	}
	if len(r.untold) == 0 {
		r.since = at
	}
	r.untold[kind]++
	r.any.Store(true)
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

// report returns the sentence of the event that is due, "" where none is.
func (r *refusals) report(now time.Time) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.untold) == 0 || !r.reported.IsZero() && now.Sub(r.reported) < reportEvery {
		return ""
	}
	var total int64
	var why []string
	for _, kind := range []connection.RefusalKind{connection.RefusedKey, connection.RefusedToken, connection.RefusedDocument} {
		if n := r.untold[kind]; n > 0 {
			total += n
			sentence := kind.Sentence()
			if len(r.untold) > 1 {
				sentence = fmt.Sprintf("%s (%d).", strings.TrimSuffix(sentence, "."), n)
			}
			why = append(why, sentence)
		}
	}
	were := fmt.Sprintf("%d uplinks were", total)
	if total == 1 {
		were = "1 uplink was"
	}
	text := fmt.Sprintf("%s refused since %s. %s", were, r.since.UTC().Format("2006-01-02 15:04:05 UTC"), strings.Join(why, " "))
	r.reported = now
	clear(r.untold)
	return text
}

// Refusals tells how many uplinks of a connection were refused since one was last accepted or the uplink key was renewed.
func (r *Registry) Refusals(id connection.ID) connection.Refusals {
	e, ok := r.entry(id)
	if !ok {
		return connection.Refusals{}
	}
	return e.refusals.read()
}

// ReportRefusals gives add an event for each connection of which uplinks were refused: at most one an hour, with their
// number. Call it now and then, beside the path of the uplinks.
func (r *Registry) ReportRefusals(ctx context.Context, add func(connection.Event)) {
	r.reportRefusals(ctx, time.Now(), add)
}

func (r *Registry) reportRefusals(ctx context.Context, now time.Time, add func(connection.Event)) {
	for id, counted := range r.refusing() {
		if ctx.Err() != nil {
			return
		}
		if text := counted.report(now); text != "" {
			add(connection.Event{Time: now, Level: connection.LevelWarning, Kind: connection.KindUplink, Actor: connection.System,
				ConnectionID: id, Message: text})
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
