package web

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"boardlink/connection"

	"github.com/labstack/echo/v4"
)

// ServeHTTP opens the visit of a request before the router sees it: its id, who is asking, and the address that answers.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	beginAnswer(r.Context())
	v := &visit{id: newRequestID(), method: r.Method, path: r.URL.Path, server: s, client: s.clientOf(r)}
	ctx := connection.WithOrigin(context.WithValue(r.Context(), visitKey{}, v), v.client.address)
	if isPassive(r) {
		ctx = context.WithValue(ctx, passiveKey{}, true)
	}
	// A copy: net/http must go on knowing that the request was a HEAD, and drops the body of the answer.
	routed := r.WithContext(ctx)
	address := *r.URL
	routed.URL = &address
	if v.client.host != "" {
		routed.Host = v.client.host // what the browser asked for; a proxy may have asked for something else
	}
	v.refused = whoIsAsking(v, routed)
	if r.Method == http.MethodHead {
		routed.Method = http.MethodGet
	}
	s.echo.ServeHTTP(w, routed)
}

// answer gives every request its answer, whatever happens, and its line in the log.
func (s *Server) answer(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		start := time.Now()
		v := visitOf(c)
		c.Response().Header().Set("X-Request-Id", v.id)
		if v.method == http.MethodOptions {
			c.Response().Before(func() { completeAllow(c.Response().Header()) })
		}
		if err := recovered(next, c); err != nil {
			s.handleError(err, c)
		}
		took := time.Since(start)
		s.measure(c, v, took)
		s.logAccess(c, v, took)
		return nil
	}
}

// refuse ends requests that were refused before they were routed.
func (s *Server) refuse(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if v := visitOf(c); v.refused != nil {
			return v.refused
		}
		return next(c)
	}
}

// recovered turns a panic into an error, so that one request's mistake stays that request's.
func recovered(next echo.HandlerFunc, c echo.Context) (err error) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler: // net/http compares this value the same way
			panic(p)
		default:
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return next(c)
}

// maxLoggedPath bounds what a sender can write into the log.
const maxLoggedPath = 200

func (s *Server) logAccess(c echo.Context, v *visit, took time.Duration) {
	path := v.path
	level := slog.LevelInfo
	if quiet(path) {
		level = slog.LevelDebug
	}
	ctx := c.Request().Context()
	if !s.log.Enabled(ctx, level) {
		return
	}
	if len(path) > maxLoggedPath {
		path = path[:maxLoggedPath]
	}
	path = (&url.URL{Path: path}).EscapedPath() // nothing in it moves a cursor, whoever shows the log
	s.log.LogAttrs(ctx, level, "Request answered",
		slog.String("method", v.method),
		slog.String("path", path),
		slog.Int("status", c.Response().Status),
		slog.Int64("bytes", c.Response().Size),
		slog.Duration("took", took),
		slog.String("remote", c.RealIP()),
		slog.String("who", v.who.Name),
		slog.String("request_id", v.id),
	)
}

// quiet reports the paths that are asked for all the time.
func quiet(path string) bool {
	return path == "/healthz" || path == "/readyz" || path == StreamPath || strings.HasPrefix(path, "/static/") ||
		isUplinksPath(strings.TrimPrefix(path, Base))
}

func newRequestID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
