package web

import (
	"errors"
	"net/http"

	"boardlink/access"
	"boardlink/connection"

	"github.com/labstack/echo/v4"
)

// The rate at which one address may present credentials that are not valid, whatever is set: some misconfigured programs
// behind one address are told 401 each time, somebody who guesses is not.
const (
	guessesPerSecond = 0.5
	guessBurst       = 20
)

// pace holds what has no key to the rate of its address. Uplinks are left out: whoever bears their credential is never told
// to wait, since ThingPark would take that for a refusal.
func (s *Server) pace(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		route, known := s.routeOf(c)
		_, presented := presentedKey(r)
		if presented || known && route.OwnCredential || r.URL.Path == "/healthz" || r.URL.Path == "/readyz" {
			return next(c)
		}
		if wait := s.addressRate.take(network(connection.Origin(r.Context())), s.now()); wait > 0 {
			return tooMany(wait)
		}
		return next(c)
	}
}

// paceKey holds a key that is known to its own rate, wherever its requests come from.
func (s *Server) paceKey(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		who := visitOf(c).who
		if who.Kind != access.KeyKind {
			return next(c)
		}
		if wait := s.keyRate.take(askerKey{who.Kind, who.ID, who.Name}, s.now()); wait > 0 {
			return tooMany(wait)
		}
		return next(c)
	}
}

// askerKey tells askers apart.
type askerKey struct {
	kind access.IdentityKind
	id   int64
	name string
}

// guard watches refusals: it counts them for the log of events, and answers 429 in place of 401 to an address that presents
// one wrong credential after the other. Each was looked at before, so that a good one always passes.
func (s *Server) guard(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		err := next(c)
		why := s.refusedFor(c, err)
		if why == refusedNot {
			return err
		}
		ctx := c.Request().Context()
		s.refusals.add(refusalKey{why, connection.OriginText(ctx), visitIn(ctx).who.Actor()}, c.Request().Method+" "+c.Path(), s.now())
		if why != refusedCredential {
			return err
		}
		if wait := s.guesses.take(network(connection.Origin(ctx)), s.now()); wait > 0 {
			return tooMany(wait)
		}
		return err
	}
}

// refusedFor says for what a request was refused, [refusedNot] where it was not, or where nothing speaks of ill intent: that
// nobody is signed in is where every visit begins.
func (s *Server) refusedFor(c echo.Context, err error) refusalKind {
	if err == nil {
		return refusedNot
	}
	p := ProblemOf(err, "")
	if p.Code == CodeConfirm { // asked for the password once more, not refused
		return refusedNot
	}
	status := p.Status
	route, known := s.routeOf(c)
	_, presented := presentedKey(c.Request())
	switch {
	case status == http.StatusTooManyRequests:
		return refusedRate
	case status == http.StatusUnauthorized && (presented || known && route.OwnCredential):
		return refusedCredential
	case status == http.StatusForbidden && errors.Is(err, errForeign):
		return refusedForeign
	case status == http.StatusForbidden && visitOf(c).who.Known():
		return refusedRight
	}
	return refusedNot
}

func tooMany(wait int) error {
	return NewProblem(http.StatusTooManyRequests, "Too many requests came from here. Wait a little, then go on.").RetryAfter(wait)
}
