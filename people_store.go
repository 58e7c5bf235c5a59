package main

import (
	"context"

	"boardlink/connection"
	"boardlink/db"
	"boardlink/live"
)

// peopleStore gives the database to whoever looks after people. What they do is told to open pages, and so each stream looks
// at once whether its session is still there.
type peopleStore struct {
	*db.DB
	feed *live.Feed
}

// AddEvent stores an event and tells open pages.
func (s peopleStore) AddEvent(ctx context.Context, e connection.Event) (connection.Event, error) {
	stored, err := s.DB.AddEvent(ctx, e)
	if err == nil {
		s.feed.Publish(live.Change{Topic: live.Events})
	}
	return stored, err
}
