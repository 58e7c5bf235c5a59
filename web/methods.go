package web

import (
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"
)

// AcceptPatch names the patches that the API takes (RFC 5789, section 3.1).
const AcceptPatch = "application/merge-patch+json, application/json"

// completeAllow adds to the router's Allow header what the router does not know of: HEAD is answered wherever GET is, and
// where PATCH is, its kinds are told.
func completeAllow(h http.Header) {
	allow := h.Get("Allow")
	methods := splitList(allow)
	if slices.Contains(methods, http.MethodGet) && !slices.Contains(methods, http.MethodHead) {
		h.Set("Allow", allow+", "+http.MethodHead)
	}
	if slices.Contains(methods, http.MethodPatch) {
		h.Set("Accept-Patch", AcceptPatch)
	}
}

// asksForMethods reports an OPTIONS request for an address that everybody may ask for; elsewhere methods are told to those
// who are known.
func (s *Server) asksForMethods(c echo.Context) bool {
	if c.Request().Method != http.MethodOptions {
		return false
	}
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		if r := s.table[routeKey{method, c.Path()}]; r.Public || r.OwnCredential {
			return true
		}
	}
	return false
}
