package main

import (
	"context"
	"time"

	"boardlink/connection"
	"boardlink/db"
	"boardlink/operation"
)

// operationStore gives the database to the operations, whose filters are their own.
type operationStore struct{ *db.DB }

// Events reads a page of events.
func (s operationStore) Events(ctx context.Context, f operation.EventFilter) ([]connection.Event, error) {
	return s.DB.Events(ctx, db.EventFilter(f))
}

// figuresStore gives the database to whoever counts.
type figuresStore struct{ *db.DB }

// AddDevices adds what was seen of devices.
func (s figuresStore) AddDevices(ctx context.Context, seen []connection.Device) error {
	return s.DB.SeenDevices(ctx, seen)
}

// recentDevices lists who was heard on a connection lately, for commands that may come right after a reconnect.
func recentDevices(d *db.DB) func(context.Context, connection.ID, time.Time, int) ([]connection.Device, error) {
	return func(ctx context.Context, id connection.ID, since time.Time, limit int) ([]connection.Device, error) {
		return d.RecentDevices(ctx, id, since, limit)
	}
}

// whoChanged names whoever changed a connection last.
func whoChanged(d *db.DB) func(context.Context, connection.ID) string {
	return func(ctx context.Context, id connection.ID) string {
		events, err := d.Events(ctx, db.EventFilter{ConnectionID: id, Limit: 20})
		if err != nil {
			return ""
		}
		for _, e := range events {
			if e.Kind == connection.KindUpdated && e.Actor != connection.System {
				return e.Actor
			}
		}
		return ""
	}
}
