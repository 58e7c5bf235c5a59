//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/PuerkitoBio/goquery"
	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// patience is how long a step waits for what it wants to see. Long, for the machines are shared; a test that passes
// never waits it out.
const patience = 20 * time.Second

// intranetHost is a name that leads to this machine. Browsers trust it no more than any other host: over plain HTTP they
// send no Sec-Fetch-Site, which they do for localhost.
const intranetHost = "boardlink.intranet.example"

// browser drives one tab. It finds things as a person with a screen reader does, by role and name, and it needs no
// script in the page, so the same journey runs with JavaScript on and off.
type browser struct {
	t    *testing.T
	ctx  context.Context
	base string

	mu       sync.Mutex
	problems []string // console errors and violations of the content security policy
	asked    []string // what dialogs of the browser itself have asked
	refuse   bool     // such a dialog is answered with its Cancel
}

// newBrowser opens a tab of a browser of its own. What it gets passes the witness.
func newBrowser(t *testing.T, base string, scripts bool) *browser {
	t.Helper()
	return newBrowserBy(t, base, scripts, lookout.proxy(t))
}

func newBrowserBy(t *testing.T, base string, scripts bool, proxy string) *browser {
	t.Helper()
	options := []chromedp.ExecAllocatorOption{
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("no-first-run", true), chromedp.Flag("disable-gpu", true), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("disable-features", "PasswordLeakDetection,OptimizationHints"),
	}
	if proxy != "" {
		options = append(options, chromedp.Flag("proxy-server", "http://"+proxy), chromedp.Flag("proxy-bypass-list", "<-loopback>"))
	}
	if name := os.Getenv("CHROMIUM"); name != "" {
		options = append(options, chromedp.ExecPath(name))
	}
	ctx, cancel := chromedp.NewContext(t.Context(), chromedp.WithAllocatorOptions(options...))
	t.Cleanup(cancel)
	b := &browser{t: t, ctx: ctx, base: base}
	t.Cleanup(b.obedient) // before the browser goes
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	b.size(1280, 900)
	call(b, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	if !scripts {
		call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	}
	b.watch()
	return b
}

func call[P, R any](b *browser, command cdp.Command[P, R], params P) R {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	result, err := callWithin(ctx, command, params)
	if err != nil {
		b.t.Fatalf("%s: %v", command.Method, err)
	}
	return result
}

// tryCall gives up after a while: Chromium does not answer what it was asked of a page that gave way to another one.
func tryCall[P, R any](b *browser, command cdp.Command[P, R], params P) (R, error) {
	ctx, cancel := context.WithTimeout(b.ctx, patience/4)
	defer cancel()
	return callWithin(ctx, command, params)
}

func callWithin[P, R any](ctx context.Context, command cdp.Command[P, R], params P) (R, error) {
	return chromedp.Run(ctx, func(ctx context.Context, t *chromedp.Target) (R, error) { return cdp.Call(ctx, t, command, params) })
}

// watch gathers what the console complains about.
func (b *browser) watch() {
	entries, exceptions := chromedp.Events(b.ctx, cdplog.EntryAdded), chromedp.Events(b.ctx, runtime.ExceptionThrown)
	go func() {
		for e, err := range entries {
			if err != nil {
				return
			}
			if e.Entry.Level == "error" && !expected(e.Entry.Text) {
				b.complain(e.Entry.Text + " " + e.Entry.URL)
			}
		}
	}()
	dialogs := chromedp.Events(b.ctx, page.JavascriptDialogOpening)
	go func() {
		for e, err := range dialogs {
			if err != nil {
				return
			}
			b.mu.Lock()
			b.asked = append(b.asked, string(e.Type)+" "+e.Message)
			accept := !b.refuse
			b.mu.Unlock()
			if _, err := tryCall(b, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: accept}); err != nil {
				b.complain("a dialog cannot be answered: " + err.Error())
			}
		}
	}()
	go func() {
		for e, err := range exceptions {
			if err != nil {
				return
			}
			b.complain("exception: " + thrown(e.ExceptionDetails))
		}
	}()
}

