package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"boardlink/access"
	"boardlink/connection"
	"boardlink/web"
	"boardlink/web/webtest"

	"github.com/labstack/echo/v4"
)

// guarded are rows that want a fresh password, and one that gives it.
func guarded() func(*web.Server) {
	return webtest.Routes(
		web.Route{Method: "GET", Path: "/keys", Least: access.RoleAdmin, Handler: whoAsks},
		web.Route{Method: "GET", Path: "/keys/new", Least: access.RoleAdmin, Fresh: true, Handler: whoAsks},
		web.Route{Method: "POST", Path: "/keys/new", Least: access.RoleAdmin, Fresh: true, Handler: whoAsks},
		web.Route{Method: "POST", Path: "/keys/:id/renew", Least: access.RoleAdmin, Fresh: true, Handler: whoAsks},
		web.Route{Method: "POST", Path: "/api/v1/keys", Least: access.RoleAdmin, Scope: access.ScopeAdmin, Fresh: true, Handler: whoAsks},
		web.Route{Method: "POST", Path: web.ConfirmPath, Least: access.RoleViewer, Handler: func(c echo.Context) error {
			if err := web.Confirm(c); err != nil {
				return err
			}
			return c.NoContent(http.StatusNoContent)
		}},
	)
}

// age lets time pass since the password was given.
func age(site *webtest.Site, d time.Duration) {
	site.Rows.Change(func(r *access.SessionRow) { r.ConfirmedAt = r.ConfirmedAt.Add(-d) })
}

func TestFresh_routes_take_a_password_of_fifteen_minutes(t *testing.T) {
	site := webtest.New(t, nil, guarded())
	b := site.Operator(access.RoleAdmin)
	age(site, access.FreshFor-time.Minute)
	if got := b.Get("/keys/new"); got.Status != http.StatusOK {
		t.Errorf("14 minutes after signing in: %d", got.Status)
	}
	age(site, time.Minute)
	for name, test := range map[string]struct {
		got  webtest.Answer
		want string
	}{
		"a form's page":                    {b.Get("/keys/new?name=ci"), "/keys/new?name=ci"},
		"its form":                         {b.Post("/keys/new", url.Values{"name": {"ci"}}), "/keys/new"},
		"a form that stands on a list":     {b.Post("/keys/7/renew", nil), "/keys"},
		"a boosted form":                   {b.Post("/keys/new", nil, "HX-Request", "true", "HX-Boosted", "true"), "/keys/new"},
		"a path that is no path elsewhere": {b.Post("/keys/%2F%2Fevil.example.com/renew", nil), "/keys"},
	} {
		want := "/confirm?next=" + url.QueryEscape(test.want)
		if test.got.Status != http.StatusSeeOther || test.got.Header.Get("Location") != want {
			t.Errorf("%s: %d to %q, want %q", name, test.got.Status, test.got.Header.Get("Location"), want)
		}
	}
	part := b.Post("/keys/7/renew", nil, "HX-Request", "true", "HX-Current-URL", site.URL+"/keys?page=2")
	if want := "/confirm?next=%2Fkeys%3Fpage%3D2"; part.Status != http.StatusForbidden || part.Header.Get("HX-Redirect") != want {
		t.Errorf("a fragment: %d, HX-Redirect %q", part.Status, part.Header.Get("HX-Redirect"))
	}
	program := b.Do("POST", "/api/v1/keys", "{}", "Content-Type", jsonType)
	if p := problem(t, program); p.Status != http.StatusForbidden || p.Code != web.CodeConfirm || !strings.Contains(p.Detail, "POST to /api/v1/sessions/confirm") {
		t.Errorf("a program with a session reads %+v", p)
	}
	if got := site.Visitor().Do("POST", "/api/v1/keys", "{}", "Content-Type", jsonType, "Authorization", "Bearer "+webtest.Key); got.Status != http.StatusOK {
		t.Errorf("a key: %d", got.Status)
	}
	if got := b.Get("/keys"); got.Status != http.StatusOK {
		t.Errorf("a route that wants no fresh password: %d", got.Status)
	}
	if got := b.Post(web.ConfirmPath, nil); got.Status != http.StatusNoContent {
		t.Fatalf("confirming: %d", got.Status)
	}
	if got := b.Post("/keys/new", nil); got.Status != http.StatusOK {
		t.Errorf("after confirming: %d", got.Status)
	}
	site.Rows.Change(func(r *access.SessionRow) { r.ConfirmedAt = time.Now().Add(time.Hour) })
	if got := b.Get("/keys/new"); got.Status != http.StatusSeeOther {
		t.Errorf("a password from the future: %d", got.Status)
	}
}

