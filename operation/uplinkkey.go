package operation

import (
	"context"
	"fmt"
	"time"

	"boardlink/connection"
)

// stillInUse is how recent a use of the old uplink key must be for its end to be a warning.
const stillInUse = time.Hour

// ParseOldValidFor reads how long a replaced uplink key is to be accepted: a duration as settings have it ("24h", "7d"), or
// 0, which nothing stands for too. The error names the field oldValidFor.
func ParseOldValidFor(text string) (time.Duration, error) {
	switch text {
	case "", "0", "0s", "0m", "0h", "0d":
		return 0, nil
	}
	d, err := connection.ParseDuration(text)
	if err != nil || d.Span() > connection.MaxOldUplinkKey {
		return 0, wrong("oldValidFor", "Give one number and one unit (s, m, h or d), at most 7d; 0s ends the old key at once.", "24h")
	}
	return d.Span(), nil
}

// RenewUplinkKey replaces the credential of the connection's uplinks. The old one is accepted too for a while, from 0, which
// ends it at once, to [connection.MaxOldUplinkKey]; a longer time is wrong. There are two keys at most: while one that was
// replaced before is accepted, another can only be made that ends both at once (CodeConflict).
func (o *Connections) RenewUplinkKey(ctx context.Context, actor string, id connection.ID, oldValidFor time.Duration) (View, error) {
	if oldValidFor < 0 || oldValidFor > connection.MaxOldUplinkKey {
		return View{}, wrong("oldValidFor", "Choose at most 7 days.", "24h")
	}
	key := o.newKey()
	return o.change(ctx, actor, id, 0, func(c *connection.Connection) error {
		now := o.now()
		switch {
		case oldValidFor == 0:
			c.OldUplinkKey, c.OldUplinkKeyUntil = "", time.Time{}
		case c.OldUplinkKey.IsSet() && now.Before(c.OldUplinkKeyUntil):
			return connection.Fail(connection.CodeConflict,
				"The key that was replaced before is accepted until %s. End it first, or renew so that both end at once.", exact(c.OldUplinkKeyUntil))
		default:
			c.OldUplinkKey, c.OldUplinkKeyUntil = c.UplinkKey, now.Add(oldValidFor).Truncate(time.Millisecond)
		}
		c.UplinkKey, c.OldUplinkKeyUsedAt = key, time.Time{}
		return nil
	})
}

// EndOldUplinkKey ends the uplink key that was replaced, before its time. Where there is none the error has CodeNotFound.
func (o *Connections) EndOldUplinkKey(ctx context.Context, actor string, id connection.ID) (View, error) {
	return o.change(ctx, actor, id, 0, func(c *connection.Connection) error {
		if !c.OldUplinkKey.IsSet() || !o.now().Before(c.OldUplinkKeyUntil) {
			return connection.Fail(connection.CodeNotFound, "There is no old uplink key: the one in use is the only one.")
		}
		c.OldUplinkKey, c.OldUplinkKeyUntil, c.OldUplinkKeyUsedAt = "", time.Time{}, time.Time{}
		return nil
	})
}

// ForgetOldUplinkKey removes an old uplink key whose time is over. It was accepted no longer; now it is kept no longer
// either, and an event tells whether it was missed.
func (o *Connections) ForgetOldUplinkKey(ctx context.Context, id connection.ID) error {
	c, err := o.store.Connection(ctx, id)
	if err != nil {
		return fmt.Errorf("read connection %s: %w", id, err)
	}
	now := o.now()
	if !c.OldUplinkKey.IsSet() || now.Before(c.OldUplinkKeyUntil) {
		return nil
	}
	used := o.oldKeyUsedAt(c)
	e := o.event(connection.System, connection.KindUpdated, id, "The old uplink key has ended. It was not used since it was replaced.")
	if !used.IsZero() {
		e.Message = "The old uplink key has ended. It was last used at " + exact(used) + "."
	}
	if !used.IsZero() && c.OldUplinkKeyUntil.Sub(used) < stillInUse {
		e.Level = connection.LevelWarning
		e.Message += " Uplinks that still bear it are refused: give ThingPark the new one."
	}
	stored, err := o.store.ForgetOldUplinkKey(ctx, id, now, e)
	if err != nil {
		return fmt.Errorf("forget the old uplink key of connection %s: %w", id, err)
	}
	o.observer.Changed(stored)
	o.publish(id)
	return nil
}

// oldKeyUsedAt is the last use of the old uplink key, from the store or from who sees it first.
func (o *Connections) oldKeyUsedAt(c connection.Connection) time.Time {
	at := c.OldUplinkKeyUsedAt
	if o.oldKeys != nil {
		if latest := o.oldKeys.OldKeyUsedAt(c.ID); latest.After(at) {
			at = latest
		}
	}
	return at
}

// withOldKey completes what a reader sees of the old uplink key: its last use, and nothing of one whose time is over.
func (o *Connections) withOldKey(c connection.Connection) connection.Connection {
	if !c.OldUplinkKey.IsSet() {
		return c
	}
	if !o.now().Before(c.OldUplinkKeyUntil) {
		c.OldUplinkKey, c.OldUplinkKeyUntil, c.OldUplinkKeyUsedAt = "", time.Time{}, time.Time{}
		return c
	}
	c.OldUplinkKeyUsedAt = o.oldKeyUsedAt(c)
	return c
}

// exact writes a moment in an event.
func exact(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
