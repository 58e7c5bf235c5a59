package web_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"boardlink/access"
	"boardlink/web"
	"boardlink/web/webtest"

	"github.com/labstack/echo/v4"
)

func whoAsks(c echo.Context) error {
	return c.String(http.StatusOK, string(web.Who(c).Kind)+" "+web.Who(c).Actor()+" "+web.WhoIn(c.Request().Context()).Actor())
}

// gates are rows of every sort.
func gates() func(*web.Server) {
	return webtest.Routes(
		web.Route{Method: "GET", Path: "/open", Public: true, Handler: whoAsks},
		web.Route{Method: "GET", Path: "/look", Least: access.RoleViewer, Handler: whoAsks},
		web.Route{Method: "POST", Path: "/change", Least: access.RoleOperator, Handler: whoAsks},
		web.Route{Method: "GET", Path: "/people", Least: access.RoleAdmin, Handler: whoAsks},
		web.Route{Method: "GET", Path: "/api/v1/read", Least: access.RoleViewer, Scope: access.ScopeRead, Handler: whoAsks},
		web.Route{Method: "POST", Path: "/api/v1/write", Least: access.RoleOperator, Scope: access.ScopeConnections, Handler: whoAsks},
		web.Route{Method: "GET", Path: "/api/v1/keys", Scope: access.ScopeAdmin, Handler: whoAsks},
		web.Route{Method: "POST", Path: "/api/v1/own", OwnCredential: true, Handler: whoAsks},
	)
}

func TestEveryRoute_lets_in_whom_its_row_names_and_nobody_else(t *testing.T) {
	site := webtest.New(t, nil, gates())
	askers := map[string]func(web.Route) (*webtest.Browser, []string){
		"nobody": func(web.Route) (*webtest.Browser, []string) { return site.Visitor(), nil },
		"a key": func(web.Route) (*webtest.Browser, []string) {
			return site.Visitor(), []string{"Authorization", "Bearer " + webtest.Key}
		},
		"wrong key": func(web.Route) (*webtest.Browser, []string) {
			return site.Visitor(), []string{"Authorization", "Bearer wrong"}
		},
	}
	roles := map[string]access.Role{}
	for _, role := range access.Roles {
		b := site.Operator(role)
		askers[string(role)] = func(web.Route) (*webtest.Browser, []string) { return b, nil }
		roles[string(role)] = role
	}
	for _, route := range site.Routes() {
		if route.Path == web.StreamPath {
			continue // has tests of its own: it does not end
		}
		for name, asker := range askers {
			b, header := asker(route)
			if route.Method == http.MethodPost {
				header = append(header, "Content-Type", formType)
			}
			got := b.Do(route.Method, route.Path, "", header...)
			want := http.StatusOK
			switch role, isPerson := roles[name]; {
			case route.Public || route.OwnCredential:
			case isPerson && !role.AtLeast(route.Least), name == "a key" && !route.Scope.Valid():
				want = http.StatusForbidden
			case name == "nobody" && route.Path[:4] != "/api":
				want = http.StatusSeeOther
			case name == "nobody", name == "wrong key":
				want = http.StatusUnauthorized
			}
			if got.Status != want {
				t.Errorf("%s %s by %s: %d, want %d", route.Method, route.Path, name, got.Status, want)
			}
		}
	}
}

