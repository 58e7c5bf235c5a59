package queue

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"time"

	"boardlink/connection"
)

// statements of the writer.
type statements struct {
	begin, commit, rollback     *sql.Stmt
	insert, removeRun, attempts *sql.Stmt
	counters, totals            *sql.Stmt
	stamp, stampOf              *sql.Stmt
}

func prepareStatements(ctx context.Context, c *sql.Conn) (*statements, error) {
	s := &statements{}
	for _, p := range []struct {
		into  **sql.Stmt
		query string
	}{
		{&s.begin, "BEGIN IMMEDIATE"},
		{&s.commit, "COMMIT"},
		{&s.rollback, "ROLLBACK"},
		{&s.insert, `INSERT INTO events (id, lane, dev_eui, kind, fcnt_up, time, received_at, ts, attempts, checksum, body)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9, $10)`},
		{&s.removeRun, "DELETE FROM events WHERE id BETWEEN $1 AND $2"},
		{&s.attempts, "UPDATE events SET attempts = $1 WHERE id = $2"},
		{&s.counters, `INSERT INTO connections (id, sequence, waiting, bytes, parked, parked_bytes) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (id) DO UPDATE SET sequence = excluded.sequence, waiting = excluded.waiting, bytes = excluded.bytes,
			parked = excluded.parked, parked_bytes = excluded.parked_bytes`},
		{&s.totals, "UPDATE totals SET value = $1 WHERE name = 'stamps'"},
		{&s.stamp, "INSERT INTO stamps (key, event, seen) VALUES ($1, $2, $3)"},
		{&s.stampOf, "SELECT event FROM stamps WHERE key = $1"},
	} {
		var err error
		if *p.into, err = c.PrepareContext(ctx, p.query); err != nil {
			return nil, fmt.Errorf("prepare %.40q: %w", p.query, err)
		}
	}
	return s, nil
}

func (s *statements) close() {
	if s == nil {
		return
	}
	for _, stmt := range []*sql.Stmt{s.begin, s.commit, s.rollback, s.insert, s.removeRun, s.attempts, s.counters, s.totals, s.stamp, s.stampOf} {
		if stmt != nil {
			stmt.Close() //nolint:errcheck // the connection is closed next
		}
	}
}

// tx is one transaction and what it will change in memory once it is committed.
type tx struct {
	*writer
	ctx      context.Context
	now      time.Time
	changed  map[connection.ID]*counters
	charged  int64 // change of Queue.charged
	stamped  int64 // change of Queue.stampCount
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
		return t.exec(t.stmt.totals, t.q.stampCount+t.stamped)
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

// store gives an event its id and its time stamp and inserts it.
func (t *tx) store(p *putting) error {
	e := &p.event
	room := chargeOf(e)
	if t.used+t.charged+t.stamped*stampCharge+room > t.limit {
		t.refused, t.reasons = append(t.refused, p), append(t.reasons, ErrFull)
		return nil
	}
	n := t.counters(e.Connection)
	e.ID = floorOf(e.Connection) + n.sequence + 1
	if e.ID >= ceilingOf(e.Connection) {
		t.refused, t.reasons = append(t.refused, p), append(t.reasons, fmt.Errorf("connection %d has used up its event ids", e.Connection))
		return nil
	}
	if err := t.stampEvent(e); err != nil {
		return err
	}
	if err := t.exec(t.stmt.insert, e.ID, laneOf(e.Connection, e.DevEUI), e.DevEUI, e.Kind, e.FCntUp,
		micros(e.Time), micros(e.ReceivedAt), e.TS, checksum(e), e.Body); err != nil {
		return err
	}
	n.sequence++
	n.waiting++
	n.bytes += room
	t.charged += room
	t.accepted = append(t.accepted, p)
	return nil
}

// removeAll deletes events. Ids that follow each other are deleted by one statement.
func (t *tx) removeAll(all []removal) error {
	slices.SortFunc(all, func(a, b removal) int { return int(min(max(a.id-b.id, -1), 1)) })
	for i := 0; i < len(all); {
		j := i + 1
		if !t.careful {
			for j < len(all) && all[j].id == all[j-1].id+1 && connectionOf(all[j].id) == connectionOf(all[i].id) {
				j++
			}
		}
		rows, err := t.execCount(t.stmt.removeRun, all[i].id, all[j-1].id)
		if err != nil {
			return err
		}
		if !t.careful || rows > 0 {
			var room int64
			for _, r := range all[i:j] {
				room += r.charge
			}
			t.left(connectionOf(all[i].id), all[i].id, int64(j-i), room)
		}
		i = j
	}
	return nil
}

// left counts waiting events that left the queue, the lowest id among them being first.
func (t *tx) left(id connection.ID, first, events, room int64) {
	n := t.counters(id)
	n.waiting -= events
	n.bytes -= room
	t.charged -= room
	t.touch(id, first)
}

func (t *tx) touch(id connection.ID, event int64) {
	if low, ok := t.touched[id]; !ok || event < low {
		t.touched[id] = event
	}
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
	q.mu.Unlock()
	for _, p := range t.accepted {
		if l := consumers[p.event.Connection]; l != nil {
			l.offer(p.event)
		}
	}
}

// abandon rolls a transaction back and makes sure that memory says what the file says. A connection that does not
// survive it is opened anew before the next transaction.
func (w *writer) abandon(ctx context.Context) {
	w.stmt.rollback.ExecContext(ctx) //nolint:errcheck // the engine may have rolled back by itself already
	if err := w.reload(ctx); err == nil {
		if _, err = w.stmt.begin.ExecContext(ctx); err == nil {
			_, err = w.stmt.rollback.ExecContext(ctx)
		}
		if err == nil {
			return
		}
	}
	w.stmt.close()
	w.stmt = nil
	w.conn.Raw(func(any) error { return driver.ErrBadConn }) //nolint:errcheck // tells the pool to close it
	w.conn.Close()                                           //nolint:errcheck // it is given up
	w.conn = nil
}

// reopen opens the file after an error. Frames that were written but never synced may then be taken for committed
// ones, and what is appended to them would be lost with them in a power cut. So everything is brought into the main
// file, and the log begun anew, before an event is accepted.
func (w *writer) reopen(ctx context.Context) error {
	if err := w.open(ctx); err != nil {
		if w.conn != nil {
			w.stmt.close()
			w.stmt = nil
			w.conn.Raw(func(any) error { return driver.ErrBadConn }) //nolint:errcheck // tells the pool to close it
			w.conn.Close()                                           //nolint:errcheck // it is given up
			w.conn = nil
		}
		return fmt.Errorf("reopen the queue: %w", err)
	}
	var busy, frames, moved int
	err := w.conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &frames, &moved)
	if err == nil && busy != 0 {
		err = errors.New("a reader holds the log")
	}
	if err != nil {
		w.stmt.close()
		w.stmt = nil
		w.conn.Close() //nolint:errcheck // opened anew at the next try
		w.conn = nil
		return fmt.Errorf("reopen the queue: %w", err)
	}
	return nil
}
