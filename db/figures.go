package db

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"boardlink/connection"
)

// Spans of the rows of figures, in minutes.
const (
	spanMinute = 1
	spanHour   = 60
)

// AddFigures adds what happened to what is known of those minutes already, all in one transaction. Figures of connections
// that are gone are left out.
func (d *DB) AddFigures(ctx context.Context, minutes []connection.Minute) error {
	if len(minutes) == 0 {
		return nil
	}
	err := d.change(ctx, func(tx *sql.Tx) error {
		live, err := liveConnections(ctx, tx)
		if err != nil {
			return err
		}
		add, err := tx.PrepareContext(ctx, `
			INSERT INTO figures (span_minutes, start_at, connection_id, uplinks, delivered, downlinks, rejected, parked, expired)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
			ON CONFLICT (span_minutes, start_at, connection_id) DO UPDATE
			SET uplinks   = figures.uplinks + excluded.uplinks,
			    delivered = figures.delivered + excluded.delivered,
			    downlinks = figures.downlinks + excluded.downlinks,
			    rejected  = figures.rejected + excluded.rejected,
			    parked    = figures.parked + excluded.parked,
			    expired   = figures.expired + excluded.expired`)
		if err != nil {
			return err
		}
		defer func() { _ = add.Close() }() // the transaction's end frees it too
		for _, m := range minutes {
			if !live[m.ConnectionID] {
				continue
			}
			for _, span := range []int64{spanMinute, spanHour} {
				start := m.Start.Truncate(time.Duration(span) * time.Minute).UnixMilli()
				_, err := add.ExecContext(ctx, span, start, m.ConnectionID, m.Uplinks, m.Delivered, m.Downlinks, m.Rejected, m.Parked, m.Expired)
				if err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("add figures: %w", err)
	}
	return nil
}

func liveConnections(ctx context.Context, tx *sql.Tx) (map[connection.ID]bool, error) {
	rows, err := tx.QueryContext(ctx, `SELECT id FROM connections WHERE deleted_at = 0`)
	ids, err := scan(rows, err, func(row interface{ Scan(...any) error }) (id connection.ID, err error) {
		return id, row.Scan(&id)
	})
	if err != nil {
		return nil, err
	}
	live := make(map[connection.ID]bool, len(ids))
	for _, id := range ids {
		live[id] = true
	}
	return live, nil
}

const figuresQuery = `
		SELECT start_at, uplinks, delivered, downlinks, rejected, parked, expired
		FROM figures
		WHERE connection_id = $1 AND span_minutes = $2 AND start_at >= $3 AND start_at < $4
		ORDER BY start_at`

// Figures returns the minutes from the one that holds from, up to but without to, in their order. A minute in which
// nothing happened is missing.
func (d *DB) Figures(ctx context.Context, id connection.ID, from, to time.Time) ([]connection.Minute, error) {
	rows, err := d.read.QueryContext(ctx, figuresQuery, id, spanMinute, from.Truncate(time.Minute).UnixMilli(), to.UnixMilli())
	minutes, err := scan(rows, err, func(row interface{ Scan(...any) error }) (connection.Minute, error) {
		m := connection.Minute{ConnectionID: id}
		err := row.Scan(timeColumn{&m.Start}, &m.Uplinks, &m.Delivered, &m.Downlinks, &m.Rejected, &m.Parked, &m.Expired)
		return m, err
	})
	if err != nil {
		return nil, fmt.Errorf("read figures: %w", err)
	}
	return minutes, nil
}

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

// MinutesOfAll sums the figures of all connections by minute, from the one that holds from, up to but without to, in their
// order. A minute in which nothing happened is missing.
func (d *DB) MinutesOfAll(ctx context.Context, from, to time.Time) ([]connection.Minute, error) {
	rows, err := d.read.QueryContext(ctx, `
		SELECT start_at, SUM(uplinks), SUM(delivered), SUM(downlinks), SUM(rejected), SUM(parked), SUM(expired)
		FROM figures
		WHERE span_minutes = $1 AND start_at >= $2 AND start_at < $3
		GROUP BY start_at
		ORDER BY start_at`, spanMinute, from.Truncate(time.Minute).UnixMilli(), to.UnixMilli())
	minutes, err := scan(rows, err, func(row interface{ Scan(...any) error }) (m connection.Minute, err error) {
		return m, row.Scan(timeColumn{&m.Start}, &m.Uplinks, &m.Delivered, &m.Downlinks, &m.Rejected, &m.Parked, &m.Expired)
	})
	if err != nil {
		return nil, fmt.Errorf("sum minutes: %w", err)
	}
	return minutes, nil
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
	return all, nil
}
