package queue

import (
	"context"
	"fmt"

	"boardlink/connection"
)

// ParkedReasons counts the parked events of a connection by their reason, the most frequent first.
func (q *Queue) ParkedReasons(ctx context.Context, id connection.ID) ([]connection.ParkedReason, error) {
	rows, err := q.reader.db.QueryContext(ctx,
		"SELECT code, COUNT(*) FROM parked WHERE id > $1 AND id < $2 GROUP BY code ORDER BY 2 DESC, code", floorOf(id), ceilingOf(id))
	if err != nil {
		return nil, fmt.Errorf("count parked events: %w", err)
	}
	defer func() { _ = rows.Close() }() // rows.Err tells
	var all []connection.ParkedReason
	for rows.Next() {
		var r connection.ParkedReason
		if err := rows.Scan(&r.Code, &r.Count); err != nil {
			return nil, fmt.Errorf("count parked events: %w", err)
		}
		all = append(all, r)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("count parked events: %w", err)
	}
	return all, nil
}

// ParkedBecause lists the ids of parked events of a connection that have a reason and are above afterID, oldest first, at
// most limit of them.
func (q *Queue) ParkedBecause(ctx context.Context, id connection.ID, code connection.ReasonCode, afterID int64, limit int) ([]int64, error) {
	rows, err := q.reader.db.QueryContext(ctx,
		"SELECT id FROM parked WHERE id > $1 AND id < $2 AND code = $3 ORDER BY id LIMIT $4", max(afterID, floorOf(id)), ceilingOf(id), string(code), limit)
	if err != nil {
		return nil, fmt.Errorf("list parked events of a reason: %w", err)
	}
	defer func() { _ = rows.Close() }() // rows.Err tells
	var all []int64
	for rows.Next() {
		var event int64
		if err := rows.Scan(&event); err != nil {
			return nil, fmt.Errorf("list parked events of a reason: %w", err)
		}
		all = append(all, event)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list parked events of a reason: %w", err)
	}
	return all, nil
}
