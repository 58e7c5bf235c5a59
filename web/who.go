package web

import (
	"context"
	"log/slog"

	"boardlink/access"

	"github.com/gorilla/sessions"
	"github.com/labstack/echo/v4"
)

// visit is what is known of one request. It travels in the request's context, so that handlers of any framework find it.
type visit struct {
	id      string // of the request: in the answer's X-Request-Id, in the log, on error pages
	method  string // as it came; a HEAD is routed as a GET
	path    string // as it came; never the query, which may bear a key
	program bool   // a program asks, not a browser
	refused error  // why the request is not to be routed, or nil
	client  client // who is at the far end
	server  *Server

	who     access.Identity
	session *sessions.Session // nil until it was looked for, and where a key is presented instead
	looked  bool              // session and who are settled
}

type visitKey struct{}

// visitIn never gives nil: outside of a server's request there is an empty visit.
func visitIn(ctx context.Context) *visit {
	if v, ok := ctx.Value(visitKey{}).(*visit); ok {
		return v
	}
	return &visit{looked: true}
}

func visitOf(c echo.Context) *visit { return visitIn(c.Request().Context()) }

// Who tells who asks: an operator or a key; the zero Identity is nobody.
func Who(c echo.Context) access.Identity {
	v := visitOf(c)
	v.lookForSession(c)
	return v.who
}

// WhoIn tells who asks, for handlers that are given a context only. On public routes it knows nobody.
func WhoIn(ctx context.Context) access.Identity { return visitIn(ctx).who }

// IsProgram reports whether a program asks: it wants JSON and problem documents, not pages.
func IsProgram(c echo.Context) bool { return visitOf(c).program }

// RequestID names the request in logs and on error pages.
func RequestID(ctx context.Context) string { return visitIn(ctx).id }

// Log is the server's logger with the request's id.
func Log(ctx context.Context) *slog.Logger {
	v := visitIn(ctx)
	if v.server == nil {
		return slog.New(slog.DiscardHandler)
	}
	return v.server.log.With("request_id", v.id)
}
