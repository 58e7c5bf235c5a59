package queue

import (
	"context"
	"fmt"

	"boardlink/connection"
)

// maxParkedStep bounds the parked events that one transaction moves or removes.
const maxParkedStep = 200

// park moves a waiting event aside.
func (t *tx) park(e Event, code connection.ReasonCode, reason string) error {
	if t.counters(e.Connection).parked >= MaxParked {
		return ErrParkedFull
	}
	return t.moveAside(e, code, reason)
}

// moveAside is park without a bound.
func (t *tx) moveAside(e Event, code connection.ReasonCode, reason string) error {
	moved, err := t.execText(`INSERT INTO parked (id, lane, dev_eui, kind, fcnt_up, time, received_at, ts, attempts, checksum, body, code, reason, parked_at)
		SELECT id, lane, dev_eui, kind, fcnt_up, time, received_at, ts, $1, checksum, body, $2, $3, $4 FROM events WHERE id = $5`,
		e.Attempts, string(code), connection.Clean(reason), micros(t.now), e.ID)
	if err != nil {
		return err
	}
	if moved == 0 {
		return ErrNotOutstanding
	}
	if _, err := t.execText("DELETE FROM events WHERE id = $1", e.ID); err != nil {
		return err
	}
	room := chargeOf(&e)
	t.left(e.Connection, e.ID, 1, room)
	t.charged += room // it takes the same room where it is now
	n := t.counters(e.Connection)
	n.parked++
	n.parkedBytes += room
	return nil
}

// Parked lists parked events of a connection with ids above afterID, oldest first, at most limit of them.
func (q *Queue) Parked(ctx context.Context, id connection.ID, afterID int64, limit int) (all []ParkedEvent, err error) {
	if err := q.reader.begin(); err != nil {
		return nil, fmt.Errorf("list parked events: %w", err)
	}
	defer func() { q.reader.end(err) }()
	rows, err := q.reader.parked.QueryContext(ctx, max(afterID, floorOf(id)), ceilingOf(id), limit)
	if err != nil {
		return nil, fmt.Errorf("list parked events: %w", err)
	}
	defer func() { _ = rows.Close() }() // rows.Err tells
	for rows.Next() {
		var p ParkedEvent
		var at int64
		e, err := scanEvent(rows, &p.Code, &p.Reason, &at)
		if err != nil {
			return nil, fmt.Errorf("list parked events: %w", err)
		}
		p.Event, p.ParkedAt = e.Event, fromMicros(at)
		all = append(all, p)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list parked events: %w", err)
	}
	return all, nil
}

// RetryParked lets parked events wait for delivery again, before what came in after them and with no attempt counted.
// ids nil means all that are parked now. It returns how many there were; ids that are not parked are passed over.
func (q *Queue) RetryParked(ctx context.Context, id connection.ID, ids []int64) (int64, error) {
	n, err := q.eachParked(ctx, id, ids, func(t *tx, p parkedRow) error {
		if _, err := t.execText(`INSERT INTO events (id, lane, dev_eui, kind, fcnt_up, time, received_at, ts, attempts, checksum, body)
			SELECT id, lane, dev_eui, kind, fcnt_up, time, received_at, ts, 0, checksum, body FROM parked WHERE id = $1`, p.id); err != nil {
			return err
		}
		c := t.counters(id)
		c.waiting++
		c.bytes += p.room
		t.charged += p.room
		t.touch(id, p.id)
		t.after = append(t.after, func() {
			if l := q.lanesOf(id); l != nil {
				l.comeBack(p.id, p.lane)
			}
		})
		return nil
	})
	if err != nil {
		return n, fmt.Errorf("retry parked events: %w", err)
	}
	return n, nil
}

// DropParked removes parked events; ids nil means all that are parked now. It returns how many there were.
func (q *Queue) DropParked(ctx context.Context, id connection.ID, ids []int64) (int64, error) {
	n, err := q.eachParked(ctx, id, ids, func(*tx, parkedRow) error { return nil })
	if err != nil {
		return n, fmt.Errorf("drop parked events: %w", err)
	}
	return n, nil
}

// parkedRow is what must be known of a parked event to move it.
type parkedRow struct{ id, lane, room int64 }

// eachParked does something with parked events and takes them off the list, in transactions of bounded size. n counts
// those of the transactions that were committed, also when a later one fails.
func (q *Queue) eachParked(ctx context.Context, id connection.ID, ids []int64, do func(*tx, parkedRow) error) (n int64, err error) {
	after, all := floorOf(id), ids == nil
	for {
		if err := ctx.Err(); err != nil {
			return n, err
		}
		var some []int64
		if !all {
			if len(ids) == 0 {
				return n, nil
			}
			some = ids[:min(len(ids), maxParkedStep)]
			ids = ids[len(some):]
		}
		var rows []parkedRow
		err := <-q.writer.do(func(t *tx) error {
			var err error
			if all {
				rows, err = t.parkedAfter(id, after)
			} else {
				rows, err = t.parkedOf(id, some)
			}
			if err != nil {
				return err
			}
			return t.takeParked(id, rows, do)
		})
		if err != nil {
			return n, err
		}
		n += int64(len(rows))
		if all {
			if len(rows) < maxParkedStep {
				return n, nil
			}
			after = rows[len(rows)-1].id
		}
	}
}

func (t *tx) takeParked(id connection.ID, rows []parkedRow, do func(*tx, parkedRow) error) error {
	c := t.counters(id)
	for _, p := range rows {
		if err := do(t, p); err != nil {
			return err
		}
		if _, err := t.execText("DELETE FROM parked WHERE id = $1", p.id); err != nil {
			return err
		}
		c.parked--
		c.parkedBytes -= p.room
		t.charged -= p.room
	}
	return nil
}

const parkedContent = "SELECT id, lane, octet_length(dev_eui) + octet_length(kind) + octet_length(body) FROM parked "

func (t *tx) parkedAfter(id connection.ID, after int64) ([]parkedRow, error) {
	return t.parkedRows(parkedContent+"WHERE id > $1 AND id < $2 ORDER BY id LIMIT $3", after, ceilingOf(id), maxParkedStep)
}

func (t *tx) parkedOf(id connection.ID, ids []int64) ([]parkedRow, error) {
	var all []parkedRow
	seen := map[int64]bool{}
	for _, event := range ids {
		if connectionOf(event) != id || seen[event] {
			continue
		}
		seen[event] = true
		rows, err := t.parkedRows(parkedContent+"WHERE id = $1", event)
		if err != nil {
			return nil, err
		}
		all = append(all, rows...)
	}
	return all, nil
}

func (t *tx) parkedRows(query string, args ...any) ([]parkedRow, error) {
	rows, err := t.conn.QueryContext(t.ctx, query, args...)
	if err != nil {
		return nil, t.spoil(err)
	}
	defer func() { _ = rows.Close() }() // rows.Err tells
	var all []parkedRow
	for rows.Next() {
		var p parkedRow
		var content int
		if err := unscannable(rows.Scan(&p.id, &p.lane, &content)); err != nil {
			return nil, t.spoil(err)
		}
		p.room = charge(content)
		all = append(all, p)
	}
	return all, t.spoil(rows.Err())
}
