package queue

import (
	"context"
	"fmt"

	"boardlink/connection"
)

// purgeStep bounds the events that one transaction removes.
const purgeStep = 1000

// Purge removes all events of a connection, waiting and parked, and returns how many there were. It works in small
// steps between which others go on; when it was interrupted it can be called again. The connection's consumer is
// fenced. Its ids are not used again.
func (q *Queue) Purge(ctx context.Context, id connection.ID) (int64, error) {
	if l := q.lanesOf(id); l != nil {
		l.end(ErrFenced)
		q.release(l)
	}
	var total int64
	for {
		if err := ctx.Err(); err != nil {
			return total, err
		}
		var n int64
		if err := <-q.writer.do(func(t *tx) (err error) { n, err = t.purge(id); return err }); err != nil {
			return total, fmt.Errorf("purge connection %d: %w", id, err)
		}
		total += n
		if n == 0 {
			break
		}
	}
	parked, err := q.DropParked(ctx, id, nil)
	return total + parked, err
}

// purge removes the first waiting events of a connection.
func (t *tx) purge(id connection.ID) (int64, error) {
	rows, err := t.conn.QueryContext(t.ctx, `SELECT id, octet_length(dev_eui) + octet_length(kind) + octet_length(body)
		FROM events WHERE id > $1 AND id < $2 ORDER BY id LIMIT $3`, floorOf(id), ceilingOf(id), purgeStep)
	if err != nil {
		return 0, t.spoil(err)
	}
	defer func() { _ = rows.Close() }() // rows.Err tells
	var events, room, last int64
	for rows.Next() {
		var content int
		if err := unscannable(rows.Scan(&last, &content)); err != nil {
			return 0, t.spoil(err)
		}
		events++
		room += charge(content)
	}
	if err := rows.Err(); err != nil {
		return 0, t.spoil(err)
	}
	if events == 0 {
		return 0, nil
	}
	if _, err := t.execText("DELETE FROM events WHERE id > $1 AND id <= $2", floorOf(id), last); err != nil {
		return 0, err
	}
	t.left(id, floorOf(id), events, room)
	return events, nil
}