func TestWho_tells_operators_keys_and_nobody_apart(t *testing.T) {
	site := webtest.New(t, nil, gates())
	b := site.Operator(access.RoleViewer)
	for name, test := range map[string]struct {
		browser *webtest.Browser
		path    string
		header  []string
		want    string
	}{
		"an operator":                     {b, "/look", nil, "operator operator1@example.com operator1@example.com"},
		"an operator on a public page":    {b, "/open", nil, "operator operator1@example.com operator1@example.com"},
		"nobody":                          {site.Visitor(), "/open", nil, " system system"},
		"a key":                           {site.Visitor(), "/api/v1/read", []string{"Authorization", "bearer  " + webtest.Key}, "key environment environment"},
		"a key beats a session":           {b, "/api/v1/read", []string{"Authorization", "Bearer " + webtest.Key}, "key environment environment"},
		"no cookie counts for own checks": {b, "/api/v1/own", nil, " system system"},
	} {
		method := "GET"
		if test.path == "/api/v1/own" {
			method = "POST"
		}
		if got := test.browser.Do(method, test.path, "", test.header...); got.Body != test.want {
			t.Errorf("%s: %d %q, want %q", name, got.Status, got.Body, test.want)
		}
	}
	for name, header := range map[string][]string{
		"a wrong key is not made good by a session": {"Authorization", "Bearer wrong"},
		"nor is another scheme":                     {"Authorization", "Basic " + webtest.Key},
		"nor by the header that is for uplinks":     {"Authorization", "Bearer wrong", "X-Boardlink-Key", webtest.Key},
	} {
		got := b.Do("GET", "/api/v1/read", "", header...)
		if got.Status != http.StatusUnauthorized || got.Header.Get("WWW-Authenticate") != "Bearer" {
			t.Errorf("%s: %d, WWW-Authenticate %q", name, got.Status, got.Header.Get("WWW-Authenticate"))
		}
	}
}

func TestKeyHeader_opens_nothing_but_uplinks(t *testing.T) {
	site := webtest.New(t, nil, gates())
	for name, got := range map[string]webtest.Answer{
		"in the header": site.Visitor().Do("GET", "/api/v1/read", "", "X-Boardlink-Key", webtest.Key),
		"in the query":  site.Visitor().Do("GET", "/api/v1/read?key="+webtest.Key, ""),
	} {
		if got.Status != http.StatusUnauthorized {
			t.Errorf("%s: %d", name, got.Status)
		}
	}
	if got := site.Operator(access.RoleViewer).Do("GET", "/look", "", "X-Boardlink-Key", "wrong"); got.Status != http.StatusOK {
		t.Errorf("beside a session: %d", got.Status)
	}
}

func TestRequestsFromOtherSites(t *testing.T) {
	site := webtest.New(t, func(o *web.Options) { o.PublicURL = "https://boardlink.example.com" }, gates())
	for name, test := range map[string]struct {
		header []string
		want   int
	}{
		"from a page of ours":                      {[]string{"Sec-Fetch-Site", "same-origin"}, 200},
		"typed into the browser":                   {[]string{"Sec-Fetch-Site", "none"}, 200},
		"from another site":                        {[]string{"Sec-Fetch-Site", "cross-site"}, 403},
		"from a neighbour":                         {[]string{"Sec-Fetch-Site", "same-site"}, 403},
		"from an old browser on another site":      {[]string{"Origin", "https://evil.example.com"}, 403},
		"from a page without an origin":            {[]string{"Origin", "null"}, 403},
		"from our host by plain HTTP":              {[]string{"Origin", site.URL}, 403},
		"from our public address behind a proxy":   {[]string{"Origin", "https://boardlink.example.com"}, 200},
		"from no browser":                          {nil, 200},
		"with a wrong key beside the cookie":       {[]string{"Sec-Fetch-Site", "cross-site", "Authorization", "Bearer wrong"}, 403},
		"with a right key, which no browser sends": {[]string{"Sec-Fetch-Site", "cross-site", "Authorization", "Bearer " + webtest.Key}, 200},
		"with the key in the header for uplinks":   {[]string{"Sec-Fetch-Site", "cross-site", "X-Boardlink-Key", webtest.Key}, 403},
		"with an empty Authorization and a cookie": {[]string{"Sec-Fetch-Site", "cross-site", "Authorization", " "}, 403},
	} {
		t.Run(name, func(t *testing.T) {
			// The session's cookie is Secure here, so it is handed over by hand.
			b := site.Operator(access.RoleAdmin)
			cookie := b.Cookie()
			for _, path := range []string{"/change", "/api/v1/write"} {
				if path == "/change" && len(test.header) == 4 && test.want == 200 {
					continue // keys may not use pages
				}
				header := append([]string{"Content-Type", formType, "Cookie", cookie}, test.header...)
				if got := site.Visitor().Do("POST", path, "", header...); got.Status != test.want {
					t.Errorf("POST %s: %d, want %d: %s", path, got.Status, test.want, got.Body)
				}
			}
			if got := site.Visitor().Do("GET", "/look", "", "Cookie", cookie, "Sec-Fetch-Site", "cross-site"); got.Status != 200 {
				t.Errorf("a link from elsewhere: %d", got.Status)
			}
		})
	}
}

