package queue

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"boardlink/connection"
)

// counters of one connection. They change in the transaction that changes the events, and are never found by counting.
type counters struct {
	sequence    int64 // last one given out
	waiting     int64
	bytes       int64
	parked      int64
	parkedBytes int64
}

func (c counters) charged() int64 { return c.bytes + c.parkedBytes }

// account is what is known of a connection, guarded by Queue.mu.
type account struct {
	counters
	lanes *Lanes // the current consumer, nil where there is none

	// The oldest waiting event, looked up when somebody asks and remembered until it leaves.
	oldestID int64
	oldestAt time.Time
	change   int64 // counts the times the oldest was forgotten
}

func (a *account) forgetOldest() {
	a.oldestID = 0
	a.change++
}

// totals are numbers of rows that belong to no connection.
type totals struct{ stamps, tokens int64 }

func loadTotals(ctx context.Context, c *sql.Conn) (n totals, err error) {
	for _, total := range []struct {
		name string
		into *int64
		most int64
	}{{"stamps", &n.stamps, 2 * maxStamps}, {"tokens", &n.tokens, 2 * maxTokens}} {
		err := c.QueryRowContext(ctx, "SELECT value FROM totals WHERE name = $1", total.name).Scan(total.into)
		if errors.Is(err, sql.ErrNoRows) {
			return totals{}, errDamaged
		}
		if err = unscannable(err); err != nil {
			return totals{}, fmt.Errorf("read the number of %s: %w", total.name, err)
		}
		if *total.into < 0 || *total.into > total.most {
			return totals{}, errDamaged
		}
	}
	return n, nil
}

// loadCounters reads every connection's counters and the totals.
func loadCounters(ctx context.Context, c *sql.Conn) (map[connection.ID]counters, totals, error) {
	sum, err := loadTotals(ctx, c)
	if err != nil {
		return nil, totals{}, err
	}
	rows, err := c.QueryContext(ctx, "SELECT id, sequence, waiting, bytes, parked, parked_bytes FROM connections")
	if err != nil {
		return nil, totals{}, fmt.Errorf("read the counters: %w", err)
	}
	defer func() { _ = rows.Close() }() // rows.Err tells
	all := map[connection.ID]counters{}
	for rows.Next() {
		var id connection.ID
		var n counters
		if err := unscannable(rows.Scan(&id, &n.sequence, &n.waiting, &n.bytes, &n.parked, &n.parkedBytes)); err != nil {
			return nil, totals{}, fmt.Errorf("read the counters: %w", err)
		}
		if !n.plausible() {
			return nil, totals{}, errDamaged
		}
		all[id] = n
	}
	if err := rows.Err(); err != nil {
		return nil, totals{}, fmt.Errorf("read the counters: %w", err)
	}
	return all, sum, nil
}

// setCounters takes over what the file says: at the start, and after a commit whose outcome is not known.
func (q *Queue) setCounters(all map[connection.ID]counters, sum totals) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.charged, q.stampCount, q.tokenCount = 0, sum.stamps, sum.tokens
	for id, n := range all {
		q.accountLocked(id).counters = n
		q.charged += n.charged()
	}
	for id, a := range q.accounts {
		if _, ok := all[id]; !ok {
			a.counters = counters{}
		}
		a.forgetOldest()
		if a.lanes != nil {
			a.lanes.grown(floorOf(id) + a.sequence)
		}
	}
}

func (q *Queue) accountLocked(id connection.ID) *account {
	a := q.accounts[id]
	if a == nil {
		a = &account{}
		q.accounts[id] = a
	}
	return a
}

// Depth tells how many events of a connection wait, when the oldest of them came in (zero where none waits), and how
// many are parked. It reads counters; only the oldest may take one look-up.
func (q *Queue) Depth(id connection.ID) (waiting int64, oldest time.Time, parked int64) {
	q.mu.Lock()
	a := q.accounts[id]
	if a == nil {
		q.mu.Unlock()
		return 0, time.Time{}, 0
	}
	waiting, parked = a.waiting, a.parked
	known, oldest, change := a.oldestID != 0, a.oldestAt, a.change
	q.mu.Unlock()
	if waiting == 0 {
		return 0, time.Time{}, parked
	}
	if known {
		return waiting, oldest, parked
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	oldestID, oldest, err := q.reader.oldest(ctx, id)
	if err != nil {
		q.log.Warn("The oldest waiting event could not be read", "connection_id", id, "error", err)
		return waiting, time.Time{}, parked
	}
	q.mu.Lock()
	if a.change == change {
		a.oldestID, a.oldestAt = oldestID, oldest
	}
	q.mu.Unlock()
	return waiting, oldest, parked
}

// Fill tells how full the queue is, from 0 to 1 and a little beyond. From 0.8 on somebody should be told.
func (q *Queue) Fill() float64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return float64(q.usedLocked()) / float64(max(q.limit, 1))
}

func (q *Queue) usedLocked() int64 {
	return q.charged + q.stampCount*stampCharge + q.tokenCount*tokenCharge
}
