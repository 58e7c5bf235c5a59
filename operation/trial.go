package operation

import (
	"context"
	"fmt"
	"time"

	"boardlink/connection"
)

// A trial is a test of a connection: it goes the way that a link goes, tells how each step came out, and changes nothing.

// trialLimit bounds a trial, from its first step to its last.
const trialLimit = 30 * time.Second

// Prober tries a connection. It tells each step once, as soon as it is over; its error says that ctx was cancelled.
type Prober interface {
	Probe(ctx context.Context, c connection.Connection, present connection.Presenter, tell func(connection.StepResult)) error
}

// Report is what a trial found.
type Report struct {
	OK    bool // every step went well; some may have brought a warning
	Steps []connection.StepResult
}

// Try tests a connection that is not stored. What Validate complains of comes back as a [connection.Failure] with
// [connection.CodeInvalid], and a [*Busy] says that no test may begin now. tell, which may be nil, is given each step as
// soon as it is over. A connection that fails the test is no error.
func (o *Connections) Try(ctx context.Context, actor string, c connection.Connection, tell func(connection.StepResult)) (Report, error) {
	c.ID, c.GatewayDeviceID = 0, ""
	if errs := connection.Validate(c); len(errs) > 0 {
		return Report{}, invalid(errs)
	}
	present := o.trials.unsaved(c.Configuration)
	all, err := o.store.Connections(ctx)
	if err != nil {
		return Report{}, fmt.Errorf("look for the same credentials: %w", err)
	}
	for _, stored := range all { // presented once more they count as those they are
		if !connection.ChangesCredentials(stored, c) {
			present = o.storedCredentials(actor, stored)
			break
		}
	}
	return o.trials.run(ctx, actor, c, present, tell)
}

// TryStored tests the stored connection of c's id as c says, as [Connections.Replace] would store it, and stores nothing.
// The stored password is sent to nobody but the account it belongs to: where host, port, user name or REST address are
// others, or where it would be sent in clear and is not so far, c must bring a password.
func (o *Connections) TryStored(ctx context.Context, actor string, c connection.Connection, keep Secrets, tell func(connection.StepResult)) (Report, error) {
	stored, err := o.store.Connection(ctx, c.ID)
	if err != nil {
		return Report{}, fmt.Errorf("read connection %s: %w", c.ID, err)
	}
	to := stored
	take(&to, c, keep)
	errs := connection.Validate(to)
	if keep.Password && leads(stored.Configuration, to.Configuration) {
		errs = append(errs, connection.FieldError{
			Path:    "configuration.password",
			Message: "Give the password: the stored one is only sent to the Domain Name, the Username and the REST address it is stored with, and not in clear where it was encrypted.",
		})
	}
	if len(errs) > 0 {
		return Report{}, invalid(errs)
	}
	present := o.storedCredentials(actor, stored)
	if connection.ChangesCredentials(stored, to) {
		present = o.trials.unsaved(to.Configuration)
	}
	return o.trials.run(ctx, actor, to, present, tell)
}

// storedCredentials guards the credentials of a stored connection and leaves an event where ThingsBoard refused them, for
// whoever wonders later why its link has fewer tries.
func (o *Connections) storedCredentials(actor string, c connection.Connection) connection.Presenter {
	present := o.trials.stored(c)
	return func(ctx context.Context) (func(context.Context, connection.Verdict), error) {
		settle, err := present(ctx)
		if err != nil {
			return nil, err
		}
		return func(ctx context.Context, v connection.Verdict) {
			settle(ctx, v)
			if v != connection.Refused {
				return
			}
			e := o.event(actor, connection.KindState, c.ID, "A test of the connection was refused by ThingsBoard: the credentials it is stored with have one try less.")
			e.Level = connection.LevelWarning
			if o.store.Tell(ctx, e) == nil { // the report tells it too
				o.publish(c.ID)
			}
		}, nil
	}
}

// leads reports whether a password that is kept would go to another place or account, or in clear.
func leads(from, to connection.Configuration) bool {
	return from.HostName != to.HostName || from.Username != to.Username || from.RestURL != to.RestURL ||
		to.Protocol == connection.ProtocolTCP && from.Protocol != connection.ProtocolTCP
}

// run tries within the limits.
func (t *trials) run(ctx context.Context, actor string, c connection.Connection, present connection.Presenter, tell func(connection.StepResult)) (Report, error) {
	if t.prober == nil {
		return Report{}, connection.Fail(connection.CodeUnavailable, "Connections cannot be tested here.")
	}
	leave, err := t.enter(ctx, actor)
	if err != nil {
		return Report{}, err
	}
	defer leave()
	ctx, cancel := context.WithTimeout(ctx, trialLimit)
	defer cancel()
	report := Report{OK: true}
	err = t.prober.Probe(ctx, c, present, func(r connection.StepResult) {
		report.Steps = append(report.Steps, r)
		report.OK = report.OK && (r.Outcome == connection.OutcomeOK || r.Outcome == connection.OutcomeWarning)
		if tell != nil {
			tell(r)
		}
	})
	return report, err
}
