package handlers_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"testing"

	"boardlink/access"
	"boardlink/connection"
	"boardlink/handlers"
	"boardlink/handlers/api"
	"boardlink/ingest"
	"boardlink/operation/operationtest"
	"boardlink/web"
	"boardlink/web/webtest"
)

// everything is pages and API on one server.
func everything(t *testing.T, change ...func(*web.Options)) (*webtest.Site, *operationtest.World) {
	t.Helper()
	w, roster := operationtest.New(nil), newRoster(t)
	var finder api.Keys
	site := webtest.New(t, func(o *web.Options) {
		o.Development = true // all that can be mounted
		for _, f := range change {
			f(o)
		}
		finder = o.Keys.(api.Keys)
	}, func(s *web.Server) {
		console := handlers.NewConsole(w.Connections, &people{Roster: roster.People}, nil)
		err := handlers.Mount(s, console, api.Options{Operations: w.Connections, People: roster.People, Uplinks: door{}, Keys: finder})
		if err != nil {
			t.Fatal(err)
		}
	})
	return site, w
}

// door takes uplinks from whoever has the scope, and from nobody else.
type door struct{}

func (door) Authorize(_ connection.ID, c ingest.Credential) error {
	if c.Authorized {
		return connection.Fail(connection.CodeNotFound, "There is no such connection.")
	}
	return connection.Fail(connection.CodeUnauthorized, "Uplinks need a key.")
}

func (door) Accept(context.Context, connection.ID, ingest.Credential, string, []byte) error {
	return errors.New("nobody gets that far")
}

func (door) Unreadable(connection.ID) {}

// rule is a line of testdata/routes.txt: who may use a route. It is written by hand and read by eye; the table in the program
// is held against it, and the server against both.
type rule struct {
	method, path string
	least        string // lowest role of a session: viewer, operator, admin; "-" for none
	scope        string // of a key; "-" for none
	fresh        bool   // the password must have been given lately

	public, own bool // everybody; whoever has the route's own credential
	nowhere     bool // nothing is there
}

// name tells a rule from the others.
func (r rule) name() string { return r.method + " " + r.path }

// rules reads the table.
func rules(t *testing.T) map[string]rule {
	t.Helper()
	text, err := os.ReadFile("testdata/routes.txt")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]rule{}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) == 0 || f[0] == "#" {
			continue
		}
		r := rule{method: f[0], path: f[1]}
		switch {
		case len(f) == 3 && f[2] == "public":
			r.public = true
		case len(f) == 3 && f[2] == "own":
			r.own = true
		case len(f) == 4 || len(f) == 5 && f[4] == "fresh":
			r.least, r.scope, r.fresh = f[2], f[3], len(f) == 5
		default:
			t.Fatalf("no rule: %s", line)
		}
		if _, twice := all[r.name()]; twice {
			t.Fatalf("twice: %s", line)
		}
		all[r.name()] = r
	}
	return all
}

// asRule writes a row of the program's table as a line of the file has it.
func asRule(r web.Route) rule {
	dash := func(s string) string {
		if s == "" {
			return "-"
		}
		return s
	}
	out := rule{method: r.Method, path: r.Path, public: r.Public, own: r.OwnCredential}
	if !r.Public && !r.OwnCredential {
		out.least, out.scope, out.fresh = dash(string(r.Least)), dash(string(r.Scope)), r.Fresh
	}
	return out
}

func TestRoutes_are_those_of_the_table_that_was_read_by_eye(t *testing.T) {
	site, _ := everything(t)
	want := rules(t)
	for _, route := range site.Routes() {
		got := asRule(route)
		if w, ok := want[got.name()]; !ok || w != got {
			t.Errorf("%s is %+v, and in testdata/routes.txt %+v: think about who may, then write it there", got.name(), got, w)
		}
		delete(want, got.name())
	}
	for name := range want {
		t.Errorf("%s stands in testdata/routes.txt and nowhere else", name)
	}
}

