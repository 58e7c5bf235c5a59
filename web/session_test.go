package web_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"boardlink/access"
	"boardlink/web"
	"boardlink/web/webtest"

	"github.com/labstack/echo/v4"
)

type ctx = context.Context

// account are a way in, a way out, and a page that shows toasts.
func account(site **webtest.Site) func(*web.Server) {
	return webtest.Routes(
		web.Route{Method: "POST", Path: "/signin", Public: true, Handler: func(c echo.Context) error {
			if err := web.SignIn(c, (*site).People.Add(access.RoleAdmin)); err != nil {
				return err
			}
			return web.Redirect(c, web.SafeNext(c.FormValue("next")), web.Success("Welcome", "You are in."))
		}},
		web.Route{Method: "POST", Path: "/signout", Public: true, Handler: func(c echo.Context) error {
			if err := web.SignOut(c); err != nil {
				return err
			}
			return web.Redirect(c, "/signin", web.Success("Bye", "You are out."))
		}},
		web.Route{Method: "GET", Path: "/page", Least: access.RoleViewer, Handler: func(c echo.Context) error {
			shell := web.Shell(c, "Page", "events")
			var toasts []string
			for _, toast := range shell.Toasts {
				toasts = append(toasts, string(toast.Kind)+":"+toast.Title+":"+toast.Text)
			}
			return c.String(http.StatusOK, strings.Join([]string{shell.User, shell.Title, shell.Active, shell.Theme, shell.LiveURL, strings.Join(toasts, ",")}, "|"))
		}},
		web.Route{Method: "POST", Path: "/done", Least: access.RoleViewer, Handler: func(c echo.Context) error {
			return web.Redirect(c, "/page", web.Success("Done", "It is 'made'."), web.Failed("Oh", "no"))
		}},
	)
}

func TestSignIn_renews_the_session_and_SignOut_ends_it(t *testing.T) {
	var site *webtest.Site
	site = webtest.New(t, nil, account(&site))
	b := site.Visitor()
	first := b.Post("/signin", map[string][]string{"next": {"/page?x=1"}})
	if first.Status != http.StatusSeeOther || first.Header.Get("Location") != "/page?x=1" {
		t.Fatalf("signed in: %d to %q", first.Status, first.Header.Get("Location"))
	}
	cookie := first.Header.Get("Set-Cookie")
	for _, want := range []string{"boardlink=", "HttpOnly", "SameSite=Lax", "Path=/"} {
		if !strings.Contains(cookie, want) {
			t.Errorf("the cookie lacks %s: %s", want, cookie)
		}
	}
	if page := b.Get("/page"); page.Body != "operator1@example.com|Page|events||/stream|success:Welcome:You are in." {
		t.Errorf("the page: %q", page.Body)
	}
	if page := b.Get("/page"); !strings.HasSuffix(page.Body, "|") {
		t.Errorf("the toast is shown again: %q", page.Body)
	}
	again := b.Post("/signin", nil)
	if renewed := again.Header.Get("Set-Cookie"); renewed == "" || renewed == cookie {
		t.Errorf("the second sign-in kept the id: %q", renewed)
	}
	if n := len(site.Rows.All()); n != 1 {
		t.Errorf("%d sessions are left of two sign-ins", n)
	}
	out := b.Post("/signout", nil)
	if out.Status != http.StatusSeeOther || len(site.Rows.All()) != 0 {
		t.Errorf("signed out: %d, %d sessions left", out.Status, len(site.Rows.All()))
	}
	if got := b.Get("/page"); got.Status != http.StatusSeeOther {
		t.Errorf("after signing out: %d", got.Status)
	}
	if got := b.Post("/signout", nil); got.Status != http.StatusSeeOther {
		t.Errorf("signing out twice: %d", got.Status)
	}
}

func TestToasts_wait_for_the_next_page(t *testing.T) {
	var site *webtest.Site
	site = webtest.New(t, nil, account(&site))
	b := site.Operator(access.RoleViewer)
	for range 2 {
		if got := b.Post("/done", nil); got.Status != http.StatusSeeOther {
			t.Fatal(got.Status)
		}
	}
	if got := b.Get("/page").Body; !strings.HasSuffix(got, "|error:Oh:no,success:Done:It is 'made'.,error:Oh:no") {
		t.Errorf("toasts: %q", got)
	}
	part := b.Post("/done", nil, "HX-Request", "true")
	if part.Status != http.StatusOK || part.Header.Get("HX-Redirect") != "/page" || part.Body != "" {
		t.Errorf("by htmx: %d, HX-Redirect %q", part.Status, part.Header.Get("HX-Redirect"))
	}
}

func TestShell_knows_the_theme_that_was_chosen(t *testing.T) {
	var site *webtest.Site
	site = webtest.New(t, nil, account(&site))
	b := site.Operator(access.RoleViewer)
	for value, want := range map[string]string{"dark": "|dark|", "light": "|light|", "red": "||"} {
		if got := b.Get("/page", "Cookie", b.Cookie()+"; theme="+value).Body; !strings.Contains(got, "events"+want) {
			t.Errorf("theme %s: %q", value, got)
		}
	}
}

func TestSafeNext_stays_on_this_server(t *testing.T) {
	for next, want := range map[string]string{
		"/":                             "/",
		"/connections/5?window=1d":      "/connections/5?window=1d",
		"/a#b":                          "/a#b",
		"":                              "/",
		"connections":                   "/",
		"//evil.example.com":            "/",
		"///evil.example.com":           "/",
		`/\evil.example.com`:            "/",
		`/a\b`:                          "/",
		"/%5Cevil.example.com":          "/",
		"/%2F/evil":                     "/",
		"/\t/evil.example.com":          "/",
		"/\n":                           "/",
		"https://evil.example.com":      "/",
		"javascript:alert(1)":           "/",
		"/signin?next=/":                "/",
		"/signout":                      "/",
		"/%zz":                          "/",
		"/" + strings.Repeat("x", 1000): "/",
	} {
		if got := web.SafeNext(next); got != want {
			t.Errorf("%q leads to %q, want %q", next, got, want)
		}
	}
}

func FuzzSafeNext(f *testing.F) {
	for _, seed := range []string{"/", "//a", `/\a`, "/a?b=//c", "/%2f%2fa", "/\x00", "/a:b@c"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, next string) {
		got := web.SafeNext(next)
		if !strings.HasPrefix(got, "/") || strings.HasPrefix(got, "//") || strings.ContainsAny(got, "\\\r\n\t") {
			t.Errorf("%q leads to %q", next, got)
		}
	})
}

func TestReadiness_says_when_requests_should_stay_away(t *testing.T) {
	var broken error
	site := webtest.New(t, func(o *web.Options) { o.Ready = func(context.Context) error { return broken } })
	b := site.Visitor()
	if got := b.Get("/readyz"); got.Status != 200 {
		t.Errorf("ready: %d", got.Status)
	}
	broken = errors.New(secretCause)
	if got := b.Get("/readyz"); got.Status != 503 || strings.Contains(got.Body, secretCause) {
		t.Errorf("not ready: %d %q", got.Status, got.Body)
	}
	if got := b.Get("/healthz"); got.Status != 200 || got.Body != "ok\n" {
		t.Errorf("health: %d %q", got.Status, got.Body)
	}
}
