package queue

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"boardlink/connection"
)

// maxChunk bounds the bodies of one read, in bytes; a read gives at least one event.
const maxChunk = 1 << 20

const eventColumns = "id, dev_eui, kind, fcnt_up, time, received_at, ts, attempts, checksum, body"

// reader reads on connections of its own, which never write.
type reader struct {
	path string

	noticed func() // is told of damage

	mu sync.RWMutex // held for writing while the file is replaced
	db *sql.DB      // nil when that did not work

	after, lane, one, lanes, head, parked *sql.Stmt
}

// errNoFile is given while a damaged file is not replaced.
var errNoFile = errors.New("the queue's file is damaged and is not rebuilt yet")

// open opens the file. Nobody may read meanwhile.
func (r *reader) open(ctx context.Context) error {
	db, err := sql.Open("sqlite", readerDSN(r.path))
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(4)
	db.SetMaxIdleConns(2)
	db.SetConnMaxIdleTime(time.Minute)
	for _, p := range []struct {
		into  **sql.Stmt
		query string
	}{
		{&r.after, "SELECT " + eventColumns + " FROM events WHERE id > $1 AND id < $2 ORDER BY id LIMIT $3"},
		{&r.lane, "SELECT " + eventColumns + " FROM events WHERE lane = $1 AND id > $2 AND id <= $3 ORDER BY id LIMIT $4"},
		{&r.one, "SELECT " + eventColumns + " FROM events WHERE id = $1"},
		{&r.lanes, "SELECT lane FROM events WHERE lane > $1 AND lane < $2 ORDER BY lane LIMIT 1"},
		{&r.head, "SELECT id, received_at FROM events WHERE id > $1 AND id < $2 ORDER BY id LIMIT 1"},
		{&r.parked, "SELECT " + eventColumns + ", code, reason, parked_at FROM parked WHERE id > $1 AND id < $2 ORDER BY id LIMIT $3"},
	} {
		if *p.into, err = db.PrepareContext(ctx, p.query); err != nil {
			return errors.Join(fmt.Errorf("prepare %.40q: %w", p.query, err), db.Close())
		}
	}
	r.db = db
	return nil
}

// begin keeps the file from being replaced until mu is unlocked.
func (r *reader) begin() error {
	if !r.mu.TryRLock() {
		return errNoFile
	}
	if r.db == nil {
		r.mu.RUnlock()
		return errNoFile
	}
	return nil
}

// end lets the file be replaced again, and tells where the read met damage in it.
func (r *reader) end(err error) {
	if damage(err) {
		r.noticed()
	}
	r.mu.RUnlock()
}

// shut closes the file. Nobody may read meanwhile.
func (r *reader) shut() error {
	if r.db == nil {
		return nil
	}
	db := r.db
	r.db = nil
	return db.Close()
}

func (r *reader) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.shut()
}

// row is an event as read, and whether its checksum holds.
type row struct {
	Event
	damaged bool
}

// scanEvent reads the columns of eventColumns and then more.
func scanEvent(rows interface{ Scan(...any) error }, more ...any) (row, error) {
	var e row
	var at, received, sum int64
	into := append([]any{&e.ID, &e.DevEUI, &e.Kind, &e.FCntUp, &at, &received, &e.TS, &e.Attempts, &sum, &e.Body}, more...)
	if err := unscannable(rows.Scan(into...)); err != nil {
		return row{}, err
	}
	e.Connection = connectionOf(e.ID)
	e.Time, e.ReceivedAt = fromMicros(at), fromMicros(received)
	if e.Body == nil {
		e.Body = []byte{}
	}
	e.damaged = checksum(&e.Event) != sum
	return e, nil
}

// readRows reads events until there are no more or their bodies are enough; cut tells of the latter.
func readRows(ctx context.Context, s *sql.Stmt, args ...any) (all []row, cut bool, err error) {
	rows, err := s.QueryContext(ctx, args...)
	if err != nil {
		return nil, false, fmt.Errorf("read events: %w", err)
	}
	defer func() { _ = rows.Close() }() // rows.Err tells
	size := 0
	for rows.Next() {
		e, err := scanEvent(rows)
		if err != nil {
			return nil, false, fmt.Errorf("read events: %w", err)
		}
		all = append(all, e)
		if size += len(e.Body); size > maxChunk {
			return all, true, nil
		}
	}
	if err := rows.Err(); err != nil {
		return nil, false, fmt.Errorf("read events: %w", err)
	}
	return all, false, nil
}

// next reads the events of a connection that follow an id. more tells that there may be others behind them.
func (r *reader) next(ctx context.Context, id connection.ID, after int64, limit int) (all []row, more bool, err error) {
	if err := r.begin(); err != nil {
		return nil, false, err
	}
	defer func() { r.end(err) }()
	all, cut, err := readRows(ctx, r.after, after, ceilingOf(id), limit)
	return all, cut || len(all) == limit, err
}

// laneNext reads the events of a lane with ids in (after, until].
func (r *reader) laneNext(ctx context.Context, lane, after, until int64, limit int) (all []row, more bool, err error) {
	if err := r.begin(); err != nil {
		return nil, false, err
	}
	defer func() { r.end(err) }()
	all, cut, err := readRows(ctx, r.lane, lane, after, until, limit)
	return all, cut || len(all) == limit, err
}

// byID reads one event; ok is false where there is none.
func (r *reader) byID(ctx context.Context, id int64) (e row, ok bool, err error) {
	if err := r.begin(); err != nil {
		return row{}, false, err
	}
	defer func() { r.end(err) }()
	e, err = scanEvent(r.one.QueryRowContext(ctx, id))
	if errors.Is(err, sql.ErrNoRows) {
		return row{}, false, nil
	}
	if err != nil {
		return row{}, false, fmt.Errorf("read event: %w", err)
	}
	return e, true, nil
}

// laneAfter gives the connection's next lane that has events; ok is false after the last.
func (r *reader) laneAfter(ctx context.Context, id connection.ID, lane int64) (next int64, ok bool, err error) {
	if err := r.begin(); err != nil {
		return 0, false, err
	}
	defer func() { r.end(err) }()
	err = r.lanes.QueryRowContext(ctx, lane, ceilingOf(id)).Scan(&next)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("read lanes: %w", err)
	}
	return next, true, nil
}

// oldest gives the first waiting event of a connection and its reception; zeros where none waits.
func (r *reader) oldest(ctx context.Context, id connection.ID) (event int64, received time.Time, err error) {
	var at int64
	if err := r.begin(); err != nil {
		return 0, time.Time{}, err
	}
	defer func() { r.end(err) }()
	err = r.head.QueryRowContext(ctx, floorOf(id), ceilingOf(id)).Scan(&event, &at)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, time.Time{}, nil
	}
	if err != nil {
		return 0, time.Time{}, fmt.Errorf("read the oldest event: %w", err)
	}
	return event, fromMicros(at), nil
}
