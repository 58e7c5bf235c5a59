package api_test

import (
	"errors"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"boardlink/access"
	"boardlink/web"
	"boardlink/web/webtest"
)

// addresses gives the methods of every address of the API that keys may use, by path; ":id" stands for connection 1.
func (w *world) addresses() map[string][]string {
	all := map[string][]string{}
	for _, route := range w.site.Routes() {
		if strings.HasPrefix(route.Path, "/api") && (route.Public || route.OwnCredential || route.Scope.Valid()) {
			path := strings.Replace(route.Path, ":id", "1", 1)
			all[path] = append(all[path], route.Method)
		}
	}
	return all
}

// bodyFor gives a body that a route takes; empty where it takes none.
func bodyFor(method, path string) string {
	switch {
	case strings.HasSuffix(path, "/restart"), strings.HasSuffix(path, "/retry"), strings.HasSuffix(path, "/purge"), strings.HasSuffix(path, "/reset-link"), method == http.MethodGet, method == http.MethodDelete:
		return ""
	case strings.HasPrefix(path, web.Base+"/keys"):
		return `{"name": "another", "scopes": ["read"]}`
	case path == web.Base+"/users":
		return `{"email": "bob@example.com", "role": "viewer"}`
	case path == web.Base+"/users/1":
		return `{"role": "admin"}`
	case method == http.MethodPatch, path == web.Base+"/connections/1/test":
		return `{"configuration": {"description": "new"}}`
	case strings.HasSuffix(path, "/uplink-key"):
		return `{"oldValidFor": "24h"}`
	case strings.HasSuffix(path, "/downlinks"):
		return command
	case method == http.MethodPut && path == web.Base+"/connections":
		return strings.Replace(minimal, "{", `{"id": "1", `, 1)
	}
	return minimal
}

func newTable(t *testing.T) (*world, map[string][]string) {
	t.Helper()
	w := newWorld(t)
	w.create()
	w.site.KeyFor(access.ScopeRead) // the key with id 1
	all := w.addresses()
	if len(all) < 12 {
		t.Fatalf("only %d addresses: %v", len(all), all)
	}
	return w, all
}

func TestHead_is_like_GET_without_a_body_at_every_address(t *testing.T) {
	w, all := newTable(t)
	compare := func(path string, status int) {
		t.Helper()
		get, head := w.do("GET", path, ""), w.do("HEAD", path, "")
		if head.Status != get.Status || head.Status != status || head.Body != "" {
			t.Errorf("%s: HEAD %d %q, GET %d", path, head.Status, head.Body, get.Status)
		}
		for _, h := range []http.Header{get.Header, head.Header} {
			for _, differs := range []string{"Date", "X-Request-Id", "Content-Length", "Transfer-Encoding"} {
				h.Del(differs)
			}
		}
		if !reflect.DeepEqual(get.Header, head.Header) {
			t.Errorf("%s: GET %v\nHEAD %v", path, get.Header, head.Header)
		}
	}
	for path, methods := range all {
		switch {
		case path == web.Base+"/stream": // its GET has no end
		case !slices.Contains(methods, "GET"):
			compare(path, 405)
		default:
			compare(path, 200)
			if strings.Contains(path, "/1") {
				compare(strings.Replace(path, "/1", "/777", 1), 404)
			}
		}
	}
	compare(web.Base+"/nothing", 404)
	w.Store.Fail = errors.New("broken")
	compare(web.Base+"/connections", 500)
}

// sharesWithPages reports whether programs reach the API by that address too. People and keys came after the original's
// documents, and have the one address.
func sharesWithPages(short string) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(short, "/"), "/")
	return slices.Contains([]string{"connections", "connectors", "events", "stream"}, first)
}

