package web

import "github.com/labstack/echo/v4"

// ClientAddress is the IP address that the request came from, as the log, sessions and limits know it. The router's
// IPExtractor decides what counts.
func ClientAddress(c echo.Context) string { return c.RealIP() }
