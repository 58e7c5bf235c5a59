package db

import (
	"context"
	"database/sql"
	"fmt"

	"boardlink/connection"
)

func statusColumns(id *connection.ID, s *connection.Status) []column {
	return []column{
		{"connection_id", id},
		{"state", &s.State},
		{"since", timeColumn{&s.Since}},
		{"reason_code", &s.ReasonCode},
		{"reason", &s.Reason},
		{"hint", &s.Hint},
		{"attempt", &s.Attempt},
		{"next_attempt_at", timeColumn{&s.NextAttemptAt}},
		{"lost_at", timeColumn{&s.LostAt}},
		{"startup_time", timeColumn{&s.StartupTime}},
		{"owner", &s.Owner},
		{"last_delivered_at", timeColumn{&s.LastDeliveredAt}},
	}
}

// SaveStatus keeps how a link stands. Backlog, OldestAge and Parked are the queue's to tell and are not kept. Of a
// connection that is gone nothing is kept, without an error: its link still says goodbye.
func (d *DB) SaveStatus(ctx context.Context, id connection.ID, s connection.Status) error {
	err := d.change(ctx, func(tx *sql.Tx) error {
		if live, err := isLive(ctx, tx, id); err != nil || !live {
			return err
		}
		columns := statusColumns(&id, &s)
		_, err := tx.ExecContext(ctx, `
			INSERT INTO statuses (`+names(columns, "")+`)
			VALUES (`+placeholders(len(columns))+`)
			ON CONFLICT (connection_id) DO UPDATE SET `+excluded(columns[1:]), refs(columns)...)
		return err
	})
	if err != nil {
		return fmt.Errorf("save status: %w", err)
	}
	return nil
}

// Statuses returns how links stood when they were last saved. One that never was is missing.
func (d *DB) Statuses(ctx context.Context) (map[connection.ID]connection.Status, error) {
	type entry struct {
		id connection.ID
		s  connection.Status
	}
	var none entry
	rows, err := d.read.QueryContext(ctx, `SELECT `+names(statusColumns(&none.id, &none.s), "")+` FROM statuses`)
	entries, err := scan(rows, err, func(row interface{ Scan(...any) error }) (e entry, err error) {
		return e, row.Scan(refs(statusColumns(&e.id, &e.s))...)
	})
	if err != nil {
		return nil, fmt.Errorf("read statuses: %w", err)
	}
	all := make(map[connection.ID]connection.Status, len(entries))
	for _, e := range entries {
		all[e.id] = e.s
	}
	return all, nil
}

// excluded gives "a = excluded.a, b = excluded.b, ...".
func excluded(columns []column) string {
	set := ""
	for i, c := range columns {
		if i > 0 {
			set += ", "
		}
		set += c.name + " = excluded." + c.name
	}
	return set
}