func TestOptions_name_the_methods_of_every_address(t *testing.T) {
	w, all := newTable(t)
	for path, methods := range all {
		want := append([]string{"OPTIONS"}, methods...)
		if slices.Contains(methods, "GET") {
			want = append(want, "HEAD")
		}
		slices.Sort(want)
		short, _ := strings.CutPrefix(path, web.Base)
		if strings.HasPrefix(short, "/keys") { // the short addresses are those of the original, which has no such thing
			short = path
		}
		for _, address := range []string{path, short} {
			if address != path && (!strings.HasPrefix(path, web.Base) || !sharesWithPages(short)) {
				continue
			}
			got := w.do("OPTIONS", address, "")
			allow := strings.Split(got.Header.Get("Allow"), ", ")
			slices.Sort(allow)
			if got.Status != 204 || got.Body != "" || !slices.Equal(allow, want) || len(got.Header.Values("Allow")) != 1 {
				t.Errorf("%s: %d, Allow %v, want %v", address, got.Status, allow, want)
			}
			if patches := got.Header.Get("Accept-Patch"); (patches == web.AcceptPatch) != slices.Contains(methods, "PATCH") {
				t.Errorf("%s: Accept-Patch %q", address, patches)
			}
		}
		if status := w.site.Visitor().Do("OPTIONS", path, "").Status; status != 401 && status != 204 {
			t.Errorf("%s, by nobody: %d", path, status)
		}
	}
	for path, want := range map[string]int{"/api/openapi.json": 204, web.Base + "/connections/1/uplinks": 204, web.Base + "/connections": 401, web.Base + "/nothing": 401} {
		if got := w.site.Visitor().Do("OPTIONS", path, ""); got.Status != want {
			t.Errorf("%s, by nobody: %d, want %d", path, got.Status, want)
		}
	}
	refused(t, w.do("OPTIONS", web.Base+"/nothing", ""), 404)
}

func TestOtherMethods_are_405_at_every_address(t *testing.T) {
	w, all := newTable(t)
	for path, methods := range all {
		allowed := w.do("OPTIONS", path, "").Header.Get("Allow")
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "FOO"} {
			if slices.Contains(methods, method) {
				continue
			}
			got := w.do(method, path, "{}")
			refused(t, got, 405)
			if allow := got.Header.Get("Allow"); allow != allowed {
				t.Errorf("%s %s: Allow %q, and %q by OPTIONS", method, path, allow, allowed)
			}
		}
	}
	if v, err := w.Get(t.Context(), 1); err != nil || v.Connection.Version != 1 {
		t.Errorf("something was changed: %+v, %v", v.Connection, err)
	}
}

func TestUnknownConnections_are_404_at_every_address(t *testing.T) {
	w, all := newTable(t)
	for path, methods := range all {
		if !strings.Contains(path, "/1") {
			continue
		}
		for _, method := range methods {
			for _, id := range []string{"/777", "/x", "/01", "/test"} {
				if id == "/test" && path == web.Base+"/connections/1" {
					continue // the address that tests connections
				}
				refused(t, w.do(method, strings.Replace(path, "/1", id, 1), bodyFor(method, path)), 404)
			}
		}
	}
}

func TestBodies_are_413_and_415_at_every_address_that_takes_one(t *testing.T) {
	w, all := newTable(t)
	large := strings.Repeat(" ", 1<<20) + "{}"
	checked := 0
	for path, methods := range all {
		for _, method := range methods {
			if bodyFor(method, path) == "" {
				continue
			}
			checked++
			refused(t, w.do(method, path, large), 413)
			refused(t, w.unsized(method, path, large), 413)
			kind := "text/plain"
			if strings.HasSuffix(path, "/uplinks") {
				kind = "application/xml" // ThingPark names JSON in several ways
			}
			refused(t, w.do(method, path, "{}", "Content-Type", kind), 415)
			refused(t, w.do(method, path, "{}", "Content-Encoding", "gzip"), 415)
			if strings.HasSuffix(path, "/uplinks") {
				continue
			}
			refused(t, w.do(method, path, "{", "Content-Type", "application/json"), 400)
			refused(t, w.do(method, path, `{"id": "1", "colour": "red"}`, "Content-Type", "application/json"), 422)
		}
	}
	if checked < 7 {
		t.Errorf("only %d routes were checked", checked)
	}
}

// unsized sends a body without its length.
func (w *world) unsized(method, path, body string) webtest.Answer {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.site.URL+path, io.MultiReader(strings.NewReader(body)))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+webtest.Key)
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return webtest.Answer{Status: resp.StatusCode, Header: resp.Header, Body: string(text)}
}

func TestInternalErrors_are_500_at_every_address(t *testing.T) {
	w, all := newTable(t)
	w.Store.Fail = errors.New("canary-cause")
	w.site.KeyRows.Fail(errors.New("canary-cause"))
	w.people.Fail = errors.New("canary-cause")
	w.uplinks.fail = errors.New("canary-cause")
	for path, methods := range all {
		for _, method := range methods {
			if path == web.Base+"/connectors" || !strings.HasPrefix(path, web.Base+"/") {
				continue // nothing there can fail
			}
			got := w.do(method, path, bodyFor(method, path))
			refused(t, got, 500)
			if strings.Contains(got.Body, "canary-cause") || !strings.Contains(got.Body, got.Header.Get("X-Request-Id")) {
				t.Errorf("%s %s: %s", method, path, got.Body)
			}
		}
	}
}
