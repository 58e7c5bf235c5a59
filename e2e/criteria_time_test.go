//go:build e2e

package e2e

import (
	"bytes"
	"image"
	"image/png"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp/kb"

	"boardlink/connection"
	"boardlink/thingsboard/sandbox"
)

// clip takes a picture of what a selector finds, in shades of grey, four times as large.
func (b *browser) clip(selector string) *image.Gray {
	b.t.Helper()
	r := ask[[]float64](b, `(() => { const e = document.querySelector('`+selector+`'); e.scrollIntoView({block: 'center'}); const r = e.getBoundingClientRect(); return [r.x + scrollX, r.y + scrollY, r.width, r.height] })()`)
	shot := call(b, page.CaptureScreenshot, page.CaptureScreenshotParams{Clip: &page.Viewport{X: r[0], Y: r[1], Width: r[2], Height: r[3], Scale: 4}})
	drawn, err := png.Decode(bytes.NewReader(shot.Data))
	if err != nil {
		b.t.Fatal(err)
	}
	grey := image.NewGray(drawn.Bounds())
	for y := drawn.Bounds().Min.Y; y < drawn.Bounds().Max.Y; y++ {
		for x := drawn.Bounds().Min.X; x < drawn.Bounds().Max.X; x++ {
			grey.Set(x, y, drawn.At(x, y))
		}
	}
	return grey
}

// shape says where a picture is drawn upon: what stands out from its upper left corner.
func shape(g *image.Gray) []bool {
	ground := int(g.Pix[0])
	drawn := make([]bool, len(g.Pix))
	for i, v := range g.Pix {
		drawn[i] = int(v)-ground > 40 || ground-int(v) > 40
	}
	return drawn
}

// activate makes a connection's link run.
func (p *program) activate(id string, active bool) {
	p.t.Helper()
	if status, answer := p.api(http.MethodPatch, "/connections/"+id, map[string]any{"active": active}); status != http.StatusOK {
		p.t.Fatalf("active: %d %v", status, answer)
	}
}

