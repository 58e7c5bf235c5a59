package handlers_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"boardlink/access"
	"boardlink/operation/operationtest"
	"boardlink/web"
	"boardlink/web/webtest"
)

// addressOf fills the parameters of a route's path with what may be there.
func addressOf(route web.Route) string {
	var parts []string
	for part := range strings.SplitSeq(route.Path, "/") {
		switch {
		case part == ":field":
			part = "hostName"
		case part == ":devEUI":
			part = "20635F0108000E09"
		case strings.HasPrefix(part, ":"):
			part = "1"
		case part == "*":
			part = "app.css"
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, "/")
}

func TestHeaders_protect_what_every_route_answers(t *testing.T) {
	site, w := everything(t)
	if _, err := w.Create(t.Context(), "ann@example.com", operationtest.Valid()); err != nil {
		t.Fatal(err)
	}
	askers := map[string]*webtest.Browser{"nobody": site.Visitor(), "an admin": site.Operator(access.RoleAdmin)}
	want := map[string]string{
		"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin",
		"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
	}
	seen := 0
	for _, route := range site.Routes() {
		for name, b := range askers {
			if strings.HasSuffix(route.Path, web.StreamPath) && name != "nobody" {
				continue // has no end; HEAD, below, tells its header
			}
			path := addressOf(route)
			headers := [][]string{
				{"Accept", "text/html"}, {"Accept", "application/json"}, {"Accept", "text/html", "HX-Request", "true"},
				{"Accept", "text/html", "Content-Type", "text/plain"}, {"Accept", "text/html", "Sec-Fetch-Site", "cross-site"},
			}
			if strings.Contains(path, ".") {
				headers = headers[:1] // a file is the same for everybody, and large
			}
			for _, header := range headers {
				methods := []string{route.Method}
				if route.Method == http.MethodGet {
					methods = []string{http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace}
				}
				for _, method := range methods {
					a := b.Do(method, path, "", header...)
					seen++
					for header, value := range want {
						if got := a.Header.Values(header); !slices.Equal(got, []string{value}) {
							t.Errorf("%s %s by %s (%d): %s is %q", method, path, name, a.Status, header, got)
						}
					}
					if csp := a.Header.Values("Content-Security-Policy"); len(csp) != 1 || !strings.HasPrefix(csp[0], "default-src 'none'; ") ||
						!strings.Contains(csp[0], "frame-ancestors 'none'") || !strings.Contains(csp[0], "base-uri 'none'") || strings.Contains(csp[0], "unsafe") || strings.Contains(csp[0], "http") {
						t.Errorf("%s %s by %s (%d): policy %q", method, path, name, a.Status, csp)
					}
					if cache := a.Header.Get("Cache-Control"); cache != "no-store" && !route.Public {
						t.Errorf("%s %s by %s (%d): Cache-Control %q", method, path, name, a.Status, cache)
					}
					for _, header := range []string{"Access-Control-Allow-Origin", "Server", "X-Powered-By"} {
						if got := a.Header.Get(header); got != "" {
							t.Errorf("%s %s: %s is %q", method, path, header, got)
						}
					}
				}
			}
		}
	}
	if seen < 300 {
		t.Errorf("only %d answers were looked at", seen)
	}
}

// What another site makes a browser send, with the cookie that the browser holds.
func TestEvery_changing_route_refuses_other_sites(t *testing.T) {
	site, w := everything(t)
	if _, err := w.Create(t.Context(), "ann@example.com", operationtest.Valid()); err != nil {
		t.Fatal(err)
	}
	before, err := w.Get(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	events := len(w.Store.AllEvents())
	b := site.Operator(access.RoleAdmin)
	changing := 0
	for _, route := range site.Routes() {
		if route.Method == http.MethodGet || route.OwnCredential {
			continue
		}
		changing++
		for name, header := range map[string][]string{
			"another site":                 {"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example.com"},
			"a neighbour":                  {"Sec-Fetch-Site", "same-site", "Origin", "https://other.example.com"},
			"an old browser, another site": {"Origin", "https://evil.example.com"},
			"an old browser, no origin":    {"Origin", "null"},
			"another port":                 {"Origin", "http://127.0.0.1:1"},
		} {
			for _, kind := range []string{"application/x-www-form-urlencoded", "application/json", "text/plain"} {
				if kind == "text/plain" && name != "another site" {
					continue
				}
				a := b.Do(route.Method, addressOf(route), "", append([]string{"Content-Type", kind, "Accept", "text/html"}, header...)...)
				if a.Status != http.StatusForbidden && !(kind == "text/plain" && a.Status == http.StatusUnsupportedMediaType) {
					t.Errorf("%s %s from %s as %s: %d", route.Method, route.Path, name, kind, a.Status)
				}
			}
		}
	}
	if changing < 8 {
		t.Errorf("only %d routes that change something were found", changing)
	}
	if after, err := w.Get(t.Context(), 1); err != nil || after.Connection.Version != before.Connection.Version || len(w.Store.AllEvents()) != events {
		t.Errorf("something was changed: %v, %d events", err, len(w.Store.AllEvents())-events)
	}
}

// GET must change nothing: it is not checked for other sites.
func TestNo_GET_changes_anything(t *testing.T) {
	site, w := everything(t)
	if _, err := w.Create(t.Context(), "ann@example.com", operationtest.Valid()); err != nil {
		t.Fatal(err)
	}
	events := len(w.Store.AllEvents())
	b := site.Operator(access.RoleAdmin)
	for _, route := range site.Routes() {
		if route.Method != http.MethodGet || strings.HasSuffix(route.Path, web.StreamPath) {
			continue
		}
		for _, query := range []string{"", "?action=deactivate&confirmName=North&step=go&hostName=evil.example.com:1&version=1&all=true&method=POST&_method=DELETE"} {
			b.Get(addressOf(route)+query, "Sec-Fetch-Site", "cross-site", "X-HTTP-Method-Override", "DELETE")
		}
	}
	v, err := w.Get(t.Context(), 1)
	if err != nil || v.Connection.Version != 1 || !v.Connection.Active || len(w.Store.AllEvents()) != events {
		t.Errorf("%+v, %v, %d new events", v.Connection.Version, err, len(w.Store.AllEvents())-events)
	}
	if len(site.Rows.All()) != 1 {
		t.Error("the session was ended")
	}
}

func TestPaths_lead_nowhere_else(t *testing.T) {
	site, _ := everything(t)
	for _, path := range []string{
		"/static/../go.mod", "/static/..%2f..%2fgo.mod", "/static/%2e%2e/go.mod", "/static/....//go.mod", "/static/..%5c..%5cgo.mod", "/static/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
		"/static//etc/passwd", "/static/%00", "/static/app.css%00.txt", "/api/docs/../../go.mod", "/api/docs/%2e%2e%2f%2e%2e%2fgo.mod", "/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd",
		"/.env", "/.git/config", "/data/secret.key", "/static/", "/static/.", "/debug/pprof/", "/debug/vars", "/metrics",
	} {
		for name, b := range map[string]*webtest.Browser{"nobody": site.Visitor(), "an admin": site.Operator(access.RoleAdmin)} {
			a := b.Get(path)
			if a.Status == http.StatusOK || a.Status >= 500 || strings.Contains(a.Body, "root:") || strings.Contains(a.Body, "module boardlink") {
				t.Errorf("%s by %s: %d %.100q", path, name, a.Status, a.Body)
			}
			if to := a.Header.Get("Location"); to != "" && !strings.HasPrefix(to, "/signin?next=") {
				t.Errorf("%s by %s leads to %q", path, name, to)
			}
		}
	}
}

func TestRedirects_stay_on_this_server_whatever_host_and_path_say(t *testing.T) {
	site, w := everything(t)
	v, err := w.Create(t.Context(), "ann@example.com", operationtest.Valid())
	if err != nil {
		t.Fatal(err)
	}
	evil := []string{"Host", "evil.example.com", "X-Forwarded-Host", "evil.example.com", "X-Forwarded-Proto", "https", "Forwarded", "host=evil.example.com", "X-Original-URL", "/evil", "X-Rewrite-URL", "/evil"}
	for _, path := range []string{"/", "/connections", "//evil.example.com", "//evil.example.com/connections", `/\evil.example.com`, "/connections/..//evil.example.com", "/%0d%0aLocation:%20https://evil.example.com", "/connections/1/", "/https://evil.example.com"} {
		for name, b := range map[string]*webtest.Browser{"nobody": site.Visitor(), "an admin": site.Operator(access.RoleAdmin)} {
			a := b.Get(path, append(evil, "Cookie", b.Cookie())...)
			if to := a.Header.Get("Location"); to != "" && !strings.HasPrefix(to, "/signin?next=") {
				t.Errorf("%s by %s leads to %q", path, name, to)
			}
			if len(a.Header.Values("Location")) > 1 || strings.Contains(a.Body, `href="https://evil`) || strings.Contains(a.Body, `href="//evil`) {
				t.Errorf("%s by %s links to another server", path, name)
			}
		}
	}
	for _, path := range []string{"/connections/1", "/api/v1/connections/1"} {
		b := site.Operator(access.RoleAdmin)
		a := b.Get(path, append(evil, "Cookie", b.Cookie())...)
		if a.Status != http.StatusOK || strings.Contains(a.Body, "evil.example.com") || !strings.Contains(a.Body, v.UplinkURL) {
			t.Errorf("%s tells another address than the public one: %d", path, a.Status)
		}
	}
	a := site.Visitor().Do("POST", "/api/v1/connections", operationtestBody, append([]string{"Authorization", "Bearer " + webtest.Key, "Content-Type", "application/json"}, evil...)...)
	if to := a.Header.Get("Location"); a.Status != http.StatusCreated || !strings.HasPrefix(to, "/connections/") {
		t.Errorf("created: %d at %q", a.Status, to)
	}
}

const operationtestBody = `{"connectorId":"actility-thingsboard-iot","name":"South","configuration":{"hostName":"tb.example.com:443","username":"a@example.com","password":"secret"}}`
