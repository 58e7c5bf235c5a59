package operation

import (
	"context"
	"errors"
	"fmt"

	"boardlink/connection"
)

// ParkedEvents keeps the events that were put aside. What it lists is in the order of the ids, which an event keeps when it
// comes back: a cursor stays good whatever happens meanwhile.
type ParkedEvents interface {
	// Parked lists events with ids above afterID.
	Parked(ctx context.Context, id connection.ID, afterID int64, limit int) ([]connection.ParkedEvent, error)
	// ParkedBecause lists the ids above afterID of events that share a reason.
	ParkedBecause(ctx context.Context, id connection.ID, code connection.ReasonCode, afterID int64, limit int) ([]int64, error)
	// ParkedReasons counts, the most frequent reason first.
	ParkedReasons(ctx context.Context, id connection.ID) ([]connection.ParkedReason, error)
	// RetryParked lets events wait for delivery again; ids nil means all. What is not parked is passed over.
	RetryParked(ctx context.Context, id connection.ID, ids []int64) (int64, error)
	// DropParked throws events away; ids nil means all.
	DropParked(ctx context.Context, id connection.ID, ids []int64) (int64, error)
}

// maxDocuments bounds the documents of a page of parked events, in bytes. A page holds one event at least.
const maxDocuments = 8 << 20

// parkedStep is how many parked events are read at once: a page of large documents must not be read as a whole before it is
// found to be too much.
const parkedStep = 50

// maxParked is more than a connection can have of parked events.
const maxParked = 100_000

// ParkedFilter chooses parked events of a connection. Its zero value chooses the first [DefaultLimit] of all.
type ParkedFilter struct {
	Reason  connection.ReasonCode // empty: any
	AfterID int64                 // cursor: events with a higher id
	Limit   int                   // 1 to [MaxLimit]; 0 takes [DefaultLimit]
}

// ParkedChoice says which parked events of a connection are meant: those with the ids, those with the reason, or all. One of
// the three is set.
type ParkedChoice struct {
	IDs    []int64
	Reason connection.ReasonCode
	All    bool
}

// Parked reads a page of the events that were put aside, the oldest first. next is the cursor of the page after it, 0 where
// there is none. A page of large documents is shorter than its limit.
func (o *Connections) Parked(ctx context.Context, id connection.ID, f ParkedFilter) (page []connection.ParkedEvent, next int64, err error) {
	limit, err := limitOf(f.Limit)
	if err != nil {
		return nil, 0, err
	}
	if _, err := o.store.Connection(ctx, id); err != nil {
		return nil, 0, fmt.Errorf("read connection %s: %w", id, err)
	}
	size, after := 0, f.AfterID
	for {
		some, last, err := o.parkedAfter(ctx, id, f.Reason, after, min(limit+1-len(page), parkedStep))
		if err != nil {
			return nil, 0, fmt.Errorf("list parked events of connection %s: %w", id, err)
		}
		if last == 0 {
			return page, 0, nil
		}
		for _, e := range some {
			if size += len(e.Document); len(page) == limit || len(page) > 0 && size > maxDocuments {
				return page, page[len(page)-1].ID, nil
			}
			page = append(page, e)
		}
		after = last
	}
}

// parkedAfter reads some events. last is the id up to which it has looked, 0 at the end.
func (o *Connections) parkedAfter(ctx context.Context, id connection.ID, code connection.ReasonCode, after int64, limit int) (all []connection.ParkedEvent, last int64, err error) {
	if code == connection.ReasonNone {
		all, err = o.parked.Parked(ctx, id, after, limit)
		if len(all) > 0 {
			last = all[len(all)-1].ID
		}
		return all, last, err
	}
	ids, err := o.parked.ParkedBecause(ctx, id, code, after, limit)
	if err != nil {
		return nil, 0, err
	}
	for _, last = range ids {
		one, err := o.parked.Parked(ctx, id, last-1, 1)
		if err != nil {
			return nil, 0, err
		}
		if len(one) == 1 && one[0].ID == last { // else it has just left
			all = append(all, one[0])
		}
	}
	return all, last, nil
}

// ParkedReasons counts the parked events of a connection by their reason, the most frequent first.
func (o *Connections) ParkedReasons(ctx context.Context, id connection.ID) ([]connection.ParkedReason, error) {
	all, err := o.parked.ParkedReasons(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("count parked events of connection %s: %w", id, err)
	}
	return all, nil
}

// RetryParked puts parked events back into the queue, before the younger events of their devices and with no attempt
// counted, and says how many there were. What is not parked is passed over.
func (o *Connections) RetryParked(ctx context.Context, actor string, id connection.ID, choice ParkedChoice) (int64, error) {
	return o.settleParked(ctx, id, choice, o.parked.RetryParked, func(n int64, name string) connection.Event {
		return o.event(actor, connection.KindUplink, id, "%s put back into the queue.", parkedWere(n, name))
	})
}

// DropParked throws parked events away for good and says how many there were. What is not parked is passed over.
func (o *Connections) DropParked(ctx context.Context, actor string, id connection.ID, choice ParkedChoice) (int64, error) {
	return o.settleParked(ctx, id, choice, o.parked.DropParked, func(n int64, name string) connection.Event {
		e := o.event(actor, connection.KindUplink, id, "%s dropped.", parkedWere(n, name))
		e.Level = connection.LevelWarning
		return e
	})
}

// settleParked does something with parked events and tells it, also where it was done in part.
func (o *Connections) settleParked(ctx context.Context, id connection.ID, choice ParkedChoice,
	do func(context.Context, connection.ID, []int64) (int64, error), tell func(n int64, name string) connection.Event,
) (int64, error) {
	c, err := o.store.Connection(ctx, id)
	if err != nil {
		return 0, fmt.Errorf("read connection %s: %w", id, err)
	}
	ids, err := o.chosen(ctx, id, choice)
	if err != nil {
		return 0, err
	}
	n, err := do(ctx, id, ids)
	if err != nil {
		err = fmt.Errorf("settle parked events of connection %s: %w", id, err)
	}
	if n == 0 {
		return 0, err
	}
	// What was done is told, even to who has gone meanwhile.
	if told := o.store.Tell(context.WithoutCancel(ctx), tell(n, c.Name)); told != nil {
		err = errors.Join(err, fmt.Errorf("tell of parked events of connection %s: %w", id, told))
	}
	o.publish(id)
	return n, err
}

// chosen gives the ids that a choice means, nil for all.
func (o *Connections) chosen(ctx context.Context, id connection.ID, choice ParkedChoice) ([]int64, error) {
	switch {
	case choice.All:
		return nil, nil
	case choice.Reason != connection.ReasonNone:
		ids, err := o.parked.ParkedBecause(ctx, id, choice.Reason, 0, maxParked)
		if err != nil {
			return nil, fmt.Errorf("list parked events of connection %s: %w", id, err)
		}
		return append([]int64{}, ids...), nil // never nil
	default:
		return append([]int64{}, choice.IDs...), nil
	}
}

// parkedWere begins a sentence: "3 parked events of the connection "North" were".
func parkedWere(n int64, name string) string {
	if n == 1 {
		return fmt.Sprintf("1 parked event of the connection %q was", name)
	}
	return fmt.Sprintf("%d parked events of the connection %q were", n, name)
}
