// Package account holds the pages of whoever is not signed in yet (signing in, the set-up of the first operator) and those
// of the signed-in person's own account.
package account

import (
	"context"
	"time"

	"boardlink/text"
	"boardlink/views/ui"
)

// SignIn is the sign-in form.
type SignIn struct {
	Email string // as typed
	Next  string // where to go on afterwards: a path of this console
	Error string // one sentence for the whole form: which of the two is wrong is not told
	Note  string // one that is no error: nobody can sign in yet

	EmailError, PasswordError string // what is not filled in
}

// passwordNext reports whether the password is what is to be typed next.
func (m SignIn) passwordNext() bool {
	return m.EmailError == "" && (m.Error != "" || m.PasswordError != "")
}

// Confirm is the form that asks for the password once more.
type Confirm struct {
	Next  string // where to go on afterwards: a path of this console
	Error string
}

// Own is the signed-in person's own account.
type Own struct {
	Email    string
	Role     string
	Sessions []Session // the one that was seen last first
	Now      time.Time
}

// Session is one of the person's sessions.
type Session struct {
	ID                    string // names it and opens nothing
	Browser               string // "Firefox on Linux"
	Address               string // that it was started from; empty: not known
	StartedAt, LastSeenAt time.Time
	Current               bool // the one that shows the page
}

// SessionsHeading is the address of the account that leads to the heading of the sessions: where the focus goes when the row that
// had it is gone.
const SessionsHeading = "/account#sessions"

// others reports whether there is a session beside the one that shows the page.
func (m Own) others() bool { return len(m.Sessions) > 1 }

func (s Session) endLabel(ctx context.Context) string {
	if s.Address == "" {
		return text.T(ctx, "account.own.end_of", "browser", s.Browser)
	}
	return text.T(ctx, "account.own.end_of_from", "browser", s.Browser, "address", s.Address)
}

// SetUp is the form of the first operator.
type SetUp struct {
	Token   string // from the link
	Reset   bool   // the link sets a password of an operator that is there already
	Invited bool   // and that has none yet
	Fields  []ui.Field
}

// HasErrors reports whether anything is wrong with the form.
func (m SetUp) HasErrors() bool { return anyWrong(m.Fields) }

func anyWrong(fields []ui.Field) bool {
	for _, f := range fields {
		if f.Error != "" {
			return true
		}
	}
	return false
}

// kind says which messages go with it.
func (m SetUp) kind() string {
	switch {
	case m.Invited:
		return "invited"
	case m.Reset:
		return "reset"
	}
	return "first"
}
