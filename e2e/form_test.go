//go:build e2e

package e2e

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp/kb"
)

// TestCreateInFull fills in the form of a new connection beyond what is mandatory: a duration, windows of low-rate alarms,
// the example of what ThingsBoard receives.
func TestCreateInFull(t *testing.T) {
	both(t, func(t *testing.T, scripts bool) {
		p, b := signedIn(t, scripts)
		b.open("/connections/new?type=actility-thingsboard-iot")
		b.find("heading", "Set your connection")
		for label, value := range map[string]string{"Name": "In full", "Domain Name": "tb.invalid:443", "Username": "tenant@example.com", "Password": "a-typed-secret"} {
			b.fill("textbox", label, value)
		}
		b.press(b.find("DisclosureTriangle", "Advanced"))

		t.Log("the example follows what is chosen")
		b.see("position_moving")
		b.choose("Telemetry format", "O")
		b.see(`"DevEUI_uplink"`)

		t.Log("windows come and go")
		b.click("button", "Add a window")
		b.until("the focus on the new window", func() bool { return b.css("[name=alarm-0-opens]:focus") != 0 })
		b.shot("window")
		b.fill("textbox", "Uplinks an hour, at least", "15")
		b.click("button", "Add a window")
		b.until("a second window", func() bool { return b.has("group", "Window 2") })
		b.click("button", "Remove this window 2")
		b.until("one window", func() bool { return !b.has("group", "Window 2") })
		b.awaitFocus("button Add a window")
		if len(b.lookup("textbox", "Uplinks an hour, at least")) != 1 {
			t.Error("there is more than one window")
		}
		if strings.Contains(b.html(), "a-typed-secret") {
			t.Error("the page holds the password that was typed")
		}

		t.Log("what is wrong is said at its input, and what was typed is kept")
		b.fill("textbox", "Uplink validity", "400")
		b.choose("Unit of Uplink validity", "d")
		b.click("button", "Create")
		b.find("heading", "There is a problem")
		b.see("Give the day and the time at which the window opens.", "Write one number and one unit")
		b.shot("window-wrong")
		b.click("button", "Remove this window 1")
		b.until("no window", func() bool { return !b.has("group", "Window 1") })
		b.fill("textbox", "Password", "a-typed-secret")
		b.fill("textbox", "Uplink validity", "3")
		b.click("button", "Create")
		b.find("heading", "In full")
		if got := p.setting("1", "uplinkTimeValidity"); got != "3d" {
			t.Errorf("the validity is %v", got)
		}

		t.Log("and in its place")
		b.open("/connections/1/edit/uplinkTimeValidity")
		b.fill("textbox", "Uplink validity", "90")
		b.choose("Unit of Uplink validity", "m")
		b.shot("duration")
		b.click("button", "Confirm")
		b.see("Update done")
		b.see("90m")
		if got := p.setting("1", "uplinkTimeValidity"); got != "90m" {
			t.Errorf("the validity is %v", got)
		}
		b.quiet()
	})
}

// TestHelp: what a field means opens on the pointer, on the focus and on a click, and Escape closes it.
func TestHelp(t *testing.T) {
	_, b := signedIn(t, true)
	b.open("/connections/new?type=actility-thingsboard-iot")
	const text = "The domain name of your ThingsBoard account."
	open := func() bool {
		return b.css("#hostName-help:popover-open") != 0
	}
	point := func(x, y float64) {
		b.t.Helper()
		call(b, input.DispatchMouseEvent, input.DispatchMouseEventParams{Type: input.DispatchMouseEventTypeMouseMoved, X: x, Y: y})
	}
	place := func(selector string) (x, y float64) {
		at := b.eval(`(() => { const r = document.querySelector('` + selector + `').getBoundingClientRect(); return (r.x + r.width / 2) + ' ' + (r.y + r.height / 2) })()`)
		if _, err := fmt.Sscanf(at, "\"%f %f\"", &x, &y); err != nil {
			t.Fatalf("%s is at %s: %v", selector, at, err)
		}
		return x, y
	}
	x, y := place("[popovertarget=hostName-help]")
	point(x, y)
	b.until("open on the pointer", open)
	b.see(text)
	b.shot("help")
	px, py := place("#hostName-help")
	point((x+px)/2, (y+py)/2)
	point(px, py)
	b.eval(`void setTimeout(() => { document.body.dataset.waited = '' }, 400)`)
	b.until("longer than a way from the button to the text takes", func() bool { return b.css("[data-waited]") != 0 })
	if !open() {
		t.Error("it closes while the pointer is on it")
	}
	b.key(kb.Escape)
	b.until("close on Escape", func() bool { return !open() })
	point(x, y)
	b.until("open again", open)
	point(5, 5)
	b.until("close when the pointer goes", func() bool { return !open() })
	b.eval(`document.querySelector('[popovertarget=hostName-help]').focus()`)
	b.until("open on the focus", open)
	b.key(kb.Escape)
	b.until("close on Escape", func() bool { return !open() })
	b.key(kb.Enter)
	b.until("open by Enter", open)
	b.key(kb.Tab)
	b.until("close when the focus goes", func() bool { return !open() })
	b.click("button", "About Domain Name")
	b.until("open on a click", open)
	b.quiet()
}

