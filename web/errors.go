package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"boardlink/connection"
	"boardlink/text"
	"boardlink/views/layout"

	"github.com/labstack/echo/v4"
)

// handleError answers a request whose handler gave an error; it is echo's last resort for all of them.
func (s *Server) handleError(err error, c echo.Context) {
	ctx := c.Request().Context()
	p := Tell(ctx, err)
	if c.Response().Committed {
		return
	}
	if err := s.answerError(c, visitIn(ctx), p); err != nil {
		Log(ctx).Warn("Error not answered", "status", p.Status, "error", err)
	}
}

// Tell makes an error into what the asker is told ([ProblemOf]) and writes into the log what the asker is not.
func Tell(ctx context.Context, err error) *Problem {
	p := ProblemOf(err, RequestID(ctx))
	f, ours := errors.AsType[*connection.Failure](err)
	switch {
	case p.Status == http.StatusInternalServerError && errors.Is(err, context.Canceled) && ctx.Err() != nil:
		Log(ctx).Debug("Request given up by its sender", "error", err)
	case p.Status == http.StatusInternalServerError:
		Log(ctx).Error("Request failed", "error", err)
	case p.Status == http.StatusServiceUnavailable && !visitIn(ctx).mayWarn():
		// Whatever is full or broken refuses thousands of uplinks a second; one line of them will do.
	case ours && f.Err != nil:
		Log(ctx).Warn("Request refused", "status", p.Status, "error", err)
	}
	return p
}

// mayWarn lets one warning a second through.
func (v *visit) mayWarn() bool {
	if v.server == nil {
		return true
	}
	now, last := time.Now().UnixMilli(), v.server.warned.Load()
	return now-last >= 1000 && v.server.warned.CompareAndSwap(last, now)
}

func (s *Server) answerError(c echo.Context, v *visit, p *Problem) error {
	if p.Status == http.StatusMethodNotAllowed {
		completeAllow(c.Response().Header())
	}
	if v.program {
		return writeProblem(c, p)
	}
	for name, values := range p.GetHeaders() {
		c.Response().Header()[name] = values
	}
	if p.Status == http.StatusUnauthorized {
		return s.askToSignIn(c)
	}
	if p.Code == CodeConfirm {
		return s.askToConfirm(c)
	}
	if IsPartial(c) { // the page stands; its script tells the sentence
		return c.String(p.Status, p.Detail)
	}
	page := layout.Problem{Status: p.Status, Title: headingOf(c.Request().Context(), p), Text: p.Detail}
	if p.Status >= http.StatusInternalServerError {
		page.RequestID = v.id
	}
	return Render(c, p.Status, layout.ProblemPage(Shell(c, page.Title, ""), page))
}

// headingOf is what people read where programs read HTTP's words.
func headingOf(ctx context.Context, p *Problem) string {
	switch p.Status {
	case http.StatusNotFound:
		return text.T(ctx, "problem.title.not_found")
	case http.StatusForbidden:
		return text.T(ctx, "problem.title.forbidden")
	case http.StatusConflict:
		return text.T(ctx, "problem.title.conflict")
	case http.StatusServiceUnavailable:
		return text.T(ctx, "problem.title.unavailable")
	case http.StatusTooManyRequests:
		return text.T(ctx, "problem.title.too_many")
	case http.StatusInternalServerError:
		return text.T(ctx, "problem.title.internal")
	}
	return p.Title
}

// askToSignIn sends a browser to the sign-in page, and from there back to where it wanted to go.
func (s *Server) askToSignIn(c echo.Context) error {
	r := c.Request()
	c.Response().Header().Del("WWW-Authenticate")
	target := "/signin?next=" + url.QueryEscape(s.wanted(c, r))
	if IsPartial(c) {
		c.Response().Header().Set("HX-Redirect", target)
		return c.NoContent(http.StatusUnauthorized)
	}
	return c.Redirect(http.StatusSeeOther, target)
}

// wanted is the page to come back to: the one asked for, or the one that a fragment or form belongs to.
func (s *Server) wanted(c echo.Context, r *http.Request) string {
	if IsPartial(c) {
		if u, err := url.Parse(r.Header.Get("HX-Current-URL")); err == nil {
			return SafeNext(u.RequestURI())
		}
		return "/"
	}
	if r.URL.Path == StreamPath {
		return "/"
	}
	if s.isPage(c.Path()) {
		return SafeNext(r.URL.RequestURI())
	}
	// A form's address without a page of its own stands below the page that holds the form.
	for pattern, path := parent(c.Path()), parent(r.URL.EscapedPath()); pattern != "" && path != ""; pattern, path = parent(pattern), parent(path) {
		if s.isPage(pattern) {
			return SafeNext(path)
		}
	}
	return "/"
}

func (s *Server) isPage(pattern string) bool {
	_, ok := s.table[routeKey{http.MethodGet, pattern}]
	return ok
}

// parent is a path without its last segment, "" for one that has a single segment.
func parent(path string) string {
	return path[:max(strings.LastIndexByte(path, '/'), 0)]
}
