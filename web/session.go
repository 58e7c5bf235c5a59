package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"boardlink/access"
	"boardlink/connection"

	"github.com/gorilla/sessions"
	"github.com/labstack/echo/v4"
)

// LiveHeader marks the requests that a page makes by itself because something changed. They are no sign that somebody is
// there, so they do not keep a session alive.
const LiveHeader = "X-Boardlink-Live"

// SignIn makes the request's session the operator's. It gets a new id, so that one planted before is worth nothing.
func SignIn(c echo.Context, who access.Identity) error {
	v := visitOf(c)
	s := sessionOf(c)
	if s == nil {
		return errors.New("sign in: no session store can be reached")
	}
	if err := v.server.sessions.Renew(c.Request(), c.Response(), s, who); err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	v.who = who
	return nil
}

// Confirm notes that the person who asks has given the password once more, for routes that want it [Route.Fresh]. The
// session gets a new id. Keys have no session, and so nothing to confirm.
func Confirm(c echo.Context) error {
	v, s, err := ownSession(c)
	if err != nil {
		return err
	}
	if err := v.server.sessions.Confirm(c.Request(), c.Response(), s); err != nil {
		return fmt.Errorf("confirm: %w", err)
	}
	return nil
}

// OwnSessions lists the sessions of the person who asks.
func OwnSessions(c echo.Context) ([]access.Session, error) {
	v, s, err := ownSession(c)
	if err != nil {
		return nil, err
	}
	return v.server.sessions.Own(c.Request().Context(), s)
}

// EndOwnSession ends a session of the person who asks. One of somebody else is not found. Ending the one that asks signs out.
func EndOwnSession(c echo.Context, id int64) error {
	v, s, err := ownSession(c)
	if err != nil {
		return err
	}
	if id == access.PublicIDOf(s) {
		return SignOut(c)
	}
	return v.server.sessions.EndOwn(c.Request().Context(), s, id)
}

// EndOtherSessions ends the sessions of the person who asks but for the one that asks, and says how many.
func EndOtherSessions(c echo.Context) (int64, error) {
	v, s, err := ownSession(c)
	if err != nil {
		return 0, err
	}
	return v.server.sessions.EndOthers(c.Request().Context(), s)
}

// SessionDigest is that of the session that asks; the zero digest where there is none.
func SessionDigest(c echo.Context) access.Digest {
	s := sessionOf(c)
	if s == nil {
		return access.Digest{}
	}
	return access.DigestOfSession(s)
}

// ownSession gives the session of a person; keys have none.
func ownSession(c echo.Context) (*visit, *sessions.Session, error) {
	v, s := visitOf(c), sessionOf(c)
	if s == nil || v.who.Kind != access.OperatorKind {
		return nil, nil, connection.Fail(connection.CodeForbidden, "This is about the sessions of people: sign in.")
	}
	return v, s, nil
}

// IsFresh reports whether whoever asks may use routes that want a fresh password.
func IsFresh(c echo.Context) bool {
	v := visitOf(c)
	v.lookForSession(c)
	return v.fresh()
}

// fresh is true for keys too: a program cannot be left unattended.
func (v *visit) fresh() bool {
	return v.who.Kind == access.KeyKind || v.session != nil && v.server.sessions.Fresh(v.session)
}

// SignOut ends the request's session, here and in the browser.
func SignOut(c echo.Context) error {
	v := visitOf(c)
	s := sessionOf(c)
	if s == nil {
		return nil
	}
	if err := v.server.sessions.Destroy(c.Request(), c.Response(), s); err != nil {
		return fmt.Errorf("sign out: %w", err)
	}
	v.who = access.Identity{}
	return nil
}

// sessionOf gives the request's session: a fresh one where there is none yet, nil where a key is presented or the store
// cannot be read.
func sessionOf(c echo.Context) *sessions.Session {
	v := visitOf(c)
	v.lookForSession(c)
	return v.session
}

// lookForSession settles who asks by the session cookie, once. Public routes come here only when they ask who it is; there
// a store that cannot be read leaves them with nobody.
func (v *visit) lookForSession(c echo.Context) {
	if v.looked {
		return
	}
	if err := v.readSession(c); err != nil {
		Log(c.Request().Context()).Error("Session not read", "error", err)
	}
}

func (v *visit) readSession(c echo.Context) error {
	v.looked = true
	s, err := v.server.sessions.Get(c.Request(), access.SessionName)
	if err != nil {
		return fmt.Errorf("read session: %w", err)
	}
	v.session = s
	if v.who, err = v.server.people.Identify(c.Request().Context(), access.OperatorOf(s)); err != nil {
		return fmt.Errorf("identify the session's operator: %w", err)
	}
	if v.who.Known() && v.who.Role != access.RoleOf(s) && !isPassive(c.Request()) {
		err := v.server.sessions.FollowRole(c.Request(), c.Response(), s, v.who.Role)
		if connection.CodeOf(err) == connection.CodeUnauthorized {
			v.who = access.Identity{} // ended this very moment
			return nil
		}
		if err != nil {
			return fmt.Errorf("renew the session after its operator's role has changed: %w", err)
		}
	}
	return nil
}

// stillSignedIn reports whether the visit's session and its operator are still there.
func (v *visit) stillSignedIn(ctx context.Context) (bool, error) {
	if v.session == nil {
		return false, nil
	}
	alive, err := v.server.sessions.Alive(ctx, v.session)
	if err != nil || !alive {
		return false, err
	}
	who, err := v.server.people.Identify(ctx, access.OperatorOf(v.session))
	return who.Known(), err
}

// passiveKey marks the context of a request that is no sign of a person.
type passiveKey struct{}

func isPassive(r *http.Request) bool {
	return r.URL.Path == StreamPath || r.URL.Path == Base+StreamPath || r.Header.Get(LiveHeader) != ""
}

// rows keeps requests that no person made from counting as use of a session.
type rows struct{ access.SessionRows }

func (r rows) TouchSession(ctx context.Context, d access.Digest, at time.Time) error {
	if ctx.Value(passiveKey{}) != nil {
		return nil
	}
	return r.SessionRows.TouchSession(ctx, d, at)
}
