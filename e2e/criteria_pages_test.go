//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// media lets the browser claim what its reader prefers.
func (b *browser) media(features ...string) {
	var list []*emulation.MediaFeature
	for i := 0; i+1 < len(features); i += 2 {
		list = append(list, &emulation.MediaFeature{Name: features[i], Value: features[i+1]})
	}
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: list})
}

// clipped names what is cut off: elements that hide what does not fit in them, and do not scroll.
const clipped = `[...document.querySelectorAll('body *')].filter((e) => {
	if (!e.checkVisibility() || e.closest('.sr-only, svg, [popover]') || e.matches('input, select, textarea')) return false
	const {overflowX, overflowY, clipPath} = getComputedStyle(e)
	const hides = (o) => o === 'hidden' || o === 'clip'
	return clipPath === 'none' && (hides(overflowX) && e.scrollWidth > e.clientWidth + 1 || hides(overflowY) && e.scrollHeight > e.clientHeight + 1)
}).map((e) => e.outerHTML.slice(0, 120))`

// shortened may be cut off, since the whole text is at hand: the address in the top bar in its button's title and name.
const shortened = "who-name"

func (b *browser) clipsNothing(what string) {
	b.t.Helper()
	for _, e := range ask[[]string](b, clipped) {
		if !strings.Contains(e, shortened) {
			b.shot("clipped")
			b.t.Errorf("%s: cut off at %s: %s", what, b.path(), e)
		}
	}
	if wide := ask[int](b, `document.documentElement.scrollWidth - innerWidth`); wide > 0 {
		b.shot("too-wide")
		b.t.Errorf("%s: %s is %d px too wide", what, b.path(), wide)
	}
}

