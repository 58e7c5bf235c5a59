package web

import (
	"boardlink/text"

	"github.com/labstack/echo/v4"
)

// language chooses the words of an answer by what the browser asks for.
func (s *Server) language(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		spoken := text.Match(r.Header.Get("Accept-Language"), s.development)
		c.SetRequest(r.WithContext(text.With(r.Context(), spoken)))
		return next(c)
	}
}
