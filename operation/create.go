package operation

import (
	"context"
	"fmt"

	"boardlink/connection"
)

// Create stores a new connection and lets its link start. What Validate complains of comes back as a
// [connection.Failure] with [connection.CodeInvalid].
func (o *Connections) Create(ctx context.Context, actor string, c connection.Connection) (View, error) {
	if errs := connection.Validate(c); len(errs) > 0 {
		return View{}, invalid(errs)
	}
	now := o.now()
	c = connection.Connection{
		ConnectorID: c.ConnectorID, Name: c.Name, Active: c.Active, Configuration: c.Configuration, Alarms: c.Alarms,
		UplinkKey: o.newKey(), CreatedAt: now, UpdatedAt: now,
	}
	stored, err := o.store.CreateConnection(ctx, c, o.event(actor, connection.KindCreated, 0, "The connection %q was created.", c.Name))
	if err != nil {
		return View{}, fmt.Errorf("store new connection: %w", err)
	}
	o.committed(stored)
	return o.view(stored, o.links.Status(stored.ID)), nil
}

// Delete removes a connection for good: its link stops, its uplinks are refused, and what waits in its queue is thrown
// away in the background.
func (o *Connections) Delete(ctx context.Context, actor string, id connection.ID) error {
	c, err := o.store.Connection(ctx, id)
	if err != nil {
		return fmt.Errorf("read connection %s: %w", id, err)
	}
	e := o.event(actor, connection.KindDeleted, id, "The connection %q was deleted.", c.Name)
	if err := o.store.DeleteConnection(ctx, id, e); err != nil {
		return fmt.Errorf("delete connection %s: %w", id, err)
	}
	o.restarting.Lock()
	delete(o.grants, id)
	o.restarting.Unlock()
	o.observer.Removed(id)
	o.links.Reconcile(id)
	o.publish(id)
	return nil
}
