package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"boardlink/connection"
)

// errOther says that a connection has another consumer than the one that was stopped.
var errOther = errors.New("the connection has another consumer")

// DropWaiting removes the events of a connection that wait now, and returns how many there were. Its consumer goes on
// afterwards, and gets nothing meanwhile. What is handed out is not touched: it is delivered, or comes back and waits as
// before. Parked events stay, and so do those that come in meanwhile. It works in small steps; n counts those that were
// committed, also when a later one fails.
func (q *Queue) DropWaiting(ctx context.Context, id connection.ID) (n int64, err error) {
	var stopped *Lanes
	defer func() { stopped.goOn() }()
	from, upTo := floorOf(id), int64(0)
	for {
		if err := ctx.Err(); err != nil {
			return n, err
		}
		if l := q.lanesOf(id); l != stopped {
			stopped.goOn()
			stopped = l
			stopped.stop()
		}
		var dropped int64
		var last int64
		err := <-q.writer.do(func(t *tx) (err error) {
			if q.lanesOf(id) != stopped {
				return errOther
			}
			if upTo == 0 {
				upTo = floorOf(id) + t.counters(id).sequence
			}
			dropped, last, err = t.dropWaiting(id, from, upTo, stopped)
			return err
		})
		switch {
		case errors.Is(err, errOther):
			continue
		case err != nil:
			return n, fmt.Errorf("drop waiting events: %w", err)
		case last == 0:
			return n, nil
		}
		n += dropped
		from = last
	}
}

// stop lets the consumer have nothing, and makes void what it reads. A nil consumer needs no stop.
func (l *Lanes) stop() {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stopped++
	l.turn++
}

// goOn ends a stop.
func (l *Lanes) goOn() {
	if l == nil {
		return
	}
	l.mu.Lock()
	l.stopped--
	l.mu.Unlock()
	l.signal()
}

// held lists, in their order, the events of a consumer that must not be dropped: those that are handed out, and those that
// were delivered and have not left the file.
func (l *Lanes) held() []int64 {
	var ids []int64
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, lane := range l.win.lanes {
		if lane.out.ID != 0 {
			ids = append(ids, lane.out.ID)
		}
	}
	l.q.writer.mu.Lock() // an event goes from the one to the other under both
	defer l.q.writer.mu.Unlock()
	for _, r := range l.q.writer.removals {
		ids = append(ids, r.id)
	}
	slices.Sort(ids)
	return ids
}

// dropWaiting removes the first events with ids in (from, upTo] that nobody holds; last is how far it came, 0 where there
// was nothing to look at.
func (t *tx) dropWaiting(id connection.ID, from, upTo int64, l *Lanes) (dropped, last int64, err error) {
	held := l.held()
	rows, err := t.conn.QueryContext(t.ctx, `SELECT id, octet_length(dev_eui) + octet_length(kind) + octet_length(body)
		FROM events WHERE id > $1 AND id <= $2 ORDER BY id LIMIT $3`, from, upTo, purgeStep)
	if err != nil {
		return 0, 0, t.spoil(err)
	}
	defer func() { _ = rows.Close() }() // rows.Err tells
	type run struct{ first, last int64 }
	var runs []run
	var room int64
	whole := false // the event before was of the last run
	for rows.Next() {
		var content int
		if err := unscannable(rows.Scan(&last, &content)); err != nil {
			return 0, 0, t.spoil(err)
		}
		if _, ok := slices.BinarySearch(held, last); ok {
			whole = false
			continue
		}
		if !whole {
			runs = append(runs, run{first: last})
		}
		runs[len(runs)-1].last, whole = last, true
		dropped++
		room += charge(content)
	}
	if err := rows.Err(); err != nil {
		return 0, 0, t.spoil(err)
	}
	for _, r := range runs {
		if _, err := t.execText("DELETE FROM events WHERE id >= $1 AND id <= $2", r.first, r.last); err != nil {
			return 0, 0, err
		}
	}
	if dropped > 0 {
		t.left(id, runs[0].first, dropped, room)
	}
	if upTo := last; l != nil && upTo > 0 {
		t.after = append(t.after, func() { l.cut(upTo, held) })
	}
	return dropped, last, nil
}

// cut forgets events up to an id that have left the file; those that are held have not.
func (l *Lanes) cut(upTo int64, held []int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return
	}
	gone := func(id int64) bool {
		_, kept := slices.BinarySearch(held, id)
		return id <= upTo && !kept
	}
	w := &l.win
	w.cursor = max(w.cursor, upTo)
	w.high = max(w.high, w.cursor)
	if l.search.on && l.search.high <= upTo {
		l.search = search{}
	}
	for _, lane := range w.lanes {
		w.cutLane(lane, upTo, gone)
	}
}

func (w *window) cutLane(l *lane, upTo int64, gone func(int64) bool) {
	kept := l.queue[:0:0]
	for _, e := range l.queue {
		if gone(e.ID) {
			w.loaded--
			w.bytes -= len(e.Body)
			continue
		}
		kept = append(kept, e)
	}
	l.queue, l.plain = kept, min(l.plain, len(kept))
	l.back = slices.DeleteFunc(l.back, func(r backRef) bool { return gone(r.id) })
	l.last = max(l.last, min(l.until, upTo))
	w.settle(l)
}