// TestRoutes_that_change_something_are_for_no_viewer holds the table itself against what roles mean.
func TestRoutes_that_change_something_are_for_no_viewer(t *testing.T) {
	changing := 0
	for name, r := range rules(t) {
		admins := strings.HasPrefix(strings.TrimPrefix(r.path, web.Base), "/users") || strings.HasPrefix(r.path, "/people")
		switch changes := r.method != http.MethodGet && !r.public && !r.own; {
		case admins && (r.least != "admin" || r.scope != "-" && r.scope != "admin"):
			t.Errorf("%s: people are for admins", name)
		case admins && changes && !r.fresh:
			t.Errorf("%s: people are changed with a fresh password", name)
		case changes && r.least == "viewer" && !ownAffair(r.path), changes && r.scope == "read" && !ownAffair(r.path):
			t.Errorf("%s: a viewer may change something", name)
		case changes:
			changing++
		}
	}
	if changing < 20 {
		t.Errorf("only %d routes that change something", changing)
	}
}

// keyring knows keys with one scope each, named after it, and one without any.
type keyring struct{ *access.Keys }

func (keyring) Identify(_ context.Context, presented string, _ netip.Addr) (access.Identity, error) {
	name, ours := strings.CutPrefix(presented, "key-for-")
	if !ours || name == "wrong" {
		return access.Identity{}, nil
	}
	who := access.Identity{Kind: access.KeyKind, Name: presented}
	if name != "nothing" {
		who.Scopes = []access.Scope{access.Scope(name)}
	}
	return who, nil
}

// TestRoutes_let_in_whom_they_name_and_nobody_else asks for every route as nobody, with each role, with a key of each single
// scope, with a key without scopes, and with one that is wrong.
func TestRoutes_let_in_whom_they_name_and_nobody_else(t *testing.T) {
	site, _ := everything(t, func(o *web.Options) { o.Keys = keyring{o.Keys.(*access.Keys)} })
	type asker struct {
		name    string
		browser *webtest.Browser
		role    access.Role
		key     string
	}
	everybody := func() []asker {
		askers := []asker{{name: "nobody", browser: site.Visitor()}}
		for _, role := range access.Roles {
			askers = append(askers, asker{name: string(role), browser: site.Operator(role), role: role})
		}
		for _, key := range append([]string{"nothing"}, names(access.Scopes)...) {
			askers = append(askers, asker{name: "a key for " + key, browser: site.Visitor(), key: key})
		}
		return append(askers, asker{name: "a wrong key", browser: site.Operator(access.RoleAdmin), key: "wrong"}) // a cookie makes it no better
	}
	askers, walked, table := everybody(), 0, rules(t)
	for name, r := range table {
		path := strings.NewReplacer(":id", "777", ":name", "nothing", ":field", "hostName", ":devEUI", "20635F0108000E09", "*", "").Replace(r.path)
		for _, a := range askers {
			header := []string{"Accept", "text/html", "Sec-Fetch-Site", "same-origin"}
			if r.method == http.MethodPost && !strings.HasPrefix(path, web.Base) {
				header = append(header, "Content-Type", "application/x-www-form-urlencoded")
			}
			asked := r
			if a.key != "" {
				header = append(header, "Authorization", "Bearer key-for-"+a.key)
				asked = r.forPrograms(table)
			}
			resp := a.browser.Open(r.method, path, "", header...)
			_ = resp.Body.Close() // streams have no end
			walked++
			if complaint := asked.judge(a.role, a.key, resp); complaint != "" {
				t.Errorf("%s by %s: %d: %s", name, a.name, resp.StatusCode, complaint)
			}
		}
		if r.path == "/signout" {
			askers = everybody() // those of before have done so
		}
	}
	t.Logf("%d requests", walked)
}

