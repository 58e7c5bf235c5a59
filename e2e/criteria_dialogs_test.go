//go:build e2e

package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// handClock lets a test say when a second of the page's clocks has passed: passSeconds(8) for eight of them.
const handClock = `{
	const begin = window.setInterval, end = window.clearInterval, each = new Map()
	window.setInterval = (run, ms, ...rest) => {
		if (ms !== 1000) return begin(run, ms, ...rest)
		each.set(-each.size - 1, run)
		return -each.size
	}
	window.clearInterval = (id) => each.has(id) ? each.set(id, () => {}) : end(id)
	window.passSeconds = (n) => { for (let i = 0; i < n; i++) for (const run of each.values()) run() }
}`

func TestCriteria_dialogs(t *testing.T) {
	s := newScene(t)
	b, id := s.live, s.p.connection("Asked about")
	details := "/connections/" + id
	inside := func() bool { return ask[bool](b, `!!document.activeElement.closest('dialog')`) }
	question := func() {
		b.open(details)
		b.click("button", "Edit Username")
		b.awaitFocus("textbox Username")
		b.fill("textbox", "Username", "other@example.com")
		b.click("button", "Confirm")
		b.find("dialog", "Confirmation")
	}

	// Deleting always asks for the connection's name, so its dialog begins in that field and not on Cancel.
	s.shows(t, "C1: a dialog has a name, begins on Cancel, keeps Tab within and leads back by Escape", func(t *testing.T) {
		for _, d := range []struct {
			name, begin, back string
			show              func()
		}{
			{"Confirmation", "button Cancel", "button Confirm", question},
			{"Delete the connection “Asked about”?", "textbox Name of the connection", "button Delete", func() { b.open(details); b.click("button", "Delete") }},
			{"Disable " + bobEmail + "?", "button Cancel", "DisclosureTriangle Change " + bobEmail, func() {
				if status, answer := s.p.api(http.MethodPost, "/users", map[string]any{"email": bobEmail, "role": "viewer"}); status != http.StatusCreated {
					t.Fatalf("invited: %d %v", status, answer)
				}
				b.person(bobEmail, "Disable")
			}},
		} {
			t.Log(d.name)
			d.show()
			b.find("dialog", d.name)
			b.awaitFocus(d.begin)
			if b.has("link", "Dashboard") || b.has("heading", "Basic settings*") {
				t.Error("what lies behind the dialog can be reached")
			}
			for range 6 {
				b.key(kb.Tab)
				// Behind the last button the focus may rest on the browser's own, which here is none: the body.
				if !inside() && b.activeID() != "" {
					t.Errorf("Tab leads out of the dialog, to %s", b.focused())
				}
			}
			b.key(kb.Escape)
			b.gone("dialog", "*")
			if strings.HasPrefix(d.back, "Disc") {
				b.until("lead back to the menu", func() bool { return b.css("[data-menu] :focus") != 0 })
				continue
			}
			b.awaitFocus(d.back)
		}
	})

	s.shows(t, "C2: what is said after a dialog is said once it is closed", func(t *testing.T) {
		question()
		if b.has("status", "*") {
			t.Error("behind the dialog there is a place of messages that nobody hears")
		}
		b.eval(`new MutationObserver(() => { window.during = !!document.querySelector('dialog[open]') }).observe(document.getElementById('toasts'), {childList: true})`)
		b.click("button", "Proceed update")
		b.see("Update done")
		if b.eval(`window.during`) != "false" {
			t.Error("the message came while the dialog was open")
		}
		b.find("status", "*")
	})

	s.shows(t, "C3: the place of messages is there from the first byte; a success stays eight seconds, an error until it is closed", func(t *testing.T) {
		s.plain.open("/events")
		s.plain.until("come with its place of messages", func() bool {
			return s.plain.css(`#toasts[role=status][aria-live=polite][aria-atomic=false]:empty`) != 0
		})
		script := b.before(handClock)
		defer call(b, page.RemoveScriptToEvaluateOnNewDocument, page.RemoveScriptToEvaluateOnNewDocumentParams{Identifier: script})
		shown := func() int { return ask[int](b, `document.querySelectorAll('#toasts .toast').length`) }
		success := func() {
			b.open(details)
			b.click("button", "Edit Description")
			b.awaitFocus("textbox Description")
			b.fill("textbox", "Description", "Words")
			b.click("button", "Confirm")
			b.see("Update done")
			call(b, input.DispatchMouseEvent, input.DispatchMouseEventParams{Type: "mouseMoved", X: 1, Y: 1})
			b.until("leave the mouse off the message", func() bool { return b.css(".toast:hover") == 0 })
		}
		success()
		b.eval(`passSeconds(7)`)
		if shown() != 1 {
			t.Error("the message leaves before eight seconds have passed")
		}
		b.eval(`passSeconds(1)`)
		if shown() != 0 {
			t.Error("the message does not leave")
		}

		t.Log("it waits while somebody reads it")
		success()
		b.point(".toast")
		b.until("have the mouse on the message", func() bool { return b.css(".toast:hover") != 0 })
		b.eval(`passSeconds(20)`)
		if shown() != 1 {
			t.Error("the message leaves under the mouse")
		}
		call(b, input.DispatchMouseEvent, input.DispatchMouseEventParams{Type: "mouseMoved", X: 1, Y: 1})
		b.until("leave the mouse off the message", func() bool { return b.css(".toast:hover") == 0 })
		b.focus(".toast [data-close]")
		b.eval(`passSeconds(20)`)
		if shown() != 1 {
			t.Error("the message leaves while its button has the focus")
		}
		b.key(kb.Enter)
		if shown() != 0 {
			t.Error("the button does not close the message")
		}

		t.Log("errors stay, the newest is on top, and there are at most three")
		success()
		ask[int](b, `(async () => { for (let i = 0; i < 4; i++) await htmx.ajax('GET', '/connections/99' + i, '#modal').catch(() => {}); return 4 })()`)
		b.until("show three", func() bool { return shown() == 3 })
		b.eval(`passSeconds(100)`)
		b.until("keep the errors", func() bool { return ask[int](b, `document.querySelectorAll('#toasts .toast[role=alert]').length`) == 3 })
		if b.css(`#toasts .toast:first-child[role=alert]`) == 0 {
			t.Error("the newest is not on top")
		}
		if n := ask[int](b, `[...document.querySelectorAll('.toast')].filter((t) => t.lastElementChild.matches('[data-close]')).length`); n != 3 {
			t.Error("the close button does not stand behind the words")
		}
	})

	s.showsBoth(t, "C4: what a message says stays on the page as well", func(t *testing.T, b *browser) {
		b.open(details)
		b.click("button", "Edit Username")
		b.awaitFocus("textbox Username")
		text := "stays@example.com"
		if b == s.plain {
			text = "stays.plain@example.com"
		}
		b.fill("textbox", "Username", text)
		b.click("button", "Confirm")
		b.click("button", "Proceed update")
		b.see("Update done")
		b.until("tell of it in the timeline", func() bool {
			said := b.document().Find("#events-card").Text()
			return strings.Contains(said, text) && strings.Contains(said, "by "+adminEmail)
		})
		b.open(details)
		if b.css(".toast") != 0 {
			t.Error("the message comes again")
		}
	})

	s.shows(t, "E2: from a new connection to its end by keyboard alone, and the focus is always seen", func(t *testing.T) {
		b.size(1280, 800)
		seen := func() {
			t.Helper()
			wrong := ""
			for end := time.Now().Add(patience / 4); ; time.Sleep(30 * time.Millisecond) { // messages give way, the page scrolls
				if wrong = ask[string](b, focusSeen); wrong == "" {
					return
				}
				if time.Now().After(end) {
					b.shot("focus")
					t.Fatalf("%s has the focus: %s", b.focused(), wrong)
				}
			}
		}
		press := func(key string, options ...chromedp.KeyOption) { t.Helper(); b.key(key, options...); seen() }
		tabTo := func(want string) {
			t.Helper()
			for range 80 {
				if b.focused() == want {
					seen()
					return
				}
				press(kb.Tab)
			}
			t.Fatalf("Tab does not lead to %q but to %q", want, b.focused())
		}
		b.open("/")
		b.find("heading", "Dashboard")
		b.key(kb.Tab)
		b.awaitFocus("link Skip to the content")
		b.key(kb.Enter)
		tabTo("link Add connection")
		b.key(kb.Enter)
		b.find("heading", "Choose a connection type")
		b.key(kb.Tab)
		tabTo("link ThingsBoard Publishes uplink messages into ThingsBoard.")
		b.key(kb.Enter)
		b.find("heading", "Set your connection")
		for _, f := range [][2]string{{"Name", "By keyboard"}, {"Domain Name", "tb.invalid:443"}, {"Username", "tenant@example.com"}, {"Password", "a-typed-secret"}} {
			if b.activeID() == "" {
				b.key(kb.Tab)
			}
			tabTo("textbox " + f[0])
			call(b, input.InsertText, input.InsertTextParams{Text: f[1]})
		}
		press(kb.Tab)
		press(kb.Tab, chromedp.KeyModifiers(chromedp.ModifierShift))
		tabTo("button Create")
		b.key(kb.Enter)
		b.find("heading", "By keyboard")
		b.see("successfully created")
		b.key(kb.Tab)
		tabTo("button Edit Username")
		b.key(kb.Enter)
		b.awaitFocus("textbox Username")
		seen()
		b.key("a", chromedp.KeyModifiers(chromedp.ModifierCtrl))
		call(b, input.InsertText, input.InsertTextParams{Text: "keys@example.com"})
		b.key(kb.Enter)
		b.awaitFocus("button Cancel")
		seen()
		tabTo("button Proceed update")
		b.key(kb.Enter)
		b.see("Update done")
		b.awaitFocus("button Edit Username")
		seen()
		for range 80 { // back to the head of the page
			if b.focused() == "button Delete" {
				break
			}
			press(kb.Tab, chromedp.KeyModifiers(chromedp.ModifierShift))
		}
		b.key(kb.Enter)
		b.awaitFocus("textbox Name of the connection")
		seen()
		call(b, input.InsertText, input.InsertTextParams{Text: "By keyboard"})
		tabTo("button Delete")
		b.key(kb.Enter)
		b.find("heading", "Connections")
		b.until("be deleted", func() bool { return s.p.named("By keyboard") == 0 })
	})
}

