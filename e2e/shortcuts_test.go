//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// countStreams lets a page count the streams that it has open.
const countStreams = `{
	const Real = window.EventSource
	window.streams = 0
	window.EventSource = class extends Real {
		constructor(url) { super(url); window.streams++ }
		close() { if (this.readyState !== 2) window.streams--; super.close() }
	}
}`

// counting notes each click in the page, also those that scripts make.
const counting = `window.clicks = 0; document.addEventListener('click', () => window.clicks++, true)`

// idle presses keys that must do nothing.
func (b *browser) idle(why string, press func()) {
	b.t.Helper()
	b.eval(counting)
	at := b.path()
	press()
	if n := b.eval(`window.clicks`); n != "0" || b.path() != at {
		b.t.Errorf("%s a shortcut did something: %s clicks, at %s", why, n, b.path())
	}
}

func (b *browser) arrive(path string) {
	b.t.Helper()
	b.until("arrive at "+path, func() bool { return b.path() == path && b.eval(`document.readyState`) == `"complete"` })
}

func TestShortcuts(t *testing.T) {
	p, b := signedIn(t, true)
	id := p.connection("By keys")
	details := "/connections/" + id

	for _, step := range []struct{ keys, path string }{{"gc", "/connections"}, {"ge", "/events"}, {"gd", "/"}, {"n", "/connections/new"}, {"/", "/connections"}} {
		for _, key := range step.keys {
			b.key(string(key))
		}
		b.arrive(step.path)
	}
	b.awaitFocus("searchbox Search name, host, username or id")
	b.key("n")
	b.key("?")
	b.until("type into the search", func() bool { return b.eval(`document.activeElement.value`) == `"n?"` })
	b.idle("in a field", func() { b.key("e") })

	b.open(details)
	b.find("heading", "Basic settings*")
	b.idle("with a modifier", func() {
		for _, m := range []chromedp.Modifier{chromedp.ModifierCtrl, chromedp.ModifierAlt, chromedp.ModifierMeta} {
			b.key("t", chromedp.KeyModifiers(m))
		}
	})
	b.key("e")
	b.awaitFocus("textbox Name")
	b.key(kb.Escape)
	b.awaitFocus("button Edit Name")
	b.key("t")
	b.see("The test failed at the step")

	if status, answer := p.api("PATCH", "/connections/"+id, map[string]any{"active": true}); status != 200 {
		t.Fatalf("activated: %d %v", status, answer)
	}
	b.find("button", "Retry now")
	b.key("r")
	b.see("Retry requested")
	b.quiet()
}

func TestShortcutsCanBeSwitchedOff(t *testing.T) {
	both(t, func(t *testing.T, scripts bool) {
		_, b := signedIn(t, scripts)
		b.click("DisclosureTriangle", "Display and keyboard")
		b.click("link", "Keyboard shortcuts*")
		if scripts {
			b.find("dialog", "Keyboard shortcuts")
		} else {
			b.find("heading", "Keyboard shortcuts")
		}
		b.see("Shortcuts are on.")
		b.click("button", "Switch them off")
		b.see("Shortcuts are off in this browser.")
		if scripts {
			b.awaitFocus("button Switch them on")
			b.click("button", "Close")
			b.idle("switched off", func() { b.key("n"); b.key("?") })
			b.open("/events")
			b.find("heading", "Events")
			b.idle("switched off, on the next page", func() { b.key("n"); b.key("?") })
		}
		b.open("/shortcuts")
		b.click("button", "Switch them on")
		b.see("Shortcuts are on.")
		if scripts {
			b.click("heading", "Keyboard shortcuts")
			b.key("n")
			b.arrive("/connections/new")
		}
		b.quiet()
	})
}

// TestPause changes things while a page is paused: nothing on it moves. Then it goes on, and shows all of them.
func TestPause(t *testing.T) {
	p, b := signedIn(t, true)
	id := p.connection("Before")
	call(b, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: countStreams})
	streams := func(n int) {
		t.Helper()
		b.until(fmt.Sprintf("have %d streams", n), func() bool { return b.eval(`window.streams`) == fmt.Sprint(n) })
	}
	describe := func(text string) {
		t.Helper()
		if status, answer := p.api("PATCH", "/connections/"+id, map[string]any{"active": text == "on"}); status != 200 {
			t.Fatalf("changed: %d %v", status, answer)
		}
	}
	b.open("/connections/" + id)
	streams(1)
	b.click("button", "Pause live updates")
	b.see("Live updates are paused. What you see is from ")
	streams(0)
	b.find("button", "Resume live updates")

	// A stream beside the page's own tells when it would have been told.
	b.eval(`window.told = 0; window.moved = 0
		window.beside = new EventSource('/stream'); window.beside.addEventListener('change', () => window.told++)
		window.beside.onopen = () => { window.listening = true }`)
	b.until("listen beside the page", func() bool { return b.eval(`!!window.listening`) == "true" })
	b.eval(`new MutationObserver((l) => { window.moved += l.length }).observe(document.querySelector('main'), { childList: true, subtree: true, characterData: true, attributes: true })`)
	for i, to := range []string{"on", "off", "on", "off", "on"} {
		describe(to)
		b.until("be told", func() bool { return b.eval(fmt.Sprintf(`window.told > %d`, i)) == "true" })
	}
	if n := b.eval(`window.moved`); n != "0" || !strings.Contains(b.text(), "DEACTIVATED") {
		t.Errorf("the paused page changed %s times", n)
	}
	b.eval(`window.beside.close()`)

	b.open("/connections/" + id)
	b.see("Live updates are paused. What you see is from ")
	streams(0)
	describe("off")
	b.click("button", "Resume live updates")
	streams(1)
	b.until("show how things are now", func() bool {
		return strings.Contains(b.eval(`document.getElementById('state-card').textContent`), "DEACTIVATED")
	})
	if strings.Contains(b.eval(`document.getElementById('paused').hidden`), "false") {
		t.Error("the page still says that it is paused")
	}

	// A tab that nobody looks at has no stream, and misses nothing.
	hide := func(hidden bool) {
		b.eval(fmt.Sprintf(`Object.defineProperty(document, 'hidden', { configurable: true, get: () => %t }); document.dispatchEvent(new Event('visibilitychange'))`, hidden))
	}
	hide(true)
	streams(0)
	describe("on")
	hide(false)
	streams(1)
	b.until("show what changed meanwhile", func() bool {
		return !strings.Contains(b.eval(`document.getElementById('state-card').textContent`), "DEACTIVATED")
	})
	b.quiet()
}