// expected holds Chromium's own line for an answer that the journey asked for.
func expected(text string) bool {
	for _, status := range []string{"status of 422", "status of 409", "status of 404", "status of 403", "status of 429"} {
		if strings.Contains(text, status) {
			return true
		}
	}
	if strings.HasPrefix(text, "Blocked attempt to show a 'beforeunload' confirmation panel") {
		return true // a journey left a page whose form came with something typed, and had not touched it
	}
	if strings.HasPrefix(text, "The Cross-Origin-Opener-Policy header has been ignored, because the URL's origin was untrustworthy") {
		return true // over plain HTTP from another machine
	}
	return strings.Contains(text, "ERR_INCOMPLETE_CHUNKED_ENCODING") || strings.Contains(text, "ERR_CONNECTION") || strings.Contains(text, "ERR_EMPTY_RESPONSE")
}

// answering says how dialogs of the browser itself are answered from now on, and gives those there were.
func (b *browser) answering(refuse bool) (asked []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refuse = refuse
	asked, b.asked = b.asked, nil
	return asked
}

func (b *browser) complain(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.problems = append(b.problems, text)
}

// quiet fails the test where the console had complaints.
func (b *browser) quiet() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.problems {
		b.t.Errorf("the console complains: %s", p)
	}
}

// obedient fails the test where a page did what its policy forbids; no journey needs to ask for that.
func (b *browser) obedient() {
	b.t.Helper()
	for _, p := range b.violations() {
		b.t.Errorf("a page broke its policy: %s", p)
	}
}

// violations are the complaints about what a policy forbids.
func (b *browser) violations() (list []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.problems {
		if strings.Contains(p, "Content Security Policy") || strings.Contains(p, "Trusted Type") {
			list = append(list, p)
		}
	}
	return list
}

func (b *browser) size(width, height int64) {
	call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1})
}

func (b *browser) scheme(value string) {
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: value}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
}

func (b *browser) open(path string) {
	b.t.Helper()
	target := path
	if strings.HasPrefix(path, "/") {
		target = b.base + path
	}
	if err := chromedp.Do(b.ctx, chromedp.Navigate(target)); err != nil {
		b.t.Fatalf("open %s: %v", path, err)
	}
}

// until tries again until ok or patience ends.
func (b *browser) until(what string, ok func() bool) {
	b.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(30 * time.Millisecond) {
		if ok() {
			return
		}
		if time.Now().After(end) || b.ctx.Err() != nil {
			b.shot("failed")
			b.t.Fatalf("%s: not within %v, at %s; the page says:\n%s", what, patience, b.path(), b.text())
		}
	}
}

// root is the node of the document; it is asked for each time since pages come and go.
func (b *browser) root() (cdp.NodeID, bool) {
	r, err := tryCall(b, dom.GetDocument, dom.GetDocumentParams{})
	if err != nil || r.Root == nil {
		return 0, false
	}
	return r.Root.NodeID, true
}

// whole reports whether a page of the console has come to its end. Asked for its tree of roles in the middle of a page,
// Chromium was seen to read no further.
func (b *browser) whole() bool { return b.css("#gone") == 0 || b.css("#failed-toast") != 0 }

// lookup finds what is there right now by role and accessible name. A name that ends in * is a beginning.
func (b *browser) lookup(role, name string) []*accessibility.Node {
	if !b.whole() {
		return nil
	}
	root, ok := b.root()
	if !ok {
		return nil
	}
	params := accessibility.QueryAXTreeParams{NodeID: root, Role: role}
	prefix, begins := strings.CutSuffix(name, "*")
	if !begins {
		params.AccessibleName = name
	}
	r, err := tryCall(b, accessibility.QueryAXTree, params)
	if err != nil {
		return nil
	}
	var found []*accessibility.Node
	for _, n := range r.Nodes {
		if n.Ignored || n.BackendDOMNodeID == 0 {
			continue
		}
		if begins && (n.Name == nil || !strings.HasPrefix(strings.Trim(string(n.Name.Value), `"`), prefix)) {
			continue
		}
		found = append(found, n)
	}
	return found
}

