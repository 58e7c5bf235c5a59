package stores

import (
	"context"

	"boardlink/connection"
	"boardlink/db"
)

// Figures gives the database to whoever counts.
type Figures struct{ *db.DB }

// AddDevices adds what was seen of devices.
func (s Figures) AddDevices(ctx context.Context, seen []connection.Device) error {
	return s.DB.SeenDevices(ctx, seen)
}

// WhoChanged names whoever changed a connection last.
func WhoChanged(d *db.DB) func(context.Context, connection.ID) string {
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
