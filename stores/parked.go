package stores

import (
	"context"
	"errors"

	"boardlink/connection"
	"boardlink/queue"
)

// Parked gives the queue's parked events to the operations, which know no queue; it is also how they
// drop what waits.
type Parked struct{ *queue.Queue }

// Parked lists the parked events of a connection.
func (s Parked) Parked(ctx context.Context, id connection.ID, afterID int64, limit int) ([]connection.ParkedEvent, error) {
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
func (s Parked) RetryParked(ctx context.Context, id connection.ID, ids []int64) (int64, error) {
	n, err := s.Queue.RetryParked(ctx, id, ids)
	return n, unavailable(err)
}

// DropParked throws parked events away.
func (s Parked) DropParked(ctx context.Context, id connection.ID, ids []int64) (int64, error) {
	n, err := s.Queue.DropParked(ctx, id, ids)
	return n, unavailable(err)
}

// DropWaiting throws the waiting events of a connection away.
func (s Parked) DropWaiting(ctx context.Context, id connection.ID) (int64, error) {
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