func (b *browser) has(role, name string) bool { return len(b.lookup(role, name)) > 0 }

// find waits for the first node of a role and name.
func (b *browser) find(role, name string) cdp.BackendNodeID {
	b.t.Helper()
	var id cdp.BackendNodeID
	b.until(fmt.Sprintf("find the %s %q", role, name), func() bool {
		nodes := b.lookup(role, name)
		if len(nodes) == 0 {
			return false
		}
		id = nodes[0].BackendDOMNodeID
		return true
	})
	return id
}

// click presses the mouse on the middle of what it finds.
func (b *browser) click(role, name string) {
	b.t.Helper()
	b.until(fmt.Sprintf("click the %s %q", role, name), func() bool {
		nodes := b.lookup(role, name)
		return len(nodes) > 0 && b.press(nodes[0].BackendDOMNodeID)
	})
}

func (b *browser) press(id cdp.BackendNodeID) bool {
	if _, err := tryCall(b, dom.ScrollIntoViewIfNeeded, dom.ScrollIntoViewIfNeededParams{BackendNodeID: id}); err != nil {
		return false
	}
	box, err := tryCall(b, dom.GetBoxModel, dom.GetBoxModelParams{BackendNodeID: id})
	if err != nil || box.Model == nil || len(box.Model.Content) < 8 {
		return false
	}
	q := box.Model.Border
	x, y := (q[0]+q[4])/2, (q[1]+q[5])/2
	for _, kind := range []input.DispatchMouseEventType{"mousePressed", "mouseReleased"} {
		if _, err := tryCall(b, input.DispatchMouseEvent, input.DispatchMouseEventParams{Type: kind, X: x, Y: y, Button: "left", ClickCount: 1}); err != nil {
			return false
		}
	}
	return true
}

// fill types a text in place of what a control holds. Where the page came anew meanwhile, it is typed once more.
func (b *browser) fill(role, name, text string) {
	b.t.Helper()
	b.until("fill in "+name, func() bool {
		id := b.find(role, name)
		if _, err := tryCall(b, dom.Focus, dom.FocusParams{BackendNodeID: id}); err != nil {
			return false
		}
		if b.tryKey("a", chromedp.KeyModifiers(chromedp.ModifierCtrl)) != nil || b.tryKey(kb.Delete) != nil {
			return false
		}
		if text != "" {
			if _, err := tryCall(b, input.InsertText, input.InsertTextParams{Text: text}); err != nil {
				return false
			}
		}
		return role != "textbox" || b.holds(id, text)
	})
}

// holds reports whether a control holds a text, as assistive technology is told; of a password that is the length.
func (b *browser) holds(id cdp.BackendNodeID, text string) bool {
	r, err := tryCall(b, accessibility.GetPartialAXTree, accessibility.GetPartialAXTreeParams{BackendNodeID: id, FetchRelatives: new(bool)})
	if err != nil || len(r.Nodes) == 0 {
		return false
	}
	var value string
	if v := r.Nodes[0].Value; v != nil {
		if err := json.Unmarshal(v.Value, &value); err != nil {
			return false
		}
	}
	return value == text || utf8.RuneCountInString(value) == utf8.RuneCountInString(text) && strings.Trim(value, "•") == ""
}

func (b *browser) key(keys string, options ...chromedp.KeyOption) {
	b.t.Helper()
	if err := b.tryKey(keys, options...); err != nil {
		b.t.Fatalf("press a key: %v", err)
	}
}

// tryKey gives up after a while, as tryCall does.
func (b *browser) tryKey(keys string, options ...chromedp.KeyOption) error {
	ctx, cancel := context.WithTimeout(b.ctx, patience/4)
	defer cancel()
	return chromedp.Do(ctx, chromedp.KeyEvent(keys, options...))
}

// css returns the first node that a selector finds right now, or 0.
func (b *browser) css(selector string) cdp.NodeID {
	root, ok := b.root()
	if !ok {
		return 0
	}
	r, err := tryCall(b, dom.QuerySelector, dom.QuerySelectorParams{NodeID: root, Selector: selector})
	if err != nil {
		return 0
	}
	return r.NodeID
}