func TestFresh_asks_who_may_not_anyway_for_nothing(t *testing.T) {
	site := webtest.New(t, nil, guarded())
	viewer := site.Operator(access.RoleViewer)
	age(site, time.Hour)
	if got := viewer.Get("/keys/new"); got.Status != http.StatusForbidden || got.Header.Get("Location") != "" {
		t.Errorf("a viewer: %d to %q", got.Status, got.Header.Get("Location"))
	}
	if got := site.Visitor().Get("/keys/new"); got.Header.Get("Location") != "/signin?next=%2Fkeys%2Fnew" {
		t.Errorf("a visitor is led to %q", got.Header.Get("Location"))
	}
}

func TestConfirm_gives_a_new_cookie_and_no_longer_life(t *testing.T) {
	site := webtest.New(t, nil, guarded(), gates())
	b := site.Operator(access.RoleAdmin)
	before, planted := site.Rows.All()[0], b.Cookie()
	age(site, time.Hour)
	if got := b.Post(web.ConfirmPath, nil); got.Status != http.StatusNoContent {
		t.Fatalf("confirming: %d", got.Status)
	}
	after := site.Rows.All()
	if len(after) != 1 || after[0].Digest == before.Digest {
		t.Fatalf("%d sessions; the cookie is the same: %v", len(after), after[0].Digest == before.Digest)
	}
	if r := after[0]; r.ID != before.ID || !r.ExpiresAt.Equal(before.ExpiresAt) || !r.CreatedAt.Equal(before.CreatedAt) || time.Since(r.ConfirmedAt) > time.Minute {
		t.Errorf("the session was %+v and is %+v", before, r)
	}
	if got := site.Visitor().Get("/look", "Cookie", planted); got.Status != http.StatusSeeOther {
		t.Errorf("the former cookie still works: %d", got.Status)
	}
	if got := site.Visitor().Do("POST", web.ConfirmPath, "", "Authorization", "Bearer "+webtest.Key); got.Status != http.StatusForbidden {
		t.Errorf("a key confirms: %d", got.Status)
	}
}

func TestRole_that_changes_gives_the_session_a_new_cookie(t *testing.T) {
	site := webtest.New(t, nil, guarded(), gates())
	b := site.Operator(access.RoleViewer)
	former := b.Cookie()
	if got := b.Get("/look"); len(got.Header.Values("Set-Cookie")) != 0 {
		t.Error("a new cookie comes without a change")
	}
	site.People.SetRole(b.Who.ID, access.RoleAdmin)
	if got := b.Get("/look", web.LiveHeader, "1"); got.Status != http.StatusOK || len(got.Header.Values("Set-Cookie")) != 0 {
		t.Errorf("what a page does by itself: %d, cookies %v", got.Status, got.Header.Values("Set-Cookie"))
	}
	if got := b.Get("/people"); got.Status != http.StatusOK || len(got.Header.Values("Set-Cookie")) != 1 {
		t.Errorf("the next page: %d, cookies %v", got.Status, got.Header.Values("Set-Cookie"))
	}
	if got := site.Visitor().Get("/people", "Cookie", former); got.Status != http.StatusSeeOther {
		t.Errorf("the cookie of the former role opens the page of the new one: %d", got.Status)
	}
	if got := b.Get("/people"); got.Status != http.StatusOK || len(got.Header.Values("Set-Cookie")) != 0 {
		t.Errorf("the page after it: %d, cookies %v", got.Status, got.Header.Values("Set-Cookie"))
	}
	if got := b.Get("/keys/new"); got.Status != http.StatusSeeOther || !strings.HasPrefix(got.Header.Get("Location"), web.ConfirmPath) {
		t.Errorf("the new role needs no fresh password: %d to %q", got.Status, got.Header.Get("Location"))
	}
}

func TestSessions_remember_where_they_come_from(t *testing.T) {
	var site *webtest.Site
	site = webtest.New(t, nil, account(&site))
	site.Visitor().Post("/signin", nil, "User-Agent", "Mozilla\u202e/5.0 "+strings.Repeat("é", 400))
	row := site.Rows.All()[0]
	if row.Address != "127.0.0.1" || !strings.HasPrefix(row.UserAgent, "Mozilla /5.0 é") || len([]rune(row.UserAgent)) > 256 || connection.Clean(row.UserAgent) != row.UserAgent {
		t.Errorf("from %q by %q", row.Address, row.UserAgent)
	}
}
