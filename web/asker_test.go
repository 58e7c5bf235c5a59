package web_test

import (
	"net/http"
	"strings"
	"testing"

	"boardlink/access"
	"boardlink/web"
	"boardlink/web/webtest"

	"github.com/labstack/echo/v4"
)

// says makes a route that answers with a word.
func says(method, path, word string) web.Route {
	return web.Route{Method: method, Path: path, Public: true, Handler: func(c echo.Context) error { return c.String(http.StatusOK, word) }}
}

// doors are pages and the API's operations at the same addresses.
func doors() func(*web.Server) {
	const get, post = http.MethodGet, http.MethodPost
	return webtest.Routes(
		says(get, "/", "page"), says(get, "/connections", "page"), says(post, "/connections", "page"), says(get, "/events", "page"),
		says(get, "/connections/new", "page"), says(get, "/connections/:id", "page"), says(post, "/connections/:id/state", "page"),
		says(get, "/api/v1/connections", "api"), says(post, "/api/v1/connections", "api"), says(http.MethodPut, "/api/v1/connections", "api"),
		says(get, "/api/v1/events", "api"), says(get, "/api/v1/connectors", "api"), says(get, "/api/v1/connections/:id", "api"),
		says(http.MethodDelete, "/api/v1/connections/:id", "api"), says(post, "/api/v1/connections/:id/restart", "api"),
		web.Route{Method: post, Path: "/api/v1/connections/:id/uplinks", OwnCredential: true, Handler: func(c echo.Context) error {
			return c.String(http.StatusOK, "uplink "+c.Param("id"))
		}},
	)
}

const (
	jsonType = "application/json"
	formType = "application/x-www-form-urlencoded"
	firefox  = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
)

func TestWhoIsAsking(t *testing.T) {
	site := webtest.New(t, nil, doors())
	for name, test := range map[string]struct {
		method, path, accept, content, authorization string
		want                                         string
	}{
		"a browser":                                     {"GET", "/connections", firefox, "", "", "page"},
		"a browser on details":                          {"GET", "/connections/5", firefox, "", "", "page"},
		"curl without more":                             {"GET", "/connections", "*/*", "", "", "page"},
		"no header at all":                              {"GET", "/connections", "", "", "", "page"},
		"JSON accepted":                                 {"GET", "/connections", jsonType, "", "", "api"},
		"JSON accepted on one":                          {"GET", "/connections/5", jsonType, "", "", "api"},
		"JSON ranked above HTML":                        {"GET", "/events", "text/html;q=0.5, application/json;q=0.9", "", "", "api"},
		"JSON ranked below HTML":                        {"GET", "/events", "text/html, application/json;q=0.9", "", "", "page"},
		"JSON and HTML ranked the same":                 {"GET", "/events", "text/html, application/json", "", "", "page"},
		"JSON above anything":                           {"GET", "/events", "application/json, */*;q=0.1", "", "", "api"},
		"JSON refused":                                  {"GET", "/events", "application/json;q=0, */*", "", "", "page"},
		"any application type":                          {"GET", "/events", "application/*", "", "", "api"},
		"letter case of types":                          {"GET", "/events", "APPLICATION/JSON", "", "", "api"},
		"a key":                                         {"GET", "/connections", firefox, "", "Bearer " + webtest.Key, "api"},
		"a JSON body":                                   {"POST", "/connections", "*/*", jsonType, "", "api"},
		"a JSON body with parameters":                   {"POST", "/connections", "", jsonType + "; charset=utf-8", "", "api"},
		"a form":                                        {"POST", "/connections", firefox, formType, "", "page"},
		"a form without Accept":                         {"POST", "/connections", "", formType, "", "page"},
		"a form from a program":                         {"POST", "/connections", jsonType, formType, "", "api"},
		"a POST without a type":                         {"POST", "/connections", "", "", "", "415"},
		"a POST of text":                                {"POST", "/connections", firefox, "text/plain", "", "415"},
		"a restart with a key and no body":              {"POST", "/connections/5/restart", "", "", "Bearer " + webtest.Key, "api"},
		"PUT":                                           {"PUT", "/connections", firefox, "", "", "api"},
		"DELETE":                                        {"DELETE", "/connections/5", firefox, "", "", "api"},
		"connectors for a program":                      {"GET", "/connectors", jsonType, "", "", "api"},
		"connectors for a browser":                      {"GET", "/connectors", firefox, "", "", "404"},
		"the base, whatever is accepted":                {"GET", "/api/v1/connections", firefox, "", "", "api"},
		"a POST to the base without a type":             {"POST", "/api/v1/connections/5/restart", "", "", "", "api"},
		"uplinks as a form":                             {"POST", "/connections/5/uplinks", firefox, formType, "", "uplink 5"},
		"uplinks without a type":                        {"POST", "/connections/5/uplinks", "", "", "", "uplink 5"},
		"uplinks of another type":                       {"POST", "/connections/5/uplinks", "", "text/plain", "", "uplink 5"},
		"uplinks under the base":                        {"POST", "/api/v1/connections/5/uplinks", "", "", "", "uplink 5"},
		"another page is no operation":                  {"GET", "/", jsonType, "", "", "page"},
		"a page that the API does not know":             {"GET", "/connections/new", jsonType, "", "", "api"},
		"a path that only begins like one of the API's": {"GET", "/connections-old", jsonType, "", "", "401"},
	} {
		t.Run(name, func(t *testing.T) {
			var header []string
			for _, h := range [][2]string{{"Accept", test.accept}, {"Content-Type", test.content}, {"Authorization", test.authorization}} {
				if h[1] != "" {
					header = append(header, h[0], h[1])
				}
			}
			got := site.Visitor().Do(test.method, test.path, "", header...)
			if len(test.want) == 3 && test.want != "api" {
				if status := http.StatusText(got.Status); status == "" || !strings.HasPrefix(test.want, itoa(got.Status)) {
					t.Errorf("answered %d, want %s", got.Status, test.want)
				}
				return
			}
			if got.Body != test.want {
				t.Errorf("answered %d %q, want %q", got.Status, got.Body, test.want)
			}
		})
	}
}

func itoa(n int) string {
	return string(rune('0'+n/100)) + string(rune('0'+n/10%10)) + string(rune('0'+n%10))
}

func TestHead_is_answered_wherever_GET_is(t *testing.T) {
	site := webtest.New(t, nil, doors())
	for _, path := range []string{"/connections", "/healthz", "/api/v1/connections"} {
		got := site.Visitor().Do(http.MethodHead, path, "")
		if got.Status != http.StatusOK || got.Body != "" || got.Header.Get("Content-Length") == "0" {
			t.Errorf("HEAD %s: %d, %q, length %s", path, got.Status, got.Body, got.Header.Get("Content-Length"))
		}
	}
	b := site.Operator(access.RoleViewer)
	got := b.Do(http.MethodHead, web.StreamPath, "")
	if got.Status != http.StatusOK || got.Header.Get("Content-Type") != "text/event-stream; charset=utf-8" {
		t.Errorf("HEAD of the stream: %d %v", got.Status, got.Header)
	}
}
