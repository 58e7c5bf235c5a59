package operation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"boardlink/connection"
)

// Backlog keeps the events that wait for delivery.
type Backlog interface {
	// DropWaiting throws the waiting events of a connection away and says how many there were, also beside an error. What is
	// on its way to ThingsBoard and what is parked stays.
	DropWaiting(ctx context.Context, id connection.ID) (int64, error)
}

// purgeLimit bounds one purge, so that it is answered: a huge backlog takes several.
const purgeLimit = 20 * time.Second

// Purge throws away for good what waits for delivery, and says how many events there were. The link goes on; what is on its
// way to ThingsBoard at that moment and what is parked stays. Where it took too long, [connection.CodeUnavailable] says how
// many were dropped; asked again it goes on.
func (o *Connections) Purge(ctx context.Context, actor string, id connection.ID) (int64, error) {
	c, err := o.store.Connection(ctx, id)
	if err != nil {
		return 0, fmt.Errorf("read connection %s: %w", id, err)
	}
	limited, cancel := context.WithTimeout(ctx, purgeLimit)
	defer cancel()
	n, err := o.backlog.DropWaiting(limited, id)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		err = &connection.Failure{Code: connection.CodeUnavailable, Err: err,
			Message: fmt.Sprintf("There was more than can be dropped at once: %d events were, and others still wait. Ask again.", n)}
	} else if err != nil {
		err = fmt.Errorf("drop waiting events of connection %s: %w", id, err)
	}
	if n == 0 {
		return 0, err
	}
	what := fmt.Sprintf("%d waiting events were", n)
	if n == 1 {
		what = "1 waiting event was"
	}
	e := o.event(actor, connection.KindUplink, id, "The backlog of connection %q was purged: %s dropped.", c.Name, what)
	e.Level = connection.LevelWarning
	// What was done is told, even to who has gone meanwhile.
	if told := o.store.Tell(context.WithoutCancel(ctx), e); told != nil {
		err = errors.Join(err, fmt.Errorf("tell of the purge of connection %s: %w", id, told))
	}
	o.publish(id)
	return n, err
}
