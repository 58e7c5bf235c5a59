package operation

import (
	"context"

	"boardlink/connection"
)

// Secrets says which stored secrets a replacement keeps, whatever stands in their fields.
type Secrets struct{ Password, DownlinkAsKey bool }

// Replace makes a connection what c says; c.Version is the version that was read, 0 for "whatever it is now". Only what
// belongs to the resource is taken from c: its connector, name, activity, configuration and alarms.
func (o *Connections) Replace(ctx context.Context, actor string, c connection.Connection, keep Secrets) (View, error) {
	return o.change(ctx, actor, c.ID, c.Version, func(to *connection.Connection) error {
		take(to, c, keep)
		return nil
	})
}

// take makes a stored connection what c says.
func take(to *connection.Connection, c connection.Connection, keep Secrets) {
	stored := to.Configuration
	to.ConnectorID, to.Name, to.Active = c.ConnectorID, c.Name, c.Active
	to.Configuration, to.Alarms = c.Configuration, c.Alarms
	if keep.Password {
		to.Configuration.Password = stored.Password
	}
	if keep.DownlinkAsKey {
		to.Configuration.DownlinkAsKey = stored.DownlinkAsKey
	}
}

// EditField changes one setting, given as text under its JSON name. version is the one that was read, 0 for "whatever it
// is now".
func (o *Connections) EditField(ctx context.Context, actor string, id connection.ID, version int64, field, value string) (View, error) {
	edit, err := setField(field, value)
	if err != nil {
		return View{}, err
	}
	return o.change(ctx, actor, id, version, edit)
}

// ProposeField checks what [Connections.EditField] would do, with the same errors, and does not do it. A page asks its
// question by what this answers.
func (o *Connections) ProposeField(ctx context.Context, id connection.ID, version int64, field, value string) (Proposal, error) {
	edit, err := setField(field, value)
	if err != nil {
		return Proposal{}, err
	}
	return o.propose(ctx, id, version, edit)
}

func setField(name, value string) (func(*connection.Connection) error, error) {
	field, ok := connection.FieldByName(name)
	if !ok {
		return nil, connection.Fail(connection.CodeNotFound, "There is no such setting.")
	}
	return func(c *connection.Connection) error {
		if message := field.Set(c, value); message != "" {
			return wrong(field.Path, message, field.Example)
		}
		return nil
	}, nil
}

// SetActive activates or deactivates a connection. Deactivated, its link is down and its uplinks wait in the queue.
func (o *Connections) SetActive(ctx context.Context, actor string, id connection.ID, active bool) (View, error) {
	return o.change(ctx, actor, id, 0, func(c *connection.Connection) error {
		c.Active = active
		return nil
	})
}
