package queue

import (
	"context"
	"database/sql"
	"fmt"
)

// statements of the writer.
type statements struct {
	begin, commit, rollback     *sql.Stmt
	insert, removeRun, attempts *sql.Stmt
	counters, totals            *sql.Stmt
	stamp, stampOf, token       *sql.Stmt
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
		{&s.totals, "UPDATE totals SET value = $1 WHERE name = $2"},
		{&s.stamp, "INSERT INTO stamps (key, event, seen) VALUES ($1, $2, $3)"},
		{&s.stampOf, "SELECT event FROM stamps WHERE key = $1"},
		{&s.token, "INSERT INTO tokens (made, connection, sum) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"},
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
	for _, stmt := range []*sql.Stmt{s.begin, s.commit, s.rollback, s.insert, s.removeRun, s.attempts, s.counters, s.totals, s.stamp, s.stampOf, s.token} {
		if stmt != nil {
			_ = stmt.Close() // the connection is closed next
		}
	}
}
