package access

import (
	"context"
	"fmt"
	"strconv"

	"boardlink/connection"
)

// PasswordChange is a person's wish for another password.
type PasswordChange struct {
	OperatorID   int64
	Session      Digest // in which the wish came; the others end
	Current, New connection.Secret
}

// PasswordRows keeps the passwords that people change themselves.
type PasswordRows interface {
	// ChangePassword replaces the hash and, in the same transaction, ends the operator's other sessions, links that would set the
	// password and what the operator's browsers are known by.
	ChangePassword(ctx context.Context, operatorID int64, hash string, kept Digest) error
}

// ChangePassword gives a person a new password, for the present one. Wrong fields are a Failure with CodeInvalid that names
// "currentPassword" or "newPassword"; after some wrong passwords the next is not read for a while: a [*Throttled].
func (p *People) ChangePassword(ctx context.Context, from Origin, c PasswordChange) error {
	o, err := p.store.Operator(ctx, c.OperatorID)
	if err != nil {
		return fmt.Errorf("change a password: %w", err)
	}
	var wrong []connection.FieldError
	if !c.Current.IsSet() {
		wrong = append(wrong, connection.FieldError{Path: "currentPassword", Message: "Fill in your current password."})
	}
	if message := wrongPassword(normal(c.New), o.Email); message != "" {
		wrong = append(wrong, connection.FieldError{Path: "newPassword", Message: message})
	}
	if len(wrong) > 0 {
		return invalid(wrong...)
	}
	match, err := p.tries(ctx, true, o, c.Current, placeOf(laneConfirm, strconv.FormatInt(o.ID, 10)))
	if err != nil {
		return fmt.Errorf("change a password: %w", err)
	}
	if !match {
		p.tell(ctx, connection.LevelWarning, o.Email, "A wrong password was given in a session of "+o.Email+".")
		return invalid(connection.FieldError{Path: "currentPassword", Message: "The password is wrong."})
	}
	if normal(c.Current) == normal(c.New) {
		return invalid(connection.FieldError{Path: "newPassword", Message: "This is your password already."})
	}
	hash, err := p.hasher.Hash(ctx, c.New)
	if err == nil {
		err = p.store.ChangePassword(ctx, o.ID, hash, c.Session)
	}
	if err != nil {
		return fmt.Errorf("change a password: %w", err)
	}
	p.tell(ctx, connection.LevelInfo, o.Email, o.Email+" set a new password.")
	return nil
}

// TellSessionsEnded leaves an event: somebody has ended that many of the own sessions.
func (p *People) TellSessionsEnded(ctx context.Context, from Origin, who Identity, n int64) {
	what := "a session"
	if n != 1 {
		what = strconv.FormatInt(n, 10) + " sessions"
	}
	p.tell(ctx, connection.LevelInfo, who.Actor(), who.Name+" ended "+what+" of the own account.")
}
