package main

import (
	"context"
	"errors"
	"time"

	"boardlink/connection"
	"boardlink/db"
	"boardlink/operation"
	"boardlink/queue"
)

// operationStore gives the database to the operations, whose filters are their own.
type operationStore struct{ *db.DB }

// Events reads a page of events.
func (s operationStore) Events(ctx context.Context, f operation.EventFilter) ([]connection.Event, error) {
	return s.DB.Events(ctx, db.EventFilter(f))
}

// Tell adds an event to the log.
func (s operationStore) Tell(ctx context.Context, e connection.Event) error {
	_, err := s.AddEvent(ctx, e)
	return err
}

// Devices reads a page of a connection's devices.
func (s operationStore) Devices(ctx context.Context, id connection.ID, f operation.DeviceFilter) ([]connection.Device, error) {
	return s.DB.Devices(ctx, id, db.DeviceFilter(f))
}

// DeviceCommands reads the latest commands of a device.
func (s operationStore) DeviceCommands(ctx context.Context, id connection.ID, devEUI string, limit int) ([]connection.Command, error) {
	return s.Commands(ctx, id, db.CommandFilter{DevEUI: devEUI, Limit: limit})
}

// parkedStore gives the queue's parked events to the operations, which know no queue.
type parkedStore struct{ *queue.Queue }

// Parked lists the parked events of a connection.
func (s parkedStore) Parked(ctx context.Context, id connection.ID, afterID int64, limit int) ([]connection.ParkedEvent, error) {
	list, err := s.Queue.Parked(ctx, id, afterID, limit)
	if err != nil {
		return nil, err
	}
	all := make([]connection.ParkedEvent, len(list))
	for i, p := range list {
		all[i] = connection.ParkedEvent{
			ID: p.ID, DevEUI: p.DevEUI, Kind: p.Kind, ReceivedAt: p.ReceivedAt, ParkedAt: p.ParkedAt,
			Attempts:   p.Attempts + 1, // the one after which it was parked is not among those that the lane counted
			ReasonCode: p.Code, Reason: p.Reason, Document: p.Body,
		}
		if p.Reason == "" {
			all[i].Reason = p.Code.Text().Sentence
		}
	}
	return all, nil
}

// RetryParked lets parked events wait for delivery again.
func (s parkedStore) RetryParked(ctx context.Context, id connection.ID, ids []int64) (int64, error) {
	n, err := s.Queue.RetryParked(ctx, id, ids)
	return n, unavailable(err)
}

// DropParked throws parked events away.
func (s parkedStore) DropParked(ctx context.Context, id connection.ID, ids []int64) (int64, error) {
	n, err := s.Queue.DropParked(ctx, id, ids)
	return n, unavailable(err)
}

// DropWaiting throws the waiting events of a connection away.
func (s parkedStore) DropWaiting(ctx context.Context, id connection.ID) (int64, error) {
	n, err := s.Queue.DropWaiting(ctx, id)
	return n, unavailable(err)
}

// unavailable makes what keeps the queue from being written a refusal for now; whoever gave up or is too late is told so by
// the error itself.
func unavailable(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	message := "The queue could not be written; try again."
	if errors.Is(err, queue.ErrClosed) {
		message = "Boardlink is going down; try again soon."
	}
	return &connection.Failure{Code: connection.CodeUnavailable, Message: message, Err: err}
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
