package db

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"boardlink/connection"
)

// FiguresOf sums, for each of these connections, the minutes from the one that holds since, and the devices heard since
// then. A connection without any is missing.
func (d *DB) FiguresOf(ctx context.Context, since time.Time, ids ...connection.ID) (map[connection.ID]connection.Totals, error) {
	all := make(map[connection.ID]connection.Totals, len(ids))
	// One query for each: with all of them in one, SQLite goes through the rows of every connection there is.
	query, args := sumOfFigures(`connection_id = $1 AND`, []any{0}, since)
	sum, err := d.read.PrepareContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("sum figures: %w", err)
	}
	defer func() { _ = sum.Close() }() // nothing was written
	for _, id := range ids {
		args[0] = id
		var t connection.Totals
		if err := sum.QueryRowContext(ctx, args...).Scan(totalRefs(&t)...); err != nil {
			return nil, fmt.Errorf("sum figures: %w", err)
		}
		if t != (connection.Totals{}) {
			all[id] = t
		}
	}
	return all, nil
}

// sumOfFigures writes the query that sums whole hours, and minutes up to the first of them. chosen, which takes args, may
// choose connections.
func sumOfFigures(chosen string, args []any, since time.Time) (string, []any) {
	minute := since.Truncate(time.Minute)
	hour := minute.Add(time.Hour - time.Nanosecond).Truncate(time.Hour)
	c := conditions{args: args}
	return `
		SELECT COALESCE(SUM(devices), 0), COALESCE(SUM(uplinks), 0), COALESCE(SUM(delivered), 0), COALESCE(SUM(downlinks), 0),
		       COALESCE(SUM(rejected), 0), COALESCE(SUM(parked), 0), COALESCE(SUM(expired), 0)
		FROM (
		  SELECT 0 AS devices, uplinks, delivered, downlinks, rejected, parked, expired
		  FROM figures
		  WHERE ` + chosen + ` span_minutes = ` + c.arg(spanMinute) + ` AND start_at >= ` + c.arg(minute.UnixMilli()) + ` AND start_at < ` + c.arg(hour.UnixMilli()) + `
		UNION ALL
		  SELECT 0, uplinks, delivered, downlinks, rejected, parked, expired
		  FROM figures
		  WHERE ` + chosen + ` span_minutes = ` + c.arg(spanHour) + ` AND start_at >= ` + c.arg(hour.UnixMilli()) + `
		UNION ALL
		  SELECT COUNT(*), 0, 0, 0, 0, 0, 0
		  FROM devices
		  WHERE ` + chosen + ` last_uplink_at >= ` + c.arg(since.UnixMilli()) + `
		) AS parts`, c.args
}

// totalRefs are what [sumOfFigures] is read into.
func totalRefs(t *connection.Totals) []any {
	return []any{&t.ActiveDevices, &t.Uplinks, &t.Delivered, &t.Downlinks, &t.Rejected, &t.Parked, &t.Expired}
}

// addTogether adds to the minutes of all connections, in the transaction that adds to theirs.
func addTogether(ctx context.Context, tx *sql.Tx, minutes map[int64]*connection.Minute) error {
	for start, m := range minutes {
		sums, greatest := countColumns(m), togetherColumns(m)
		columns := slices.Concat(sums, greatest)
		_, err := tx.ExecContext(ctx, `
			INSERT INTO minutes_of_all (start_at, `+names(columns, "")+`)
			VALUES ($1, `+placeholdersFrom(2, len(columns))+`)
			ON CONFLICT (start_at) DO UPDATE SET `+addInto("minutes_of_all", sums, greatest), append([]any{start}, refs(columns)...)...)
		if err != nil {
			return err
		}
	}
	return nil
}

func togetherColumns(m *connection.Minute) []column {
	return append([]column{{"watched", &m.Watched}}, backlogColumns(m)...)
}

// MinutesOfAll gives what happened on all connections by minute, from the one that holds from, up to but without to, in
// their order, without the delays. A minute in which nothing happened is missing.
func (d *DB) MinutesOfAll(ctx context.Context, from, to time.Time) ([]connection.Minute, error) {
	var m connection.Minute
	columns := slices.Concat([]column{{"start_at", timeColumn{&m.Start}}}, countColumns(&m), togetherColumns(&m))
	rows, err := d.read.QueryContext(ctx, `
		SELECT `+names(columns, "")+`
		FROM minutes_of_all
		WHERE start_at >= $1 AND start_at < $2
		ORDER BY start_at`, from.Truncate(time.Minute).UnixMilli(), to.UnixMilli())
	into := refs(columns)
	minutes, err := scan(rows, err, func(row interface{ Scan(...any) error }) (connection.Minute, error) {
		err := row.Scan(into...)
		return m, err
	})
	if err != nil {
		return nil, fmt.Errorf("read the minutes of all connections: %w", err)
	}
	return minutes, nil
}
