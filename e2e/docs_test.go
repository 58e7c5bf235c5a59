//go:build e2e

package e2e

import (
	"slices"
	"testing"
)

// swaggerBreaks are the rules of axe that Swagger UI's own markup breaks, which is not ours to mend. Whatever else axe
// finds fails the journey.
var swaggerBreaks = []string{"aria-prohibited-attr", "color-contrast", "heading-order", "nested-interactive", "region", "scrollable-region-focusable", "select-name"}

// callList calls the list of connections from the API's page.
func (b *browser) callList() {
	b.t.Helper()
	const row = "#operations-default-list-connections"
	b.until("show the operations", func() bool { return b.css(row) != 0 })
	b.eval(`document.querySelector('` + row + ` button.opblock-summary-control').click()`)
	b.click("button", "Try it out*")
	b.click("button", "Execute")
}

// TestTryTheAPI reads the API's page and calls an operation from it, as the signed-in operator and with a key. The page
// loads nothing from elsewhere, and Chromium finds nothing against its policy.
func TestTryTheAPI(t *testing.T) {
	p, b := signedIn(t, true)
	p.connection("Seen from the docs")

	t.Log("as the signed-in operator")
	b.click("link", "API")
	b.find("heading", "The API")
	b.see("List connections", "Create a connection", "Hand in an uplink of ThingPark")
	b.callList()
	b.see("Seen from the docs")
	if got := b.eval(`performance.getEntriesByType('resource').some(e => e.name.endsWith('/api/openapi.json')) &&
		performance.getEntriesByType('resource').every(e => e.name.startsWith(location.origin + '/'))`); got != "true" {
		t.Error("the page did not load the document, or something from elsewhere")
	}
	for _, v := range b.axe(axeSource(t)) {
		if !slices.Contains(swaggerBreaks, v.ID) {
			t.Errorf("axe: %s: %s: %s", v.ID, v.Help, v.Nodes[0].HTML)
		}
	}
	b.quiet()

	t.Log("with a key")
	stranger := newBrowser(t, p.base, true)
	stranger.open("/api/docs")
	stranger.click("button", "Authorize")
	stranger.fill("textbox", "*", apiKey)
	stranger.click("button", "Apply credentials")
	stranger.click("button", "Close")
	stranger.callList()
	stranger.see("Seen from the docs")
	if got := stranger.eval(`Object.keys(localStorage).length + Object.keys(sessionStorage).length`); got != "0" {
		t.Error("the browser keeps something after a key was given")
	}
	stranger.quiet()
}

// TestAPI_without_JavaScript: the page says where the document is.
func TestAPI_without_JavaScript(t *testing.T) {
	p := newProgram(t)
	p.start()
	b := newBrowser(t, p.base, false)
	b.open("/api/docs")
	b.find("heading", "The API")
	b.until("say that it needs JavaScript", func() bool { return b.has("StaticText", "This page needs JavaScript.*") })
	b.click("link", "/api/openapi.json")
	b.see(`"openapi":"3.1.0"`)
	b.quiet()
}
