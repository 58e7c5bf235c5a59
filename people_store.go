package main

import (
	"context"

	"boardlink/access"
	"boardlink/connection"
	"boardlink/db"
	"boardlink/live"
)

// peopleStore gives the database to whoever looks after people. Each event that it stores is told to open pages, once, and so
// each stream looks at once whether its session is still there.
type peopleStore struct {
	*db.DB
	feed *live.Feed
}

// AddEvent stores an event.
func (s peopleStore) AddEvent(ctx context.Context, e connection.Event) (connection.Event, error) {
	stored, err := s.DB.AddEvent(ctx, e)
	s.tell(err)
	return stored, err
}

// InviteOperator stores somebody with the event that tells of it.
func (s peopleStore) InviteOperator(ctx context.Context, o access.Operator, t access.SetupToken, e connection.Event) (access.Operator, error) {
	stored, err := s.DB.InviteOperator(ctx, o, t, e)
	s.tell(err)
	return stored, err
}

// AlterOperator changes somebody with the event that tells of it.
func (s peopleStore) AlterOperator(ctx context.Context, id int64, decide func(now access.Operator) (access.Alteration, error)) (access.Operator, error) {
	stored, err := s.DB.AlterOperator(ctx, id, decide)
	s.tell(err)
	return stored, err
}

func (s peopleStore) tell(err error) {
	if err == nil {
		s.feed.Publish(live.Change{Topic: live.Events})
	}
}
