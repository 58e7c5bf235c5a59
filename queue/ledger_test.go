package queue

import (
	"bytes"
	"context"
	"fmt"
	"slices"
)

// ledger holds what was promised about the events of a queue, and judges what is found in its file.
type ledger struct {
	acked    map[int64]uint32 // Put returned it; the checksum of its body and device
	settling map[int64]bool   // it was, or is being, acknowledged, dropped or purged: it may be gone
	gone     map[int64]bool   // its removal is on disk: it must not come back
}

func newLedger() *ledger {
	return &ledger{acked: map[int64]uint32{}, settling: map[int64]bool{}, gone: map[int64]bool{}}
}

// missing gives the acknowledged events that must be in a file and are not.
func (l *ledger) missing(there map[int64]bool) (ids []int64) {
	for id := range l.acked {
		if !there[id] && !l.settling[id] {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// check opens a file and tells what is wrong with it, "" for nothing. The file is not the same afterwards.
func (l *ledger) check(ctx context.Context, path string) (problem string) {
	q, err := Open(ctx, path, Options{})
	if err != nil {
		return fmt.Sprintf("it does not open: %v", err)
	}
	defer func() {
		if err := q.Close(); err != nil && problem == "" {
			problem = fmt.Sprintf("it does not close: %v", err)
		}
	}()
	there, problem := held(ctx, q)
	if problem != "" {
		return problem
	}
	if lost := l.missing(there); len(lost) > 0 {
		return fmt.Sprintf("%d acknowledged events are lost, the first is %d", len(lost), lost[0])
	}
	for id := range there {
		if l.gone[id] {
			return fmt.Sprintf("event %d came back", id)
		}
	}
	if problem := miscounted(q); problem != "" {
		return problem
	}
	e := uplink(99, len(l.acked)+1e6)
	stored, err := q.Put(ctx, e)
	if err != nil {
		return fmt.Sprintf("it takes no event: %v", err)
	}
	for id := range l.acked {
		if connectionOf(id) == stored.Connection && id >= stored.ID {
			return fmt.Sprintf("the next event got id %d, but %d is taken", stored.ID, id)
		}
	}
	return sound(ctx, q)
}

// held reads all events of a file, waiting and parked.
func held(ctx context.Context, q *Queue) (map[int64]bool, string) {
	there := map[int64]bool{}
	for _, table := range []string{"events", "parked"} {
		rows, err := q.reader.db.QueryContext(ctx, "SELECT "+eventColumns+" FROM "+table+" ORDER BY id")
		if err != nil {
			return nil, fmt.Sprintf("%s cannot be read: %v", table, err)
		}
		for rows.Next() {
			e, err := scanEvent(rows)
			if err != nil {
				return nil, fmt.Sprintf("%s cannot be read: %v", table, err)
			}
			if e.damaged || !bytes.Contains(e.Body, []byte(e.DevEUI)) {
				return nil, fmt.Sprintf("event %d is damaged", e.ID)
			}
			if there[e.ID] {
				return nil, fmt.Sprintf("event %d waits and is parked", e.ID)
			}
			there[e.ID] = true
		}
		_ = rows.Close() // rows.Err tells
		if err := rows.Err(); err != nil {
			return nil, fmt.Sprintf("%s cannot be read: %v", table, err)
		}
	}
	return there, ""
}

// sound asks SQLite to look over the whole file.
func sound(ctx context.Context, q *Queue) string {
	var said string
	if err := q.reader.db.QueryRowContext(ctx, "PRAGMA integrity_check").Scan(&said); err != nil {
		return err.Error()
	}
	if said != "ok" {
		return said
	}
	return ""
}
