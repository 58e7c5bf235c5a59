package web

import (
	"errors"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
)

// checkSite refuses what a page of another site made a browser send. Where browsers come by https, a page of http is another
// site, even of the same name: whoever is on the way can write it.
func (s *Server) checkSite(r *http.Request) error {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
	default:
		if s.secure && strings.HasPrefix(strings.ToLower(r.Header.Get("Origin")), "http:") {
			return errors.New("the page that sent it came by http")
		}
	}
	return s.crossOrigin.Check(r)
}

// insist leads to https who came by http, as a trusted proxy tells: pages are asked for again, under the public address and
// no other; whatever a program sends is refused, for it was in clear and should not seem to work.
func (s *Server) insist(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		v, r := visitOf(c), c.Request()
		if !s.secure || v.client.scheme != "http" || r.URL.Path == "/healthz" || r.URL.Path == "/readyz" {
			return next(c)
		}
		if v.program || r.Method != http.MethodGet {
			return NewProblem(http.StatusForbidden, "This came over plain HTTP. Send it to the https address; a key or password that it held was in clear and should be renewed.")
		}
		return c.Redirect(http.StatusPermanentRedirect, s.origin+r.URL.RequestURI())
	}
}
