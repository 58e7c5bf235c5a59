package handlers_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"boardlink/access"
	"boardlink/web"
	"boardlink/web/webtest"
)

// leaveAlone lets an hour pass since the passwords were given.
func (c *console) leaveAlone() {
	c.Rows.Change(func(r *access.SessionRow) { r.ConfirmedAt = r.ConfirmedAt.Add(-time.Hour) })
}

func TestConfirm_asks_for_the_password_and_goes_on(t *testing.T) {
	c := newConsole(t)
	b := c.Operator(access.RoleViewer)
	if a := b.Get("/confirm?next=%2Fevents"); a.Status != http.StatusSeeOther || a.Header.Get("Location") != "/events" {
		t.Errorf("just signed in: %d to %q", a.Status, a.Header.Get("Location"))
	}
	c.leaveAlone()
	doc := page(t, b.Get("/confirm?next=%2Fevents%3Flevel%3Derror"), http.StatusOK)
	assertDocument(t, doc)
	if saying(doc.Find("h1")) != "Confirm your password" || labelled(doc, "Password").AttrOr("autocomplete", "") != "current-password" ||
		doc.Find("input[name=next]").AttrOr("value", "") != "/events?level=error" {
		t.Errorf("the page says %q", text(doc))
	}
	for typed, want := range map[string]string{"": "Fill in Password.", "a-wrong-password": "The password is wrong."} {
		a := b.Post("/confirm", form("password", typed, "next", "/events"))
		doc := page(t, a, http.StatusUnprocessableEntity)
		if saying(doc.Find("#password-error")) != want || typed != "" && strings.Contains(a.Body, typed) || doc.Find("input[name=next]").AttrOr("value", "") != "/events" {
			t.Errorf("%q: the page says %q", typed, text(doc))
		}
	}
	a := b.Post("/confirm", form("password", "right password", "next", "/events"))
	if a.Status != http.StatusSeeOther || a.Header.Get("Location") != "/events" {
		t.Errorf("answer %d to %q", a.Status, a.Header.Get("Location"))
	}
	if a := b.Get("/confirm"); a.Status != http.StatusSeeOther || a.Header.Get("Location") != "/" {
		t.Errorf("asked again: %d to %q", a.Status, a.Header.Get("Location"))
	}
}

func TestTooManyWrongPasswords_are_told_as_a_page_and_as_a_problem(t *testing.T) {
	c := newConsole(t)
	b := c.Operator(access.RoleViewer)
	c.leaveAlone()
	c.people.wait = 3500 * time.Millisecond
	const sentence = "Too many tries. Wait 4 seconds and try again."
	for path, browser := range map[string]*webtest.Browser{"/signin": c.Visitor(), "/confirm": b} {
		typed := form("email", "alice@example.com", "password", "right password", "next", "/events")
		a := browser.Post(path, typed)
		doc := page(t, a, http.StatusTooManyRequests)
		assertDocument(t, doc)
		if a.Header.Get("Retry-After") != "4" || !strings.Contains(text(doc), sentence) || doc.Find("input[name=next]").AttrOr("value", "") != "/events" || strings.Contains(a.Body, "right password") {
			t.Errorf("%s: Retry-After %q, the page says %q", path, a.Header.Get("Retry-After"), text(doc))
		}
		a = browser.Post(path, typed, "Accept", "application/json")
		if a.Status != http.StatusTooManyRequests || a.Header.Get("Retry-After") != "4" || a.Header.Get("Content-Type") != web.ProblemType || !strings.Contains(a.Body, sentence) {
			t.Errorf("%s for a program: %d %q %s", path, a.Status, a.Header.Get("Retry-After"), a.Body)
		}
	}
}

func TestSignIn_makes_the_browser_known(t *testing.T) {
	c := newConsole(t)
	b := c.Visitor()
	typed := form("email", "alice@example.com", "password", "right password")
	a := b.Post("/signin", typed)
	cookies := strings.Join(a.Header.Values("Set-Cookie"), "\n")
	if c.people.from.Browser.IsSet() || c.people.from.Address != "127.0.0.1" || !strings.Contains(cookies, "boardlink-browser=a-known-browser; Path=/; Max-Age=15552000; HttpOnly; SameSite=Strict") {
		t.Errorf("the first time: from %+v, cookies %s", c.people.from, cookies)
	}
	b.Post("/signout", nil)
	b.Post("/signin", typed)
	if c.people.from.Browser != "a-known-browser" {
		t.Errorf("the second time: from %+v", c.people.from)
	}
	if a := b.Post("/signin", form("email", "alice@example.com", "password", "no")); strings.Contains(strings.Join(a.Header.Values("Set-Cookie"), ""), "browser") {
		t.Error("a wrong password makes a browser known")
	}
	b.Post("/signin", typed, "Cookie", "boardlink-browser="+strings.Repeat("x", 5000))
	if len(c.people.from.Browser) > 100 {
		t.Error("a cookie of any length is read")
	}
}

// elsewhere are addresses that a way on must never lead to.
var elsewhere = []string{
	"https://evil.example.com/", "//evil.example.com", "/\\evil.example.com", "\\\\evil.example.com", "/%5Cevil.example.com", "/%2Fevil.example.com",
	"javascript:alert(1)", "data:text/html,x", " //evil.example.com", "/\t/evil.example.com", "/\n/evil.example.com", "http:evil.example.com",
	"evil.example.com", "/confirm?next=/confirm", "/signout", "/" + strings.Repeat("a", 2000),
}

func TestNext_leads_nowhere_else(t *testing.T) {
	c := newConsole(t)
	for _, next := range elsewhere {
		for _, path := range []string{"/confirm", "/signin"} {
			b := c.Operator(access.RoleViewer)
			if path == "/signin" {
				b = c.Visitor()
			}
			a := b.Post(path, form("email", "alice@example.com", "password", "right password", "next", next))
			if a.Status != http.StatusSeeOther || a.Header.Get("Location") != "/" {
				t.Errorf("%s with %.60q: %d to %q", path, next, a.Status, a.Header.Get("Location"))
			}
		}
		b := c.Operator(access.RoleViewer)
		if a := b.Get("/confirm?" + form("next", next).Encode()); a.Header.Get("Location") != "/" {
			t.Errorf("the page leads on from %.60q to %q", next, a.Header.Get("Location"))
		}
		c.leaveAlone()
		if doc := page(t, b.Get("/confirm?"+form("next", next).Encode()), http.StatusOK); doc.Find("input[name=next]").Length() != 0 {
			t.Errorf("the form keeps %.60q", next)
		}
	}
}

func TestForms_of_the_account_take_nothing_from_other_sites(t *testing.T) {
	c := newConsole(t)
	for _, path := range []string{"/signin", "/confirm"} {
		for _, header := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Sec-Fetch-Site", "", "Origin", "https://evil.example.com"}, {"Sec-Fetch-Site", "", "Origin", "null"}} {
			b := c.Operator(access.RoleViewer)
			a := b.Post(path, form("email", "alice@example.com", "password", "right password"), header...)
			if a.Status != http.StatusForbidden || a.Header.Get("Set-Cookie") != "" {
				t.Errorf("%s %v: %d, cookie %q", path, header, a.Status, a.Header.Get("Set-Cookie"))
			}
		}
	}
}
