package operation

import (
	"context"
	"fmt"

	"boardlink/connection"
)

// Restart closes the link and opens it again at once. Where ThingsBoard refused the credentials it allows one more try
// with them.
func (o *Connections) Restart(ctx context.Context, actor string, id connection.ID) (View, error) {
	return o.again(ctx, actor, id, "A restart was asked for.")
}

// Retry makes the next try at once instead of when the strategy says. Like [Connections.Restart] it allows refused
// credentials one more try.
func (o *Connections) Retry(ctx context.Context, actor string, id connection.ID) (View, error) {
	return o.again(ctx, actor, id, "A new try was asked for.")
}

func (o *Connections) again(ctx context.Context, actor string, id connection.ID, message string) (View, error) {
	c, err := o.store.Connection(ctx, id)
	if err != nil {
		return View{}, fmt.Errorf("read connection %s: %w", id, err)
	}
	if !c.Active {
		return View{}, connection.Fail(connection.CodeConflict, "The connection is deactivated: activate it to start its link.")
	}
	if o.links.Status(id).State == connection.AuthenticationFailed {
		if err := o.store.AllowCredentialTry(ctx, id, c.CredentialVersion); err != nil {
			return View{}, fmt.Errorf("allow another sign-in of connection %s: %w", id, err)
		}
	}
	if err := o.store.RequestRestart(ctx, id, o.event(actor, connection.KindState, id, "%s", message)); err != nil {
		return View{}, fmt.Errorf("request restart of connection %s: %w", id, err)
	}
	o.links.Reconcile(id)
	o.publish(id)
	return o.Get(ctx, id)
}
