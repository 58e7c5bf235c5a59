package queue

import (
	"context"
	"errors"
	"fmt"

	"boardlink/connection"
)

// How much one step of Take reads.
const (
	chunk        = 256 // events in passing
	laneChunk    = 16  // events of one lane
	hungryAtOnce = 8   // lanes
	searchStep   = 64  // lanes that are looked up by the index
)

// search looks for devices that have events waiting, by the index, where reading on would mostly meet devices that
// have to wait. It is on until it has seen all lanes; then everything up to high is accounted for.
type search struct {
	on   bool
	lane int64 // seen up to here
	high int64
}

// plan tells what to read next, nil for nothing. Only Take reads, so there is one read at a time.
func (l *Lanes) plan() func(context.Context) error {
	w := &l.win
	if w.narrow() {
		w.widen()
	}
	switch {
	case w.full():
		return nil
	case len(w.hungry.lanes) > 0:
		return l.planHungry()
	case l.search.on:
		turn, lane := l.turn, l.search.lane
		return func(ctx context.Context) error { return l.lookUp(ctx, turn, lane) }
	case w.cursor < w.high:
		cursor, high, turn := w.cursor, w.high, l.turn
		return func(ctx context.Context) error { return l.readOn(ctx, turn, cursor, high) }
	}
	return nil
}

// readOn reads what follows the cursor.
func (l *Lanes) readOn(ctx context.Context, turn int, cursor, high int64) error {
	rows, more, err := l.q.reader.next(ctx, l.id, cursor, chunk)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil || l.turn != turn {
		return nil
	}
	w := &l.win
	admitted := 0
	for i := range rows {
		if l.sound(&rows[i]) && w.admit(laneOf(l.id, rows[i].DevEUI), rows[i].Event) {
			admitted++
		}
		w.cursor = rows[i].ID
	}
	if !more {
		w.cursor = max(w.cursor, high)
	}
	w.high = max(w.high, w.cursor)
	if more && admitted < len(rows)/8 {
		l.search = search{on: true, lane: floorOf(l.id) - 1, high: w.high}
	}
	return nil
}

// lookUp finds some more devices that have events waiting.
func (l *Lanes) lookUp(ctx context.Context, turn int, at int64) error {
	var found []int64
	ended := false
	for len(found) < searchStep {
		lane, ok, err := l.q.reader.laneAfter(ctx, l.id, at)
		if err != nil {
			return err
		}
		if !ok {
			ended = true
			break
		}
		found = append(found, lane)
		at = lane
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil || l.turn != turn {
		return nil
	}
	w := &l.win
	for _, key := range found {
		lane := w.laneFor(key, w.cursor)
		lane.until = max(lane.until, l.search.high)
		w.settle(lane)
	}
	l.search.lane = at
	if ended {
		w.cursor = l.search.high
		l.search = search{}
	}
	return nil
}

// wanted is what to read of a hungry lane.
type wanted struct {
	key         int64
	back        []backRef
	last, until int64
}

// planHungry picks lanes that have something to say and nothing in memory.
func (l *Lanes) planHungry() func(context.Context) error {
	all := l.win.hungry.lanes
	pick := make([]wanted, 0, hungryAtOnce)
	for _, lane := range all[:min(len(all), hungryAtOnce)] {
		pick = append(pick, wanted{lane.key, append([]backRef(nil), lane.back[:min(len(lane.back), laneChunk)]...), lane.last, lane.until})
	}
	turn := l.turn
	return func(ctx context.Context) error {
		for _, want := range pick {
			if err := l.feed(ctx, turn, want); err != nil {
				return err
			}
		}
		return nil
	}
}

// feed reads the next events of a lane.
func (l *Lanes) feed(ctx context.Context, turn int, want wanted) error {
	var rows []row
	upTo := want.last
	if len(want.back) > 0 {
		for _, ref := range want.back {
			e, ok, err := l.q.reader.byID(ctx, ref.id)
			if err != nil {
				return err
			}
			if ok {
				e.Attempts = max(e.Attempts, ref.attempts)
				rows = append(rows, e)
			}
		}
	} else {
		var more bool
		var err error
		if rows, more, err = l.q.reader.laneNext(ctx, want.key, want.last, want.until, laneChunk); err != nil {
			return err
		}
		upTo = want.until
		if more {
			upTo = rows[len(rows)-1].ID
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	lane := l.win.lanes[want.key]
	if l.err != nil || l.turn != turn || lane == nil {
		return nil
	}
	for i := range rows {
		if l.sound(&rows[i]) {
			l.win.load(lane, rows[i].Event, len(want.back) == 0)
		}
	}
	lane.last = max(lane.last, upTo)
	lane.forget(want.back)
	l.win.settle(lane)
	return nil
}

// forget removes events from those to be read again.
func (l *lane) forget(read []backRef) {
	if len(read) == 0 {
		return
	}
	ids := make(map[int64]bool, len(read))
	for _, r := range read {
		ids[r.id] = true
	}
	var still []backRef
	for _, r := range l.back {
		if !ids[r.id] {
			still = append(still, r)
		}
	}
	l.back = still
}

// sound tells whether an event is what was stored. One that is not is parked, where it can be seen, and its lane goes
// on without it.
func (l *Lanes) sound(e *row) bool {
	if !e.damaged {
		return true
	}
	l.q.log.Error("A stored event is damaged", "connection_id", l.id, "dev_eui", connection.Clean(e.DevEUI), "event_id", e.ID)
	event := e.Event
	l.q.writer.do(func(t *tx) error {
		err := t.moveAside(event, connection.ReasonInternal, "The disk changed this event since it was stored: its checksum does not match any more.")
		if errors.Is(err, ErrNotOutstanding) { // it was parked before, or is not found by the id under which it was read
			n, err := quote(t.ctx, t.conn, fmt.Sprintf("SELECT count(*) FROM parked WHERE id = %d", event.ID))
			if err == nil && n == 0 {
				err = errDamaged
			}
			return t.spoil(err)
		}
		return err
	})
	return false
}