func TestNotSignedIn_sends_browsers_to_the_sign_in_page_and_back(t *testing.T) {
	site := webtest.New(t, nil, gates())
	b := site.Visitor()
	for name, test := range map[string]struct {
		got  webtest.Answer
		want string
	}{
		"a page":            {b.Get("/look?a=b&c=d"), "/signin?next=" + url.QueryEscape("/look?a=b&c=d")},
		"a form":            {b.Post("/change", nil), "/signin?next=%2F"},
		"the stream":        {b.Get(web.StreamPath), "/signin?next=%2F"},
		"a boosted link":    {b.Get("/look", "HX-Request", "true", "HX-Boosted", "true"), "/signin?next=%2Flook"},
		"a page of history": {b.Get("/look", "HX-Request", "true", "HX-History-Restore-Request", "true"), "/signin?next=%2Flook"},
	} {
		if test.got.Status != http.StatusSeeOther || test.got.Header.Get("Location") != test.want {
			t.Errorf("%s: %d to %q, want %q", name, test.got.Status, test.got.Header.Get("Location"), test.want)
		}
	}
	part := b.Get("/look", "HX-Request", "true", "HX-Current-URL", site.URL+"/connections/5?window=1d")
	if want := "/signin?next=%2Fconnections%2F5%3Fwindow%3D1d"; part.Status != http.StatusUnauthorized || part.Header.Get("HX-Redirect") != want {
		t.Errorf("a fragment: %d, HX-Redirect %q, want %q", part.Status, part.Header.Get("HX-Redirect"), want)
	}
	if evil := b.Get("/look", "HX-Request", "true", "HX-Current-URL", "https://evil.example.com//evil"); evil.Header.Get("HX-Redirect") != "/signin?next=%2F" {
		t.Errorf("a fragment of nowhere: %q", evil.Header.Get("HX-Redirect"))
	}
}

func TestSessions_end_for_people_who_are_gone_and_when_they_are_old(t *testing.T) {
	site := webtest.New(t, nil, gates())
	b := site.Operator(access.RoleViewer)
	site.Rows.Change(func(r *access.SessionRow) { r.OperatorID = 99 })
	if got := b.Get("/look"); got.Status != http.StatusSeeOther {
		t.Errorf("an operator who was removed: %d", got.Status)
	}
	b = site.Operator(access.RoleViewer)
	site.Rows.Change(func(r *access.SessionRow) { r.LastSeenAt = r.LastSeenAt.Add(-access.SessionIdle) })
	if got := b.Get("/look"); got.Status != http.StatusSeeOther {
		t.Errorf("an idle session: %d", got.Status)
	}
}

// brokenRows cannot be read.
type brokenRows struct{ *webtest.Rows }

func (brokenRows) SessionByHash(context.Context, access.Digest) (access.SessionRow, error) {
	return access.SessionRow{}, errors.New("disk on fire")
}

func TestSessions_that_cannot_be_read_let_nobody_in(t *testing.T) {
	var rows brokenRows
	site := webtest.New(t, func(o *web.Options) {
		rows.Rows = o.Sessions.(*webtest.Rows)
		o.Sessions = rows
	}, gates())
	b := site.Operator(access.RoleAdmin)
	if got := b.Get("/look"); got.Status != http.StatusInternalServerError {
		t.Errorf("a page: %d", got.Status)
	}
	if got := b.Get("/open"); got.Status != http.StatusOK || got.Body != " system system" {
		t.Errorf("a public page: %d %q", got.Status, got.Body)
	}
}

