package handlers

import (
	"errors"
	"fmt"
	"net/http"

	"boardlink/handlers/api"
	"boardlink/web"

	"github.com/labstack/echo/v4"
)

// Mount puts all that can be asked for on a server: the pages that [Console.Routes] lists, and the REST API under
// [web.Base] with the address for uplinks. The plumbing's own addresses (health, the stream of changes) are there already.
//
// Programs reach the API by the pages' addresses too: web leads them from "/connections" to "/api/v1/connections". The error
// names an address that stands in the table without a handler, or the other way round.
func Mount(s *web.Server, console *Console, rest api.Options) error {
	s.Mount(fromBodies(console.Routes())...)
	s.Mount(fromBodies((&keyPages{keys: rest.Keys, public: s.PublicURL(), now: console.now}).routes())...)
	if s.Development() {
		s.Mount(galleryPages{now: console.now}.routes()...)
	}
	api.Mount(s, rest)
	if err := s.Check(); err != nil {
		return fmt.Errorf("mount the routes: %w", err)
	}
	return nil
}

// fromBodies lets forms hold what came in their bodies alone. net/http adds the parameters of the address: passwords would be
// taken from where they are logged, and a link could fill in what its reader does not see.
func fromBodies(routes []web.Route) []web.Route {
	for i, route := range routes {
		if route.Method != http.MethodPost {
			continue
		}
		routes[i].Handler = func(c echo.Context) error {
			r := c.Request()
			query := r.URL.RawQuery
			r.URL.RawQuery = ""
			err := r.ParseForm()
			r.URL.RawQuery = query
			if _, large := errors.AsType[*http.MaxBytesError](err); large {
				return err
			}
			if err != nil {
				return badForm(err)
			}
			return route.Handler(c)
		}
	}
	return routes
}
