package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"

	"boardlink/access"
	"boardlink/connection"

	"github.com/labstack/echo/v4"
)

// authenticate finds out who asks. A key that is presented decides alone: a wrong one is not made good by a cookie. A
// request without a valid key is checked for having been sent from another site, whether it bears a cookie or not; only
// routes that take no cookie at all are spared that.
func (s *Server) authenticate(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		v, r := visitOf(c), c.Request()
		route, known := s.routeOf(c)
		if known && route.OwnCredential {
			v.looked = true // no cookie counts here
			return next(c)
		}
		key, presented := presentedKey(r)
		if presented {
			v.looked = true
			who, err := s.keys.Identify(r.Context(), key, connection.Origin(r.Context()))
			if err != nil {
				return fmt.Errorf("identify the key: %w", err)
			}
			if who.Known() {
				v.who = who
				return next(c)
			}
		}
		if err := s.checkSite(r); err != nil {
			return &connection.Failure{Code: connection.CodeForbidden, Message: "This request was sent by another site.", Err: fmt.Errorf("%w: %w", errForeign, err)}
		}
		if !presented && !(known && route.Public) {
			if err := v.readSession(c); err != nil {
				return err
			}
		}
		return next(c)
	}
}

// errForeign marks a request that another site sent.
var errForeign = errors.New("sent by another site")

// authorize lets pass whom the table of routes allows, and nobody else.
func (s *Server) authorize(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		v := visitOf(c)
		route, known := s.routeOf(c)
		switch {
		case known && (route.Public || route.OwnCredential):
			return next(c)
		case s.asksForMethods(c):
			return next(c)
		case !v.who.Known() && (known || v.program):
			return connection.Fail(connection.CodeUnauthorized, "Sign in, or send an API key as Authorization: Bearer KEY.")
		case !known && s.outside(c):
			return connection.Fail(connection.CodeForbidden, "Nobody may do this.")
		case !known:
			return next(c) // the router's own 404 or 405
		case !v.who.Allows(route.Least, route.Scope):
			return forbidden(v.who, route)
		case route.Fresh && !v.fresh():
			return errConfirm()
		}
		return next(c)
	}
}

// forbidden says to somebody who is known what a route takes.
func forbidden(who access.Identity, route Route) error {
	switch {
	case who.Kind == access.KeyKind && !route.Scope.Valid():
		return connection.Fail(connection.CodeForbidden, "No API key may do this.")
	case who.Kind == access.KeyKind:
		return connection.Fail(connection.CodeForbidden, "This key may not do this: it lacks the scope %s.", route.Scope)
	case !route.Least.Valid():
		return connection.Fail(connection.CodeForbidden, "You may not do this: it is for API keys alone.")
	}
	return connection.Fail(connection.CodeForbidden, "You may not do this. It takes the role %s; yours is %s.", route.Least, who.Role)
}

// presentedKey gives the API key that the request bears in Authorization, also where that holds something else than a
// bearer key. [KeyHeader] and the query are for uplinks alone, whose routes look for their credential themselves: a key
// that ThingPark was given must open nothing else.
func presentedKey(r *http.Request) (key string, presented bool) {
	authorization := r.Header.Get("Authorization")
	return BearerKey(authorization), authorization != ""
}

// BearerKey takes the key out of an Authorization header; "" where it is of another scheme.
func BearerKey(authorization string) string {
	scheme, key, _ := strings.Cut(authorization, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(key)
}

// routeOf finds the row of the table for what the router has matched.
func (s *Server) routeOf(c echo.Context) (Route, bool) {
	r, ok := s.table[routeKey{c.Request().Method, c.Path()}]
	return r, ok
}

// outside reports a handler that was put in place without a row in the table.
func (s *Server) outside(c echo.Context) bool {
	_, placed := s.placed[routeKey{c.Request().Method, c.Path()}]
	return placed
}

// KeyFinder knows the API keys.
type KeyFinder interface {
	// Identify tells whose key was presented, and from which address; the zero Identity without an error is nobody's.
	Identify(ctx context.Context, presented string, from netip.Addr) (access.Identity, error)
}
