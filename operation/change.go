package operation

import (
	"context"
	"errors"
	"fmt"

	"boardlink/connection"
)

// Conflict is the answer to a change that was made on an old version. It wraps a [connection.Failure] with
// [connection.CodeConflict].
type Conflict struct {
	Theirs  View // what stands in the store now
	failure *connection.Failure
}

func (c *Conflict) Error() string { return c.failure.Error() }

// Unwrap gives the failure.
func (c *Conflict) Unwrap() error { return c.failure }

// maxRounds bounds how often a change that names no version starts again because somebody else was quicker.
const maxRounds = 8

// change reads a connection, lets edit work on a copy, checks the result and stores it with one event that tells what
// changed. version is what the caller has read; 0 stands for "whatever it is now". Where nothing differs nothing is
// written. Where the version is old, a [*Conflict] says so, unless the change is in the store already.
func (o *Connections) change(ctx context.Context, actor string, id connection.ID, version int64, edit func(*connection.Connection) error) (View, error) {
	for round := 0; ; round++ {
		p, err := o.propose(ctx, id, version, edit)
		if err != nil {
			return View{}, err
		}
		if p.Nothing() {
			return o.view(p.From, o.links.Status(id)), nil
		}
		to := p.To
		to.UpdatedAt = o.now()
		if connection.ChangesCredentials(p.From, to) {
			to.CredentialVersion++
		}
		stored, err := o.store.UpdateConnection(ctx, to, o.event(actor, connection.KindUpdated, id, "%s", p.sentence()))
		if connection.CodeOf(err) == connection.CodeConflict {
			if version == 0 && round < maxRounds {
				continue
			}
			return View{}, o.conflict(ctx, id, err)
		}
		if err != nil {
			return View{}, fmt.Errorf("store connection %s: %w", id, err)
		}
		o.committed(stored)
		return o.view(stored, o.links.Status(id)), nil
	}
}

// Proposal is a change that was checked and not made.
type Proposal struct {
	From, To connection.Connection
	changes  []string
}

// Nothing reports whether the change changes nothing.
func (p Proposal) Nothing() bool { return len(p.changes) == 0 }

// Restarts reports whether the change restarts the link.
func (p Proposal) Restarts() bool { return connection.RestartsLink(p.From, p.To) }

func (o *Connections) propose(ctx context.Context, id connection.ID, version int64, edit func(*connection.Connection) error) (Proposal, error) {
	from, err := o.store.Connection(ctx, id)
	if err != nil {
		return Proposal{}, fmt.Errorf("read connection %s: %w", id, err)
	}
	p := Proposal{From: from, To: from}
	if err := edit(&p.To); err != nil {
		return Proposal{}, err
	}
	p.changes = changes(from, p.To)
	if version != 0 && version != from.Version && !p.Nothing() {
		return Proposal{}, o.conflict(ctx, id, nil)
	}
	if p.Nothing() {
		return p, nil
	}
	if errs := connection.Validate(p.To); len(errs) > 0 {
		return Proposal{}, invalid(errs)
	}
	return p, nil
}

// conflict tells the caller what stands in the store now.
func (o *Connections) conflict(ctx context.Context, id connection.ID, cause error) error {
	theirs, err := o.Get(ctx, id)
	if err != nil {
		return errors.Join(err, cause)
	}
	return &Conflict{Theirs: theirs, failure: &connection.Failure{
		Code:    connection.CodeConflict,
		Message: "Somebody else changed this connection since you opened it.",
		Err:     cause,
	}}
}
