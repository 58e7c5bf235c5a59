//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/chromedp/cdproto/runtime"
)

// axeRules are WCAG 2.0 to 2.2, levels A and AA, and axe's best practice.
const axeRules = `["wcag2a","wcag2aa","wcag21a","wcag21aa","wcag22aa","best-practice"]`

// undecided are the questions that axe leaves to people, with their answers: of the rule, for what lies within the selector.
// What it leaves open elsewhere fails the journey as a violation does.
var undecided = []struct{ Rule, Within, Why string }{
	{"color-contrast", ".donut", "The number in the ring and its unit are drawn over the card, in colours that the words beside it are judged in."},
	{"color-contrast", ".scroll", "Rows that are scrolled out of sight, and digits that stand alone: the rows in sight are judged, and all are drawn alike."},
	{"color-contrast", "body:has(.menu[open]) :is(main, .sidenav, .paused)", "Under an open menu lies what is judged while it is closed; the menu itself is opaque."},
	{"color-contrast", ".axis", "The times under a chart are judged where no message lies over them; a message is opaque."},
}

type violation struct {
	ID    string `json:"id"`
	Help  string `json:"help"`
	Nodes []struct {
		HTML    string `json:"html"`
		Summary string `json:"failureSummary"`
	} `json:"nodes"`
}

// axeSource is axe-core as it goes into the pages. Their policy keeps scripts out that are not theirs; a debugger's are let in.
func axeSource(t testing.TB) string {
	t.Helper()
	source, err := os.ReadFile("testdata/axe-core-4.14.1/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	return string(source)
}

// axe looks at the page as it stands and returns what is against the rules, and what it cannot decide and nobody has.
// A part that comes anew while axe looks confuses it, so what it finds must be found twice.
func (b *browser) axe(source string) []violation {
	b.t.Helper()
	if len(b.axeOnce(source)) == 0 {
		return nil
	}
	return b.axeOnce(source)
}

func (b *browser) axeOnce(source string) []violation {
	b.t.Helper()
	reasons, err := json.Marshal(undecided)
	if err != nil {
		b.t.Fatal(err)
	}
	if b.eval(`typeof axe`) != `"object"` {
		call(b, runtime.Evaluate, runtime.EvaluateParams{Expression: source})
	}
	await := true
	r := call(b, runtime.Evaluate, runtime.EvaluateParams{
		Expression: `(async () => {
			const reasons = ` + string(reasons) + `, drawn = () => new Promise(requestAnimationFrame)
			do { await drawn(); await drawn() } while (document.querySelector('.htmx-request, .htmx-swapping, .htmx-settling'))
			scrollTo(0, 0) // what has half gone under the top bar is no target, and its ground is not to be seen
			await drawn()
			const found = await axe.run(document, {runOnly: ` + axeRules + `, resultTypes: ['violations', 'incomplete']})
			const answered = (rule, node) => reasons.some((r) => r.Rule === rule && document.querySelector(node.target[0])?.closest(r.Within))
			const open = found.incomplete.map(({id, help, nodes}) => ({id, help: 'undecided: ' + help, nodes: nodes.filter((n) => !answered(id, n)).map((n) => ({
				html: n.html, failureSummary: n.target.join(' ') + ': ' + n.any.concat(n.all, n.none).map((c) => c.message).join('; ')}))})).filter((v) => v.nodes.length)
			return JSON.stringify(found.violations.concat(open))
		})()`,
		AwaitPromise: &await,
	})
	if r.ExceptionDetails != nil || r.Result == nil {
		b.t.Fatalf("axe did not run: %+v", r.ExceptionDetails)
	}
	var text string
	if err := json.Unmarshal(r.Result.Value, &text); err != nil {
		b.t.Fatalf("axe's answer: %v", err)
	}
	var found []violation
	if err := json.Unmarshal([]byte(text), &found); err != nil {
		b.t.Fatalf("axe's answer: %v", err)
	}
	return found
}

// looks are what a page is looked at in.
var looks = []struct {
	scheme string
	width  int64
}{{"light", 1280}, {"light", 320}, {"dark", 320}, {"dark", 1280}}

// inEveryLook shows the page as it stands, light and dark, wide and narrow, to axe, and looks for what that cannot see: ids
// given twice, and a page wider than the window.
func (b *browser) inEveryLook(source string) {
	b.t.Helper()
	for _, l := range looks {
		b.scheme(l.scheme)
		b.size(l.width, 800)
		for _, v := range b.axe(source) {
			for _, n := range v.Nodes {
				b.t.Errorf("%s, %d px: %s: %s\n%s\n%s", l.scheme, l.width, v.ID, v.Help, n.HTML, n.Summary)
			}
		}
		b.fits(l.width)
		b.shot(fmt.Sprintf("%s-%d", l.scheme, l.width))
	}
	b.uniqueIDs()
}

// uniqueIDs fails where an id stands twice.
func (b *browser) uniqueIDs() {
	b.t.Helper()
	seen := map[string]bool{}
	b.document().Find("[id]").Each(func(_ int, s *goquery.Selection) {
		id := s.AttrOr("id", "")
		if seen[id] {
			b.t.Errorf("the id %q stands twice", id)
		}
		seen[id] = true
	})
}

// fits fails where the page must be scrolled sideways.
func (b *browser) fits(width int64) {
	b.t.Helper()
	var got int64
	if err := json.Unmarshal([]byte(b.eval("document.documentElement.scrollWidth")), &got); err != nil {
		b.t.Fatal(err)
	}
	if got > width {
		b.shot("too-wide")
		b.t.Errorf("the page is %d px wide in a window of %d", got, width)
	}
}
