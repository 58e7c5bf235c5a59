package handlers_test

import (
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
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
	for _, path := range []string{"/signin", "/confirm", "/account/password", "/account/sessions/1/end", "/account/sessions/end-others"} {
		for _, header := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Sec-Fetch-Site", "", "Origin", "https://evil.example.com"}, {"Sec-Fetch-Site", "", "Origin", "null"}} {
			b := c.Operator(access.RoleViewer)
			elsewhere := b.Elsewhere()
			a := b.Post(path, form("email", "alice@example.com", "password", "right password", "currentPassword", "right password", "newPassword", "a new password"), header...)
			if a.Status != http.StatusForbidden || a.Header.Get("Set-Cookie") != "" || len(c.people.changed) != 0 {
				t.Errorf("%s %v: %d, cookie %q", path, header, a.Status, a.Header.Get("Set-Cookie"))
			}
			if a := elsewhere.Get("/account"); a.Status != http.StatusOK {
				t.Errorf("%s %v has ended a session", path, header)
			}
		}
	}
}

const (
	firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
	phone   = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1"
)

func TestAccount_shows_who_is_signed_in_and_where(t *testing.T) {
	c := newConsole(t)
	b := c.Operator(access.RoleViewer)
	c.Rows.Change(func(r *access.SessionRow) {
		r.UserAgent, r.Address, r.CreatedAt, r.LastSeenAt = firefox, "192.0.2.7", now.Add(-3*time.Hour), time.Now()
	})
	b.Elsewhere()
	c.Operator(access.RoleAdmin) // somebody else
	c.Rows.Change(func(r *access.SessionRow) {
		if r.UserAgent == "" {
			r.UserAgent, r.Address, r.LastSeenAt = phone, "", time.Now().Add(-10*time.Minute)
		}
	})
	a := b.Get("/account")
	doc := page(t, a, http.StatusOK)
	assertDocument(t, doc)
	said := text(doc)
	for _, want := range []string{"E-mail" + b.Who.Name, "RoleViewer", "Firefox on Linux192.0.2.73 hours ago", "This session", "Safari on iPhoneNot known", "End all other sessions"} {
		if !strings.Contains(said, want) {
			t.Errorf("the page does not say %q: %s", want, said)
		}
	}
	if doc.Find("tbody tr").Length() != 2 || button(doc, "End the session of Safari on iPhone").Length() != 1 || button(doc, "End the session of Firefox on Linux from 192.0.2.7").Length() != 0 {
		t.Errorf("%d rows, or the wrong buttons: %s", doc.Find("tbody tr").Length(), said)
	}
	for _, row := range c.Rows.All() {
		if strings.Contains(a.Body, base64.RawURLEncoding.EncodeToString(row.Digest[:])) || strings.Contains(a.Body, hex.EncodeToString(row.Digest[:])) {
			t.Error("the page tells a digest")
		}
	}
	if link := doc.Find(".topbar a[aria-current=page]"); link.AttrOr("href", "") != "/account" || link.AttrOr("aria-label", "") != "Account "+b.Who.Name {
		t.Error("the bar does not lead here")
	}
	if strings.Contains(a.Body, strings.Split(b.Cookie(), "=")[1]) {
		t.Error("the page tells the cookie")
	}
}

