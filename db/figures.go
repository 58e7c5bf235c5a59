package db

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"boardlink/connection"
)

// Spans of the rows of figures, in minutes.
const (
	spanMinute = 1
	spanHour   = 60
)

// figureColumns ties a minute to the columns of its row, but for the key: those that add up, and those whose greatest holds.
func figureColumns(m *connection.Minute) (sums, greatest []column) {
	sums = countColumns(m)
	for i, name := range delayColumns {
		sums = append(sums, column{name, &m.Delays.Counts[i]})
	}
	return sums, append([]column{{"longest_ms", spanColumn{&m.Delays.Longest}}}, backlogColumns(m)...)
}

// countColumns are the columns that all connections together have too.
func countColumns(m *connection.Minute) []column {
	return []column{
		{"uplinks", &m.Uplinks}, {"delivered", &m.Delivered}, {"downlinks", &m.Downlinks},
		{"rejected", &m.Rejected}, {"parked", &m.Parked}, {"expired", &m.Expired},
	}
}

func backlogColumns(m *connection.Minute) []column {
	return []column{{"backlog", &m.Backlog}, {"oldest_ms", spanColumn{&m.OldestAge}}}
}

// delayColumns are the classes of [connection.Delays].
var delayColumns = [connection.DelayClasses]string{
	"took_10ms", "took_25ms", "took_50ms", "took_100ms", "took_250ms", "took_500ms", "took_1s", "took_2500ms", "took_5s", "took_10s", "took_30s",
	"took_1m", "took_5m", "took_15m", "took_1h", "took_6h", "took_longer",
}

// addInto writes what an INSERT does where the row is there already.
func addInto(table string, sums, greatest []column) string {
	text := ""
	for _, c := range sums {
		text += fmt.Sprintf(", %[1]s = %[2]s.%[1]s + excluded.%[1]s", c.name, table)
	}
	for _, c := range greatest {
		text += fmt.Sprintf(", %[1]s = CASE WHEN excluded.%[1]s > %[2]s.%[1]s THEN excluded.%[1]s ELSE %[2]s.%[1]s END", c.name, table)
	}
	return text[len(", "):]
}

// AddFigures adds what happened to what is known of those minutes already, and to the minutes of all connections, all in one
// transaction. Figures of connections that are gone are left out.
func (d *DB) AddFigures(ctx context.Context, minutes []connection.Minute) error {
	if len(minutes) == 0 {
		return nil
	}
	err := d.change(ctx, func(tx *sql.Tx) error {
		var m connection.Minute
		sums, greatest := figureColumns(&m)
		columns := slices.Concat(sums, greatest)
		add, err := tx.PrepareContext(ctx, `
			INSERT INTO figures (connection_id, span_minutes, start_at, `+names(columns, "")+`)
			SELECT id, $2, $3, `+placeholdersFrom(4, len(columns))+` FROM connections WHERE id = $1 AND deleted_at = 0
			ON CONFLICT (span_minutes, start_at, connection_id) DO UPDATE SET `+addInto("figures", sums, greatest))
		if err != nil {
			return err
		}
		defer func() { _ = add.Close() }() // the transaction's end frees it too
		together := map[int64]*connection.Minute{}
		values := refs(columns)
		for _, m = range minutes {
			start := m.Start.Truncate(time.Minute)
			if m.ConnectionID != 0 {
				there, err := addFigure(ctx, add, m.ConnectionID, start, values)
				if err != nil {
					return err
				}
				if !there {
					continue
				}
				m.Backlog, m.OldestAge = 0, 0 // the minute of all of them has the sum
			}
			sum := together[start.UnixMilli()]
			if sum == nil {
				sum = &connection.Minute{Start: start}
				together[start.UnixMilli()] = sum
			}
			sum.Add(m)
		}
		return addTogether(ctx, tx, together)
	})
	if err != nil {
		return fmt.Errorf("add figures: %w", err)
	}
	return nil
}

// addFigure adds a minute to its row and to that of its hour; false where its connection is gone.
func addFigure(ctx context.Context, add *sql.Stmt, id connection.ID, minute time.Time, values []any) (bool, error) {
	for _, span := range []int64{spanMinute, spanHour} {
		start := minute.Truncate(time.Duration(span) * time.Minute).UnixMilli()
		result, err := add.ExecContext(ctx, append([]any{id, span, start}, values...)...)
		if err != nil {
			return false, err
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return false, err
		}
	}
	return true, nil
}

// Figures returns the minutes from the one that holds from, up to but without to, in their order. A minute in which
// nothing happened, and nothing waited, is missing.
func (d *DB) Figures(ctx context.Context, id connection.ID, from, to time.Time) ([]connection.Minute, error) {
	rows, err := d.read.QueryContext(ctx, figuresQuery(), id, spanMinute, from.Truncate(time.Minute).UnixMilli(), to.UnixMilli())
	m := connection.Minute{ConnectionID: id}
	sums, greatest := figureColumns(&m)
	into := refs(slices.Concat([]column{{"start_at", timeColumn{&m.Start}}}, sums, greatest))
	minutes, err := scan(rows, err, func(row interface{ Scan(...any) error }) (connection.Minute, error) {
		err := row.Scan(into...)
		return m, err
	})
	if err != nil {
		return nil, fmt.Errorf("read figures: %w", err)
	}
	return minutes, nil
}

func figuresQuery() string {
	sums, greatest := figureColumns(new(connection.Minute))
	return `
		SELECT start_at, ` + names(sums, "") + `, ` + names(greatest, "") + `
		FROM figures
		WHERE connection_id = $1 AND span_minutes = $2 AND start_at >= $3 AND start_at < $4
		ORDER BY start_at`
}

// PruneFigures removes minutes and hours that lie before the given times, in batches, and says how many. The minute or
// hour that holds such a time stays.
func (d *DB) PruneFigures(ctx context.Context, minutesBefore, hoursBefore time.Time) (int64, error) {
	var all int64
	for span, before := range map[int]time.Time{spanMinute: minutesBefore, spanHour: hoursBefore} {
		n, err := d.inBatches(ctx, `
			DELETE FROM figures
			WHERE span_minutes = $1
			  AND start_at IN (SELECT start_at FROM figures WHERE span_minutes = $1 AND start_at < $2 ORDER BY start_at LIMIT $3)`,
			span, before.Truncate(time.Duration(span)*time.Minute).UnixMilli(), purgeBatch)
		if all += n; err != nil {
			return all, fmt.Errorf("prune figures: %w", err)
		}
	}
	n, err := d.inBatches(ctx, `
		DELETE FROM minutes_of_all
		WHERE start_at IN (SELECT start_at FROM minutes_of_all WHERE start_at < $1 ORDER BY start_at LIMIT $2)`,
		minutesBefore.Truncate(time.Minute).UnixMilli(), purgeBatch)
	if all += n; err != nil {
		return all, fmt.Errorf("prune the minutes of all connections: %w", err)
	}
	return all, nil
}
