//go:build e2e

package e2e

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite" // lets time pass in a running program's database
)

// signIn signs the operator in, in a browser of its own.
func (p *program) signIn(t *testing.T, scripts bool, password string) *browser {
	t.Helper()
	b := newBrowser(t, p.base, scripts)
	b.open("/signin")
	b.signIn(password)
	b.find("heading", "Dashboard")
	return b
}

// signIn fills the form in.
func (b *browser) signIn(password string) {
	b.t.Helper()
	b.fill("textbox", "E-mail", adminEmail)
	b.fill("textbox", "Password", password)
	b.click("button", "Sign in")
}

// leaveAlone lets the time pass for which a password counts as given just now.
func (p *program) leaveAlone() { p.t.Helper(); p.passSince(16 * time.Minute) }

// comeBack takes back what leaveAlone did.
func (p *program) comeBack() { p.t.Helper(); p.passSince(-16 * time.Minute) }

// passSince makes it longer ago that passwords were given.
func (p *program) passSince(d time.Duration) {
	p.t.Helper()
	data, err := sql.Open("sqlite", filepath.Join(p.data, "boardlink.db")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = data.Close() }()
	if _, err := data.Exec(`UPDATE sessions SET confirmed_at = confirmed_at - $1`, d.Milliseconds()); err != nil {
		p.t.Fatal(err)
	}
}

const newPassword = "four words put together"

// TestAccount ends the session of another browser, which is signed out at once.
func TestAccount(t *testing.T) {
	both(t, func(t *testing.T, scripts bool) {
		p, b := signedIn(t, scripts)
		other := p.signIn(t, scripts, adminPassword)
		b.click("link", "Account "+adminEmail)
		b.find("heading", "Account")
		b.see(adminEmail, "Admin", "Chrome on Linux", "127.0.0.1", "This session")
		b.shot("sessions")
		b.click("button", "End the session of Chrome on Linux from 127.0.0.1")
		b.see("Session ended")
		b.until("show one session", func() bool { return !b.has("button", "End the session of *") })
		other.click("link", "Events")
		other.find("heading", "Sign in")
		other.signIn(adminPassword)
		other.find("heading", "Events") // where it was going

		third := p.signIn(t, scripts, adminPassword)
		b.open("/account")
		b.click("button", "End all other sessions")
		b.see("Sessions ended")
		for _, ended := range []*browser{other, third} {
			ended.open("/connections")
			ended.find("heading", "Sign in")
		}
		b.open("/events")
		b.see("ended a session of the own account.", "ended 2 sessions of the own account")
		b.quiet()
	})
}

// TestPasswordChange changes the password: what was signed in elsewhere is signed out, and the new one opens the door.
func TestPasswordChange(t *testing.T) {
	both(t, func(t *testing.T, scripts bool) {
		p, b := signedIn(t, scripts)
		other := p.signIn(t, scripts, adminPassword)
		b.open("/account")
		b.click("link", "Change your password")
		b.awaitFocus("textbox Current password")
		b.fill("textbox", "Current password", "not my password")
		b.fill("textbox", "New password", newPassword)
		b.click("button", "Change the password")
		b.see("There is a problem", "The password is wrong.")
		b.fill("textbox", "Current password", adminPassword)
		b.fill("textbox", "New password", "iloveyou")
		b.click("button", "Change the password")
		b.see("among the first that strangers try")
		b.shot("refused")
		b.fill("textbox", "Current password", adminPassword)
		b.fill("textbox", "New password", newPassword)
		if scripts {
			b.click("button", "Show New password")
			b.until("show what was typed", func() bool { return b.css("#newPassword[type=text]") != 0 })
		} else if b.has("button", "Show New password") {
			t.Error("there is a button that does nothing")
		}
		b.click("button", "Change the password")
		b.find("heading", "Account")
		b.see("Password changed")

		other.open("/account")
		other.find("heading", "Sign in")
		other.signIn(adminPassword)
		other.see("The e-mail or the password is wrong.")
		other.signIn(newPassword)
		other.find("heading", "Account")
		b.open("/account") // it has stayed signed in
		b.find("heading", "Account")
		b.quiet()
		other.quiet()
	})
}

// TestConfirm gives the password once more, and is led nowhere else by an address that somebody made up.
func TestConfirm(t *testing.T) {
	both(t, func(t *testing.T, scripts bool) {
		p, b := signedIn(t, scripts)
		b.open("/confirm?next=%2Fevents") // it was given just now
		b.find("heading", "Events")
		p.leaveAlone()
		b.open("/confirm?next=%2Fevents%3Flevel%3Derror")
		b.awaitFocus("textbox Password")
		b.fill("textbox", "Password", "not my password")
		b.click("button", "Confirm")
		b.see("The password is wrong.")
		b.fill("textbox", "Password", adminPassword)
		b.click("button", "Confirm")
		b.find("heading", "Events")
		if b.path() != "/events?level=error" {
			t.Errorf("led to %s", b.path())
		}
		p.leaveAlone()
		b.open("/confirm?next=%2F%2Fevil.example.com%2F")
		b.fill("textbox", "Password", adminPassword)
		b.click("button", "Confirm")
		b.find("heading", "Dashboard")
		if b.path() != "/" {
			t.Errorf("led to %s", b.path())
		}
		b.quiet()
	})
}

// TestBruteForce tries passwords until there is a delay, which the browser that is known does not feel.
func TestBruteForce(t *testing.T) {
	p, b := signedIn(t, true)
	stranger := newBrowser(t, p.base, true)
	stranger.open("/signin")
	told := func() bool { return strings.Contains(stranger.text(), "Too many tries. Wait ") }
	for n := 0; !told(); n++ {
		if n > 20 {
			t.Fatal("twenty wrong passwords were read one after the other")
		}
		stranger.signIn("a guess")
		stranger.until("answer", func() bool {
			return told() || strings.Contains(stranger.text(), "The e-mail or the password is wrong.")
		})
	}
	stranger.shot("told")
	b.click("button", "Sign out")
	b.find("heading", "Sign in")
	b.signIn(adminPassword)
	b.find("heading", "Dashboard")
	b.open("/events?level=warning")
	b.see("A sign-in as " + adminEmail + " was refused: the password was wrong.")
	b.quiet()
	stranger.quiet()
}
