package operation

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"boardlink/connection"
)

// ThingsBoard disables an account after too many refused logins, and tests must not bring that about. With stored
// credentials they spend the tries that the link has; what is tried without being stored has a budget of its own.

// Tries keeps how often stored credentials were presented.
type Tries interface {
	// TakeCredentialTry counts a sign-in that is about to be made, and reports false where none is left.
	TakeCredentialTry(ctx context.Context, id connection.ID, credentialVersion int64) (taken bool, err error)
	// AllowCredentialTry gives one back.
	AllowCredentialTry(ctx context.Context, id connection.ID, credentialVersion int64) error
	// ResetCredentialTries forgets them, after a sign-in that was taken.
	ResetCredentialTries(ctx context.Context, id connection.ID, credentialVersion int64) error
}

const (
	// An account of an unsaved configuration may be refused this often within this time.
	unsavedTries  = 3
	unsavedWithin = 10 * time.Minute
	// unsavedAccounts bounds what is remembered. When as many were refused, tests wait until the oldest are forgotten.
	unsavedAccounts = 10_000
	bookingLimit    = 5 * time.Second
)

// stored guards the credentials of a stored connection: the try is on disk before the login is sent, a refusal counts, a
// success forgets the others, and a login that nobody judged gives its try back.
func (t *trials) stored(c connection.Connection) connection.Presenter {
	id, version := c.ID, c.CredentialVersion
	return func(ctx context.Context) (func(context.Context, connection.Verdict), error) {
		taken, err := t.tries.TakeCredentialTry(ctx, id, version)
		if err != nil {
			return nil, fmt.Errorf("store credential try: %w", err)
		}
		if !taken {
			return nil, &connection.Withheld{Code: connection.ReasonNoTryLeft}
		}
		return func(ctx context.Context, v connection.Verdict) {
			ctx, cancel := context.WithTimeout(ctx, bookingLimit)
			defer cancel()
			// A booking that fails leaves the try counted, which is the safe side.
			switch v {
			case connection.Accepted:
				_ = t.tries.ResetCredentialTries(ctx, id, version)
			case connection.NoVerdict:
				_ = t.tries.AllowCredentialTry(ctx, id, version)
			}
		}, nil
	}
}

// account names an account on a host. Passwords are no part of it: it is the account that ThingsBoard disables. Nor are
// ports, letter case or a dot at the name's end: they lead to the same account.
type account struct{ host, username string }

func accountIn(cfg connection.Configuration) account {
	host, _, _ := connection.SplitHostPort(cfg.HostName)
	if u, err := url.Parse(cfg.RestURL); err == nil && u.Host != "" {
		host = u.Hostname()
	}
	return account{strings.ToLower(strings.TrimSuffix(host, ".")), strings.ToLower(cfg.Username)}
}

// unsaved guards credentials that are not stored.
func (t *trials) unsaved(cfg connection.Configuration) connection.Presenter {
	a := accountIn(cfg)
	return func(context.Context) (func(context.Context, connection.Verdict), error) {
		t.refusing.Lock()
		defer t.refusing.Unlock()
		now := t.now()
		t.forget(now)
		_, known := t.refusals[a]
		if len(t.refusals[a]) >= unsavedTries || !known && len(t.refusals) >= unsavedAccounts {
			return nil, &connection.Withheld{Code: connection.ReasonTooManyTries}
		}
		t.refusals[a] = append(t.refusals[a], now) // counted before it is sent, so that tests beside each other count too
		return func(_ context.Context, v connection.Verdict) { t.settle(a, now, v) }, nil
	}
}

// forget drops the refusals of long ago. The caller holds refusing.
func (t *trials) forget(now time.Time) {
	for a, list := range t.refusals {
		list = slices.DeleteFunc(list, func(at time.Time) bool { return now.Sub(at) >= unsavedWithin })
		if t.refusals[a] = list; len(list) == 0 {
			delete(t.refusals, a)
		}
	}
}

// settle keeps a login that was made at that moment on the count, takes it off, or takes all off.
func (t *trials) settle(a account, at time.Time, v connection.Verdict) {
	t.refusing.Lock()
	defer t.refusing.Unlock()
	list := t.refusals[a]
	if i := slices.IndexFunc(list, at.Equal); i >= 0 {
		list = slices.Delete(list, i, i+1)
	}
	switch v {
	case connection.Accepted:
		list = nil
	case connection.Refused:
		list = append(list, at) // anew: another test may have taken it off
	}
	if t.refusals[a] = list; len(list) == 0 {
		delete(t.refusals, a)
	}
}
