package web

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
)

const (
	// maxURL bounds path and query, in bytes.
	maxURL = 8 << 10
	// maxParameters bounds the parameters of a query.
	maxParameters = 1000

	// Bounds of bodies, in bytes, where a row of the table names none.
	maxBody       = 1 << 20
	maxPublicBody = 16 << 10 // of those who are not signed in: an e-mail and a password
	maxIdleBody   = 64 << 10 // of GET, DELETE and what is in no table: nobody reads it
)

// shapeOf refuses requests that are out of bounds before anything of them is looked at.
func shapeOf(r *http.Request) error {
	if len(r.URL.Path)+len(r.URL.RawQuery) > maxURL || len(r.RequestURI) > maxURL {
		return NewProblem(http.StatusRequestURITooLong, "The address is too long.")
	}
	if strings.Count(r.URL.RawQuery, "&") >= maxParameters {
		return NewProblem(http.StatusBadRequest, "The address has too many parameters.")
	}
	// Nothing takes files; reading such a body would write them to disk. What ThingPark calls its documents does not matter.
	if strings.HasPrefix(mediaType(r.Header.Get("Content-Type")), "multipart/") && !isUplinksPath(strings.TrimPrefix(r.URL.Path, Base)) {
		return NewProblem(http.StatusUnsupportedMediaType, "Send JSON with Content-Type application/json, or a form of application/x-www-form-urlencoded.")
	}
	return nil
}

// limitBody bounds what a handler can read.
func (s *Server) limitBody(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		limit := s.bodyLimit(c)
		if r.ContentLength > limit {
			return &http.MaxBytesError{Limit: limit}
		}
		if r.Body != nil && r.Body != http.NoBody {
			r.Body = http.MaxBytesReader(c.Response().Writer, r.Body, limit)
		}
		return next(c)
	}
}

func (s *Server) bodyLimit(c echo.Context) int64 {
	route, known := s.routeOf(c)
	switch {
	case known && route.Body > 0:
		return route.Body
	case !known || route.Method == http.MethodGet || route.Method == http.MethodDelete:
		return maxIdleBody
	case route.Public:
		return maxPublicBody
	}
	return maxBody
}
