//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// focusTrouble says what is wrong with where the focus is, "" where nothing is: it must be on something that is in sight, not
// covered, and marked.
const focusTrouble = `(() => {
	const e = document.activeElement
	if (!e || e === document.body || e === document.documentElement) return 'nothing has the focus'
	const r = e.getBoundingClientRect()
	if (r.width < 1 || r.height < 1) return 'it has no size'
	if (r.bottom <= 0 || r.right <= 0 || r.top >= innerHeight || r.left >= innerWidth) return 'it is out of sight'
	const s = getComputedStyle(e)
	const ring = s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 1 && s.outlineColor !== 'rgba(0, 0, 0, 0)'
	// What only a script leads to (the page's main part, after "Skip to the content") is no stop of Tab and may go without.
	if (!ring && s.boxShadow === 'none' && !e.matches('main, section, h1, h2')) return 'it has no outline'
	const within = (v, most) => Math.min(Math.max(v, 1), most - 2)
	const top = document.elementFromPoint(within((r.left + r.right) / 2, innerWidth), within((Math.max(r.top, 0) + Math.min(r.bottom, innerHeight)) / 2, innerHeight))
	if (!top || !(e.contains(top) || top.contains(e) || top.closest('label')?.control === e)) return 'it is covered by ' + (top ? top.outerHTML.slice(0, 120) : 'nothing')
	return ''
})()`

// inSight waits until the focus is on something that can be seen to have it.
func (b *browser) inSight(after string) {
	b.t.Helper()
	trouble := ""
	b.until("see the focus after "+after, func() bool {
		if err := json.Unmarshal([]byte(b.eval(focusTrouble)), &trouble); err != nil {
			b.t.Fatal(err)
		}
		if trouble != "" {
			b.t.Logf("%s: %s (%s)", after, trouble, b.focused())
		}
		return trouble == ""
	})
}

// tabTo presses Tab, or Shift-Tab, until what has the focus begins like this; each stop on the way must be in sight.
func (b *browser) tabTo(want string, options ...chromedp.KeyOption) {
	b.t.Helper()
	for range 80 {
		if strings.HasPrefix(b.focused(), want) {
			b.inSight("Tab to " + want)
			return
		}
		b.key(kb.Tab, options...)
		if b.eval("document.hasFocus() && document.activeElement !== document.body") == "true" { // it passes over the browser's own
			b.inSight("Tab on the way to " + want)
		}
	}
	b.shot("no way")
	b.t.Fatalf("Tab does not lead to %q but to %q", want, b.focused())
}

// enter presses Enter as a keyboard does: where the press has led elsewhere, its character does not go there.
func (b *browser) enter() {
	b.t.Helper()
	call(b, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: "keyDown", Key: "Enter", Code: "Enter", WindowsVirtualKeyCode: 13, Text: "\r"})
	call(b, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: "keyUp", Key: "Enter", Code: "Enter", WindowsVirtualKeyCode: 13})
}

func (b *browser) typed(text string) {
	b.t.Helper()
	call(b, input.InsertText, input.InsertTextParams{Text: text})
}

// seen keeps pictures of the page in each scheme and width, where BOARDLINK_SHOTS names a folder.
func (b *browser) seen(name string) {
	if os.Getenv("BOARDLINK_SHOTS") == "" {
		return
	}
	for _, scheme := range []string{"dark", "light"} {
		b.scheme(scheme)
		for _, width := range []int64{320, 1280} {
			b.size(width, 900)
			b.shot(fmt.Sprintf("%s-%s-%d", name, scheme, width))
		}
	}
}

