//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"boardlink/thingsboard/sandbox"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// refusing is a program with an open link to a ThingsBoard that refuses the telemetry of some devices.
type refusing struct {
	*program
	tb      *sandbox.Sandbox
	id      string
	refuses atomic.Bool
	posted  int
}

// refusedDevice is the n-th device whose telemetry is refused as long as refuses is set.
func refusedDevice(n int) string { return fmt.Sprintf("02B0A2D10BAD%04X", n) }

func startRefusing(t *testing.T) *refusing {
	t.Helper()
	r := &refusing{}
	r.refuses.Store(true)
	tb, env := startSandbox(t, sandbox.Options{})
	tb.Set(func(b *sandbox.Behaviour) {
		b.Judge = func(p sandbox.Publish) sandbox.Verdict {
			if r.refuses.Load() && p.Topic == "v1/gateway/telemetry" && bytes.Contains(p.Payload, []byte("02B0A2D10BAD")) {
				return sandbox.Verdict{Code: 0x99} // Payload format invalid
			}
			return sandbox.Verdict{}
		}
	})
	r.tb, r.program = tb, newProgram(t, append(env, "BOARDLINK_LOG_LEVEL=warn")...)
	r.start()
	r.id = r.connect(tb.HTTPAddr(), tenantPassword, nil)
	r.reach(r.id, "OPENED", 20*time.Second)
	return r
}

// park posts one uplink of each of the first n refused devices and waits until they are put aside.
func (r *refusing) park(n int) {
	r.t.Helper()
	for i := range n {
		r.posted++
		if status := r.post(http.DefaultClient, r.id, uplinkOf(refusedDevice(i), r.posted, time.Now())); status != http.StatusOK {
			r.t.Fatalf("an uplink was answered %d", status)
		}
	}
	r.await(fmt.Sprintf("park %d events", n), func() bool { return r.parked() == n })
}

// parked is how many events are put aside.
func (r *refusing) parked() int {
	n, _ := r.resource(r.id)["status"].(map[string]any)["parked"].(float64)
	return int(n)
}

func (r *refusing) signedIn(t *testing.T, scripts bool) *browser {
	t.Helper()
	b := newBrowser(t, r.base, scripts)
	b.open("/signin")
	b.fill("textbox", "E-mail", adminEmail)
	b.fill("textbox", "Password", adminPassword)
	b.click("button", "Sign in")
	b.find("heading", "Dashboard")
	return b
}

// TestParkedEvents follows events that ThingsBoard refuses: they are found from the dashboard on, one is dropped, the others
// are put back once ThingsBoard takes them, and arrive.
func TestParkedEvents(t *testing.T) {
	both(t, func(t *testing.T, scripts bool) {
		r := startRefusing(t)
		b := r.signedIn(t, scripts)
		r.park(3)
		b.open("/")
		b.see("Needs a person", "3 parked events")
		b.click("link", "3 parked events")
		b.find("heading", "Parked events")
		b.see("ThingsBoard refused the content of the event.", refusedDevice(0), refusedDevice(2), "DevEUI_uplink", "tried 3 times")
		b.click("DisclosureTriangle", "Show the document of "+refusedDevice(0))
		b.see(`"FCntUp": 1,`)

		b.click("button", "Retry selected")
		b.see("Select at least one event.")

		select1 := func() { b.click("checkbox", "Select the event of "+refusedDevice(1)+"*") }
		selected := func() bool { return b.css("input[name=id]:checked") != 0 }
		select1()
		b.until("select it", selected)
		if scripts {
			b.see("1 selected")
		}
		b.click("button", "Drop selected")
		b.find("dialog", "Drop 1 parked event?")
		b.see("This cannot be undone.")
		b.awaitFocus("button Cancel")
		if scripts {
			b.key(kb.Escape)
			b.awaitFocus("button Drop selected")
		} else {
			b.click("button", "Cancel")
			b.until("leave the question", func() bool { return !b.has("dialog", "*") })
		}
		b.until("keep what was selected", selected)
		if n := r.parked(); n != 3 {
			t.Fatalf("%d events are parked after Cancel", n)
		}
		b.click("button", "Drop selected")
		b.click("button", "Drop 1 event")
		b.see("1 event dropped")
		b.awaitFocus("region Parked events")
		b.until("take it off the list", func() bool {
			return !strings.Contains(b.text(), refusedDevice(1)) && strings.Contains(b.text(), "2 events that ThingsBoard would not take.")
		})

		r.refuses.Store(false)
		b.click("button", "Retry all")
		b.see("2 events put back", "They go out before the younger events of their devices.", "Nothing is parked")
		b.awaitFocus("region Parked events")
		r.await("deliver what was put back", func() bool {
			return len(r.tb.Telemetry(refusedDevice(0))) == 1 && len(r.tb.Telemetry(refusedDevice(2))) == 1
		})
		if n := len(r.tb.Telemetry(refusedDevice(1))); n != 0 {
			t.Errorf("of the dropped event %d points arrived", n)
		}
		b.open("/events?connectionId=" + r.id)
		b.see(`1 parked event of the connection "Under test" was dropped.`, `2 parked events of the connection "Under test" were put back into the queue. by `+adminEmail)
		b.quiet()
	})
}

// TestParkedEvents_come_back lets ThingsBoard refuse what was put back: the page says so by itself.
func TestParkedEvents_come_back(t *testing.T) {
	r := startRefusing(t)
	b := r.signedIn(t, true)
	r.park(2)
	b.open("/connections/" + r.id + "/parked")
	b.click("checkbox", "All on this page")
	b.see("2 selected")
	b.click("button", "Retry selected")
	b.see("2 events put back", "Nothing is parked")
	b.see("2 events that ThingsBoard would not take.", "The list below has changed meanwhile.")
	b.click("link", "Show it as it is now")
	b.see(refusedDevice(0), refusedDevice(1))
	b.quiet()
}

// TestParkedEvents_by_keyboard drops an event without a mouse; the focus must never be lost on the way.
func TestParkedEvents_by_keyboard(t *testing.T) {
	both(t, func(t *testing.T, scripts bool) {
		r := startRefusing(t)
		b := r.signedIn(t, scripts)
		r.park(2)
		b.open("/connections/" + r.id + "/parked")
		b.find("heading", "Parked events")
		// tabTo presses Tab until what has the focus begins like this.
		tabTo := func(want string) {
			t.Helper()
			for range 60 {
				if strings.HasPrefix(b.focused(), want) {
					return
				}
				b.key(kb.Tab)
			}
			t.Fatalf("Tab does not lead to %q but to %q", want, b.focused())
		}
		tabTo("checkbox Select the event of " + refusedDevice(0))
		b.key(" ")
		b.until("select it", func() bool { return b.css("input[name=id]:checked") != 0 })
		for range 60 { // back to the buttons
			if b.focused() == "button Drop selected" {
				break
			}
			b.key(kb.Tab, chromedp.KeyModifiers(chromedp.ModifierShift))
		}
		b.key(kb.Enter)
		b.awaitFocus("button Cancel")
		tabTo("button Drop 1 event")
		b.key(kb.Enter)
		b.see("1 event dropped")
		b.awaitFocus("region Parked events")
		tabTo("button Retry all")
		b.quiet()
	})
}
