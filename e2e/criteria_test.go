//go:build e2e

package e2e

import (
	"encoding/json"
	"testing"

	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
)

// The criteria of the console's conduct are shown by TestCriteria_*: each has a letter and a number, which docs/criteria.md
// lists. The tests of a file share a program and its tabs.

// scene is a program and two tabs in which the operator has signed in: in one scripts run, in the other they do not.
type scene struct {
	p           *program
	live, plain *browser
}

func newScene(t *testing.T, env ...string) *scene {
	t.Helper()
	p := newProgram(t, asAdmin(env...)...)
	p.start()
	return &scene{p: p, live: p.signIn(t, true, adminPassword), plain: p.signIn(t, false, adminPassword)}
}

// shows runs the test of a criterion.
func (s *scene) shows(t *testing.T, name string, test func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		s.on(t)
		test(t)
		s.live.quiet()
		s.plain.quiet()
	})
	s.on(t)
}

// showsBoth runs it with scripts and without.
func (s *scene) showsBoth(t *testing.T, name string, test func(t *testing.T, b *browser)) {
	t.Helper()
	s.shows(t, name, func(t *testing.T) { test(t, s.live) })
	s.shows(t, name+", without JavaScript", func(t *testing.T) { test(t, s.plain) })
}

func (s *scene) on(t *testing.T) { s.p.t, s.live.t, s.plain.t = t, t, t }

// ask runs a script that gives a value of Go's.
func ask[T any](b *browser, script string) (v T) {
	b.t.Helper()
	whole := true
	r := call(b, runtime.Evaluate, runtime.EvaluateParams{Expression: script, ReturnByValue: &whole, AwaitPromise: &whole})
	if r.ExceptionDetails != nil || r.Result == nil {
		b.t.Fatalf("the script did not run: %s", thrown(r.ExceptionDetails))
	}
	if err := json.Unmarshal(r.Result.Value, &v); err != nil {
		b.t.Fatalf("%s: %v", script, err)
	}
	return v
}

// focus gives the focus to what a selector finds, as Tab would.
func (b *browser) focus(selector string) {
	b.t.Helper()
	b.until("focus "+selector, func() bool {
		node := b.css(selector)
		if node == 0 {
			return false
		}
		_, err := tryCall(b, dom.Focus, dom.FocusParams{NodeID: node})
		return err == nil && b.css(selector+":focus") != 0
	})
}

// gone waits until there is no such thing on the page.
func (b *browser) gone(role, name string) {
	b.t.Helper()
	b.until("be rid of the "+role+" "+name, func() bool { return !b.has(role, name) })
}

// before runs a script in each page that opens from now on, before the page's own.
func (b *browser) before(script string) page.ScriptIdentifier {
	b.t.Helper()
	call(b, page.Enable, page.EnableParams{})
	return call(b, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script}).Identifier
}
