//go:build e2e

package e2e

import (
	"database/sql"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/chromedp/kb"
)

// look is a page as axe is to see it.
type look struct {
	name string
	show func()
}

// TestAccessibility shows each page in light and dark, wide and narrow, idle, while something is edited, asked, said and
// wrong, to axe-core, and looks for what it cannot: ids given twice, and a page wider than the window.
func TestAccessibility(t *testing.T) {
	source := axeSource(t)
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
	edit := func(label, field string) func() {
		return func() {
			b.open(details)
			b.until("have the setting", func() bool { return b.css("#edit-"+field) != 0 })
			if b.css("details:not([open]) #edit-"+field) != 0 {
				b.unfold("Advanced settings", "details[open] #edit-"+field)
			}
			b.click("button", "Edit "+label)
			b.until("edit it", func() bool { return b.css("#f-"+field+" form[data-editor] :focus") != 0 })
		}
	}
	// said does what is answered by a message, and holds that message: it does not leave while it has the focus.
	said := func(do func()) func() {
		return func() {
			do()
			b.until("hold the message", func() bool {
				node := b.css("#toasts [data-close]")
				if node == 0 {
					return false
				}
				_, err := tryCall(b, dom.Focus, dom.FocusParams{NodeID: node})
				return err == nil && b.focused() == "button Close message"
			})
		}
	}
	pages := []look{
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
		{"editing", edit("Username", "username")},
		{"editing the name", edit("Name", "name")},
		{"editing the password", edit("Password", "password")},
		{"editing a text of many lines", edit("CA certificate", "caCertificate")},
		{"editing a switch", edit("Create devices", "createDevices")},
		{"editing a choice", edit("Reconnect strategy", "reconnectStrategy")},
		{"editing a span of time", edit("Uplink validity", "uplinkTimeValidity")},
		{"editing a number", edit("Downlink FPort", "downlinkPort")},
		{"help", func() { b.open(details); b.click("button", "About Domain Name"); b.see("Example: myhostname.com:8883") }},
		{"menu of the state", func() { b.open(details); b.click("DisclosureTriangle", "State *"); b.find("button", "Activate") }},
		{"somebody was quicker", func() {
			b.open(details)
			b.click("button", "Edit Username")
			b.awaitFocus("textbox Username")
			b.fill("textbox", "Username", "mine@example.com")
			p.describe(id, "Changed meanwhile")
			b.click("button", "Confirm")
			b.awaitFocus("button Keep theirs")
		}},
		{"message of a success", said(func() {
			b.open(details)
			b.click("button", "Edit Description")
			b.awaitFocus("textbox Description")
			b.fill("textbox", "Description", "Words")
			b.click("button", "Confirm")
			b.see("Update done")
		})},
		{"message of a failure", said(func() {
			gone := p.connection("Gone meanwhile")
			b.open("/connections/" + gone)
			if status, answer := p.api(http.MethodDelete, "/connections/"+gone, nil); status != http.StatusNoContent {
				t.Fatalf("deleted: %d %v", status, answer)
			}
			b.click("button", "Edit Username")
			b.see("That did not work")
		})},
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
			b.unfold("Copy as curl", "#as-curl[open]")
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
		{"confirm with errors", func() {
			b.open("/confirm?next=%2Faccount")
			b.fill("textbox", "Password", "wrong")
			b.key(kb.Enter)
			b.see("The password is wrong.")
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
		{"message on the parked events", said(func() {
			b.open("/connections/" + r.id + "/parked")
			b.click("checkbox", "Select the event of "+refusedDevice(0)+"*")
			b.click("button", "Drop selected")
			b.click("button", "Drop 1 event")
			b.see("1 event dropped")
		})},
		{"devices", open("/connections/"+r.id+"/devices", "heading", "Devices")},
		{"no devices", open(details+"/devices", "heading", "Devices")},
		{"no device matches", open("/connections/"+r.id+"/devices?q=nothing-like-this", "link", "Clear search")},
		{"device", open("/connections/"+r.id+"/devices/"+refusedDevice(0), "heading", refusedDevice(0))},
		{"events", open("/events", "heading", "Events")},
		{"no event matches", open("/events?devEUI=02B0A2D10BE5FFFF", "link", "Clear filter")},
		{"keys", open("/keys", "heading", "API keys")},
		{"new key", open("/keys/new", "heading", "Make an API key")},
		{"new key with errors", func() {
			b.open("/keys/new")
			b.click("button", "Make the key")
			b.see("Choose at least one scope.")
		}},
		{"key, made just now", func() {
			b.open("/keys/new")
			b.fill("textbox", "Name", "Reporting")
			b.click("checkbox", "read*")
			b.click("button", "Make the key")
			b.see("Copy the key now")
		}},
		{"question about a key", func() {
			b.open("/keys")
			b.click("button", "Revoke Reporting")
			b.see("Revoke the key “Reporting”?")
		}},
		{"message on the keys", said(func() {
			b.open("/keys")
			b.click("button", "Revoke Reporting")
			b.see("Revoke the key “Reporting”?")
			b.click("button", "Revoke")
			b.see("Revoked")
		})},
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
		{"message on the people", said(func() {
			b.open("/people/2/disable")
			b.click("button", "Disable")
			b.see("is shut out")
		})},
		{"not found", open("/connections/999", "heading", "*")},
	}
	for _, page := range pages {
		t.Run(page.name, func(t *testing.T) {
			b.t = t
			b.scheme("light")
			b.size(1280, 800)
			page.show()
			b.inEveryLook(source)
		})
	}
	b.t = t
	b.quiet()
}

// TestAccessibility_of_the_rest is for what a Boardlink shows that is new, or broken, or looked at by somebody who may not
// change anything.
func TestAccessibility_of_the_rest(t *testing.T) {
	source := axeSource(t)
	p := newProgram(t, "BOARDLINK_API_KEY="+apiKey)
	p.start()
	link := p.setup()
	b := newBrowser(t, p.base, true)
	open := func(path, role, name string) func() {
		return func() { b.open(path); b.find(role, name) }
	}
	var bob, id string
	pages := []look{
		{"sign-in", open("/signin", "heading", "Sign in")},
		{"sign-in refused", func() { b.signInAs(adminEmail, "wrong password"); b.find("alert", "*") }},
		{"nothing there, signed out", open("/setup?token=nothing-like-this", "heading", "*")},
		{"set-up", open(link, "heading", "Set up Boardlink")},
		{"set-up with errors", func() {
			b.open(link)
			b.fill("textbox", "E-mail", adminEmail)
			b.fill("textbox", "Password", "short")
			b.click("button", "Create the operator")
			b.see("There is a problem")
		}},
		{"first dashboard", func() {
			b.fill("textbox", "Password", adminPassword)
			b.click("button", "Create the operator")
			b.find("heading", "Dashboard")
			b.see("Create the first connection")
		}},
		{"no connections", func() { b.open("/connections"); b.see("No connections yet") }},
		{"no keys", func() { b.open("/keys"); b.see("No API keys yet") }},
		{"alone", func() { b.open("/people"); b.see("You are the only one here") }},
		{"connections that cannot be read", func() {
			id = p.connection("Out of reach")
			p.alter("ALTER TABLE connections RENAME TO elsewhere")
			b.open("/connections")
			b.see("The connections could not be read")
		}},
		{"something went wrong", func() { b.open("/connections/" + id); b.see("Something went wrong") }},
		{"Boardlink does not answer", func() {
			p.alter("ALTER TABLE elsewhere RENAME TO connections")
			b.open("/connections/" + id)
			b.find("heading", "Basic settings*")
			p.stop()
			b.see("Boardlink does not answer. What you see is from ")
		}},
		{"invitation", func() {
			p.start()
			status, answer := p.api(http.MethodPost, "/users", map[string]any{"email": bobEmail, "role": "viewer"})
			if status != http.StatusCreated {
				t.Fatalf("invited: %d %v", status, answer)
			}
			bob = strings.TrimPrefix(answer["link"].(map[string]any)["url"].(string), p.base)
			b.open("/")
			b.click("button", "Sign out")
			b.find("heading", "Sign in")
			b.open(bob)
			b.find("heading", "Welcome to Boardlink")
		}},
		{"not allowed", func() {
			b.fill("textbox", "Password", bobPassword)
			b.click("button", "Set the password")
			b.find("heading", "Dashboard")
			b.open("/connections/new")
			b.find("heading", "Not allowed")
		}},
		{"details of a viewer", func() { b.open("/connections/" + id); b.find("heading", "Basic settings*") }},
	}
	for _, page := range pages {
		t.Run(page.name, func(t *testing.T) {
			b.t = t
			b.scheme("light")
			b.size(1280, 800)
			page.show()
			b.inEveryLook(source)
		})
	}
}

// unfold opens what is folded, also where the page moved under the mouse just then.
func (b *browser) unfold(name, shown string) {
	b.t.Helper()
	b.until("unfold "+name, func() bool {
		if b.css(shown) != 0 {
			return true
		}
		b.click("DisclosureTriangle", name)
		return b.css(shown) != 0
	})
}

// describe changes a connection's description as somebody else would.
func (p *program) describe(id, text string) {
	p.t.Helper()
	if status, answer := p.api(http.MethodPatch, "/connections/"+id, map[string]any{"configuration": map[string]any{"description": text}}); status != http.StatusOK {
		p.t.Fatalf("described: %d %v", status, answer)
	}
}

// alter changes a running program's database behind its back.
func (p *program) alter(statement string) {
	p.t.Helper()
	data, err := sql.Open("sqlite", filepath.Join(p.data, "boardlink.db")+"?_pragma=busy_timeout(5000)&_pragma=legacy_alter_table(1)&_pragma=foreign_keys(0)")
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = data.Close() }()
	if _, err := data.Exec(statement); err != nil {
		p.t.Fatal(err)
	}
}