// TestKeyboard_alone_looks_after_people_keys_and_the_account touches no mouse: whatever is pressed, the focus is on something
// that is in sight and marked.
func TestKeyboard_alone_looks_after_people_keys_and_the_account(t *testing.T) {
	p, b := signedIn(t, true)
	p.signIn(t, false, adminPassword) // a session to end
	back := chromedp.KeyModifiers(chromedp.ModifierShift)
	bob := "DisclosureTriangle Change " + bobEmail

	t.Log("an invitation")
	b.tabTo("link Skip")
	b.tabTo("link People")
	b.key(kb.Enter)
	b.find("heading", "People")
	b.seen("people-alone")
	b.tabTo("link Skip")
	b.key(kb.Enter)
	b.tabTo("link Invite")
	b.key(kb.Enter)
	b.awaitFocus("textbox E-mail")
	b.inSight("the form of an invitation")
	b.seen("invite")
	b.key(kb.Enter) // empty
	b.see("Fill in the person's e-mail address.")
	b.inSight("an empty form")
	b.seen("invite-empty")
	b.tabTo("textbox E-mail")
	b.typed(bobEmail)
	b.tabTo("combobox Role")
	b.key(kb.ArrowDown)
	b.key(kb.ArrowUp)
	b.tabTo("button Invite")
	b.key(kb.Enter)
	b.awaitFocus("button Copy the link")
	b.inSight("an invitation")
	b.seen("invitation")
	b.key(" ")
	b.inSight("copying")
	b.tabTo("link Done")
	b.key(kb.Enter)
	b.find("heading", "People")
	b.awaitFocus(bob)
	b.inSight("coming back")
	b.seen("people")

	t.Log("another role")
	ask := func(action string) {
		t.Helper()
		b.awaitFocus(bob)
		b.key(kb.Enter)
		b.tabTo("button " + action)
		b.key(kb.Enter)
		b.until("open the question", func() bool { return b.css("dialog:modal") != 0 })
		b.inSight("the question")
	}
	ask("Change role")
	b.awaitFocus("combobox Role")
	b.seen("role")
	b.key(kb.Escape)
	b.until("close the question", func() bool { return b.css("dialog:modal") == 0 })
	b.awaitFocus("button Change role") // in the menu, where it was
	b.inSight("Escape")
	b.key(kb.Escape)
	b.awaitFocus(bob)
	ask("Change role")
	b.awaitFocus("combobox Role")
	b.key("o")
	b.tabTo("button Change role")
	b.key(kb.Enter)
	b.see("bob@example.com is an operator now.")
	b.awaitFocus(bob)
	b.inSight("another role")

	t.Log("disabled")
	ask("Disable")
	b.seen("disable")
	for range 6 { // round and round within the dialog
		b.key(kb.Tab)
		if b.eval("document.hasFocus() && document.activeElement !== document.body && !document.activeElement.closest('dialog')") == "true" {
			t.Errorf("Tab leads out of the question to %s", b.focused())
		}
	}
	b.tabTo("button Disable")
	b.key(" ")
	b.see("bob@example.com is shut out.")
	b.awaitFocus(bob)
	b.inSight("disabling")
	ask("Remove")
	b.seen("remove")
	b.tabTo("button Cancel", back)
	b.key(" ")
	b.until("close the question", func() bool { return b.css("dialog:modal") == 0 })
	b.awaitFocus("button Remove")
	b.inSight("Cancel")
	b.key(kb.Escape)
	b.awaitFocus(bob)
	b.inSight("the menu was closed")
	b.seen("people-disabled")

	t.Log("a key")
	b.tabTo("link Keys", back)
	b.key(kb.Enter)
	b.find("heading", "API keys")
	b.seen("keys-none")
	b.tabTo("link Make a key")
	b.key(kb.Enter)
	b.awaitFocus("textbox Name")
	b.seen("key-new")
	b.key(kb.Enter)
	b.see("There is a problem")
	b.inSight("an empty form of a key")
	b.seen("key-errors")
	b.tabTo("textbox Name")
	b.typed("Reporting")
	b.tabTo("checkbox read")
	b.key(" ")
	b.until("choose a scope", func() bool { return b.css("input[value=read]:checked") != 0 })
	b.tabTo("combobox The key ends")
	b.key(kb.ArrowDown)
	b.tabTo("textbox Allowed networks")
	b.typed("127.0.0.0/8")
	b.tabTo("button Make the key")
	b.key(kb.Enter)
	b.awaitFocus("button Copy the key")
	b.inSight("a key that was made")
	b.seen("key-made")
	b.key(kb.Enter)
	b.inSight("copying")
	b.tabTo("link I have copied the key")
	b.key(kb.Enter)
	b.find("heading", "API keys")
	b.seen("keys")
	b.tabTo("button Revoke Reporting")
	b.key(kb.Enter)
	b.awaitFocus("button Cancel")
	b.inSight("the question about a key")
	b.seen("revoke")
	b.key(kb.Escape)
	b.awaitFocus("button Revoke Reporting")
	b.inSight("Escape")
	b.key(" ")
	b.awaitFocus("button Cancel")
	b.tabTo("button Revoke")
	b.key(kb.Enter)
	b.see("is refused from now on", "No API keys yet")
	b.inSight("revoking")

	t.Log("the account")
	b.tabTo("link Account", back)
	b.key(kb.Enter)
	b.find("heading", "Account")
	b.seen("account")
	b.tabTo("button End the session of")
	b.key(" ")
	b.see("Session ended")
	b.inSight("ending a session")
	b.tabTo("link Change your password", back)
	b.key(kb.Enter)
	b.awaitFocus("textbox Current password")
	b.inSight("the form of a password")
	b.seen("password")
	b.typed("not my password")
	b.tabTo("textbox New password")
	b.typed(newPassword)
	b.key(kb.Enter)
	b.see("There is a problem", "The password is wrong.")
	b.inSight("a wrong password")
	b.seen("password-wrong")
	b.tabTo("link The password is wrong.")
	b.enter()
	b.awaitFocus("textbox Current password")
	b.inSight("the way to the field")
	b.typed(adminPassword)
	b.tabTo("textbox New password")
	b.typed(newPassword)
	b.tabTo("button Show New password")
	b.key(" ")
	b.inSight("showing what was typed")
	b.tabTo("button Change the password")
	b.key(kb.Enter)
	b.see("Password changed")

	t.Log("the password once more")
	p.leaveAlone()
	b.open("/people/invite")
	b.awaitFocus("textbox Password")
	b.inSight("the question for the password")
	b.seen("confirm")
	b.typed("not my password")
	b.key(kb.Enter)
	b.see("The password is wrong.")
	b.inSight("a wrong password")
	b.seen("confirm-wrong")
	b.tabTo("textbox Password")
	b.typed(newPassword)
	b.tabTo("button Confirm")
	b.key(kb.Enter)
	b.awaitFocus("textbox E-mail")
	b.inSight("the confirmation")
	b.quiet()

	kept := b.eval("JSON.stringify([localStorage, sessionStorage])")
	for _, secret := range []string{adminEmail, adminPassword, newPassword, bobEmail, "token=", "bl_ak_"} {
		if strings.Contains(kept, secret) {
			t.Errorf("the browser keeps %s", kept)
		}
	}
}