// TestUnsaved: what was typed and is not stored is not lost unasked.
func TestUnsaved(t *testing.T) {
	p, b := signedIn(t, true)
	id := p.connection("Unsaved")
	b.open("/connections/" + id)
	b.click("button", "Edit Username")
	b.awaitFocus("textbox Username")
	b.fill("textbox", "Username", "typed@example.com")

	t.Log("another setting is opened")
	b.answering(true)
	b.click("button", "Edit Domain Name")
	b.awaitFocus("textbox Username")
	if asked := b.answering(false); len(asked) != 1 || asked[0] != "confirm What you typed into Username is not saved. Give it up?" {
		t.Errorf("asked was %q", asked)
	}
	if b.has("textbox", "Domain Name") {
		t.Error("the other setting was opened all the same")
	}
	b.click("button", "Edit Domain Name")
	b.find("textbox", "Domain Name")
	b.until("close the first editor", func() bool { return !b.has("textbox", "Username") })
	b.awaitFocus("textbox Domain Name")
	if asked := b.answering(false); len(asked) != 1 {
		t.Errorf("asked was %q", asked)
	}

	t.Log("nothing was typed: nothing is asked")
	b.click("button", "Edit Username")
	b.find("textbox", "Username")
	b.open("/connections")
	b.find("heading", "Connections")
	if asked := b.answering(false); len(asked) != 0 {
		t.Errorf("asked was %q", asked)
	}

	t.Log("the page is left")
	b.open("/connections/new?type=actility-thingsboard-iot")
	b.fill("textbox", "Name", "Half a connection")
	b.click("link", "Dashboard")
	b.find("heading", "Dashboard")
	if asked := b.answering(false); len(asked) != 1 || !strings.HasPrefix(asked[0], "beforeunload") {
		t.Errorf("asked was %q", asked)
	}
	b.open("/connections/new?type=actility-thingsboard-iot")
	b.fill("textbox", "Name", "Half a connection")
	b.click("link", "Cancel")
	b.find("heading", "Connections")
	if asked := b.answering(false); len(asked) != 0 {
		t.Errorf("its Cancel asks: %q", asked)
	}
	b.quiet()
}

// TestStopTest stops a test that hangs at a peer which says nothing.
func TestStopTest(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	p := newProgram(t, asAdmin("BOARDLINK_ALLOW_HOSTS=127.0.0.1")...)
	p.start()
	b := p.signIn(t, true, adminPassword)
	b.open("/connections/new?type=actility-thingsboard-iot")
	b.fill("textbox", "Domain Name", silent.Addr().String())
	b.fill("textbox", "Username", "tenant@example.com")
	b.fill("textbox", "Password", "a-typed-secret")
	b.click("button", "Test connection")
	b.see("3 of 9: Port fine.", "under way")
	b.shot("under-way")
	b.click("button", "Stop the test")
	b.see("The test was stopped. Nothing was changed.")
	b.awaitFocus("list Steps of the test")
	b.shot("stopped")
	b.quiet()
}
