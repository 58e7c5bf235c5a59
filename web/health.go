package web

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

// healthy says that the process answers.
func (s *Server) healthy(c echo.Context) error { return c.String(http.StatusOK, "ok\n") }

// isReady says whether requests should be sent here. Why not stands in the log alone.
func (s *Server) isReady(c echo.Context) error {
	if s.closing.Err() != nil {
		return c.String(http.StatusServiceUnavailable, "going down\n")
	}
	if s.ready != nil {
		if err := s.ready(c.Request().Context()); err != nil {
			Log(c.Request().Context()).Warn("Not ready", "error", err)
			return c.String(http.StatusServiceUnavailable, "not ready\n")
		}
	}
	return c.String(http.StatusOK, "ok\n")
}
