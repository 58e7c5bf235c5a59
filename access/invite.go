package access

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"boardlink/connection"
)

const (
	// InvitationLife is how long the link of an invitation can be used.
	InvitationLife = 72 * time.Hour
	// ResetLinkLife is how long a link can be used by which somebody sets a new password.
	ResetLinkLife = 24 * time.Hour
)

// Link is a one-time link. Whoever has it sets the password of the person it was made for, so it is shown once, to the one
// who asked for it, and stored nowhere: the database holds a digest of its token.
type Link struct {
	URL       connection.Secret // the whole address
	ExpiresAt time.Time
}

func (p *People) link(t SetupToken, token connection.Secret) Link {
	return Link{URL: connection.Secret(p.public + "/setup?token=" + token.Reveal()), ExpiresAt: t.ExpiresAt}
}

// Invite adds a person who sets a password by the link. Wrong fields are a Failure with CodeInvalid, an e-mail that is taken
// one with CodeConflict.
func (p *People) Invite(ctx context.Context, actor, email string, role Role) (Operator, Link, error) {
	normal, err := NormalEmail(email)
	fields := fieldsOf(err)
	if strings.TrimSpace(email) == "" {
		fields = []connection.FieldError{{Path: "email", Message: "Fill in the person's e-mail address.", Example: "bob@example.com"}}
	}
	if !role.Valid() {
		fields = append(fields, wrongRole())
	}
	if len(fields) > 0 {
		return Operator{}, Link{}, invalid(fields...)
	}
	t, token := p.newToken(0, InvitationLife)
	o, err := p.store.InviteOperator(ctx, Operator{Email: normal, Role: role}, t,
		p.event(actor, normal+" was invited as "+string(role)+", by a link that works until "+spoken(t.ExpiresAt)+"."))
	if err != nil {
		return Operator{}, Link{}, fmt.Errorf("invite: %w", err)
	}
	p.changed()
	return o, p.link(t, token), nil
}

// NewLink makes a new link for a person, who sets a password by it: the first one of somebody who is invited, else another
// one. A link that was made before ends. The old password stays good until the link is used, for a link that goes astray or
// is made by mistake must lock nobody out; whoever shall not come in any more is disabled instead. version is as in
// [People.Change].
func (p *People) NewLink(ctx context.Context, actor string, id, version int64) (Operator, Link, error) {
	var link Link
	o, err := p.store.AlterOperator(ctx, id, func(now Operator) (Alteration, error) {
		switch {
		case isStale(now, version):
			return Alteration{}, errStale()
		case now.Disabled():
			return Alteration{}, connection.Fail(connection.CodeConflict, "Somebody who is disabled gets no link. Enable the account first.")
		}
		life, what := ResetLinkLife, "A link to set a new password"
		if now.Invited() {
			life, what = InvitationLife, "A new invitation link"
		}
		t, token := p.newToken(id, life)
		link = p.link(t, token)
		return Alteration{Operator: now, Link: &t, Event: p.event(actor,
			what+" was made for "+now.Email+"; it works until "+spoken(t.ExpiresAt)+".")}, nil
	})
	if err != nil {
		return Operator{}, Link{}, fmt.Errorf("make a link: %w", err)
	}
	p.changed()
	return o, link, nil
}

// ResetFromCommandLine makes a link by which the operator with that e-mail sets a new password, for somebody who asks at the
// server's own console: it opens the account also of somebody who is disabled, and enables it when it is used. An unknown
// e-mail is a Failure with CodeNotFound.
func (p *People) ResetFromCommandLine(ctx context.Context, email string) (Operator, Link, error) {
	normal, err := NormalEmail(email)
	if err != nil {
		return Operator{}, Link{}, err
	}
	found, err := p.store.OperatorByEmail(ctx, normal)
	if err != nil {
		return Operator{}, Link{}, fmt.Errorf("make a reset link: %w", err)
	}
	var link Link
	o, err := p.store.AlterOperator(ctx, found.ID, func(now Operator) (Alteration, error) {
		t, token := p.newToken(now.ID, SetupTokenLife)
		t.Enables = now.Disabled()
		link = p.link(t, token)
		e := p.event(CommandLine, "A link to set a new password was made for "+now.Email+" at the server's command line; it works until "+spoken(t.ExpiresAt)+".")
		if t.Enables {
			e.Message += " The account is disabled; the link enables it."
		}
		return Alteration{Operator: now, Link: &t, Event: e}, nil
	})
	if err != nil {
		return Operator{}, Link{}, fmt.Errorf("make a reset link: %w", err)
	}
	return o, link, nil
}

// spoken writes a moment as events have it.
func spoken(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

func wrongRole() connection.FieldError {
	return connection.FieldError{Path: "role", Message: "Choose among viewer, operator and admin.", Example: string(RoleViewer)}
}

// errChanged marks the refusal of a change that was made to what is not there any more.
var errChanged = errors.New("the version is another")

func errStale() error {
	return &connection.Failure{Code: connection.CodeConflict, Message: "Somebody else changed this person since you read it. Look again and repeat your change.", Err: errChanged}
}

// IsStale reports whether a change was refused because somebody else was quicker.
func IsStale(err error) bool { return errors.Is(err, errChanged) }

func isStale(now Operator, version int64) bool { return version != 0 && version != now.Version }