func TestCriteria_time(t *testing.T) {
	tb, env := startSandbox(t, sandbox.Options{})
	p := newProgram(t, append(env, "BOARDLINK_DEVELOPMENT=true")...)
	p.start()
	s := &scene{p: p, live: p.signIn(t, true, adminPassword), plain: p.signIn(t, false, adminPassword)}
	b := s.live

	id := p.connect(tb.HTTPAddr(), tenantPassword, nil)
	p.reach(id, "OPENED", patience)
	off := p.connection("Switched off")
	details := "/connections/" + id

	s.shows(t, "D1: each state has a shape of its own beside its word and colour, also in grey", func(t *testing.T) {
		for _, scheme := range []string{"light", "dark"} {
			b.scheme(scheme)
			b.open("/gallery")
			shapes := map[connection.State][]bool{}
			for _, state := range connection.States {
				badge := ask[string](b, `(() => { const e = [...document.querySelectorAll('main .badge:not(summary)')].find((e) => e.innerText.trim() === '`+string(state)+`'); e.id ||= 'badge-`+string(state)+`'; return '#' + e.id })()`)
				shapes[state] = shape(b.clip(badge + " svg"))
			}
			for i, one := range connection.States {
				for _, other := range connection.States[i+1:] {
					differ := 0
					for n := range min(len(shapes[one]), len(shapes[other])) {
						if shapes[one][n] != shapes[other][n] {
							differ++
						}
					}
					if share := float64(differ) / float64(len(shapes[one])); share < 0.05 {
						t.Errorf("%s: %s and %s differ by %.1f %% of the picture", scheme, one, other, 100*share)
					}
				}
			}
		}
	})

	s.showsBoth(t, "D2: a time is said as people say it, with the exact one at hand, and never is said as such", func(t *testing.T, b *browser) {
		for _, path := range []string{"/", "/connections", details, "/connections/" + off, "/events", "/people", "/account"} {
			b.open(path)
			doc := b.document()
			doc.Find("time").Not("[hidden] time").Each(func(_ int, e *goquery.Selection) {
				at, err := time.Parse(time.RFC3339, e.AttrOr("datetime", ""))
				if err != nil || time.Since(at).Abs() > 400*24*time.Hour {
					t.Errorf("%s: %s has the datetime %q", path, e.Text(), e.AttrOr("datetime", ""))
				}
				if e.AttrOr("title", "") == "" {
					t.Errorf("%s: of %q nobody learns the exact time", path, e.Text())
				}
			})
			if doc.Find("time").Length() == 0 && path != "/connections/"+off {
				t.Errorf("%s holds no time", path)
			}
		}
		b.open("/connections/" + off)
		b.see("Last restart-never")
	})

	s.shows(t, "D2: what was said of a time is said anew when it has passed", func(t *testing.T) {
		script := b.before(handClock)
		defer call(b, page.RemoveScriptToEvaluateOnNewDocument, page.RemoveScriptToEvaluateOnNewDocumentParams{Identifier: script})
		b.open(details)
		b.find("heading", "Basic settings*")
		b.eval(`{ const now = Date.now; Date.now = () => now() + 3 * 3600e3 }`)
		b.until("say that hours have passed", func() bool {
			b.eval(`passSeconds(60)`)
			return strings.Contains(b.text(), "Last restart3 hours ago")
		})
	})

	s.shows(t, "D3: changes of the state are announced, figures are not", func(t *testing.T) {
		b.open(details)
		b.find("heading", "Basic settings*")
		b.eval(`{ window.said = []; new MutationObserver(() => said.push(document.getElementById('announcer').textContent)).observe(document.getElementById('announcer'), {childList: true, characterData: true, subtree: true}) }`)
		for i := range 3 {
			if status := p.post(http.DefaultClient, id, uplinkOf("02B0A2D10BE40001", i, time.Now())); status != http.StatusOK {
				t.Fatalf("an uplink was answered %d", status)
			}
		}
		b.until("count the uplinks", func() bool { return strings.Contains(b.document().Find("#metrics .figures-row").Text(), "3") })
		if said := ask[[]string](b, `said`); len(said) > 0 {
			t.Errorf("of figures it is said: %q", said)
		}
		p.activate(id, false)
		b.until("announce the state", func() bool {
			return b.eval(`document.getElementById('announcer').textContent`) == `"Under test is DEACTIVATED"`
		})
		p.activate(id, true)
		p.reach(id, "OPENED", patience)
		b.until("announce the state again", func() bool {
			return b.eval(`document.getElementById('announcer').textContent`) == `"Under test is OPENED"`
		})
	})

	s.shows(t, "D4: what comes by itself holds no field, and wipes nothing that is typed", func(t *testing.T) {
		for _, path := range []string{"/", "/connections", details, details + "/devices", details + "/parked", "/events", "/people", "/keys", "/account"} {
			b.open(path)
			b.document().Find("[data-live]").Each(func(_ int, part *goquery.Selection) {
				if n := part.Find(`input:not([type=hidden]), textarea, select, [contenteditable]`).Length(); n > 0 {
					t.Errorf("%s: the live part %s holds %d fields", path, part.AttrOr("id", ""), n)
				}
			})
		}
		b.open(details)
		b.click("button", "Edit Username")
		b.awaitFocus("textbox Username")
		b.fill("textbox", "Username", "half-typed")
		p.activate(id, false)
		b.until("show the change", func() bool { return strings.Contains(b.document().Find("#state-card").Text(), "DEACTIVATED") })
		p.activate(id, true)
		p.reach(id, "OPENED", patience)
		b.until("show the change back", func() bool { return strings.Contains(b.document().Find("#state-card").Text(), "OPENED") })
		b.awaitFocus("textbox Username")
		if got := ask[string](b, `document.activeElement.value`); got != "half-typed" {
			t.Errorf("what was typed is %q now", got)
		}
		b.key(kb.Escape)
		b.awaitID("edit-username")
	})

	// Without JavaScript the page with the outcome comes once there is one: TestTestConnection.
	s.shows(t, "D6: work that takes long says how far it has come", func(t *testing.T) {
		tb.Set(func(c *sandbox.Behaviour) { c.RESTHang = true })
		defer tb.Set(func(c *sandbox.Behaviour) { c.RESTHang = false })
		b.open(details)
		b.click("button", "Test connection")
		b.find("progressbar", "Steps of the test")
		b.until("say it in words too", func() bool { return b.document().Find("#trial-said").Text() != "" })
	})
}

// The answers that fail are wanted here, and so is what the console says of them.
func TestCriteria_nothing(t *testing.T) {
	both(t, func(t *testing.T, scripts bool) {
		t.Run("D5: nothing yet, nothing found and nothing read are three things, and each says what can be done", func(t *testing.T) {
			p, b := signedIn(t, scripts)
			b.open("/connections")
			b.see("No connections yet", "A connection carries the uplinks")
			b.find("link", "Add connection")
			b.open("/events")
			p.connection("The only one")
			b.open("/connections?q=nothing-like-this")
			b.see("No connection matches", "“nothing-like-this”")
			b.click("link", "Clear filter")
			b.find("link", "The only one")
			b.open("/events")
			p.connection("Another") // what was read before it does not stand for the list any more
			p.alter("ALTER TABLE connections RENAME TO elsewhere")
			b.open("/connections")
			b.see("The connections could not be read")
			b.find("link", "Try again")
			p.alter("ALTER TABLE elsewhere RENAME TO connections")
			b.until("be read again", func() bool {
				if again := b.lookup("link", "Try again"); len(again) > 0 { // else the page tried by itself
					b.press(again[0].BackendDOMNodeID)
				}
				return b.has("link", "The only one")
			})
		})
	})
}
