//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"boardlink/views/gallery"
)

// camera takes pictures of one browser. With BOARDLINK_VARIANTS set it takes those of every page, in light and dark and on
// a phone's screen, to be looked at; else only those that the documents show.
type camera struct {
	b   *browser
	dir string
	all bool
}

func newCamera(t *testing.T, b *browser) camera {
	t.Helper()
	c := camera{b: b, dir: os.Getenv("BOARDLINK_SCREENSHOTS"), all: os.Getenv("BOARDLINK_VARIANTS") != ""}
	if c.dir == "" {
		t.Skip("BOARDLINK_SCREENSHOTS names no folder")
	}
	if err := os.MkdirAll(c.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	b.scheme("light")
	return c
}

// shown takes a picture that the documents show, of what a selector finds; "" is the window.
func (c camera) shown(name, selector string) {
	c.b.t.Helper()
	c.b.until("have the page whole", func() bool { return c.b.eval(`document.readyState`) == `"complete"` })
	c.b.pictureOf(filepath.Join(c.dir, name+".png"), selector)
	c.variants(name)
}

// variants takes the page as it stands in each way in which it can be looked at.
func (c camera) variants(name string) {
	if !c.all {
		return
	}
	picture := func(name string) { c.b.picture(filepath.Join(c.dir, name+".png")) }
	picture(name + "-light")
	c.b.scheme("dark")
	picture(name + "-dark")
	c.b.size(320, 640)
	picture(name + "-phone-dark")
	c.b.scheme("light")
	picture(name + "-phone")
	c.b.size(1280, 900)
}

// look opens a page that no document shows and takes its variants.
func (c camera) look(name, path, heading string) {
	if !c.all {
		return
	}
	c.b.open(path)
	c.b.find("heading", heading)
	c.variants(name)
}

// TestScreenshots_of_a_first_start are the pictures of an installation that nobody has signed in to.
func TestScreenshots_of_a_first_start(t *testing.T) {
	b := newBrowser(t, "", true)
	c := newCamera(t, b)
	p := newProgram(t)
	p.start()
	b.base = p.base
	b.size(1280, 620)
	b.open(p.setup())
	b.find("heading", "Set up Boardlink")
	b.fill("textbox", "E-mail", "ann@example.com")
	c.shown("setup", "")
	b.fill("textbox", "Password", "a password of ann's")
	b.click("button", "Create the operator")
	b.find("heading", "Dashboard")
	b.see("Welcome to Boardlink")
	c.shown("welcome", "")
}

// TestScreenshots makes the pictures of the documents: `make screenshots`. It goes the way of docs/guide.md, in the demo.
func TestScreenshots(t *testing.T) {
	b := newBrowser(t, "", true)
	c := newCamera(t, b)
	d := startDemo(t, "BOARDLINK_DEVELOPMENT=true")
	defer d.stop()
	begun := time.Now()
	b.base = d.base
	c.look("signin", "/signin", "Sign in")
	d.signIn(b)

	t.Log("a connection of one's own, tested first")
	b.open("/connections/new?type=actility-thingsboard-iot")
	b.fill("textbox", "Name", "District heating")
	b.fill("textbox", "Domain Name", d.domain)
	b.fill("textbox", "Username", "tenant@demo.example")
	b.fill("textbox", "Password", d.tenantPassword)
	c.shown("create", "")
	b.click("button", "Test connection")
	b.see("steps went well")
	c.shown("test", "#trial")
	b.click("button", "Create")
	b.find("heading", "District heating")
	b.see("OPENED")
	b.click("DisclosureTriangle", "How to enter it in ThingPark")
	b.see("XML is refused")
	c.shown("uplink-address", "#uplinks")

	t.Log("uplinks, and what ThingsBoard has of them")
	b.open(d.page + "/")
	b.eval(`document.querySelector('select[name=target]').value = '2'`)
	b.click("button", "Point the fleet there")
	b.see("devices post to District heating")
	for _, setting := range []struct{ path, label, value string }{
		{"downlinkUrl", "Downlink address", d.downlinks}, {"downlinkAsId", "AS ID", d.asID}, {"downlinkAsKey", "AS key", d.asKey},
	} {
		b.open(d.base + "/connections/2/edit/" + setting.path)
		b.fill("textbox", setting.label, setting.value)
		b.click("button", "Confirm")
		b.see("Update done")
	}
	b.open("/connections/2/devices")
	b.click("link", "Office climate 1")
	b.find("heading", "Office climate 1")
	b.see("temperature")
	b.click("link", "Send downlink")
	b.find("heading", "Send a downlink")
	b.fill("textbox", "Payload", "01ff")
	b.fill("textbox", "FPort", "10")
	c.shown("downlink", "")
	b.click("button", "Send downlink")
	b.find("heading", "Office climate 1")
	b.see("sent over the air")
	b.open("/connections/2/devices")
	b.click("link", "Office climate 1")
	b.until("see the command settled", func() bool {
		return b.eval(`document.querySelector('.command .badge')?.textContent.trim() === 'sent over the air'`) == "true"
	})
	c.shown("device", "main")
	time.Sleep(time.Until(begun.Add(trafficTime()))) // a chart wants something to show; nothing is judged by it
	b.open(d.page + "/")
	b.find("heading", "The demo's view of ThingsBoard")
	c.shown("thingsboard", "main section:has(table)")

	t.Log("an edit")
	b.open("/connections/2")
	b.find("heading", "District heating")
	c.shown("details", "")
	b.click("button", "Edit Username")
	b.awaitFocus("textbox Username")
	c.shown("edit", "section[aria-labelledby=basic-title]")
	b.fill("textbox", "Username", "other@demo.example")
	b.click("button", "Confirm")
	b.find("dialog", "Confirmation")
	c.shown("confirmation", "")
	b.click("button", "Proceed update")
	b.see("Update done", "AUTHENTICATION_FAILED")
	b.open("/connections/2")
	b.see("AUTHENTICATION_FAILED")
	c.shown("refused", "#state-card")
	b.open("/")
	b.find("heading", "Dashboard")
	b.see("AUTHENTICATION_FAILED")
	c.shown("dashboard", "")
	b.open("/connections/2/edit/username")
	b.fill("textbox", "Username", "tenant@demo.example")
	b.click("button", "Confirm")
	b.find("dialog", "Confirmation")
	b.click("button", "Proceed update")
	b.see("Update done", "OPENED")

	t.Log("an outage")
	b.open(d.page + "/")
	b.click("button", "Stop the sandbox")
	b.see("It is stopped")
	b.open("/connections/2")
	b.see("CLOSED", "The host refused the connection", "Next attempt in")
	c.shown("closed", "#state-card")
	b.open(d.page + "/")
	b.click("button", "Start the sandbox")
	b.find("button", "Stop the sandbox")
	b.open("/connections/2")
	b.see("OPENED")
	c.shown("timeline", "section[aria-labelledby=events-title]")
	b.open("/connections")
	b.find("heading", "Connections")
	c.shown("connections", "")
	b.open("/events")
	b.find("heading", "Events")
	c.shown("events", "")

	t.Log("people and keys")
	c.look("people-alone", "/people", "People")
	for _, person := range []string{"nora.lindqvist@demo.example", "sam@demo.example"} {
		b.open("/people/invite")
		b.fill("textbox", "E-mail", person)
		b.click("button", "Invite")
		b.find("heading", "Invitation for "+person)
	}
	c.shown("invitation", "")
	b.open("/people")
	b.find("heading", "People")
	c.shown("people", "")
	b.open("/keys/new")
	b.fill("textbox", "Name", "Reporting")
	b.click("checkbox", "read*")
	c.shown("key", "")
	b.click("button", "Make the key")
	b.see("It is shown this one time")
	c.variants("key-made")
	b.open("/account")
	b.find("heading", "Account")
	c.shown("account", "")

	t.Log("what no document shows")
	for _, page := range [][3]string{
		{"parked", "/connections/1/parked", "Parked events"}, {"devices", "/connections/1/devices", "Devices"}, {"delete", "/connections/1/delete", "Delete the connection*"},
		{"invite", "/people/invite", "Invite somebody"}, {"person", "/people/2/role", "Change the role*"}, {"keys", "/keys", "API keys"}, {"password", "/account/password", "Change your password"},
		{"missing", "/connections/999", "*"}, {"demo", d.page + "/", "The demo's view of ThingsBoard"}, {"gallery", "/gallery", "Gallery"},
	} {
		c.look(page[0], page[1], page[2])
	}
	for _, s := range gallery.Specimens() {
		c.look("gallery-"+s.Name, "/gallery/"+s.Name, "*")
	}
}

// trafficTime is how long the fleet sends before pictures are taken: BOARDLINK_TRAFFIC, or a minute and a half.
func trafficTime() time.Duration {
	if d, err := time.ParseDuration(os.Getenv("BOARDLINK_TRAFFIC")); err == nil {
		return d
	}
	return 90 * time.Second
}