// focusSeen says what is wrong with how the focus is shown, "" where nothing is: something other than the page has it, lies
// within the window and under nothing, and is outlined by 2 px that stand out from the page by 3:1 or more.
const focusSeen = `(() => {
	const e = document.activeElement
	if (!e || e === document.body) return 'nothing has the focus'
	if (e.id === 'main') return ''
	const r = e.getBoundingClientRect()
	if (r.bottom <= 0 || r.top >= innerHeight || r.right <= 0 || r.left >= innerWidth) return 'out of sight'
	const drawn = e.matches('.segments input') ? e.nextElementSibling : e
	if (!e.matches('.segments input')) {
		const x = Math.min(Math.max(r.left + r.width / 2, 0), innerWidth - 1), y = Math.min(Math.max(r.top + r.height / 2, 0), innerHeight - 1)
		const top = document.elementFromPoint(x, y)
		if (top && !e.contains(top) && !top.contains(e)) return 'covered'
	}
	const {outlineStyle, outlineWidth, outlineColor} = getComputedStyle(drawn)
	if (outlineStyle === 'none' || parseFloat(outlineWidth) < 2) return 'no outline'
	const paint = document.createElement('canvas').getContext('2d', {willReadFrequently: true})
	const light = (colour) => {
		paint.clearRect(0, 0, 1, 1)
		paint.fillStyle = colour
		paint.fillRect(0, 0, 1, 1)
		const [red, green, blue, alpha] = paint.getImageData(0, 0, 1, 1).data
		const part = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4
		return alpha ? 0.2126 * part(red) + 0.7152 * part(green) + 0.0722 * part(blue) : undefined
	}
	let ground
	for (let p = drawn.parentElement; p && ground === undefined; p = p.parentElement) ground = light(getComputedStyle(p).backgroundColor)
	const line = light(outlineColor)
	const ratio = (Math.max(line, ground ?? 1) + 0.05) / (Math.min(line, ground ?? 1) + 0.05)
	return ratio < 3 ? 'the outline stands out by ' + ratio.toFixed(2) : ''
})()`
