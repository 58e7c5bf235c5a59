//go:build e2e

package e2e

import (
	"strings"
	"testing"

	"boardlink/thingsboard/sandbox"

	"github.com/chromedp/chromedp/kb"
)

// TestTestConnection tries a connection before it is made, makes it, and tries it again as it is stored.
func TestTestConnection(t *testing.T) {
	both(t, func(t *testing.T, scripts bool) {
		tb, env := startSandbox(t, sandbox.Options{})
		p := newProgram(t, env...)
		p.start()
		b := newBrowser(t, p.base, scripts)
		b.open("/signin")
		b.fill("textbox", "E-mail", adminEmail)
		b.fill("textbox", "Password", adminPassword)
		b.click("button", "Sign in")
		b.find("heading", "Dashboard")
		b.open("/connections/new?type=actility-thingsboard-iot")
		b.find("heading", "Set your connection")

		t.Log("nothing is tried that is wrong")
		b.fill("textbox", "Username", tenant)
		b.fill("textbox", "Password", "not the password")
		b.click("button", "Test connection")
		b.see("Fill in Domain Name.")

		t.Log("a step that fails says why and what helps")
		b.fill("textbox", "Domain Name", "127.9.9.9:443")
		b.fill("textbox", "Password", "not the password")
		b.click("button", "Test connection")
		b.see("The test failed at the step “Port”", "Boardlink may not connect to this address.", "BOARDLINK_ALLOW_HOSTS")
		b.fill("textbox", "Domain Name", tb.HTTPAddr())
		b.click("button", "Test connection")
		b.see("The test failed at the step “Sign-in”: ", "ThingsBoard refused the e-mail or the password.", "Change the password")
		b.fill("textbox", "Password", tenantPassword)
		b.click("button", "Test connection")
		b.see("All 9 steps went well: a link can be opened with these settings.")
		if strings.Contains(b.html(), tenantPassword) {
			t.Error("the page holds the password that was typed")
		}

		t.Log("the form makes the connection with what was typed before the test; Enter is its Create")
		b.fill("textbox", "Name", "Tried first")
		b.key(kb.Enter)
		b.find("heading", "Tried first")
		p.reach("1", "OPENED", patience)

		t.Log("tried again as it is stored, beside its open link")
		b.open("/connections/1")
		b.click("button", "Test connection")
		b.see("All 9 steps went well", "Gateway device")
		b.shot("tried")
		p.reach("1", "OPENED", patience)
		b.quiet()
	})
}
