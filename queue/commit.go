package queue

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"boardlink/connection"
)

// tx is one transaction and what it will change in memory once it is committed.
type tx struct {
	*writer
	ctx      context.Context
	now      time.Time
	changed  map[connection.ID]*counters
	charged  int64 // change of Queue.charged
	stamped  int64 // change of Queue.stampCount
	noted    int64 // change of Queue.tokenCount
	used     int64 // room taken when the transaction began
	limit    int64
	touched  map[connection.ID]int64 // lowest id that left or came back: the oldest may be another now
	accepted []*putting              // stored by this transaction
	refused  []*putting              // not stored, by their own fault
	reasons  []error                 // why, one for each of refused
	after    []func()                // done once it is committed
	failure  error                   // first error of the engine: nothing of the transaction can be kept
}

// commit runs one transaction and tells everybody its outcome.
func (w *writer) commit(b *batch) {
	w.lastStart = time.Now()
	// Statements of the writer are never interrupted: a caller that goes away changes nothing for the others.
	ctx := context.Background()
	if w.distrusted.Load() {
		w.giveUp()
	}
	if w.conn == nil {
		if err := w.reopen(ctx); err != nil {
			w.failed(b, err)
			return
		}
	}
	t := w.newTx(ctx)
	err := t.apply(b)
	if err == nil {
		err = w.step("commit", func() error { _, err := w.stmt.commit.ExecContext(ctx); return err })
	}
	if err != nil {
		err = fmt.Errorf("commit to the queue: %w", err)
		if damage(err) {
			w.distrusted.Store(true)
		}
		w.abandon(ctx)
		w.failed(b, err)
		return
	}
	w.lastErr, w.pause, w.pauseEnd, w.careful = nil, 0, time.Time{}, false
	w.pending.Add(-int64(len(b.removals)))
	w.traffic.Add(int64(len(b.puts) + len(b.removals)))
	t.publish()
	for i, p := range t.refused {
		p.done <- t.reasons[i]
	}
	for _, p := range t.accepted {
		p.done <- nil
	}
	for _, f := range t.after {
		f()
	}
	for _, task := range b.tasks {
		task.done <- task.err
	}
}

// step does one step of a transaction, unless a test makes it fail.
func (w *writer) step(name string, do func() error) error {
	if w.hook != nil {
		if err := w.hook(name); err != nil {
			return err
		}
	}
	return do()
}

func (w *writer) newTx(ctx context.Context) *tx {
	t := &tx{writer: w, ctx: ctx, now: w.q.now(), changed: map[connection.ID]*counters{}, touched: map[connection.ID]int64{}}
	w.q.mu.Lock()
	t.used, t.limit = w.q.usedLocked(), w.q.limit
	w.q.mu.Unlock()
	return t
}

func (t *tx) apply(b *batch) error {
	if err := t.step("begin", func() error { return t.exec(t.stmt.begin) }); err != nil {
		return err
	}
	if err := t.removeAll(b.removals); err != nil {
		return err
	}
	for id, n := range b.attempts {
		if err := t.exec(t.stmt.attempts, n, id); err != nil {
			return err
		}
	}
	for _, task := range b.tasks {
		task.err = task.run(t)
		if t.failure != nil {
			return t.failure
		}
	}
	for _, p := range b.puts {
		if err := t.store(p); err != nil {
			return err
		}
	}
	for id, n := range t.changed {
		if err := t.exec(t.stmt.counters, int64(id), n.sequence, n.waiting, n.bytes, n.parked, n.parkedBytes); err != nil {
			return err
		}
	}
	if t.stamped != 0 {
		if err := t.exec(t.stmt.totals, t.q.stampCount+t.stamped, "stamps"); err != nil {
			return err
		}
	}
	if t.noted != 0 {
		return t.exec(t.stmt.totals, t.q.tokenCount+t.noted, "tokens")
	}
	return nil
}

// exec runs a statement; its error spoils the whole transaction.
func (t *tx) exec(s *sql.Stmt, args ...any) error {
	_, err := t.execCount(s, args...)
	return err
}

func (t *tx) execCount(s *sql.Stmt, args ...any) (int64, error) {
	r, err := s.ExecContext(t.ctx, args...)
	if err != nil {
		return 0, t.spoil(err)
	}
	return r.RowsAffected()
}

// execText is exec for statements that are too rare to be kept prepared.
func (t *tx) execText(query string, args ...any) (int64, error) {
	r, err := t.conn.ExecContext(t.ctx, query, args...)
	if err != nil {
		return 0, t.spoil(err)
	}
	return r.RowsAffected()
}

func (t *tx) spoil(err error) error {
	if err != nil && t.failure == nil {
		t.failure = err
	}
	return err
}

// counters of a connection as they will be after the commit.
func (t *tx) counters(id connection.ID) *counters {
	n := t.changed[id]
	if n == nil {
		t.q.mu.Lock()
		c := t.q.accountLocked(id).counters
		t.q.mu.Unlock()
		n = &c
		t.changed[id] = n
	}
	return n
}

// publish makes memory follow the file.
func (t *tx) publish() {
	q := t.q
	q.mu.Lock()
	consumers := map[connection.ID]*Lanes{}
	for id, n := range t.changed {
		a := q.accountLocked(id)
		wasEmpty := a.waiting == 0
		a.counters = *n
		if first, ok := t.touched[id]; wasEmpty || ok && first <= a.oldestID {
			a.forgetOldest()
		}
		consumers[id] = a.lanes
	}
	q.charged += t.charged
	q.stampCount += t.stamped
	q.tokenCount += t.noted
	q.mu.Unlock()
	for _, p := range t.accepted {
		if l := consumers[p.event.Connection]; l != nil {
			l.offer(p.event)
		}
	}
}
