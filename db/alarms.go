package db

import (
	"context"
	"fmt"
	"time"

	"boardlink/connection"
)

// maxAlarmEvents bounds what [DB.AlarmEvents] returns: twenty alarms that each told something twice an hour for a week are
// fewer.
const maxAlarmEvents = 10_000

// AlarmEvents reads the events of the kind [connection.KindAlarm] about a connection since a moment, the latest first.
func (d *DB) AlarmEvents(ctx context.Context, id connection.ID, since time.Time) ([]connection.Event, error) {
	rows, err := d.read.QueryContext(ctx, `
		SELECT `+names(eventColumns(&connection.Event{}), "")+`
		FROM events
		WHERE connection_id = $1 AND kind = $2 AND time >= $3
		ORDER BY id DESC
		LIMIT $4`, id, connection.KindAlarm, since.UnixMilli(), maxAlarmEvents)
	events, err := scan(rows, err, func(row interface{ Scan(...any) error }) (e connection.Event, err error) {
		return e, row.Scan(refs(eventColumns(&e))...)
	})
	if err != nil {
		return nil, fmt.Errorf("read alarms that were told: %w", err)
	}
	return events, nil
}
