package link

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"boardlink/connection"
	"boardlink/live"
)

const (
	// maxUnwritten bounds the events that wait for a database that does not answer: 5,000 links that are lost together
	// make 10,000 at once.
	maxUnwritten = 50_000
	// writeLimit is how long one write may take before the journal tries again.
	writeLimit = 5 * time.Second
	// writePause is the least time between two writes of one link's status where its state is the same.
	writePause = time.Second
	// maxRefusals is how often, once a second, the database may refuse one event before the ones behind it go on.
	maxRefusals = 300
)

// journal writes statuses and events in the background, so that no link waits for the database. The last status of a
// link wins; events keep their order.
type journal struct {
	store Store
	feed  *live.Feed
	now   func() time.Time
	log   *slog.Logger
	wake  chan struct{}

	mu       sync.Mutex
	statuses map[connection.ID]*pending
	events   []connection.Event
	lost     int // events that did not fit, or were never taken
	refusals int // how often the event at the head was refused
}

// pending is what of one link's status is not written yet.
type pending struct {
	status  connection.Status
	dirty   bool
	edge    bool // the state changed: write at once
	written time.Time
}

func newJournal(opt Options) *journal {
	return &journal{store: opt.Store, feed: opt.Feed, now: opt.Now, log: opt.Log, wake: make(chan struct{}, 1),
		statuses: map[connection.ID]*pending{}}
}

// status takes a link's status to be written: at once where edge says that the state changed, else at most once a
// second.
func (j *journal) status(id connection.ID, s connection.Status, edge bool) {
	j.mu.Lock()
	p := j.statuses[id]
	if p == nil {
		p = &pending{}
		j.statuses[id] = p
	}
	p.status, p.dirty, p.edge = s, true, p.edge || edge
	j.mu.Unlock()
	j.publish(live.Change{Topic: live.Connection, ID: id.String()})
	j.rouse()
}

// event takes an event to be written.
func (j *journal) event(e connection.Event) {
	if e.Time.IsZero() {
		e.Time = j.now()
	}
	if e.Actor == "" {
		e.Actor = connection.System
	}
	j.mu.Lock()
	if len(j.events) < maxUnwritten {
		j.events = append(j.events, e)
	} else {
		j.lost++
	}
	j.mu.Unlock()
	j.rouse()
}

// forget drops what is not written of a link's status.
func (j *journal) forget(id connection.ID) {
	j.mu.Lock()
	delete(j.statuses, id)
	j.mu.Unlock()
}

func (j *journal) publish(c live.Change) {
	if j.feed != nil {
		j.feed.Publish(c)
	}
}

func (j *journal) rouse() {
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// run writes until ctx ends, then once more what is left, for at most writeLimit.
func (j *journal) run(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeLimit)
			j.write(last, true)
			cancel()
			return
		case <-j.wake:
		case <-timer.C:
		}
		if again := j.write(ctx, false); again > 0 {
			timer.Reset(again)
		}
	}
}

// write writes what is due (all: whatever there is) and returns after how long more is due, 0 for "when woken".
func (j *journal) write(ctx context.Context, all bool) time.Duration {
	due, events, again := j.take(all)
	for i, e := range events {
		if err := j.addEvent(ctx, e); err != nil {
			if ctx.Err() == nil { // at a stop they are written once more, and last
				j.log.Warn("Events wait for the database", "count", len(events)-i, "error", err)
			}
			j.putBack(events[i:])
			again = writePause
			break
		}
		j.taken()
		change := live.Change{Topic: live.Events}
		if e.ConnectionID != 0 {
			change.ID = e.ConnectionID.String()
		}
		j.publish(change)
	}
	for id, s := range due {
		if err := j.saveStatus(ctx, id, s); err != nil {
			if ctx.Err() == nil {
				j.log.Warn("The state of a link waits for the database", "connection_id", id, "error", err)
			}
			j.unsaved(id)
			again = writePause
		}
	}
	return again
}

func (j *journal) addEvent(ctx context.Context, e connection.Event) error {
	ctx, cancel := context.WithTimeout(ctx, writeLimit)
	defer cancel()
	_, err := j.store.AddEvent(ctx, e)
	return err
}

func (j *journal) saveStatus(ctx context.Context, id connection.ID, s connection.Status) error {
	ctx, cancel := context.WithTimeout(ctx, writeLimit)
	defer cancel()
	err := j.store.SaveStatus(ctx, id, s)
	if connection.CodeOf(err) == connection.CodeNotFound {
		j.forget(id) // deleted meanwhile
		return nil
	}
	return err
}

func (j *journal) take(all bool) (map[connection.ID]connection.Status, []connection.Event, time.Duration) {
	j.mu.Lock()
	defer j.mu.Unlock()
	now := j.now()
	due := map[connection.ID]connection.Status{}
	var again time.Duration
	for id, p := range j.statuses {
		if !p.dirty {
			continue
		}
		if wait := writePause - now.Sub(p.written); !all && !p.edge && wait > 0 {
			if again == 0 || wait < again {
				again = wait
			}
			continue
		}
		due[id] = p.status
		p.dirty, p.edge, p.written = false, false, now
	}
	events := j.events
	j.events = nil
	if j.lost > 0 {
		j.log.Error("Events were lost because the database did not take them", "count", j.lost)
		j.lost = 0
	}
	return due, events, again
}

func (j *journal) putBack(events []connection.Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.refusals++; j.refusals >= maxRefusals {
		events, j.refusals = events[1:], 0
		j.lost++
	}
	j.events = append(append([]connection.Event(nil), events...), j.events...)
}

func (j *journal) taken() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.refusals = 0
}

func (j *journal) unsaved(id connection.ID) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if p := j.statuses[id]; p != nil {
		p.dirty = true // not an edge: tried again with the pause of one, so that a dead database is not hammered
	}
}
