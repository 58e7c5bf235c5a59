package handlers_test

import (
	"net/http"
	"strings"
	"testing"

	"boardlink/access"
	"boardlink/connection"
	"boardlink/handlers"
	"boardlink/handlers/api"
	"boardlink/operation/operationtest"
	"boardlink/web"
	"boardlink/web/webtest"
)

// everything is pages and API on one server.
func everything(t *testing.T) (*webtest.Site, *operationtest.World) {
	t.Helper()
	w := operationtest.New(nil)
	site := webtest.New(t, nil, func(s *web.Server) {
		console := handlers.NewConsole(w.Connections, &people{}, nil)
		err := handlers.Mount(s, console, api.Options{Operations: w.Connections, Keys: access.NewKeys(webtest.Key)})
		if err != nil {
			t.Fatal(err)
		}
	})
	return site, w
}

func TestRoutes_let_in_whom_they_name_and_nobody_else(t *testing.T) {
	site, _ := everything(t)
	roles := map[string]access.Role{"nobody": "", "viewer": access.RoleViewer, "operator": access.RoleOperator, "admin": access.RoleAdmin}
	browsers := map[string]*webtest.Browser{"nobody": site.Visitor()}
	for name, role := range roles {
		if role != "" {
			browsers[name] = site.Operator(role)
		}
	}
	changing := 0
	for _, route := range site.Routes() {
		if route.Public || route.OwnCredential || strings.HasSuffix(route.Path, web.StreamPath) { // streams have no end
			continue
		}
		if route.Method != http.MethodGet {
			changing++
			if !route.Least.AtLeast(access.RoleOperator) && !ownAffair(route.Path) {
				t.Errorf("%s %s: a viewer may change something", route.Method, route.Path)
			}
		}
		path := strings.NewReplacer(":id", "777", ":field", "hostName").Replace(route.Path)
		for name, b := range browsers {
			header := []string{"Accept", "text/html"}
			if route.Method == http.MethodPost {
				header = append(header, "Content-Type", "application/x-www-form-urlencoded")
			}
			got := b.Do(route.Method, path, "", header...)
			allowed := roles[name].AtLeast(route.Least)
			switch {
			case name == "nobody" && strings.HasPrefix(path, "/api/"):
				if got.Status != http.StatusUnauthorized {
					t.Errorf("%s %s by nobody: %d", route.Method, path, got.Status)
				}
			case name == "nobody":
				if got.Status != http.StatusSeeOther || !strings.HasPrefix(got.Header.Get("Location"), "/signin?next=") {
					t.Errorf("%s %s by nobody: %d to %q", route.Method, path, got.Status, got.Header.Get("Location"))
				}
			case allowed && (got.Status == http.StatusForbidden || got.Status == http.StatusUnauthorized || got.Status >= 500):
				t.Errorf("%s %s by %s: %d", route.Method, path, name, got.Status)
			case !allowed && got.Status != http.StatusForbidden:
				t.Errorf("%s %s by %s: %d, want 403", route.Method, path, name, got.Status)
			}
		}
	}
	if changing < 8 {
		t.Errorf("only %d routes that change something were found", changing)
	}
}

// ownAffair reports the addresses at which everybody may change something about the own account.
func ownAffair(path string) bool {
	for _, prefix := range []string{"/account", "/confirm", "/api/v1/account", "/api/v1/sessions"} {
		if path == prefix || strings.HasPrefix(path, prefix+"/") {
			return true
		}
	}
	return false
}

func TestAddresses_that_pages_and_API_share(t *testing.T) {
	site, w := everything(t)
	if _, err := w.Create(t.Context(), "ann@example.com", operationtest.Valid()); err != nil {
		t.Fatal(err)
	}
	b := site.Operator(access.RoleOperator)
	for _, path := range []string{"/connections", "/connections/1", "/connections/1/parked", "/connections/1/devices", "/events"} {
		for accept, want := range map[string]string{"text/html": "text/html; charset=utf-8", "application/json": "application/json"} {
			got := b.Do("GET", path, "", "Accept", accept)
			if got.Status != 200 || !strings.EqualFold(got.Header.Get("Content-Type"), want) {
				t.Errorf("GET %s as %s: %d %s", path, accept, got.Status, got.Header.Get("Content-Type"))
			}
			if strings.Contains(got.Body, operationtest.Password) || strings.Contains(got.Body, "uplink-key-1") {
				t.Errorf("GET %s as %s tells a secret", path, accept)
			}
		}
	}
	got := b.Do("DELETE", "/connections/1", "", "Sec-Fetch-Site", "same-origin")
	if got.Status != http.StatusNoContent {
		t.Errorf("DELETE: %d %s", got.Status, got.Body)
	}
	if _, err := w.Get(t.Context(), 1); connection.CodeOf(err) != connection.CodeNotFound {
		t.Errorf("it is still there: %v", err)
	}
}
