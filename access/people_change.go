package access

import (
	"context"
	"fmt"
	"strings"
	"time"

	"boardlink/connection"
)

// The bounds of a page of the list of people.
const (
	defaultPeople = 100
	maxPeople     = 1000
)

// Change is what an admin changes about a person. What is nil stays.
type Change struct {
	Role     *Role
	Disabled *bool
}

// Alteration is what becomes of an operator in one transaction. Of Operator, the role and whether it is disabled are
// written. Where either of them changes, or the operator goes, its sessions end; where it is disabled its link ends too.
type Alteration struct {
	Operator Operator
	Link     *SetupToken // takes the place of one that was made before; nil: that one stays
	Remove   bool        // the operator goes, with its sessions and its link
	Event    connection.Event
}

// Changes reports whether there is anything to write.
func (a Alteration) Changes(now Operator) bool {
	return a.Remove || a.Link != nil || a.Operator.Role != now.Role || a.Operator.Disabled() != now.Disabled() || endsLink(now, a.Operator)
}

// endsLink reports whether a link goes because it was made for somebody who is disabled.
func endsLink(from, to Operator) bool { return to.Disabled() && !from.LinkUntil.IsZero() }

// ErrLastAdmin is the refusal of what would leave nobody who can look after people.
func ErrLastAdmin() error {
	return connection.Fail(connection.CodeConflict, "This is the last admin who can sign in. Make somebody else an admin first.")
}

// List reads a page of people, in the order in which they were added. next is the id to give as afterID for the page after
// it, 0 where there is none. limit is 1 to 1000; 0 takes 100.
func (p *People) List(ctx context.Context, afterID int64, limit int) (page []Operator, next int64, err error) {
	if limit == 0 {
		limit = defaultPeople
	}
	if limit < 1 || limit > maxPeople {
		return nil, 0, invalid(connection.FieldError{Path: "limit", Message: "Give a whole number from 1 to 1000.", Example: "100"})
	}
	page, err = p.store.Operators(ctx, afterID, limit+1) // one more tells whether there is another page
	if err != nil {
		return nil, 0, fmt.Errorf("list people: %w", err)
	}
	if len(page) > limit {
		page = page[:limit]
		next = page[limit-1].ID
	}
	return page, next, nil
}

// Get reads one person; where there is none of that id it fails with CodeNotFound.
func (p *People) Get(ctx context.Context, id int64) (Operator, error) {
	o, err := p.store.Operator(ctx, id)
	if err != nil {
		return Operator{}, fmt.Errorf("read a person: %w", err)
	}
	return o, nil
}

// Change gives a person another role, disables or enables them. Their sessions end, so that what they may is asked anew; with
// disabling, a one-time link ends too. version is the one that was read: where the person has changed since, it fails with
// CodeConflict, and [IsStale] tells; 0 takes any. To take away the last admin who can sign in is refused with CodeConflict.
func (p *People) Change(ctx context.Context, actor string, id, version int64, change Change) (Operator, error) {
	if change.Role != nil && !change.Role.Valid() {
		return Operator{}, invalid(wrongRole())
	}
	o, err := p.store.AlterOperator(ctx, id, func(now Operator) (Alteration, error) {
		if isStale(now, version) {
			return Alteration{}, errStale()
		}
		to := now
		if change.Role != nil {
			to.Role = *change.Role
		}
		if change.Disabled != nil && *change.Disabled != now.Disabled() {
			to.DisabledAt = time.Time{}
			if *change.Disabled {
				to.DisabledAt = p.now()
			}
		}
		return Alteration{Operator: to, Event: p.event(actor, whatChanged(now, to))}, nil
	})
	if err != nil {
		return Operator{}, fmt.Errorf("change a person: %w", err)
	}
	p.changed()
	return o, nil
}

// Remove takes a person away; their name stays in the events. version and the last admin are as in [People.Change].
func (p *People) Remove(ctx context.Context, actor string, id, version int64) error {
	_, err := p.store.AlterOperator(ctx, id, func(now Operator) (Alteration, error) {
		if isStale(now, version) {
			return Alteration{}, errStale()
		}
		return Alteration{Remove: true, Event: p.event(actor, now.Email+" ("+standing(now)+") was removed.")}, nil
	})
	if err != nil {
		return fmt.Errorf("remove a person: %w", err)
	}
	p.changed()
	return nil
}

// whatChanged tells what was before and what is now.
func whatChanged(from, to Operator) string {
	var clauses []string
	if from.Role != to.Role {
		clauses = append(clauses, "the role was changed from "+string(from.Role)+" to "+string(to.Role))
	}
	switch {
	case !from.Disabled() && to.Disabled():
		clauses = append(clauses, "the account, "+standing(from)+" before, was disabled")
	case to.Disabled() && endsLink(from, to):
		clauses = append(clauses, "the link that was open ended, for the account is disabled")
	case from.Disabled() && !to.Disabled():
		clauses = append(clauses, "the account, disabled before, was enabled")
	}
	return "Of " + from.Email + " " + strings.Join(clauses, ", and ") + "; all sessions ended."
}

// standing says what a person was: "viewer", "viewer, invited", "admin, disabled".
func standing(o Operator) string {
	words := string(o.Role)
	if o.Invited() {
		words += ", invited"
	}
	if o.Disabled() {
		words += ", disabled"
	}
	return words
}