// TestAnnouncements lets a state change faster than a person could listen.
func TestAnnouncements(t *testing.T) {
	p, b := signedIn(t, true)
	id := p.connection("Restless")
	b.open("/connections/" + id)
	b.eval(`window.said = []
		new MutationObserver(() => window.said.push([Date.now(), document.getElementById('announcer').textContent]))
			.observe(document.getElementById('announcer'), { childList: true })`)
	for i := 0; b.eval(`window.said.length >= 3`) != "true"; i++ {
		if status, answer := p.api("PATCH", "/connections/"+id, map[string]any{"active": i%2 == 0}); status != 200 {
			t.Fatalf("changed: %d %v", status, answer)
		}
		want := i%2 != 0
		b.until("show the state", func() bool {
			return b.eval(`document.getElementById('state-card').textContent.includes('DEACTIVATED')`) == fmt.Sprint(want)
		})
	}
	if got := b.eval(`window.said.every(([at, what], i) => what.startsWith('Restless is ') && (i === 0 || at - window.said[i - 1][0] >= 4900))`); got != "true" {
		t.Errorf("said: %s", b.eval(`JSON.stringify(window.said)`))
	}
	b.quiet()
}

func TestTheme(t *testing.T) {
	both(t, func(t *testing.T, scripts bool) {
		p, b := signedIn(t, scripts)
		id := p.connection("In colour")
		b.scheme("light")
		is := func(theme, scheme string) {
			t.Helper()
			b.until("be "+theme, func() bool {
				html := b.html()
				return strings.Contains(html, `data-theme="`+theme+`"`) == (theme != "") && strings.Contains(html, `<meta name="color-scheme" content="`+scheme+`">`)
			})
		}
		choose := func(name string) {
			t.Helper()
			if !b.has("button", name) {
				b.click("DisclosureTriangle", "Display and keyboard")
			}
			b.click("button", name)
		}
		b.open("/connections/" + id + "?window=1d")
		is("", "light dark")
		choose("Dark")
		is("dark", "dark")
		if b.path() != "/connections/"+id+"?window=1d" {
			t.Errorf("the choice led to %s", b.path())
		}
		if scripts {
			b.awaitFocus("button Dark")
		}
		b.open("/events")
		is("dark", "dark")
		choose("Light")
		is("light", "light")
		choose("As the system")
		is("", "light dark")
		b.open("/")
		is("", "light dark")
		b.quiet()
	})
}

// TestFrameAccessibility shows what the frame itself can open to axe-core, in light and dark, wide and narrow.
func TestFrameAccessibility(t *testing.T) {
	source, err := os.ReadFile("testdata/axe-core-4.14.1/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	p, b := signedIn(t, true)
	id := p.connection("In a frame")
	states := []struct {
		name string
		show func()
	}{
		{"menu", func() { b.open("/"); b.click("DisclosureTriangle", "Display and keyboard"); b.find("button", "Dark") }},
		{"paused", func() { b.open("/connections/" + id); b.see("Live updates are paused.") }},
		{"sheet", func() {
			b.open("/events")
			b.find("heading", "Events")
			b.key("?")
			b.find("dialog", "Keyboard shortcuts")
		}},
		{"sheet as a page", func() { b.open("/shortcuts"); b.find("heading", "Keyboard shortcuts") }},
	}
	b.open("/")
	b.click("button", "Pause live updates")
	b.until("remember the pause", func() bool { b.open("/"); return b.has("button", "Resume live updates") })
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{1280, 320} {
			b.scheme(scheme)
			b.size(width, 900)
			for _, s := range states {
				s.show()
				b.shot(fmt.Sprintf("%s-%s-%d", strings.ReplaceAll(s.name, " ", "-"), scheme, width))
				for _, v := range b.axe(string(source)) {
					t.Errorf("%s, %s, %d: %s: %s\n%+v", s.name, scheme, width, v.ID, v.Help, v.Nodes)
				}
				b.uniqueIDs()
				b.fits(width)
			}
		}
	}
	b.quiet()
}
