package operation

import (
	"context"
	"fmt"
	"time"

	"boardlink/connection"
)

// EventFilter chooses events. Its zero value chooses the latest [DefaultLimit] of all.
type EventFilter struct {
	ConnectionID connection.ID // 0: any, and those about none
	From, To     time.Time     // zero: without bound; To itself is outside
	Levels       []connection.Level
	Kinds        []connection.Kind
	DevEUI       string // empty: any, and those about none
	BeforeID     int64  // cursor: events with a lower id
	Limit        int    // 1 to [MaxLimit]; 0 takes [DefaultLimit]
}

// Events reads a page of events, newest first. next is the cursor of the page after it, 0 where there is none. Events of
// deleted connections are among them: the log is there to tell what happened.
func (o *Connections) Events(ctx context.Context, f EventFilter) (page []connection.Event, next int64, err error) {
	limit, err := limitOf(f.Limit)
	if err != nil {
		return nil, 0, err
	}
	f.Limit = limit + 1 // one more tells whether there is another page
	page, err = o.store.Events(ctx, f)
	if err != nil {
		return nil, 0, fmt.Errorf("list events: %w", err)
	}
	if len(page) > limit {
		page = page[:limit]
		next = page[limit-1].ID
	}
	return page, next, nil
}
