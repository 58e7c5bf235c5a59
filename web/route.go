package web

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"boardlink/access"

	"github.com/labstack/echo/v4"
)

// Route is one row of the table that says what can be asked for and by whom. What the table does not name is refused.
type Route struct {
	Method string // GET also answers HEAD
	Path   string // with parameters as ":id"

	// Public routes answer everybody. They may still ask who it is ([Who]), and are checked for requests from other sites.
	Public bool
	// OwnCredential routes answer programs that bear a credential of their own, which the handler checks. Cookies count
	// for nothing there.
	OwnCredential bool
	// Least is the lowest role that a signed-in operator needs. Empty: no session may use the route.
	Least access.Role
	// Scope is what an API key needs. Empty: no key may use the route, as befits pages.
	Scope access.Scope
	// Fresh routes do what an unattended browser must not be good for (a role, a password, a key): a person's password must
	// have been given within the last 15 minutes. Keys are spared that.
	Fresh bool

	// Body is the most bytes of a body; 0: what befits the row's kind.
	Body int64

	// Handler answers. Nil where another router (the REST framework) puts its own at this place; the row then only tells
	// who may.
	Handler echo.HandlerFunc
}

// open reports whether the row lets anybody in at all.
func (r Route) open() bool { return r.Public || r.OwnCredential || r.Least.Valid() || r.Scope.Valid() }

type routeKey struct{ method, path string }

// Mount adds rows to the table of routes and puts their handlers in place. It panics where a row is there already or lets
// nobody in: both are mistakes in the program, found at its start.
func (s *Server) Mount(routes ...Route) {
	for _, r := range routes {
		key := routeKey{r.Method, r.Path}
		if _, twice := s.table[key]; twice || !r.open() {
			panic(fmt.Sprintf("web: route %s %s is there twice or lets nobody in", r.Method, r.Path))
		}
		s.table[key] = r
		if r.Handler != nil {
			s.echo.Add(r.Method, r.Path, r.Handler)
		}
	}
}

// Routes lists the table, by path and method.
func (s *Server) Routes() []Route {
	list := make([]Route, 0, len(s.table))
	for _, r := range s.table {
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b Route) int {
		if n := strings.Compare(a.Path, b.Path); n != 0 {
			return n
		}
		return strings.Compare(a.Method, b.Method)
	})
	return list
}

// Check reports handlers that stand outside of the table, and rows without a handler.
func (s *Server) Check() error {
	for key := range s.placed {
		if _, ok := s.table[key]; !ok {
			return fmt.Errorf("route %s %s stands in no table", key.method, key.path)
		}
	}
	for key := range s.table {
		if _, ok := s.placed[key]; !ok {
			return fmt.Errorf("route %s %s has no handler", key.method, key.path)
		}
	}
	return nil
}

// remember notes every handler that is put in place, by whom ever.
func (s *Server) remember(_ string, r echo.Route, _ echo.HandlerFunc, _ []echo.MiddlewareFunc) {
	if r.Method != echo.RouteNotFound {
		s.placed[routeKey{r.Method, r.Path}] = struct{}{}
	}
}

// ownRoutes are those of the plumbing itself.
func (s *Server) ownRoutes() []Route {
	return []Route{
		{Method: http.MethodGet, Path: "/healthz", Public: true, Handler: s.healthy},
		{Method: http.MethodGet, Path: "/readyz", Public: true, Handler: s.isReady},
		{Method: http.MethodGet, Path: StreamPath, Least: access.RoleViewer, Handler: s.stream},
	}
}
