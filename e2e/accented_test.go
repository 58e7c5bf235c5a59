//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"

	"boardlink/thingsboard/sandbox"
)

// untranslated are the texts that are no words of the console, and why: what somebody typed or a device sent, what the core
// says in the language of the API and the log, names.
var untranslated = []struct{ Within, Why string }{
	{"code, kbd, pre, .mono, .document", "what machines read"},
	{".brand, .tile-name", "names of products"},
	{".badge", "the states' own names, as API and events have them"},
	{".who-name, .row-name, .prop-value, .prop-title h1, .prop-line p, [aria-current=page], .case .strong, option[value], .facts dd", "what somebody typed"},
	{".event-text, .state-reason, .state-main, .case, .error, .summary, .step, .help-text, #trial-said", "what the core says"},
	{"time[data-clock], svg title", "clock times, and titles of drawings that are made of data"},
	{".sidenav a[href='/api/docs'], .segmented", "abbreviations"},
}

// unmarked finds the texts of a page that did not come from the catalogue: those that stand in no marks of the accented
// language. It looks at names and titles too.
const unmarked = `(() => {
	const data = REASONS.map((r) => r.Within).join(), found = new Set()
	const words = (s) => /\p{L}{2,}/u.test(s)
	let depth = 0
	const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
	for (let n = walk.nextNode(); n; n = walk.nextNode()) {
		const e = n.parentElement, before = depth
		if (e.closest('script, template, noscript, style')) continue
		for (const c of n.data) depth += c === '⟦' ? 1 : c === '⟧' ? -1 : 0
		if (before === 0 && !n.data.includes('⟦') && words(n.data) && !e.closest(data)) found.add(n.data.trim().replace(/\s+/g, ' ').slice(0, 60))
	}
	for (const name of ['aria-label', 'title', 'placeholder']) for (const e of document.querySelectorAll('body [' + name + ']')) {
		const v = e.getAttribute(name)
		if (!v.includes('⟦') && words(v) && !e.closest(data) && !e.matches('time, .who a')) found.add(name + '=' + v.slice(0, 60))
	}
	if (!document.title.includes('⟦')) found.add('title: ' + document.title)
	return [...found].sort()
})()`

// TestAccentedWords walks the pages in the accented language, whose words are 40 % longer: no name of a message is seen,
// nothing is cut off, and no page is wider than its window. It lists the texts that do not come from the catalogue.
func TestAccentedWords(t *testing.T) {
	tb, env := startSandbox(t, sandbox.Options{})
	p := newProgram(t, append(env, "BOARDLINK_DEVELOPMENT=true")...)
	p.start()
	b := p.signIn(t, true, adminPassword)
	id := p.connect(tb.HTTPAddr(), tenantPassword, nil)
	p.reach(id, "OPENED", patience)
	const device = "02B0A2D10BE40001"
	if status := p.post(http.DefaultClient, id, uplinkOf(device, 1, time.Now())); status != http.StatusOK {
		t.Fatalf("an uplink was answered %d", status)
	}
	p.connection("Switched off")
	if status, answer := p.api(http.MethodPost, "/users", map[string]any{"email": bobEmail, "role": "operator"}); status != http.StatusCreated {
		t.Fatalf("invited: %d %v", status, answer)
	}
	reasons, err := json.Marshal(untranslated)
	if err != nil {
		t.Fatal(err)
	}
	call(b, network.Enable, network.EnableParams{})
	call(b, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Accept-Language": "en-XA"}})
	b.open("/")
	b.see("⟦")
	details := "/connections/" + id
	for _, path := range []string{"/", "/connections", "/connections?q=nothing-like-this", "/connections/new", createForm, details, details + "/edit/username", details + "/edit/password",
		details + "/edit/alarms", details + "/edit/uplinkTimeValidity", details + "/devices", details + "/devices/" + device, details + "/parked", details + "/downlink", details + "/purge",
		details + "/delete", "/events", "/events/1", "/events?q=nothing-like-this&devEUI=02B0A2D10BE5FFFF", "/shortcuts", "/people", "/people/invite", "/people/2/role", "/people/2/link", "/people/2/disable",
		"/people/2/remove", "/keys", "/keys/new", "/account", "/account/password", "/nowhere"} {
		for _, width := range []int64{1280, 320} {
			b.size(width, 800)
			b.open(path)
			b.clipsNothing(fmt.Sprintf("accented, %d px", width))
			b.shot(fmt.Sprintf("%d", width))
		}
		if raw := ask[[]string](b, `document.body.innerText.match(/(?<![\w.@/-])(account|connections|dashboard|devices|events|keys|layout|parked|people|problem|shortcuts|signin|telemetry|ui)(\.[a-z0-9_]+)+(?![\w.@-])/g) ?? []`); len(raw) > 0 {
			t.Errorf("%s shows names of messages: %q", path, slices.Compact(raw))
		}
		if left := ask[[]string](b, strings.Replace(unmarked, "REASONS", string(reasons), 1)); len(left) > 0 {
			t.Logf("%s: %d texts are not from the catalogue: %q", path, len(left), left)
		}
	}
	b.quiet()
}
