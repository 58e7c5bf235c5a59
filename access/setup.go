package access

import (
	"context"
	"fmt"
	"time"

	"boardlink/connection"
)

const (
	setupTokenBytes = 16 // 128 bits
	// SetupTokenLife is how long a link that was made at the server's own console can be used.
	SetupTokenLife = 30 * time.Minute
)

// CommandLine is the actor of what is done at the server's own console.
const CommandLine = "command line"

func errSetupToken() error {
	return connection.Fail(connection.CodeForbidden, "This link is not valid any more: it works once and for a limited time, and a newer one ends it. Sign in if you have a password already. For a new link ask an admin. Where nobody can sign in, restart Boardlink, or run boardlink reset-link with your e-mail address.")
}

// NeedsSetup reports whether there is no operator yet.
func (p *People) NeedsSetup(ctx context.Context) (bool, error) {
	n, err := p.store.CountOperators(ctx)
	if err != nil {
		return false, fmt.Errorf("look for operators: %w", err)
	}
	return n == 0, nil
}

// NewSetupToken makes the token of the link by which the first operator is made. An older one ends.
func (p *People) NewSetupToken(ctx context.Context) (connection.Secret, error) {
	t, token := p.newToken(0, SetupTokenLife)
	if err := p.store.SaveSetupToken(ctx, t); err != nil {
		return "", fmt.Errorf("store a set-up token: %w", err)
	}
	return token, nil
}

// newToken makes the token of a link that works for that long; only its digest is to be stored.
func (p *People) newToken(operatorID int64, life time.Duration) (SetupToken, connection.Secret) {
	token := randomText(setupTokenBytes)
	return SetupToken{Digest: DigestOf(token), OperatorID: operatorID, ExpiresAt: p.now().Add(life)}, connection.Secret(token)
}

// LookUpToken tells what a link would do, without using it up: the token's Email is the one whose password it sets, or
// empty where it makes the first operator. An unknown, used or expired token is a Failure with CodeForbidden.
func (p *People) LookUpToken(ctx context.Context, token connection.Secret) (SetupToken, error) {
	t, err := p.store.SetupToken(ctx, DigestOf(token.Reveal()), p.now())
	if connection.CodeOf(err) == connection.CodeNotFound {
		return SetupToken{}, errSetupToken()
	}
	if err != nil {
		return SetupToken{}, fmt.Errorf("look up set-up token: %w", err)
	}
	return t, nil
}

// SetUp uses a link: it makes the first operator, an admin, or sets the password of the one the link was made for, whose
// sessions then end; for that one the e-mail may be left out. Wrong fields (CodeInvalid) leave the link usable.
func (p *People) SetUp(ctx context.Context, token connection.Secret, email string, password connection.Secret) (Identity, error) {
	t, err := p.LookUpToken(ctx, token)
	if err != nil {
		return Identity{}, err
	}
	reset := t.OperatorID != 0
	if reset && email == "" {
		email = t.Email
	}
	normal, err := CheckCredentials(email, password)
	if err != nil {
		return Identity{}, err
	}
	if reset && normal != t.Email {
		return Identity{}, invalid(connection.FieldError{Path: "email", Message: "This link was made for another e-mail address."})
	}
	hash, err := p.hasher.Hash(ctx, password)
	if err != nil {
		return Identity{}, fmt.Errorf("set up operator: %w", err)
	}
	o, err := p.store.UseSetupToken(ctx, t.Digest, p.now(), Operator{Email: normal, PasswordHash: hash, Role: RoleAdmin})
	if connection.CodeOf(err) == connection.CodeNotFound {
		return Identity{}, errSetupToken() // somebody else was quicker with the same link
	}
	if err != nil {
		return Identity{}, fmt.Errorf("set up operator: %w", err)
	}
	if err := p.store.SetLastSignIn(ctx, o.ID, p.now()); err != nil { // who comes by a link is signed in
		return Identity{}, fmt.Errorf("set up operator: %w", err)
	}
	p.tell(ctx, connection.LevelInfo, o.Email, o.Email+" "+whatLinkDid(t))
	p.changed()
	return o.Identity(), nil
}

// whatLinkDid completes the sentence of the event that tells of a link's use.
func whatLinkDid(t SetupToken) string {
	switch {
	case t.OperatorID == 0:
		return "became the first operator."
	case t.Invited:
		return "accepted the invitation and set a password."
	case t.Enables:
		return "set a new password with a link of the command line, which enables the account."
	default:
		return "set a new password with a one-time link."
	}
}

// FirstFromEnvironment makes the first operator, an admin, from what the environment brings. made is false where there
// is an operator already: the environment never changes a password, and what it brings is not looked at then, for rules may
// have become stricter since. Wrong fields are a Failure with CodeInvalid.
func (p *People) FirstFromEnvironment(ctx context.Context, email string, password connection.Secret) (made bool, err error) {
	if needed, err := p.NeedsSetup(ctx); err != nil || !needed {
		return false, err
	}
	normal, err := CheckCredentials(email, password)
	if err != nil {
		return false, err
	}
	hash, err := p.hasher.Hash(ctx, password)
	if err != nil {
		return false, fmt.Errorf("make first operator: %w", err)
	}
	o, err := p.store.CreateFirstOperator(ctx, Operator{Email: normal, PasswordHash: hash, Role: RoleAdmin})
	if connection.CodeOf(err) == connection.CodeConflict {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("make first operator: %w", err)
	}
	p.tell(ctx, connection.LevelInfo, connection.System, o.Email+" became the first operator, as the environment says.")
	return true, nil
}