// focused returns role and name of what has the focus: "button Cancel".
func (b *browser) focused() string {
	id := b.css(":focus")
	if id == 0 {
		return ""
	}
	r, err := tryCall(b, accessibility.GetPartialAXTree, accessibility.GetPartialAXTreeParams{NodeID: id, FetchRelatives: new(bool)})
	if err != nil || len(r.Nodes) == 0 || r.Nodes[0].Role == nil {
		return ""
	}
	n := r.Nodes[0]
	name := ""
	if n.Name != nil {
		name = strings.Trim(string(n.Name.Value), `"`)
	}
	return strings.Trim(string(n.Role.Value), `"`) + " " + name
}

func (b *browser) awaitFocus(want string) {
	b.t.Helper()
	b.until("focus on "+want, func() bool { return b.focused() == want })
}

func (b *browser) html() string {
	root, ok := b.root()
	if !ok {
		return ""
	}
	r, err := tryCall(b, dom.GetOuterHTML, dom.GetOuterHTMLParams{NodeID: root})
	if err != nil {
		return ""
	}
	return r.OuterHTML
}

// document is the page as it stands; it waits for one that is just coming.
func (b *browser) document() (doc *goquery.Document) {
	b.t.Helper()
	b.until("have a page", func() bool {
		var err error
		doc, err = goquery.NewDocumentFromReader(strings.NewReader(b.html()))
		return err == nil && doc.Find("body > *").Length() > 0
	})
	return doc
}

// text is what the page says, white space folded, scripts and templates left out.
func (b *browser) text() string {
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(b.html()))
	if err != nil {
		return ""
	}
	doc.Find("script, template, noscript").Remove()
	return strings.Join(strings.Fields(doc.Find("body").Text()), " ")
}

// see waits until the page says all of the texts.
func (b *browser) see(texts ...string) {
	b.t.Helper()
	for _, want := range texts {
		b.until(fmt.Sprintf("see %q", want), func() bool { return strings.Contains(b.text(), want) })
	}
}

func (b *browser) title() string {
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(b.html()))
	if err != nil {
		return ""
	}
	return doc.Find("title").Text()
}

// path is the path and query of the page's address.
func (b *browser) path() string {
	r, err := tryCall(b, page.GetNavigationHistory, cdp.Empty{})
	if err != nil || int(r.CurrentIndex) >= len(r.Entries) {
		return ""
	}
	u, err := url.Parse(r.Entries[r.CurrentIndex].URL)
	if err != nil {
		return ""
	}
	return u.RequestURI()
}

// shot keeps a picture where BOARDLINK_SHOTS names a folder for them.
func (b *browser) shot(name string) {
	dir := os.Getenv("BOARDLINK_SHOTS")
	if dir == "" {
		return
	}
	b.picture(dir + "/" + strings.NewReplacer("/", "_", " ", "-").Replace(b.t.Name()) + "-" + name + ".png")
}

func (b *browser) picture(file string) {
	r, err := tryCall(b, page.CaptureScreenshot, page.CaptureScreenshotParams{})
	if err != nil {
		b.t.Logf("no picture: %v", err)
		return
	}
	if err := os.WriteFile(file, r.Data, 0o600); err != nil {
		b.t.Logf("no picture: %v", err)
	}
}

// eval runs a script in the page and returns its value as JSON.
func (b *browser) eval(script string) string {
	b.t.Helper()
	r := call(b, runtime.Evaluate, runtime.EvaluateParams{Expression: script})
	if r.ExceptionDetails != nil || r.Result == nil {
		b.t.Fatalf("the script did not run: %s", thrown(r.ExceptionDetails))
	}
	return string(r.Result.Value)
}

// thrown says what went wrong in a script.
func thrown(e *runtime.ExceptionDetails) string {
	if e == nil {
		return "it gave no answer"
	}
	if e.Exception != nil && e.Exception.Description != "" {
		return e.Exception.Description
	}
	return e.Text
}