// forPrograms is the rule that holds for a program at the same address: pages lead it to the API where that shares their
// addresses, and the API may know nothing there.
func (r rule) forPrograms(table map[string]rule) rule {
	shared := r.path == "/connections" || r.path == "/events" || strings.HasPrefix(r.path, "/connections/")
	if !shared {
		return r
	}
	led := rule{method: r.method, path: web.Base + r.path}
	if known, ok := table[led.name()]; ok {
		return known
	}
	led.nowhere = true
	return led
}

// judge gives what is wrong with an answer, "" where it is what the rule says.
func (r rule) judge(role access.Role, key string, resp *http.Response) string {
	status := resp.StatusCode
	toSignIn := status == http.StatusSeeOther && strings.HasPrefix(resp.Header.Get("Location"), "/signin?next=")
	guessed := key == "wrong" && status == http.StatusTooManyRequests // after so many wrong ones
	turnedAway := status == http.StatusUnauthorized || toSignIn || guessed
	known := role != "" || key != "" && key != "wrong"
	allowed := role != "" && key == "" && role.AtLeast(access.Role(r.least)) || key != "" && key == r.scope
	switch {
	case status >= 500:
		return "it broke"
	case r.nowhere:
		if status < 400 {
			return "nothing is there"
		}
	case r.public:
		if turnedAway {
			return "everybody may"
		}
	case r.own:
		switch {
		case key == string(access.ScopeUplinks) && status != http.StatusNotFound:
			return "the scope is for this"
		case key != string(access.ScopeUplinks) && known && key != "" && status != http.StatusForbidden:
			return "want 403"
		case (!known || key == "") && status != http.StatusUnauthorized && status != http.StatusTooManyRequests: // after so many wrong keys from here
			return "want 401"
		}
	case !known && !turnedAway:
		return "want 401, or the page to sign in"
	case known && allowed && (turnedAway || status == http.StatusForbidden):
		return "may"
	case known && !allowed && status != http.StatusForbidden:
		return "want 403"
	}
	return ""
}

// TestTheJudgeOfRoutes_finds_what_is_wrong keeps the walk from being one that cannot fail.
func TestTheJudgeOfRoutes_finds_what_is_wrong(t *testing.T) {
	admins := rule{method: "POST", path: "/people", least: "admin", scope: "-"}
	keys := rule{method: "GET", path: "/api/v1/users", least: "admin", scope: "admin"}
	for _, c := range []struct {
		rule   rule
		role   access.Role
		key    string
		status int
		wrong  bool
	}{
		{admins, "", "", 401, false}, {admins, "", "", 200, true}, {admins, "", "", 403, true},
		{admins, access.RoleOperator, "", 403, false}, {admins, access.RoleOperator, "", 422, true}, {admins, access.RoleOperator, "", 404, true},
		{admins, access.RoleAdmin, "", 422, false}, {admins, access.RoleAdmin, "", 403, true}, {admins, access.RoleAdmin, "", 500, true},
		{admins, "", "admin", 403, false}, {admins, "", "admin", 200, true}, {admins, "", "wrong", 401, false}, {admins, "", "wrong", 403, true},
		{keys, "", "admin", 200, false}, {keys, "", "read", 200, true}, {keys, "", "nothing", 403, false}, {keys, "", "nothing", 200, true},
	} {
		if got := c.rule.judge(c.role, c.key, &http.Response{StatusCode: c.status}); (got != "") != c.wrong {
			t.Errorf("%s by %q, key %q, %d: %q", c.rule.name(), c.role, c.key, c.status, got)
		}
	}
}

func names[T ~string](all []T) []string {
	out := make([]string, len(all))
	for i, one := range all {
		out[i] = fmt.Sprint(one)
	}
	return out
}

// ownAffair reports the addresses at which everybody may change something about the own account.
func ownAffair(path string) bool {
	for _, prefix := range []string{"/account", "/confirm", "/preferences", "/api/v1/account", "/api/v1/sessions"} {
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
