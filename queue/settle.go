package queue

import (
	"context"
	"fmt"
	"time"

	"boardlink/connection"
)

// Ack says that an event was delivered. It leaves the queue with the writer's next commit: a crash before that means a
// duplicate, never a loss. Its lane is free at once. The error is [ErrNotOutstanding], [ErrFenced] or [ErrClosed]; the
// event is then handed out again, or was settled before.
func (l *Lanes) Ack(_ context.Context, e Event) error { return l.remove(e) }

// Drop removes an event that shall not be delivered, as one that expired. It is as quick as Ack, with the same errors.
func (l *Lanes) Drop(_ context.Context, e Event) error { return l.remove(e) }

func (l *Lanes) remove(e Event) error {
	return l.settled(e, func(_ *lane, out Event) {
		l.q.writer.remove(removal{out.ID, chargeOf(&out)})
	})
}

// Retry gives an event back that was refused. It is the first of its lane again, after some time, with one more
// attempt counted; the lane waits as long. It does nothing where Ack would give an error.
func (l *Lanes) Retry(e Event, after time.Duration) {
	_ = l.settled(e, func(lane *lane, out Event) { // nothing to retry then
		out.Attempts++
		l.q.writer.tried(out.ID, out.Attempts)
		l.win.putBack(lane, out)
		if after > 0 {
			lane.due = time.Now().Add(after)
			l.win.shed(lane, 0)
		}
	})
}

// Return gives an event back that was not tried, or whose outcome is not known, as when the link was lost. Nothing is
// counted. It does nothing where Ack would give an error.
func (l *Lanes) Return(e Event) {
	_ = l.settled(e, func(lane *lane, out Event) { l.win.putBack(lane, out) }) // nothing to return then
}

// Park puts an event aside for a person to look at and lets its lane go on. It returns once that is on disk. After an
// error the event is still outstanding and must be settled in another way; [ErrParkedFull] asks to let the lane wait.
func (l *Lanes) Park(ctx context.Context, e Event, code connection.ReasonCode, reason string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	out, err := l.outstanding(e)
	if err != nil {
		return err
	}
	// The outcome must be known whatever becomes of the caller, and the writer always answers.
	if err := <-l.q.writer.do(func(t *tx) error { return t.park(out, code, reason) }); err != nil {
		return fmt.Errorf("park event: %w", err)
	}
	_ = l.settled(e, func(*lane, Event) {}) // a consumer that took over finds it parked already
	return nil
}

// outstanding gives our own copy of an event that was handed out.
func (l *Lanes) outstanding(e Event) (Event, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	lane, err := l.outstandingLane(e)
	if err != nil {
		return Event{}, err
	}
	return lane.out, nil
}

func (l *Lanes) outstandingLane(e Event) (*lane, error) {
	if l.err != nil {
		return nil, l.err
	}
	lane := l.win.lanes[laneOf(e.Connection, e.DevEUI)]
	if lane == nil || e.ID == 0 || lane.out.ID != e.ID {
		return nil, ErrNotOutstanding
	}
	return lane, nil
}

// settled frees the lane of an outstanding event. do runs before the lane finds its new place.
func (l *Lanes) settled(e Event, do func(l *lane, out Event)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	lane, err := l.outstandingLane(e)
	if err != nil {
		return err
	}
	out := lane.out
	lane.out = Event{}
	l.win.out--
	do(lane, out)
	l.win.settle(lane)
	l.signal()
	return nil
}