func TestAccount_ends_sessions_of_ones_own_and_of_nobody_else(t *testing.T) {
	c := newConsole(t)
	b := c.Operator(access.RoleViewer)
	stranger := c.Operator(access.RoleAdmin)
	idOf := func(digestOf *webtest.Browser) string {
		t.Helper()
		secret := strings.SplitN(digestOf.Cookie(), "=", 2)[1]
		for _, row := range c.Rows.All() {
			if row.Digest == access.DigestOf(secret) {
				return strconv.FormatInt(row.ID, 10)
			}
		}
		t.Fatal("there is no such session")
		return ""
	}
	for _, id := range []string{idOf(stranger), "1", "0", "-1", "x", "99999999999999999999"} {
		if a := b.Post("/account/sessions/"+id+"/end", nil); a.Status != http.StatusNotFound {
			t.Errorf("session %s: %d", id, a.Status)
		}
	}
	if a := stranger.Get("/account"); a.Status != http.StatusOK {
		t.Fatalf("somebody else's session has ended: %d", a.Status)
	}
	// The id is no credential.
	if a := c.Visitor().Get("/account", "Cookie", access.SessionName+"="+idOf(b)); a.Status != http.StatusSeeOther {
		t.Errorf("an id as a cookie: %d", a.Status)
	}

	desk, phone := b.Elsewhere(), b.Elsewhere()
	if a := b.Post("/account/sessions/"+idOf(desk)+"/end", nil); a.Status != http.StatusSeeOther || a.Header.Get("Location") != "/account#sessions" {
		t.Errorf("one: %d to %q", a.Status, a.Header.Get("Location"))
	}
	if a := desk.Get("/account"); a.Status != http.StatusSeeOther {
		t.Errorf("it goes on: %d", a.Status)
	}
	if said := saying(page(t, b.Get("/account"), http.StatusOK).Find("#toasts .toast-text")); said != "Session ended That browser is signed out." {
		t.Errorf("the message reads %q", said)
	}
	last := b.Elsewhere()
	if a := b.Post("/account/sessions/end-others", nil); a.Status != http.StatusSeeOther || a.Header.Get("Location") != "/account#sessions" {
		t.Errorf("all others: %d to %q", a.Status, a.Header.Get("Location"))
	}
	for _, other := range []*webtest.Browser{phone, last} {
		if a := other.Get("/account"); a.Status != http.StatusSeeOther {
			t.Errorf("another goes on: %d", a.Status)
		}
	}
	if doc := page(t, b.Get("/account"), http.StatusOK); button(doc, "End all other sessions").Length() != 0 {
		t.Error("there are no others to end")
	}
	b.Post("/account/sessions/end-others", nil)
	if a := b.Post("/account/sessions/"+idOf(b)+"/end", nil); a.Header.Get("Location") != "/signin" {
		t.Errorf("this one: to %q", a.Header.Get("Location"))
	}
	if a := b.Get("/account"); a.Status != http.StatusSeeOther || a.Header.Get("Location") != "/signin?next=%2Faccount" {
		t.Errorf("afterwards: %d to %q", a.Status, a.Header.Get("Location"))
	}
	if want := []string{b.Who.Name + " 1", b.Who.Name + " 2", b.Who.Name + " 1"}; !slices.Equal(c.people.ended, want) {
		t.Errorf("told is %q", c.people.ended)
	}
}

func TestPassword_is_changed_for_the_present_one(t *testing.T) {
	c := newConsole(t)
	b := c.Operator(access.RoleViewer)
	doc := page(t, b.Get("/account/password"), http.StatusOK)
	assertDocument(t, doc)
	for label, complete := range map[string]string{"Current password": "current-password", "New password": "new-password"} {
		if control := labelled(doc, label); control.AttrOr("autocomplete", "") != complete || control.AttrOr("type", "") != "password" || control.AttrOr("onpaste", "-") != "-" {
			t.Errorf("the field %s is not for managers, or takes no paste", label)
		}
	}
	for field, typed := range map[string][2]string{"currentPassword": {"a-wrong-one", "a new password"}, "newPassword": {"right password", "short"}} {
		a := b.Post("/account/password", form("currentPassword", typed[0], "newPassword", typed[1]))
		doc := page(t, a, http.StatusUnprocessableEntity)
		assertDocument(t, doc)
		if saying(doc.Find("#"+field+"-error")) != "Look at "+field+"." || strings.Contains(a.Body, typed[0]) || strings.Contains(a.Body, `"`+typed[1]+`"`) {
			t.Errorf("%s: the page says %q", field, text(doc))
		}
	}
	c.people.wait = time.Second
	a := b.Post("/account/password", form("currentPassword", "right password", "newPassword", "a new password"))
	if doc := page(t, a, http.StatusTooManyRequests); a.Header.Get("Retry-After") != "1" || !strings.Contains(text(doc), "Too many tries.") {
		t.Errorf("Retry-After %q, the page says %q", a.Header.Get("Retry-After"), text(doc))
	}
	c.people.wait = 0
	former := b.Cookie()
	digest := access.DigestOf(strings.SplitN(former, "=", 2)[1])
	a = b.Post("/account/password", form("currentPassword", "right password", "newPassword", "a new password"))
	if a.Status != http.StatusSeeOther || a.Header.Get("Location") != "/account" {
		t.Fatalf("answer %d to %q", a.Status, a.Header.Get("Location"))
	}
	if len(c.people.changed) != 1 || c.people.changed[0] != (access.PasswordChange{OperatorID: b.Who.ID, Session: digest, Current: "right password", New: "a new password"}) {
		t.Errorf("changed is %+v", c.people.changed)
	}
	if a := c.Visitor().Get("/account", "Cookie", former); a.Status != http.StatusSeeOther {
		t.Errorf("the session has kept its cookie: %d", a.Status)
	}
	if said := saying(page(t, b.Get("/account"), http.StatusOK).Find("#toasts .toast-text")); said != "Password changed Your other sessions have ended." {
		t.Errorf("the message reads %q", said)
	}
}