func TestUse_of_a_session_is_noted_but_for_what_a_page_does_by_itself(t *testing.T) {
	site := webtest.New(t, nil, gates())
	b := site.Operator(access.RoleViewer)
	const ago = 5 * time.Minute
	seen := func() time.Duration { return time.Since(site.Rows.All()[0].LastSeenAt).Round(time.Minute) }
	site.Rows.Change(func(r *access.SessionRow) { r.LastSeenAt = time.Now().Add(-ago) })
	b.Get("/look", web.LiveHeader, "1")
	stream := b.Open("GET", web.StreamPath, "")
	defer stream.Body.Close() // it ends with the test
	if seen() != ago {
		t.Errorf("what a page did by itself counted: last seen %v ago", seen())
	}
	b.Get("/look")
	if seen() != 0 {
		t.Errorf("a click did not count: last seen %v ago", seen())
	}
}

func TestHandlers_outside_of_the_table_answer_nobody(t *testing.T) {
	s, err := web.New(web.Options{PublicURL: "http://localhost:8080", Sessions: webtest.NewRows(), People: webtest.NewPeople(), Keys: access.NewKeys(webtest.Key)})
	if err != nil {
		t.Fatal(err)
	}
	s.Echo().GET("/api/v1/secret", whoAsks)
	if err := s.Check(); err == nil {
		t.Error("the check found nothing")
	}
	if got := record(s, "GET", "/api/v1/secret", "Authorization", "Bearer "+webtest.Key); got.Code != http.StatusForbidden {
		t.Errorf("answered %d %q", got.Code, got.Body)
	}
	s.Mount(web.Route{Method: "GET", Path: "/api/v1/nothing", Scope: access.ScopeRead})
	if err := s.Check(); err == nil {
		t.Error("a row without a handler was not found")
	}
}

func TestMount_refuses_rows_that_are_mistakes(t *testing.T) {
	for name, route := range map[string]web.Route{
		"that lets nobody in":      {Method: "GET", Path: "/x", Handler: whoAsks},
		"with a role that is none": {Method: "GET", Path: "/x", Least: "king", Handler: whoAsks},
		"that is there already":    {Method: "GET", Path: "/healthz", Public: true, Handler: whoAsks},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("a row %s was taken", name)
				}
			}()
			s, err := web.New(web.Options{PublicURL: "http://localhost:8080"})
			if err != nil {
				t.Fatal(err)
			}
			s.Mount(route)
		}()
	}
}

func TestNew_needs_a_public_address(t *testing.T) {
	for _, address := range []string{"", "localhost", "ftp://x", "https://"} {
		if _, err := web.New(web.Options{PublicURL: address}); err == nil {
			t.Errorf("%q was taken", address)
		}
	}
}

func TestForbidden_says_what_the_route_takes(t *testing.T) {
	site := webtest.New(t, nil, gates())
	key := []string{"Authorization", "Bearer " + site.KeyFor(access.ScopeUplinks)}
	viewer := site.Operator(access.RoleViewer)
	for _, route := range site.Routes() {
		if route.Public || route.OwnCredential || route.Path == web.StreamPath {
			continue
		}
		if route.Scope != access.ScopeUplinks {
			want := "it lacks the scope " + string(route.Scope)
			if !route.Scope.Valid() {
				want = "No API key may do this."
			}
			if got := site.Visitor().Do(route.Method, route.Path, "", key...); got.Status != http.StatusForbidden || !strings.Contains(got.Body, want) {
				t.Errorf("%s %s by a key: %d %s, want %q", route.Method, route.Path, got.Status, got.Body, want)
			}
		}
		if !access.RoleViewer.AtLeast(route.Least) {
			want := "It takes the role " + string(route.Least) + "; yours is viewer."
			if !route.Least.Valid() {
				want = "it is for API keys alone"
			}
			if got := viewer.Do(route.Method, route.Path, "", "Content-Type", formType); got.Status != http.StatusForbidden || !strings.Contains(got.Body, want) {
				t.Errorf("%s %s by a viewer: %d, want %q", route.Method, route.Path, got.Status, want)
			}
		}
	}
}
