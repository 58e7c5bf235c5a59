package db

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"boardlink/connection"
)

func eventColumns(e *connection.Event) []column {
	return []column{
		{"id", &e.ID},
		{"time", timeColumn{&e.Time}},
		{"level", &e.Level},
		{"kind", &e.Kind},
		{"actor", &e.Actor},
		{"address", &e.Address},
		{"connection_id", &e.ConnectionID},
		{"dev_eui", &e.DevEUI},
		{"message", &e.Message},
	}
}

// AddEvent appends to the log and returns the event with its ID. A zero time becomes now, a missing actor the system, and a
// missing address the one that the context bears ([connection.WithOrigin]); so it is wherever an event comes with a change.
func (d *DB) AddEvent(ctx context.Context, e connection.Event) (connection.Event, error) {
	err := d.change(ctx, func(tx *sql.Tx) (err error) {
		e, err = d.addEvent(ctx, tx, e)
		return err
	})
	if err != nil {
		return connection.Event{}, err
	}
	return e, nil
}

func (d *DB) addEvent(ctx context.Context, tx *sql.Tx, e connection.Event) (connection.Event, error) {
	if e.Time.IsZero() {
		e.Time = d.now()
	}
	e.Time = fromMillis(e.Time.UnixMilli())
	if e.Actor == "" {
		e.Actor = connection.System
	}
	if e.Address == "" {
		e.Address = connection.OriginText(ctx)
	}
	columns := eventColumns(&e)[1:]
	err := tx.QueryRowContext(ctx, `
		INSERT INTO events (`+names(columns, "")+`)
		VALUES (`+placeholders(len(columns))+`)
		RETURNING id`, refs(columns)...).Scan(&e.ID)
	if err != nil {
		return connection.Event{}, fmt.Errorf("add event: %w", err)
	}
	return e, nil
}

// EventFilter chooses events. Its zero value chooses the latest page of all.
type EventFilter struct {
	ConnectionID connection.ID // 0: any, and those about none
	From, To     time.Time     // zero: without bound; To itself is outside
	Levels       []connection.Level
	Kinds        []connection.Kind
	DevEUI       string // empty: any, and those about none
	BeforeID     int64  // cursor: events with a lower id; 0: from the latest on
	Limit        int    // 0 takes 100
}

// Events reads a page of events, the latest first. Paging by BeforeID is stable: new events do not move old ones.
func (d *DB) Events(ctx context.Context, f EventFilter) ([]connection.Event, error) {
	query, args := f.query()
	rows, err := d.read.QueryContext(ctx, query, args...)
	page, err := scan(rows, err, func(row interface{ Scan(...any) error }) (e connection.Event, err error) {
		return e, row.Scan(refs(eventColumns(&e))...)
	})
	if err != nil {
		return nil, fmt.Errorf("list events: %w", err)
	}
	return page, nil
}

// query writes the filter as SQL. What an index leaves out is left out here too in so many words, else it is not taken.
func (f EventFilter) query() (text string, args []any) {
	var where conditions
	if f.ConnectionID > 0 {
		where.add(`connection_id = ?`, f.ConnectionID)
	}
	if !f.From.IsZero() {
		where.add(`time >= ?`, f.From.UnixMilli())
	}
	if !f.To.IsZero() {
		where.add(`time < ?`, f.To.UnixMilli())
	}
	if len(f.Levels) > 0 {
		where.addIn(`level`, anySlice(f.Levels))
		if !slices.Contains(f.Levels, connection.LevelInfo) {
			where.add(`level <> 'info'`)
		}
	}
	if f.DevEUI != "" {
		where.add(`dev_eui = ? AND dev_eui <> ''`, f.DevEUI)
	}
	if f.BeforeID > 0 {
		where.add(`id < ?`, f.BeforeID)
	}
	kinds := slices.Compact(slices.Sorted(slices.Values(f.Kinds)))
	switch {
	case len(kinds) > 0 && f.narrows():
		// As an expression the kind is not looked for in its index: what it is combined with leads to fewer rows.
		where.addIn(`kind || ''`, anySlice(kinds))
	case len(kinds) > 0:
		return where.ofKinds(kinds, limitOr(f.Limit))
	}
	return eventsWhere(where.sql(), where.arg(limitOr(f.Limit))), where.args
}

// narrows reports whether the filter leads to few rows without looking at kinds.
func (f EventFilter) narrows() bool {
	return f.ConnectionID > 0 || f.DevEUI != "" || !f.From.IsZero() || !f.To.IsZero()
}

// ofKinds writes a page of each kind and takes the latest of them all: over several kinds at once the index has no order.
func (c *conditions) ofKinds(kinds []connection.Kind, limit int) (text string, args []any) {
	others, most := c.sql(), c.arg(limit)
	pages := make([]string, len(kinds))
	for i, kind := range kinds {
		pages[i] = `SELECT * FROM (` + eventsWhere(others+` AND kind = `+c.arg(kind), most) + `) AS page` + strconv.Itoa(i)
	}
	if len(pages) == 1 {
		return pages[0], c.args
	}
	return strings.Join(pages, ` UNION ALL `) + ` ORDER BY id DESC LIMIT ` + most, c.args
}

// eventsWhere writes a page of events.
func eventsWhere(where, limit string) string {
	return `
		SELECT ` + names(eventColumns(&connection.Event{}), "") + `
		FROM events
		WHERE ` + where + `
		ORDER BY id DESC
		LIMIT ` + limit
}

// PruneEvents removes events that are older than a time (zero: none is) and all but the latest keep (0: no bound), in
// batches, and says how many.
func (d *DB) PruneEvents(ctx context.Context, olderThan time.Time, keep int64) (int64, error) {
	var all int64
	if !olderThan.IsZero() {
		n, err := d.inBatches(ctx, `
			DELETE FROM events
			WHERE id IN (SELECT id FROM events WHERE time < $1 LIMIT $2)`, olderThan.UnixMilli(), purgeBatch)
		if all += n; err != nil {
			return all, fmt.Errorf("prune events: %w", err)
		}
	}
	if keep > 0 {
		n, err := d.inBatches(ctx, `
			DELETE FROM events
			WHERE id IN (SELECT id FROM events
			             WHERE id <= (SELECT COALESCE(MIN(id), 0) FROM (SELECT id FROM events ORDER BY id DESC LIMIT 1 OFFSET $1) AS last)
			             LIMIT $2)`, keep, purgeBatch)
		if all += n; err != nil {
			return all, fmt.Errorf("prune events: %w", err)
		}
	}
	return all, nil
}
