//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/chromedp/cdproto/runtime"

	"strings"
)

// axeRules are WCAG 2.0 to 2.2, levels A and AA, and axe's best practice.
const axeRules = `["wcag2a","wcag2aa","wcag21a","wcag21aa","wcag22aa","best-practice"]`

type violation struct {
	ID    string `json:"id"`
	Help  string `json:"help"`
	Nodes []struct {
		HTML    string `json:"html"`
		Summary string `json:"failureSummary"`
	} `json:"nodes"`
}

// axe looks at the page as it stands and returns what is against the rules.
func (b *browser) axe(source string) []violation {
	b.t.Helper()
	await := true
	call(b, runtime.Evaluate, runtime.EvaluateParams{Expression: source})
	r := call(b, runtime.Evaluate, runtime.EvaluateParams{
		Expression:   `axe.run(document,{runOnly:` + axeRules + `}).then(r=>JSON.stringify(r.violations))`,
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

// TestAccessibility shows each page in light and dark, wide and narrow, and in the states of an edit, to axe-core, and
// looks for what it cannot: ids given twice, and a page wider than the window.
func TestAccessibility(t *testing.T) {
	source, err := os.ReadFile("testdata/axe-core-4.14.1/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	r := startRefusing(t)
	p, b := r.program, r.signedIn(t, true)
	r.park(2)
	id := p.connection("Under the magnifying glass")
	for _, person := range []string{bobEmail, "somebody.with-a-rather-long-address-that-must-break@district-heating.example.com"} {
		if status, answer := p.api(http.MethodPost, "/users", map[string]any{"email": person, "role": "operator"}); status != http.StatusCreated {
			t.Fatalf("invited: %d %v", status, answer)
		}
	}
	p.api(http.MethodPatch, "/users/3", map[string]any{"disabled": true})
	p.connection("A second one, whose name is rather long so that it must be broken somewhere on a narrow screen")
	open := func(path, role, name string) func() {
		return func() { b.open(path); b.find(role, name) }
	}
	details := "/connections/" + id
	pages := []struct {
		name string
		show func()
	}{
		{"dashboard", open("/", "heading", "Dashboard")},
		{"connections", open("/connections", "heading", "Connections")},
		{"no match", open("/connections?q=nothing-like-this", "link", "Clear filter")},
		{"connection types", open("/connections/new", "heading", "Choose a connection type")},
		{"form", open("/connections/new?type=actility-thingsboard-iot", "heading", "Set your connection")},
		{"form with errors", func() {
			b.open("/connections/new?type=actility-thingsboard-iot")
			b.click("button", "Create")
			b.find("heading", "There is a problem")
		}},
		{"details", open(details, "heading", "Basic settings*")},
		{"editing", func() { b.open(details); b.click("button", "Edit Username"); b.awaitFocus("textbox Username") }},
		{"editing the password", func() { b.open(details); b.click("button", "Edit Password"); b.awaitFocus("textbox Password") }},
		{"editing the alarms", func() {
			b.open(details + "/edit/alarms")
			b.find("group", "New window")
			b.fill("textbox", "Message", "Few")
			b.click("button", "Confirm")
			b.see("Give a whole number")
		}},
		{"editing with an error", func() {
			b.open(details)
			b.click("button", "Edit Username")
			b.awaitFocus("textbox Username")
			b.fill("textbox", "Username", "nobody")
			b.click("button", "Confirm")
			b.see("Write an e-mail address")
		}},
		{"dialog", func() {
			b.open(details)
			b.click("button", "Edit Username")
			b.awaitFocus("textbox Username")
			b.fill("textbox", "Username", "other@example.com")
			b.click("button", "Confirm")
			b.find("dialog", "Confirmation")
		}},
		{"form with its example", func() {
			b.open("/connections/new?type=actility-thingsboard-iot")
			b.click("DisclosureTriangle", "Advanced")
			b.find("heading", "What ThingsBoard receives")
			b.click("radio", "On")
			b.see("goes with neither")
			b.eval(`scrollTo(0, 0)`) // what has half gone under the top bar is no target
		}},
		{"test before creating", func() {
			b.open("/connections/new?type=actility-thingsboard-iot")
			b.fill("textbox", "Domain Name", "127.9.9.9:443")
			b.fill("textbox", "Username", tenant)
			b.fill("textbox", "Password", "a password")
			b.click("button", "Test connection")
			b.see("The test failed at the step")
		}},
		{"test of a stored connection", func() {
			b.open("/connections/" + r.id)
			b.click("button", "Test connection")
			b.see("steps went well")
		}},
		{"figures", func() {
			b.open("/connections/" + r.id)
			b.click("DisclosureTriangle", "Show the figures")
			b.find("columnheader", "Delivered")
		}},
		{"curl", func() {
			b.open(details)
			b.click("DisclosureTriangle", "Copy as curl")
			b.find("button", "Copy the command")
		}},
		{"purge", open(details+"/purge", "heading", "Drop what waits*")},
		{"downlink", open(details+"/downlink", "heading", "Send a downlink")},
		{"downlink refused", func() {
			b.open(details + "/downlink")
			b.fill("textbox", "DevEUI", refusedDevice(0))
			b.click("button", "Send downlink")
			b.see("The downlink is not queued")
		}},
		{"delete", func() { b.open(details); b.click("button", "Delete"); b.find("dialog", "*") }},
		{"parked events", func() {
			b.open("/connections/" + r.id + "/parked")
			b.click("DisclosureTriangle", "Show the document of "+refusedDevice(0))
			b.click("checkbox", "Select the event of "+refusedDevice(1)+"*")
			b.see("1 selected")
		}},
		{"account", open("/account", "heading", "Account")},
		{"password", open("/account/password", "textbox", "New password")},
		{"password with errors", func() {
			b.open("/account/password")
			b.click("button", "Change the password")
			b.find("heading", "There is a problem")
		}},
		{"confirm", func() {
			p.leaveAlone()
			b.open("/confirm?next=%2Faccount")
			b.find("heading", "Confirm your password")
		}},
		{"no parked events", func() {
			p.comeBack()
			b.open(details + "/parked")
			b.find("heading", "Parked events")
		}},
		{"drop", func() {
			b.open("/connections/" + r.id + "/parked")
			b.click("button", "Drop all")
			b.find("dialog", "Drop 2 parked events?")
		}},
		{"nothing selected", func() {
			b.open("/connections/" + r.id + "/parked")
			b.click("button", "Retry selected")
			b.see("Select at least one event.")
		}},
		{"devices", open("/connections/"+r.id+"/devices", "heading", "Devices")},
		{"no devices", open(details+"/devices", "heading", "Devices")},
		{"no device matches", open("/connections/"+r.id+"/devices?q=nothing-like-this", "link", "Clear search")},
		{"device", open("/connections/"+r.id+"/devices/"+refusedDevice(0), "heading", refusedDevice(0))},
		{"events", open("/events", "heading", "Events")},
		{"people", open("/people", "heading", "People")},
		{"people, with the menu", func() {
			b.open("/people")
			b.click("DisclosureTriangle", "Change "+bobEmail)
			b.find("button", "Disable")
		}},
		{"invite", open("/people/invite", "heading", "Invite somebody")},
		{"invite with errors", func() {
			b.open("/people/invite")
			b.click("button", "Invite")
			b.find("heading", "There is a problem")
		}},
		{"change role", func() {
			b.open("/people")
			b.click("DisclosureTriangle", "Change "+bobEmail)
			b.click("button", "Change role")
			b.find("dialog", "*")
		}},
		{"change role, alone", open("/people/2/role", "heading", "Change the role*")},
		{"remove oneself", open("/people/1/remove", "heading", "Remove*")},
		{"last admin", func() {
			b.open("/people/1/remove")
			b.click("button", "Remove")
			b.see("last admin who can sign in")
		}},
		{"link", func() {
			b.open("/people/2/link")
			b.click("button", "Make link")
			b.awaitFocus("button Copy the link")
		}},
		{"not found", open("/connections/999", "heading", "*")},
	}
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{1280, 320} {
			b.scheme(scheme)
			b.size(width, 800)
			for _, page := range pages {
				t.Run(fmt.Sprintf("%s, %s, %d px", page.name, scheme, width), func(t *testing.T) {
					b.t = t
					page.show()
					for _, v := range b.axe(string(source)) {
						for _, n := range v.Nodes {
							t.Errorf("%s: %s\n%s\n%s", v.ID, v.Help, n.HTML, n.Summary)
						}
					}
					b.uniqueIDs()
					b.fits(width)
				})
			}
		}
	}
	b.t = t
	b.quiet()
}

// uniqueIDs fails where an id stands twice.
func (b *browser) uniqueIDs() {
	b.t.Helper()
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(b.html()))
	if err != nil {
		b.t.Fatal(err)
	}
	seen := map[string]bool{}
	doc.Find("[id]").Each(func(_ int, s *goquery.Selection) {
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
	r := call(b, runtime.Evaluate, runtime.EvaluateParams{Expression: "document.documentElement.scrollWidth"})
	var got int64
	if err := json.Unmarshal(r.Result.Value, &got); err != nil {
		b.t.Fatal(err)
	}
	if got > width {
		b.shot("too-wide")
		b.t.Errorf("the page is %d px wide in a window of %d", got, width)
	}
}
