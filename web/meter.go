package web

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

// Meter counts requests.
type Meter interface {
	// Requested takes in a request that was answered. route is a row's path of the table, or [Unmatched].
	Requested(route, method string, status int, took time.Duration)
}

// Unmatched stands for the route of a request that no row of the table answers: what strangers ask for names nothing.
const Unmatched = "unmatched"

// measure tells the meter of a request. An open stream is left out: it lasts as long as its page is open.
func (s *Server) measure(c echo.Context, v *visit, took time.Duration) {
	if s.meter == nil {
		return
	}
	method := v.method
	if method == http.MethodHead {
		method = http.MethodGet // as it was routed
	}
	route, status := c.Path(), c.Response().Status
	if _, ok := s.table[routeKey{method, route}]; !ok {
		route = Unmatched
	}
	if route == StreamPath && status == http.StatusOK {
		return
	}
	s.meter.Requested(route, v.method, status, took)
}
