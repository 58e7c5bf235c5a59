package operation

import (
	"context"
	"fmt"
	"time"

	"boardlink/connection"
)

const (
	// sameClick is how long a second wish of the same kind is taken for the first one, clicked twice or sent again.
	sameClick = 2 * time.Second
	// tryLasts is how long a try that was allowed may be under way: the deadlines of OPENING and AUTHENTICATING.
	tryLasts = 70 * time.Second
)

// grant is the last try that a person allowed with refused credentials.
type grant struct {
	version int64 // of the credentials
	tries   int   // made before it
	at      time.Time
	wish    string // what was asked for: a restart or a retry, each of which allows one
}

// pending reports whether the try is still being made, so that another wish for one asks for nothing new.
func (g grant) pending(version int64, wish string, s connection.Status, now time.Time) bool {
	since := now.Sub(g.at)
	return g.version == version && (since < sameClick && g.wish == wish || since < tryLasts && (s.State == connection.Opening || s.State == connection.Authenticating))
}

// unspent reports whether nothing was presented since the try was allowed.
func (g grant) unspent(version int64, s connection.Status) bool {
	return g.version == version && g.tries == s.Attempt
}

// Restart closes the link and opens it again at once. Where ThingsBoard refused the credentials it allows one more try
// with them; several wishes at once allow one.
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
	o.restarting.Lock()
	defer o.restarting.Unlock()
	status, now := o.links.Status(id), o.now()
	last, allowed := o.grants[id]
	if allowed && last.pending(c.CredentialVersion, message, status, now) {
		return o.view(c, status), nil
	}
	refused := status.State == connection.AuthenticationFailed
	if refused && !(allowed && last.unspent(c.CredentialVersion, status)) {
		if err := o.store.AllowCredentialTry(ctx, id, c.CredentialVersion); err != nil {
			return View{}, fmt.Errorf("allow another sign-in of connection %s: %w", id, err)
		}
		o.grants[id] = grant{version: c.CredentialVersion, tries: status.Attempt}
	}
	if err := o.store.RequestRestart(ctx, id, o.event(actor, connection.KindState, id, "%s", message)); err != nil {
		return View{}, fmt.Errorf("request restart of connection %s: %w", id, err)
	}
	if refused {
		g := o.grants[id]
		g.at, g.wish = now, message
		o.grants[id] = g
	}
	o.links.Reconcile(id)
	o.publish(id)
	return o.Get(ctx, id)
}
