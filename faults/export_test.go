package faults

import (
	"context"
	"time"

	"boardlink/connection"
	"boardlink/db"
	"boardlink/faults/history"
)

// Saved puts a link's status into the database, as an earlier program left it. Call it before [World.Start].
func (l *Link) Saved(s connection.Status) error {
	var err error
	l.w.with(func(in *inside) { err = in.db.SaveStatus(context.Background(), l.ID, s) })
	return err
}

// Events are the latest events of the connection, newest first.
func (l *Link) Events() (events []connection.Event) {
	l.w.with(func(in *inside) {
		events, _ = in.db.Events(context.Background(), db.EventFilter{ConnectionID: l.ID, Limit: 100})
	})
	return events
}

// PostBody posts a document of the test's own through the real way in.
func (l *Link) PostBody(device int, frame int64, at time.Time, body string) history.Outcome {
	return l.post(device, frame, at, []byte(body))
}
