package web_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"boardlink/access"
	"boardlink/connection"
	"boardlink/web"
	"boardlink/web/webtest"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"
)

// record answers without a listener.
func record(h http.Handler, method, path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// lines collects a log.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func logged(l *lines) func(*web.Options) {
	return func(o *web.Options) {
		o.Log = slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
}

const secretCause = "canary-cause-4711"

// failing are routes that go wrong in every way.
func failing() func(*web.Server) {
	with := func(err error) echo.HandlerFunc { return func(echo.Context) error { return err } }
	route := func(path string, h echo.HandlerFunc) web.Route {
		return web.Route{Method: "GET", Path: "/fail/" + path, Public: true, Handler: h}
	}
	fields := &connection.Failure{Code: connection.CodeInvalid, Message: "Some fields are not right.",
		Fields: []connection.FieldError{{Path: "configuration.hostName", Message: "Add the port.", Example: "a:1"}}}
	return webtest.Routes(
		route("invalid", with(fmt.Errorf("save: %w", fields))),
		route("missing", with(connection.Fail(connection.CodeNotFound, "There is no such connection."))),
		route("conflict", with(connection.Fail(connection.CodeConflict, "Changed."))),
		route("forbidden", with(connection.Fail(connection.CodeForbidden, "No."))),
		route("busy", with(&connection.Failure{Code: connection.CodeUnavailable, Message: "The queue is full.", Err: errors.New(secretCause)})),
		route("internal", with(errors.New(secretCause))),
		route("odd", with(&connection.Failure{Code: "odd", Message: secretCause})),
		route("panic", func(echo.Context) error { panic(secretCause) }),
		route("stale", with(web.NewProblem(http.StatusPreconditionFailed, "Read it again."))),
		route("template", func(c echo.Context) error {
			return web.Render(c, 200, templ.ComponentFunc(func(_ ctx, w io.Writer) error {
				_, _ = io.WriteString(w, "half a page")
				return errors.New(secretCause)
			}))
		}),
		web.Route{Method: "POST", Path: "/read", Public: true, Body: 1 << 20, Handler: func(c echo.Context) error {
			_, err := io.ReadAll(c.Request().Body)
			return err
		}},
	)
}

func TestErrors_reach_programs_as_problem_documents_and_people_as_pages(t *testing.T) {
	var log lines
	site := webtest.New(t, logged(&log), failing())
	b := site.Visitor()
	for path, want := range map[string]struct {
		status int
		detail string
	}{
		"/fail/invalid":   {422, "Some fields are not right."},
		"/fail/missing":   {404, "There is no such connection."},
		"/fail/conflict":  {409, "Changed."},
		"/fail/forbidden": {403, "No."},
		"/fail/busy":      {503, "The queue is full."},
		"/fail/internal":  {500, "Something went wrong."},
		"/fail/odd":       {500, "Something went wrong."},
		"/fail/panic":     {500, "Something went wrong."},
		"/fail/template":  {500, "Something went wrong."},
		"/fail/stale":     {412, "Read it again."},
		"/nowhere":        {404, "There is nothing at this address."},
	} {
		t.Run(path, func(t *testing.T) {
			program := b.Do("GET", path, "", "Authorization", "Bearer "+webtest.Key)
			p := problem(t, program)
			if program.Status != want.status || p.Status != want.status || !strings.HasPrefix(p.Detail, want.detail) {
				t.Errorf("a program reads %d %+v", program.Status, p)
			}
			if p.Type != "about:blank" || p.Title != http.StatusText(want.status) {
				t.Errorf("type %q, title %q", p.Type, p.Title)
			}
			page := b.Get(path)
			if page.Status != want.status || !strings.HasPrefix(page.Header.Get("Content-Type"), "text/html") || !strings.Contains(page.Body, want.detail) {
				t.Errorf("a browser reads %d %s: %.300s", page.Status, page.Header.Get("Content-Type"), page.Body)
			}
			part := b.Get(path, "HX-Request", "true")
			if part.Status != want.status || !strings.HasPrefix(part.Header.Get("Content-Type"), "text/plain") || !strings.HasPrefix(part.Body, want.detail) {
				t.Errorf("a fragment reads %d %s: %.300s", part.Status, part.Header.Get("Content-Type"), part.Body)
			}
			for _, a := range []webtest.Answer{program, page, part} {
				if strings.Contains(a.Body, secretCause) || strings.Contains(a.Body, "half a page") {
					t.Errorf("the cause is told: %s", a.Body)
				}
				if (a.Header.Get("Retry-After") != "") != (want.status == 503) {
					t.Errorf("Retry-After %q", a.Header.Get("Retry-After"))
				}
				if want.status == 500 && !strings.Contains(a.Body, a.Header.Get("X-Request-Id")) {
					t.Error("the request's id is not told")
				}
			}
		})
	}
	if n := strings.Count(log.String(), "Request failed"); n != 12 {
		t.Errorf("%d failures were logged, want 4 routes three times", n)
	}
}

func TestLog_tells_why_requests_were_refused(t *testing.T) {
	var log lines
	site := webtest.New(t, logged(&log), failing(), gates())
	b := site.Visitor()
	for range 3 {
		b.Get("/fail/busy")
	}
	if n := strings.Count(log.String(), secretCause); n != 1 {
		t.Errorf("a busy server wrote %d lines about it", n)
	}
	b.Post("/change", nil, "Sec-Fetch-Site", "cross-site")
	if !strings.Contains(log.String(), "cross-origin request") {
		t.Errorf("nothing tells of the other site: %s", log.String())
	}
}

func problem(t *testing.T, a webtest.Answer) web.Problem {
	t.Helper()
	if got := a.Header.Get("Content-Type"); got != web.ProblemType {
		t.Fatalf("content type %q of %d %q", got, a.Status, a.Body)
	}
	var p web.Problem
	if err := json.Unmarshal([]byte(a.Body), &p); err != nil {
		t.Fatalf("%v in %s", err, a.Body)
	}
	return p
}

func TestProblem_names_each_wrong_field(t *testing.T) {
	site := webtest.New(t, nil, failing())
	got := site.Visitor().Do("GET", "/fail/invalid", "", "Accept", jsonType)
	want := `{"type":"about:blank","title":"Unprocessable Entity","status":422,"detail":"Some fields are not right.","errors":[{"path":"configuration.hostName","message":"Add the port.","example":"a:1"}]}`
	if got.Body != want {
		t.Errorf("got  %s\nwant %s", got.Body, want)
	}
}

func TestMethodsThatAreNotThere(t *testing.T) {
	site := webtest.New(t, nil, doors())
	got := site.Visitor().Do("DELETE", "/api/v1/events", "", "Authorization", "Bearer "+webtest.Key)
	if p := problem(t, got); p.Status != 405 || !strings.Contains(got.Header.Get("Allow"), "GET") || !strings.Contains(got.Header.Get("Allow"), "HEAD") {
		t.Errorf("a program reads %+v, Allow %q", p, got.Header.Get("Allow"))
	}
	if got := site.Visitor().Do("DELETE", "/api/v1/events", ""); got.Status != 401 {
		t.Errorf("a stranger learns which methods there are: %d", got.Status)
	}
	if got := site.Visitor().Do("TRACE", "/connections", "", "Accept", firefox); got.Status != 405 {
		t.Errorf("TRACE: %d", got.Status)
	}
}

func TestBodies_are_bounded(t *testing.T) {
	site := webtest.New(t, nil, failing())
	large := strings.Repeat("x", 1<<20+1)
	got := site.Visitor().Do("POST", "/read", large, "Content-Type", jsonType)
	if p := problem(t, got); p.Status != http.StatusRequestEntityTooLarge {
		t.Errorf("announced: %+v", p)
	}
	r, err := http.NewRequestWithContext(t.Context(), "POST", site.URL+"/read", io.MultiReader(strings.NewReader(large)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", jsonType)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() // only its status counts
	if resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("in pieces: %d", resp.StatusCode)
	}
	if got := site.Visitor().Do("POST", "/read", large[:1<<20], "Content-Type", jsonType); got.Status != http.StatusOK {
		t.Errorf("at the bound: %d", got.Status)
	}
}

func TestLog_names_requests_and_never_a_query(t *testing.T) {
	var log lines
	site := webtest.New(t, logged(&log), failing(), gates())
	b := site.Operator(access.RoleViewer)
	a := b.Get("/look?token=canary-query")
	b.Get("/open?key=canary-query", "Referer", site.URL+"/setup?token=canary-query")
	b.Do("HEAD", "/open", "")
	b.Get("/" + strings.Repeat("long", 200) + "%0A%1b[31m")
	text := log.String()
	if strings.Contains(text, "canary-query") || strings.Contains(text, strings.Repeat("long", 100)) {
		t.Errorf("the log tells too much: %s", text)
	}
	for _, want := range []string{`"path":"/look"`, `"who":"operator1@example.com"`, `"method":"HEAD"`, `"status":200`, a.Header.Get("X-Request-Id")} {
		if !strings.Contains(text, want) {
			t.Errorf("the log lacks %s: %s", want, text)
		}
	}
}