func TestCriteria_pages(t *testing.T) {
	s := newScene(t)
	b, id := s.live, s.p.connection("North district, whose heating is told of by many devices")
	for i := range 40 {
		s.p.connection(fmt.Sprintf("Row %02d", i))
	}
	if status, answer := s.p.api(http.MethodPost, "/users", map[string]any{"email": bobEmail, "role": "operator"}); status != http.StatusCreated {
		t.Fatalf("invited: %d %v", status, answer)
	}
	details := "/connections/" + id
	pages := []string{"/", "/connections", "/connections?q=nothing-like-this", "/connections/new", createForm, details, details + "/edit/username", details + "/edit/alarms",
		details + "/devices", details + "/parked", details + "/downlink", details + "/purge", details + "/delete", "/events", "/people", "/people/invite", "/people/2/role",
		"/keys", "/keys/new", "/account", "/account/password", "/nowhere"}

	s.shows(t, "E3: nothing is cut off at 320 by 256 px, at 200 % zoom, with text twice as large, and with more space in the text", func(t *testing.T) {
		for _, path := range pages {
			b.size(320, 256)
			b.open(path)
			b.clipsNothing("320 by 256")
			b.size(640, 450)
			b.clipsNothing("200 % zoom of 1280 by 900")
			b.size(1280, 900)
			call(b, page.SetFontSizes, page.SetFontSizesParams{FontSizes: &page.FontSizes{Standard: 32}})
			b.clipsNothing("text of 200 %")
			call(b, page.SetFontSizes, page.SetFontSizesParams{FontSizes: &page.FontSizes{Standard: 16}})
			// WCAG 1.4.12
			b.eval(`{
				const space = new CSSStyleSheet()
				space.replaceSync('* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important } p { margin-bottom: 2em !important }')
				document.adoptedStyleSheets = [space]
			}`)
			b.clipsNothing("more space")
			b.size(320, 640)
			b.clipsNothing("more space, 320 px")
		}
		b.size(1280, 900)
	})

	s.shows(t, "E4: nothing moves for who asked for that, and dark follows the system", func(t *testing.T) {
		defer b.media()
		for _, prefers := range []string{"light", "dark"} {
			b.media("prefers-reduced-motion", "reduce", "prefers-color-scheme", prefers)
			b.open(details)
			b.click("button", "Edit Description")
			b.awaitFocus("textbox Description")
			b.fill("textbox", "Description", "Words")
			b.click("button", "Confirm")
			b.see("Update done")
			if n := ask[int](b, `document.getAnimations().length`); n != 0 {
				t.Errorf("%d animations run", n)
			}
			if moving := ask[[]string](b, `[...document.querySelectorAll('*')].filter((e) => { const s = getComputedStyle(e); return s.animationName !== 'none' || s.transitionDuration.split(', ').some((d) => d !== '0s') }).map((e) => e.tagName + '.' + e.className)`); len(moving) > 0 {
				t.Errorf("these would move: %q", moving)
			}
			dark := ask[bool](b, `(() => { const [r, g, b] = getComputedStyle(document.documentElement).backgroundColor.match(/\d+/g).map(Number); return r + g + b < 384 })()`)
			if dark != (prefers == "dark") {
				t.Errorf("the system is %s, the page is not", prefers)
			}
		}
		b.media("prefers-reduced-motion", "no-preference")
		b.open(details)
		if b.eval(`matchMedia('(prefers-reduced-motion: no-preference)').matches`) != "true" || ask[string](b, `getComputedStyle(document.querySelector('.btn')).transitionDuration`) == "0s" {
			t.Error("nothing moves for anybody: this shows nothing")
		}
	})

	s.shows(t, "E4: in forced colours badges, buttons and fields keep their borders", func(t *testing.T) {
		defer b.media()
		for _, prefers := range []string{"light", "dark"} {
			b.media("forced-colors", "active", "prefers-color-scheme", prefers)
			for _, path := range []string{"/", "/connections", createForm, details, details + "/edit/username"} {
				b.open(path)
				b.shot("forced-" + prefers + strings.ReplaceAll(strings.SplitN(path, "?", 2)[0], "/", "-"))
				if bare := ask[[]string](b, `[...document.querySelectorAll('.badge, .btn, .input, .prop-value, .segments')].filter((e) => e.checkVisibility()).filter((e) => {
					const {borderTopStyle, borderTopWidth, borderTopColor} = getComputedStyle(e), ground = getComputedStyle(e.closest('.card, .sidenav, .topbar') ?? document.body).backgroundColor
					return borderTopStyle === 'none' || parseFloat(borderTopWidth) < 1 || borderTopColor === ground || borderTopColor === 'rgba(0, 0, 0, 0)'
				}).map((e) => e.outerHTML.slice(0, 100))`); len(bare) > 0 {
					t.Errorf("%s, %s: without a border: %q", path, prefers, bare)
				}
				if lost := ask[int](b, `[...document.querySelectorAll('.key')].filter((e) => getComputedStyle(e).backgroundColor === getComputedStyle(e.closest('.card')).backgroundColor).length`); lost > 0 {
					t.Errorf("%s, %s: of %d series nobody sees the colour in the legend", path, prefers, lost)
				}
			}
		}
	})

	s.shows(t, "E6: after an edit in place the title is right and said once; back leads to the list as it was left", func(t *testing.T) {
		b.open(details)
		b.eval(`{
			window.said = []
			for (const e of document.querySelectorAll('[aria-live], [role=status]')) new MutationObserver(() => e.textContent.trim() && said.push(e.textContent.trim())).observe(e, {childList: true, subtree: true, characterData: true})
		}`)
		b.click("button", "Edit Name")
		b.awaitFocus("textbox Name")
		b.fill("textbox", "Name", "South district")
		b.click("button", "Confirm")
		b.see("Update done")
		b.until("say the new name in the title", func() bool { return ask[string](b, `document.title`) == "South district · Boardlink" })
		b.awaitFocus("button Edit Name")
		if said := ask[[]string](b, `said.filter((s) => s.includes('Update done'))`); len(said) != 1 {
			t.Errorf("it is said %d times: %q", len(said), said)
		}

		b.size(1280, 500)
		b.open("/connections?q=Row&sort=name")
		b.find("link", "Row 30")
		b.eval(`document.querySelectorAll('tbody tr a')[30].scrollIntoView({block: 'center'})`)
		b.until("scroll", func() bool { return ask[float64](b, `scrollY`) > 500 })
		at := ask[float64](b, `scrollY`)
		b.click("link", "Row 30")
		b.find("heading", "Row 30")
		history := call(b, page.GetNavigationHistory, cdp.Empty{})
		call(b, page.NavigateToHistoryEntry, page.NavigateToHistoryEntryParams{EntryID: history.Entries[history.CurrentIndex-1].ID})
		b.find("heading", "Connections")
		if b.path() != "/connections?q=Row&sort=name" {
			t.Errorf("back leads to %s", b.path())
		}
		b.until("be scrolled as it was", func() bool { y := ask[float64](b, `scrollY`); return y > at-60 && y < at+60 })
		b.size(1280, 900)
	})

	s.shows(t, "E7: no page asks for what is not there, gives an id twice, or makes the console complain", func(t *testing.T) {
		for _, path := range pages {
			b.open(path)
			b.uniqueIDs()
			if missing := ask[[]string](b, `performance.getEntriesByType('resource').filter((e) => e.responseStatus >= 400).map((e) => e.name)`); len(missing) > 0 {
				t.Errorf("%s asks in vain for %q", path, missing)
			}
		}
		if resp, err := http.Get(s.p.base + "/favicon.ico"); err != nil || resp.StatusCode != http.StatusOK {
			t.Error("there is no favicon.ico", err)
		} else {
			_ = resp.Body.Close()
		}
	})

	s.shows(t, "E8: the skip link comes first; each page has one h1, landmarks with names, and its language", func(t *testing.T) {
		for _, path := range pages {
			b.open(path)
			doc := b.document()
			if n := doc.Find("h1").Length(); n != 1 {
				t.Errorf("%s has %d h1", path, n)
			}
			if doc.Find("html").AttrOr("lang", "") != "en" {
				t.Errorf("%s names no language", path)
			}
			if doc.Find("main").Length() != 1 || doc.Find("header").Length() != 1 {
				t.Errorf("%s lacks a landmark", path)
			}
			names := map[string]bool{}
			doc.Find("nav").Each(func(_ int, n *goquery.Selection) {
				name := n.AttrOr("aria-label", "")
				if name == "" || names[name] {
					t.Errorf("%s has navigations of the name %q", path, name)
				}
				names[name] = true
			})
		}
		b.open("/events")
		b.find("heading", "Events")
		b.key(kb.Tab)
		b.awaitFocus("link Skip to the content")
		b.key(kb.Enter)
		b.until("lead to the content", func() bool { return b.activeID() == "main" })
		b.key(kb.Tab, chromedp.KeyModifiers(0))
		if !ask[bool](b, `!!document.activeElement.closest('#main')`) {
			t.Errorf("behind the skip link comes %s", b.focused())
		}
	})
}
