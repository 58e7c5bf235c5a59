package web_test

import (
	"bufio"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"boardlink/access"
	"boardlink/web"
	"boardlink/web/webtest"

	"github.com/labstack/echo/v4"
)

// requests keeps what a meter was told.
type requests struct {
	mu   sync.Mutex
	told []string
}

func (r *requests) Requested(route, method string, status int, took time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if took < 0 || took > time.Minute {
		route += " after " + took.String()
	}
	r.told = append(r.told, fmt.Sprint(method, " ", route, " ", status))
}

func (r *requests) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	told := r.told
	r.told = nil
	return told
}

func TestMeter_is_told_the_route_and_never_the_path(t *testing.T) {
	meter := &requests{}
	site := webtest.New(t, func(o *web.Options) { o.Meter = meter }, func(s *web.Server) {
		s.Mount(
			web.Route{Method: http.MethodGet, Path: "/things/:id", Public: true, Handler: func(c echo.Context) error {
				if c.Param("id") == "bad" {
					panic("a mistake")
				}
				return c.String(http.StatusOK, "ok")
			}},
			web.Route{Method: http.MethodPost, Path: web.Base + "/connections/:id/uplinks", OwnCredential: true, Handler: func(c echo.Context) error {
				return c.String(http.StatusOK, "ok")
			}},
		)
	})
	for _, step := range []struct{ method, path, want string }{
		{"GET", "/things/4711?key=canary", "GET /things/:id 200"},
		{"HEAD", "/things/4711", "HEAD /things/:id 200"},
		{"GET", "/things/bad", "GET /things/:id 500"},
		{"GET", "/canary/../canary", "GET unmatched 404"},
		{"GET", "/.env", "GET unmatched 404"},
		{"DELETE", "/things/4711", "DELETE unmatched 401"},
		{"POST", "/connections/4711/uplinks?key=canary", "POST /api/v1/connections/:id/uplinks 200"},
		{"GET", "/healthz", "GET /healthz 200"},
	} {
		record(site, step.method, step.path, "Accept", "text/html")
		if got := meter.take(); !slices.Equal(got, []string{step.want}) {
			t.Errorf("%s %s: told %q, want %s", step.method, step.path, got, step.want)
		}
	}
}

func TestMeter_is_not_told_of_open_streams(t *testing.T) {
	meter := &requests{}
	site := webtest.New(t, func(o *web.Options) { o.Meter = meter })
	record(site, "GET", web.StreamPath, "Authorization", "Bearer nobody's")
	if got := meter.take(); !slices.Equal(got, []string{"GET " + web.StreamPath + " 401"}) {
		t.Errorf("told %q of a refusal", got)
	}
	resp := site.Operator(access.RoleViewer).Open(http.MethodGet, web.StreamPath, "")
	if line, err := bufio.NewReader(resp.Body).ReadString('\n'); err != nil || line == "" {
		t.Fatal(line, err)
	}
	if err := site.Shutdown(t.Context()); err != nil { // waits for the stream's end
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if got := meter.take(); len(got) != 0 {
		t.Errorf("told %q", got)
	}
}
