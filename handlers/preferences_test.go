package handlers_test

import (
	"net/http"
	"strings"
	"testing"

	"boardlink/access"
)

func TestPreferences_are_kept_by_the_browser(t *testing.T) {
	c := newConsole(t)
	b := c.Operator(access.RoleViewer)
	for _, tc := range []struct {
		name, value, cookie string
	}{
		{"theme", "dark", "theme=dark; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax"},
		{"theme", "system", "theme=system; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"},
		{"shortcuts", "off", "shortcuts=off; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax"},
		{"live", "on", "live=on; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"},
	} {
		t.Run(tc.name+" "+tc.value, func(t *testing.T) {
			whole := b.Post("/preferences", form(tc.name, tc.value, "back", "/events?level=error"))
			if whole.Status != http.StatusSeeOther || whole.Header.Get("Location") != "/events?level=error" || whole.Header.Get("Set-Cookie") != tc.cookie {
				t.Errorf("answered %d to %q with the cookie %q", whole.Status, whole.Header.Get("Location"), whole.Header.Get("Set-Cookie"))
			}
			part := b.Post("/preferences", form(tc.name, tc.value), partial()...)
			if part.Status >= 300 || part.Header.Get("HX-Trigger") != `{"preference":{"`+tc.name+`":"`+tc.value+`"}}` {
				t.Errorf("by htmx: %d, the page is told %q", part.Status, part.Header.Get("HX-Trigger"))
			}
		})
	}
	for name, values := range map[string][]string{
		"what cannot be chosen": {"theme", "purple"}, "nothing": {"back", "/"}, "a line of its own": {"live", "off\r\nSet-Cookie: a=b"},
	} {
		if got := b.Post("/preferences", form(values...)); got.Status != http.StatusBadRequest || got.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s: answered %d with the cookie %q", name, got.Status, got.Header.Get("Set-Cookie"))
		}
	}
	if got := b.Post("/preferences", form("theme", "dark", "back", "//evil.example.com")); got.Header.Get("Location") != "/" {
		t.Errorf("it leads to %q", got.Header.Get("Location"))
	}
}

func TestPreferences_show_in_the_page(t *testing.T) {
	c := newConsole(t)
	b := c.Operator(access.RoleViewer)
	for cookies, want := range map[string]string{
		"theme=dark":             `html[data-theme=dark] meta[name=color-scheme][content=dark]`,
		"theme=purple":           `html:not([data-theme]) meta[name=color-scheme][content="light dark"]`,
		"shortcuts=off":          `body[data-shortcuts=off]`,
		"live=off; theme=light":  `html[data-theme=light] body[data-paused] #paused:not([hidden])`,
		"live=on; shortcuts=why": `body:not([data-paused]):not([data-shortcuts]) #paused[hidden]`,
	} {
		doc := page(t, b.Get("/events?level=error", "Cookie", b.Cookie()+"; "+cookies), http.StatusOK)
		if doc.Find(want).Length() != 1 {
			t.Errorf("with %s the page has no %s", cookies, want)
		}
		if got := doc.Find("#theme input[name=back]").AttrOr("value", ""); got != "/events?level=error" {
			t.Errorf("the form of the theme leads back to %q", got)
		}
	}
}

func TestShortcuts_are_a_page_and_a_dialog(t *testing.T) {
	c := newConsole(t)
	b := c.Operator(access.RoleViewer)
	whole := page(t, b.Get("/shortcuts"), http.StatusOK)
	assertDocument(t, whole)
	part := page(t, b.Get("/shortcuts", partial()...), http.StatusOK)
	if part.Find("dialog[data-modal]").Length() != 1 || part.Find("nav").Length() != 0 {
		t.Error("over a page it is no dialog")
	}
	for _, keys := range []string{"/", "?", "g then d", "g then c", "g then e", "n", "e", "t", "r", "Esc"} {
		found := false
		for _, dt := range whole.Find("dt").EachIter() {
			found = found || strings.Join(strings.Fields(dt.Text()), " ") == keys
		}
		if !found {
			t.Errorf("the sheet does not name %s", keys)
		}
	}
}
