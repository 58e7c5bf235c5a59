// Package stores gives the database and the queue to those who declare what they need of them in words of their own.
package stores

import (
	"context"

	"boardlink/connection"
	"boardlink/db"
	"boardlink/operation"
)

// Operations gives the database to the operations, whose filters are their own.
type Operations struct{ *db.DB }

// Events reads a page of events.
func (s Operations) Events(ctx context.Context, f operation.EventFilter) ([]connection.Event, error) {
	return s.DB.Events(ctx, db.EventFilter(f))
}

// Tell adds an event to the log.
func (s Operations) Tell(ctx context.Context, e connection.Event) error {
	_, err := s.AddEvent(ctx, e)
	return err
}

// Devices reads a page of a connection's devices.
func (s Operations) Devices(ctx context.Context, id connection.ID, f operation.DeviceFilter) ([]connection.Device, error) {
	return s.DB.Devices(ctx, id, db.DeviceFilter(f))
}

// DeviceCommands reads the latest commands of a device.
func (s Operations) DeviceCommands(ctx context.Context, id connection.ID, devEUI string, limit int) ([]connection.Command, error) {
	return s.Commands(ctx, id, db.CommandFilter{DevEUI: devEUI, Limit: limit})
}
