//go:build e2e

package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp/kb"
)

// activeID is the id of what has the focus.
func (b *browser) activeID() string { return ask[string](b, `document.activeElement.id`) }

func (b *browser) awaitID(id string) {
	b.t.Helper()
	b.until("focus #"+id, func() bool { return b.activeID() == id })
}

// point moves the mouse over the middle of what a selector finds.
func (b *browser) point(selector string) {
	b.t.Helper()
	at := ask[[]float64](b, `(() => { const r = document.querySelector('`+selector+`').getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2] })()`)
	call(b, input.DispatchMouseEvent, input.DispatchMouseEventParams{Type: "mouseMoved", X: at[0], Y: at[1]})
}

func TestCriteria_edit(t *testing.T) {
	s := newScene(t)
	b, id := s.live, s.p.connection("In place")
	page := "/connections/" + id
	settings := []struct{ label, name, value string }{
		{"Domain Name", "hostName", "tb.example.com:443"}, {"Username", "username", "tenant@example.com"}, {"Name", "name", "In place"},
	}
	// editing opens the page and the editor of the username, and types.
	editing := func(text string) {
		b.open(page)
		b.click("button", "Edit Username")
		b.awaitFocus("textbox Username")
		if text != "" {
			b.fill("textbox", "Username", text)
		}
	}

	s.shows(t, "B1: Enter on a pencil named after its field puts the caret behind the value", func(t *testing.T) {
		b.open(page)
		for _, f := range settings {
			b.find("button", "Edit "+f.label)
			b.focus("#edit-" + f.name)
			b.key(kb.Enter)
			b.awaitFocus("textbox " + f.label)
			b.until("set the caret", func() bool {
				return b.eval(`(({value, selectionStart, selectionEnd}) => [value, selectionStart === value.length, selectionEnd === value.length].join())(document.activeElement)`) == `"`+f.value+`,true,true"`
			})
			b.key(kb.Escape)
			b.awaitID("edit-" + f.name)
		}
	})

	s.shows(t, "B2: Escape puts the value back and the focus on the same pencil", func(t *testing.T) {
		for _, leave := range []func(){func() { b.key(kb.Escape) }, func() { b.click("button", "Cancel") }} {
			editing("half@example.com")
			leave()
			b.awaitID("edit-username")
			if got := b.document().Find("#f-username .prop-value").Text(); strings.TrimSpace(got) != "tenant@example.com" {
				t.Errorf("the username reads %q", got)
			}
		}
	})

	s.shows(t, "B3: after a save, and after a dialog that was rejected, the focus is on the same pencil", func(t *testing.T) {
		editing("saved@example.com")
		b.key(kb.Enter)
		b.awaitFocus("button Cancel")
		b.click("button", "Proceed update")
		b.see("Update done")
		b.awaitID("edit-username")
		editing("rejected@example.com")
		b.key(kb.Enter)
		b.awaitFocus("button Cancel")
		b.key(kb.Enter)
		b.awaitFocus("button Confirm")
		b.key(kb.Escape)
		b.awaitID("edit-username")
		if now := s.p.setting(id, "username"); now != "saved@example.com" {
			t.Errorf("the username is %v", now)
		}
	})

	s.shows(t, "B4: Cancel in the dialog leads back to the open editor with what was typed, the focus on the tick", func(t *testing.T) {
		for _, leave := range []string{kb.Escape, kb.Enter} {
			editing("kept@example.com")
			b.key(kb.Enter)
			b.awaitFocus("button Cancel")
			b.key(leave)
			b.awaitFocus("button Confirm")
			b.gone("dialog", "*")
			if got := ask[string](b, `document.getElementById('username').value`); got != "kept@example.com" {
				t.Errorf("the editor holds %q", got)
			}
			b.click("button", "Cancel")
			b.awaitID("edit-username")
		}
	})

	s.shows(t, "B6: what is not edited is text that can be copied", func(t *testing.T) {
		b.open(page)
		if n := b.document().Find(".prop input:not([type=hidden]), .prop textarea, .prop select").Length(); n != 0 {
			t.Errorf("%d settings are inputs", n)
		}
		got := ask[string](b, `(() => { const r = document.createRange(); r.selectNodeContents(document.querySelector('#f-hostName .prop-value'));
			getSelection().removeAllRanges(); getSelection().addRange(r); return getSelection().toString().trim() })()`)
		if got != "tb.example.com:443" {
			t.Errorf("the selection is %q", got)
		}
	})

	s.shows(t, "B7: Tab leads from the input to tick and cross, which are large; Enter confirms", func(t *testing.T) {
		editing("")
		for _, want := range []string{"button Confirm", "button Cancel"} {
			b.key(kb.Tab)
			b.awaitFocus(want)
			size := ask[[]float64](b, `(({width, height}) => [width, height])(document.activeElement.getBoundingClientRect())`)
			if size[0] < 44 || size[1] < 44 {
				t.Errorf("%s is %v px large", want, size)
			}
		}
		small := ask[[]string](b, `[...document.querySelectorAll('.prop button')].filter((e) => e.checkVisibility() && Math.min(e.offsetWidth, e.offsetHeight) < 24).map((e) => e.ariaLabel)`)
		if len(small) > 0 {
			t.Errorf("less than 24 px large: %q", small)
		}
		b.fill("textbox", "Username", "entered@example.com")
		b.key(kb.Enter)
		b.find("dialog", "Confirmation")
		b.key(kb.Escape)
		b.awaitFocus("button Confirm")
	})

	s.shows(t, "B8: an edit that came too late shows both values, and who was quicker", func(t *testing.T) {
		editing("mine@example.com")
		other := s.plain
		other.open(page + "/edit/username")
		other.fill("textbox", "Username", "theirs@example.com")
		other.click("button", "Confirm")
		other.click("button", "Proceed update")
		other.see("Update done")

		b.key(kb.Enter)
		b.awaitFocus("button Keep theirs")
		b.see("Somebody else changed this connection since you opened Username", adminEmail, "a moment ago", "Stored now", "theirs@example.com", "Yours", "mine@example.com", "Apply mine on top")
		b.key(kb.Enter)
		b.awaitID("edit-username")
		b.see("theirs@example.com")
		if now := s.p.setting(id, "username"); now != "theirs@example.com" {
			t.Errorf("the username is %v", now)
		}

		t.Log("programs are told by 412")
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, s.p.base+"/api/v1/connections/"+id, strings.NewReader(`{"name": "Late"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+apiKey)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("If-Match", `"1"`)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close() // the status says it all
		if resp.StatusCode != http.StatusPreconditionFailed {
			t.Errorf("a stale If-Match was answered %d", resp.StatusCode)
		}
	})

	// That no page, answer, stream, log or file holds a secret: TestSecretsStayWhereTheyBelong, and the witness of each journey.
	s.shows(t, "B9: the password's editor begins empty, and what was shown is hidden again", func(t *testing.T) {
		kind := func() string { return ask[string](b, `document.getElementById('password').type`) }
		b.open(page)
		if b.has("button", "Show Password") {
			t.Error("a stored password can be shown")
		}
		b.click("button", "Edit Password")
		b.awaitFocus("textbox Password")
		if got := ask[string](b, `document.getElementById('password').value`); got != "" {
			t.Error("the editor holds something")
		}
		b.fill("textbox", "Password", "second-secret")
		b.click("button", "Show Password")
		b.until("show what was typed", func() bool { return kind() == "text" })
		b.eval(`document.addEventListener('htmx:beforeRequest', () => { window.sent ??= document.getElementById('password')?.type })`)
		b.click("button", "Confirm")
		b.awaitFocus("button Cancel")
		if sent := ask[string](b, `window.sent`); sent != "password" || kind() != "password" {
			t.Errorf("the field was of the type %q when it was sent, %q afterwards", sent, kind())
		}
		b.key(kb.Escape)
		b.gone("dialog", "*")
		b.click("button", "Cancel")
		b.awaitID("edit-password")
		b.key(kb.Enter)
		b.awaitFocus("textbox Password")
		if kind() != "password" || ask[string](b, `document.getElementById('password').value`) != "" {
			t.Error("the editor that was left and opened again is not as new")
		}
	})

	// By click and Enter; nothing opens by itself where the mouse or the focus passes.
	s.showsBoth(t, "B10: help opens by a button, stays while it is read, and closes by Escape", func(t *testing.T, b *browser) {
		b.open(page)
		const help = "Example: myhostname.com:8883"
		open := func() bool { return b.css("#hostName-help:popover-open") != 0 }
		b.click("button", "About Domain Name")
		b.until("open the help", open)
		b.see(help)
		if b == s.live {
			b.point("#hostName-help")
			if !open() {
				t.Error("the help goes where the mouse comes")
			}
		}
		b.key(kb.Escape)
		b.until("close the help", func() bool { return !open() })
		b.awaitFocus("button About Domain Name")
		b.key(kb.Enter)
		b.until("open the help by Enter", open)
		b.document().Find(".help").Each(func(_ int, e *goquery.Selection) {
			if e.Is("button") && strings.HasPrefix(e.AttrOr("aria-label", ""), "About ") {
				return
			}
			t.Errorf("%s is no button with a name", e.Text())
		})
	})
}
