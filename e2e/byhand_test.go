//go:build e2e

package e2e

import (
	"net/http"
	"testing"
	"time"
)

// TestByHand does what an operator does by hand on the page of a connection: sets an alarm, throws a backlog away, and
// sends a downlink.
func TestByHand(t *testing.T) {
	both(t, func(t *testing.T, scripts bool) {
		p, b := signedIn(t, scripts)
		id := p.connection("In hand")
		details := "/connections/" + id

		t.Log("an alarm in fields of its own")
		b.open(details + "/edit/alarms")
		b.find("group", "New window")
		b.fill("textbox", "Message", "Few uplinks")
		b.click("button", "Confirm")
		b.see("Give the day and the time at which the window opens.", "Give a whole number from 1 to 1,000,000.")
		b.click("button", "Cancel")
		b.find("button", "Edit Low-rate alarms")

		t.Log("a backlog is thrown away once the name is typed")
		for i := range 3 {
			if status := p.post(http.DefaultClient, id, uplinkOf("02B0A2D10C0FFEE1", i, time.Now())); status != http.StatusOK {
				t.Fatalf("an uplink was answered %d", status)
			}
		}
		b.open(details)
		b.until("see what waits", func() bool { b.open(details); return b.has("link", "Drop…") })
		b.click("link", "Drop…")
		b.find("heading", "Drop what waits on*")
		b.see("3 events wait to be delivered and will be thrown away")
		b.fill("textbox", "Name of the connection", "in hand")
		b.click("button", "Drop them")
		b.see("Type the name exactly as it stands above.")
		b.fill("textbox", "Name of the connection", "In hand")
		b.click("button", "Drop them")
		b.see("3 events dropped")

		t.Log("a downlink that cannot be sent says why")
		b.open(details)
		b.click("link", "Send downlink")
		b.see("This connection sends no downlinks yet: Downlink address, AS ID, AS key are not set.")
		b.fill("textbox", "DevEUI", "02B0A2D10C0FFEE1")
		b.fill("textbox", "Payload", "01ff")
		b.click("button", "Send downlink")
		b.find("alert", "The downlink is not queued")
		b.see("Nothing was sent.")
		b.quiet()
	})
}

// TestFirstVisitIsLight counts what a browser asks for that comes for the first time.
func TestFirstVisitIsLight(t *testing.T) {
	_, b := signedIn(t, true)
	b.open("/")
	b.find("heading", "Dashboard")
	got := b.eval(`performance.getEntriesByType('resource').map((e) => new URL(e.name).pathname).filter((n) => !n.includes('favicon') && n !== '/stream' && !n.endsWith('/')).length`)
	if got != "3" {
		t.Errorf("beside the page itself the browser asked for %s files: %s", got, b.eval(`performance.getEntriesByType('resource').map((e) => e.name).join(' ')`))
	}
}
