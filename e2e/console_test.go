//go:build e2e

package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/dom"
)

// TestLiveFocus changes a state behind a menu that only has the focus: badge and card must say the same, and the focus stays.
func TestLiveFocus(t *testing.T) {
	p, b := signedIn(t, true)
	id := p.connection("Looked at")
	b.open("/connections/" + id)
	b.until("focus the menu", func() bool {
		node := b.css("#state-" + id)
		if node == 0 {
			return false
		}
		_, err := tryCall(b, dom.Focus, dom.FocusParams{NodeID: node})
		return err == nil
	})
	if status, answer := p.api("PUT", "/connections/"+id, map[string]any{
		"connectorId": "actility-thingsboard-iot", "name": "Looked at", "active": true,
		"configuration": map[string]any{"hostName": "tb.invalid:443", "username": "tenant@example.com", "password": "first-secret"},
	}); status != 200 {
		t.Fatalf("activating answered %d: %v", status, answer)
	}
	b.until("say in the menu that the state has changed", func() bool {
		return !strings.Contains(b.eval(`document.getElementById('state-menu').textContent`), "DEACTIVATED")
	})
	b.until("keep the focus on the menu", func() bool { return b.eval(`document.activeElement.id`) == `"state-`+id+`"` })
	b.quiet()
}

// holdMetrics keeps back what asks for the card of the metrics, until it is let go in the order that the test wants.
const holdMetrics = `{
	const {open, send} = XMLHttpRequest.prototype
	window.held = []
	XMLHttpRequest.prototype.open = function (method, url, ...rest) { this.asked = url; return open.call(this, method, url, ...rest) }
	XMLHttpRequest.prototype.send = function (...body) {
		if (!this.asked.includes('part=metrics')) return send.apply(this, body)
		held.push(() => new Promise((done) => { this.addEventListener('loadend', () => setTimeout(done, 100)); send.apply(this, body) }))
	}
}`

// TestLive_leaves_what_was_pressed lets the page's own question for figures be answered after somebody has asked for those of
// the day, and before that is answered: the day is shown.
func TestLive_leaves_what_was_pressed(t *testing.T) {
	p, b := signedIn(t, true)
	id := p.connection("Looked at by day")
	b.before(holdMetrics)
	b.open("/connections/" + id)
	b.until("ask by itself", func() bool { return ask[int](b, `held.length`) == 1 })
	b.click("link", "1D, last 24 hours")
	b.until("ask for the day", func() bool { return ask[int](b, `held.length`) == 2 })
	ask[int](b, `held[0]().then(() => held[1]()).then(() => 2)`)
	b.until("show the day", func() bool { return b.css(`#window-1d[aria-current="true"]`) != 0 })
	b.quiet()
}

// TestFocusAfterActions follows the focus: it must never be lost to the page's body.
func TestFocusAfterActions(t *testing.T) {
	both(t, func(t *testing.T, scripts bool) {
		p, b := signedIn(t, scripts)
		id := p.connection("In hand")
		b.open("/connections/" + id)
		menu := "#state-" + id + ":focus"
		for _, action := range []string{"Activate", "Restart", "Deactivate"} {
			b.click("DisclosureTriangle", "State *")
			b.click("button", action)
			b.until("focus on the menu after "+action, func() bool { return b.css(menu) != 0 })
		}
		b.click("button", "Show the uplink key")
		if scripts {
			b.awaitFocus("button Copy the uplink key")
			b.click("button", "Hide")
			b.awaitFocus("button Show the uplink key")
		} else {
			b.until("focus on the card of the key", func() bool { return b.css("#uplinks:focus") != 0 })
		}
		b.quiet()
	})
}

// TestBoardlinkGone ends the program under a page: the page must say so, and since when, and take it back.
func TestBoardlinkGone(t *testing.T) {
	p, b := signedIn(t, true)
	b.open("/")
	b.find("heading", "Dashboard")
	p.stop()
	b.see("Boardlink does not answer. What you see is from ")
	p.start()
	b.until("take it back", func() bool { return !strings.Contains(b.text(), "Boardlink does not answer.") })
	b.quiet()
}

// TestMessagesGiveWay lets a message appear over what has the focus.
func TestMessagesGiveWay(t *testing.T) {
	p, b := signedIn(t, true)
	id := p.connection("Covered")
	b.open("/connections/" + id)
	for range 2 {
		b.click("button", "Edit Description")
		b.awaitFocus("textbox Description")
		b.fill("textbox", "Description", "Words")
		b.click("button", "Confirm")
		b.awaitFocus("button Edit Description")
	}
	b.until("show one success", func() bool { return b.eval(`document.querySelectorAll('.toast').length`) == "1" })
	overlaps := func() string {
		return b.eval(`(() => {
			const t = document.querySelector('.toast').getBoundingClientRect(), f = document.activeElement.getBoundingClientRect()
			return f.right > t.left && f.left < t.right && f.bottom > t.top && f.top < t.bottom
		})()`)
	}
	b.eval(`[...document.querySelectorAll('.topbar button')].at(-1).focus()`)
	b.until("move the message off the focus", func() bool { return overlaps() == "false" })
	b.quiet()
}

// TestMessageWithoutScripts looks where the message is once a page has opened at the setting that was edited.
func TestMessageWithoutScripts(t *testing.T) {
	p, b := signedIn(t, false)
	id := p.connection("Far down")
	b.open("/connections/" + id + "/edit/mqttHostName")
	b.awaitFocus("textbox MQTT host")
	b.fill("textbox", "MQTT host", "mqtt.example.com:8883")
	b.click("button", "Confirm")
	b.see("Update done")
	b.until("bring the message into sight", func() bool {
		node := b.css(".toast")
		if node == 0 {
			return false
		}
		box, err := tryCall(b, dom.GetBoxModel, dom.GetBoxModelParams{NodeID: node})
		return err == nil && box.Model != nil && box.Model.Border[1] >= 0 && box.Model.Border[5] <= 900
	})
	b.quiet()
}
