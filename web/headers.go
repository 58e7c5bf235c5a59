package web

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

// policy is the Content-Security-Policy of every answer: what a page loads comes from this server, nothing stands inline,
// and nobody frames it.
const policy = "default-src 'none'; object-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"font-src 'self'; manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// insistence tells browsers to come by https for a year, whatever they are asked for. It holds for names below ours too:
// one of them that is asked for by http could be answered by whoever is on the way, who could then set cookies for ours.
// Boardlink's name should have no others below it that need http.
const insistence = "max-age=31536000; includeSubDomains"

// The policies for what a page tells those it leads to. Nothing, where browsers come by https. By http they need to tell the
// page's own server where a form comes from: they do so in Origin, which says "null" where nothing may be told, and over
// http there is no Sec-Fetch-Site to go by. Other servers are told nothing either way.
const (
	tellNobody    = "no-referrer"
	tellOurselves = "same-origin"
)

// securityHeaders are set before a handler runs, so that errors bear them too. Handlers of what may be kept (files with a
// hash in their name) replace Cache-Control.
func (s *Server) securityHeaders(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		setSecurityHeaders(c.Response().Header(), s.secure)
		return next(c)
	}
}

// setSecurityHeaders puts what every answer bears into h; secure tells that browsers come by https.
func setSecurityHeaders(h http.Header, secure bool) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	if secure {
		h.Set("Referrer-Policy", tellNobody)
		h.Set("Strict-Transport-Security", insistence)
	} else {
		h.Set("Referrer-Policy", tellOurselves)
	}
}
