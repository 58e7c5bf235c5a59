//go:build e2e

package e2e

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp/kb"
)

const createForm = "/connections/new?type=actility-thingsboard-iot"

// named counts the connections that have a name.
func (p *program) named(name string) (n int) {
	p.t.Helper()
	status, answer := p.api(http.MethodGet, "/connections?limit=1000", nil)
	if status != http.StatusOK {
		p.t.Fatalf("the list was answered %d", status)
	}
	for _, item := range answer["items"].([]any) {
		if item.(map[string]any)["name"] == name {
			n++
		}
	}
	return n
}

func (b *browser) fillConnection(name string) {
	b.t.Helper()
	b.open(createForm)
	b.fill("textbox", "Name", name)
	b.fill("textbox", "Domain Name", "tb.invalid:443")
	b.fill("textbox", "Username", "tenant@example.com")
	b.fill("textbox", "Password", "a-typed-secret")
}

func TestCriteria_forms(t *testing.T) {
	s := newScene(t)
	north, south := s.p.connection("North"), s.p.connection("South")

	s.showsBoth(t, "A1: every route works without JavaScript", func(t *testing.T, b *browser) {
		t.Log("the list, filtered")
		b.open("/connections")
		b.find("link", "South")
		b.fill("searchbox", "Search name, host, username or id", "North")
		b.click("button", "Apply")
		b.gone("link", "South")
		b.find("link", "North")
		if !strings.Contains(b.path(), "q=North") {
			t.Errorf("the filter is not in the address: %s", b.path())
		}
		t.Log("the window of the figures")
		b.open("/connections/" + north)
		b.click("link", "1D, last 24 hours")
		b.until("show the day", func() bool { return b.css(`#window-1d[aria-current="true"]`) != 0 })
		if b == s.plain && !strings.Contains(b.path(), "window=1d") {
			t.Errorf("the window is not in the address: %s", b.path())
		}
		t.Log("the log, filtered")
		b.open("/events")
		b.choose("Level", "E")
		b.click("button", "Filter")
		b.until("filter", func() bool { return strings.Contains(b.path(), "level=error") })
		b.see("No event matches")
	})

	s.shows(t, "A2: what asks is a dialog with JavaScript, and a page or an open dialog without", func(t *testing.T) {
		b := s.live
		b.open("/connections/" + south)
		b.click("button", "Delete")
		b.until("open a modal dialog", func() bool { return b.css("dialog:modal") != 0 })
		b.key(kb.Escape)
		b.gone("dialog", "*")
		b.awaitFocus("button Delete")
		b = s.plain
		b.open("/connections/" + south)
		b.click("button", "Delete")
		b.find("heading", "Delete the connection “South”?")
		if !strings.HasSuffix(strings.TrimSuffix(b.path(), "?"), "/delete") {
			t.Errorf("the question is at %s", b.path())
		}
		b.open("/connections/" + south + "/edit/username")
		b.fill("textbox", "Username", "other@example.com")
		b.click("button", "Confirm")
		b.find("dialog", "Confirmation")
		if b.has("link", "Dashboard") {
			t.Error("what lies behind the open dialog can be reached")
		}
	})

	s.showsBoth(t, "A3: an invalid form says so in title, summary and field, and keeps what was typed", func(t *testing.T, b *browser) {
		const secret = "typed-once-and-not-shown"
		b.open(createForm)
		b.fill("textbox", "Name", "Kept as typed")
		b.fill("textbox", "Domain Name", "tb.invalid")
		b.fill("textbox", "Username", "nobody")
		b.fill("textbox", "Password", secret)
		b.click("button", "Create")
		b.awaitFocus("alert There is a problem")
		doc := b.document()
		if title := doc.Find("title").Text(); !strings.HasPrefix(title, "Error: ") {
			t.Errorf("the title is %q", title)
		}
		links := doc.Find(".summary a")
		if links.Length() != 2 {
			t.Errorf("the summary leads to %d fields", links.Length())
		}
		links.Each(func(_ int, a *goquery.Selection) {
			input := doc.Find(a.AttrOr("href", "none"))
			if input.AttrOr("aria-invalid", "") != "true" {
				t.Errorf("%s leads to no wrong field", a.Text())
			}
			said := false
			for _, id := range strings.Fields(input.AttrOr("aria-describedby", "")) {
				said = said || doc.Find("#"+id).Text() == a.Text()
			}
			if !said {
				t.Errorf("the field does not say %q", a.Text())
			}
		})
		for id, want := range map[string]string{"name": "Kept as typed", "hostName": "tb.invalid", "username": "nobody", "password": ""} {
			if got := doc.Find("#"+id).AttrOr("value", ""); got != want {
				t.Errorf("%s holds %q", id, got)
			}
		}
		if strings.Contains(b.html(), secret) {
			t.Error("the page holds the secret")
		}
		b.click("link", links.First().Text())
		b.awaitFocus("textbox Domain Name")
	})

	s.shows(t, "A4: an error after a submit by htmx is seen on the same page", func(t *testing.T) {
		b := s.live
		b.open("/connections/" + north)
		b.eval(`window.same = 1`)
		b.click("button", "Edit Username")
		b.awaitFocus("textbox Username")
		b.fill("textbox", "Username", "nobody")
		b.key(kb.Enter)
		b.see("Write an e-mail address")
		b.awaitFocus("textbox Username")
		if b.eval(`window.same`) != "1" {
			t.Error("the page was loaded anew")
		}
	})

	s.showsBoth(t, "A5: reloading after a create sends nothing again", func(t *testing.T, b *browser) {
		name := "Made once"
		if b == s.plain {
			name = "Made once, plainly"
		}
		b.fillConnection(name)
		b.click("button", "Create")
		b.find("heading", name)
		if _, err := tryCall(b, page.Reload, page.ReloadParams{}); err != nil {
			t.Fatal(err)
		}
		b.find("heading", name)
		if n := s.p.named(name); n != 1 {
			t.Errorf("there are %d", n)
		}
	})

	s.shows(t, "A6: a tick comes once the server has agreed, and is for the eye alone", func(t *testing.T) {
		b := s.live
		b.open(createForm)
		b.eval(`(() => { const real = fetch; window.fetch = (...a) => new Promise((ok) => { window.release = () => real(...a).then(ok) }) })()`)
		b.fill("textbox", "Domain Name", "tb.example.com:443")
		b.key(kb.Tab)
		b.until("ask the server", func() bool { return b.eval(`typeof release`) == `"function"` })
		tick := func() bool {
			return ask[bool](b, `document.querySelector('[data-field=hostName] .tick').checkVisibility()`)
		}
		if tick() {
			t.Error("the tick came before the server's answer")
		}
		b.eval(`release()`)
		b.until("tick", tick)
		if b.css(`[data-field=hostName] .tick svg[aria-hidden="true"]`) == 0 {
			t.Error("the tick is told to assistive technology")
		}
		b.eval(`delete window.release`)
		b.fill("textbox", "Domain Name", "tb.example.com")
		b.key(kb.Tab)
		b.until("ask the server again", func() bool { return b.eval(`typeof release`) == `"function"` })
		b.eval(`release()`)
		b.see("Add the port")
		if tick() || b.css(`#hostName[aria-invalid="true"]`) == 0 {
			t.Error("a wrong value is not shown as one")
		}
	})

	s.shows(t, "A7: mandatory fields say so, and password managers know what is whose", func(t *testing.T) {
		b := s.plain
		b.open(createForm)
		b.see("mandatory")
		doc := b.document()
		for _, id := range []string{"name", "hostName", "username", "password"} {
			if doc.Find("#"+id).AttrOr("aria-required", "") != "true" || doc.Find("label[for="+id+"] .star").Length() != 1 {
				t.Errorf("%s does not say that it is mandatory", id)
			}
		}
		if doc.Find("#description[aria-required]").Length() != 0 {
			t.Error("the description says that it is mandatory")
		}
		doc.Find("form[data-check] input:not([type=hidden]):not([type=submit]):not([type=radio]):not([type=checkbox])").Each(func(_ int, i *goquery.Selection) {
			want := "off"
			if i.AttrOr("type", "") == "password" {
				want = "new-password"
				if _, ok := i.Attr("data-1p-ignore"); !ok {
					t.Errorf("managers may fill in %s", i.AttrOr("id", ""))
				}
			}
			if got := i.AttrOr("autocomplete", ""); got != want {
				t.Errorf("autocomplete of %s is %q", i.AttrOr("id", ""), got)
			}
		})
		if doc.Find("#downlinkPort").AttrOr("inputmode", "") != "numeric" {
			t.Error("a number is not asked for as one")
		}
	})

	s.shows(t, "E10: the page to sign in takes what a manager fills in or somebody pastes", func(t *testing.T) {
		b := s.plain
		b.open("/account")
		b.click("button", "Sign out")
		b.find("heading", "Sign in")
		doc := b.document()
		var kinds []string
		doc.Find("form input:not([type=hidden])").Each(func(_ int, i *goquery.Selection) {
			kinds = append(kinds, i.AttrOr("autocomplete", ""))
			if _, ok := i.Attr("onpaste"); ok {
				t.Error("pasting is hindered")
			}
		})
		if !slices.Equal(kinds, []string{"username", "current-password"}) {
			t.Errorf("the fields are %q", kinds)
		}
		b.signIn(adminPassword) // in one piece, as by a paste
		b.find("heading", "Dashboard")
	})
}
