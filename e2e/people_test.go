//go:build e2e

package e2e

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/chromedp/cdproto/dom"
)

const (
	bobEmail    = "bob@example.com"
	bobPassword = "bob's own password"
)

// person opens the menu of somebody in the list and chooses what to do.
func (b *browser) person(email, action string) {
	b.t.Helper()
	b.open("/people")
	b.click("DisclosureTriangle", "Change "+email)
	b.click("button", action)
	// Either a page of its own or a dialog. Until that is modal, the menu behind has a button of the same name.
	b.until("ask", func() bool { return b.css("dialog:modal") != 0 || b.path() != "/people" })
}

// oneTimeLink takes the path of the link that the page shows.
func (b *browser) oneTimeLink() string {
	b.t.Helper()
	b.see("It is shown this once. Copy it now.")
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(b.html()))
	if err != nil {
		b.t.Fatal(err)
	}
	link := doc.Find("#one-time-link").Text()
	path, ok := strings.CutPrefix(link, b.base)
	if !ok || !strings.HasPrefix(path, "/setup?token=") {
		b.t.Fatalf("the page shows no link of this server")
	}
	return path
}

func (b *browser) signInAs(email, password string) {
	b.t.Helper()
	b.open("/signin")
	b.fill("textbox", "E-mail", email)
	b.fill("textbox", "Password", password)
	b.click("button", "Sign in")
}

// TestPeople invites somebody, who comes in another browser, and then changes, disables, enables and removes them: each
// change is seen at once over there.
func TestPeople(t *testing.T) {
	both(t, func(t *testing.T, scripts bool) {
		p, ada := signedIn(t, scripts)
		ada.click("link", "People")
		ada.find("heading", "People")
		ada.see("You are the only one here")
		ada.click("link", "Invite")
		ada.find("heading", "Invite somebody")
		ada.click("button", "Invite")
		ada.see("There is a problem", "Fill in the person's e-mail address.")
		ada.fill("textbox", "E-mail", bobEmail)
		ada.click("button", "Invite")
		ada.find("heading", "Invitation for "+bobEmail)
		if scripts {
			ada.awaitFocus("button Copy the link")
		}
		link := ada.oneTimeLink()
		ada.click("link", "Done")
		ada.find("heading", "People")
		ada.see("Invited", "The link ends in 2 days")
		if strings.Contains(ada.html(), link) {
			t.Error("the list shows the link again")
		}

		t.Log("bob comes")
		bob := newBrowser(t, p.base, scripts)
		bob.open(link)
		bob.find("heading", "Welcome to Boardlink")
		bob.fill("textbox", "Password", bobPassword)
		bob.click("button", "Set the password")
		bob.find("heading", "Dashboard")
		if bob.has("link", "People") {
			t.Error("a viewer is led to the people")
		}
		bob.click("button", "Sign out")
		bob.find("heading", "Sign in")
		bob.open(link)
		bob.see("This link does not open anything")
		bob.signInAs(bobEmail, bobPassword)
		bob.find("heading", "Dashboard")
		bob.open("/connections/new")
		bob.find("heading", "Not allowed")
		bob.open("/people")
		bob.find("heading", "Not allowed")

		t.Log("another role")
		bob.open("/connections")
		bob.find("heading", "Connections")
		ada.person(bobEmail, "Change role")
		ada.find("heading", "Change the role of bob@example.com?")
		ada.choose("Role", "o")
		ada.click("button", "Change role")
		ada.see("bob@example.com is an operator now.")
		if !scripts { // else the page that bob looks at finds out by itself
			bob.open("/connections")
		}
		bob.find("heading", "Sign in")
		bob.signInAs(bobEmail, bobPassword)
		bob.find("heading", "Dashboard")
		bob.open("/connections/new")
		bob.find("heading", "Choose a connection type")

		t.Log("disabled")
		ada.person(bobEmail, "Disable")
		ada.find("heading", "Disable bob@example.com?")
		if scripts {
			ada.find("dialog", "Disable bob@example.com?")
			ada.click("button", "Cancel")
			ada.until("close the question", func() bool { return !ada.has("dialog", "*") })
			ada.open("/people")
			ada.see("Active")
			ada.person(bobEmail, "Disable")
			ada.find("heading", "Disable bob@example.com?")
		}
		ada.click("button", "Disable")
		ada.see("bob@example.com is shut out.", "Disabled")
		bob.open("/connections")
		bob.find("heading", "Sign in")
		bob.signInAs(bobEmail, bobPassword)
		bob.see("The e-mail or the password is wrong.")

		t.Log("enabled, with a link for a new password")
		ada.person(bobEmail, "Enable")
		ada.find("heading", "Enable bob@example.com?")
		ada.click("button", "Enable")
		ada.see("bob@example.com can sign in again.")
		ada.person(bobEmail, "New password link")
		ada.find("heading", "Make a new password link for bob@example.com?")
		ada.click("button", "Make link")
		ada.find("heading", "New password link for bob@example.com")
		link = ada.oneTimeLink()
		bob.open(link)
		bob.find("heading", "Set a new password")
		bob.fill("textbox", "Password", "another of bob's passwords")
		bob.click("button", "Set the password")
		bob.find("heading", "Dashboard")

		t.Log("nobody is locked out")
		ada.person(adminEmail, "Disable")
		ada.see("This is you. You are signed out")
		ada.click("button", "Disable")
		ada.see("This is the last admin who can sign in.")

		t.Log("removed")
		ada.person(bobEmail, "Remove")
		ada.find("heading", "Remove bob@example.com?")
		ada.click("button", "Remove")
		ada.see("bob@example.com is not here any more.", "You are the only one here")
		bob.open("/connections")
		bob.find("heading", "Sign in")
		ada.open("/events")
		ada.see("bob@example.com was invited as viewer", "bob@example.com accepted the invitation", "from viewer to operator", "was disabled", "was enabled",
			"A link to set a new password was made for bob@example.com", "bob@example.com (operator) was removed.", "by "+adminEmail)
		ada.quiet()
		if !scripts { // with scripts, bob's browser itself notes that his stream ended in the page to sign in
			bob.quiet()
		}

		left := &evidence{}
		left.add("log", []byte(p.out.String()))
		left.files(t, p.data)
		_, token, _ := strings.Cut(link, "token=")
		for _, c := range []canary{{name: "a link's token", secret: token}, {name: "bob's password", secret: bobPassword}} {
			for _, place := range left.found(c) {
				t.Errorf("%s is in %s", c.name, place)
			}
		}
	})
}

// choose takes an option of a choice by its first letter, as a keyboard does.
func (b *browser) choose(label, letter string) {
	b.t.Helper()
	call(b, dom.Focus, dom.FocusParams{BackendNodeID: b.find("combobox", label)})
	b.key(letter)
}

// TestPeopleDisabledStream disables somebody whose program follows the stream: it ends at once, not at the next ping.
func TestPeopleDisabledStream(t *testing.T) {
	p, _ := signedIn(t, false)
	status, answer := p.api(http.MethodPost, "/users", map[string]any{"email": bobEmail, "role": "viewer"})
	if status != http.StatusCreated {
		t.Fatalf("invited: %d %v", status, answer)
	}
	link := answer["link"].(map[string]any)["url"].(string)
	bob := newBrowser(t, p.base, false)
	bob.open(strings.TrimPrefix(link, p.base))
	bob.fill("textbox", "Password", bobPassword)
	bob.click("button", "Set the password")
	bob.find("heading", "Dashboard")
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	program := &http.Client{Jar: jar}
	resp, err := program.PostForm(p.base+"/signin", url.Values{"email": {bobEmail}, "password": {bobPassword}})
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp, err = program.Get(p.base + "/stream"); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("the stream answers %d", resp.StatusCode)
	}
	ended := make(chan time.Time, 1)
	go func() {
		buf := make([]byte, 4096)
		for {
			if _, err := resp.Body.Read(buf); err != nil {
				ended <- time.Now()
				return
			}
		}
	}()
	begun := time.Now()
	if status, answer := p.api(http.MethodPatch, "/users/2", map[string]any{"disabled": true}); status != http.StatusOK {
		t.Fatalf("disabled: %d %v", status, answer)
	}
	select {
	case at := <-ended:
		t.Logf("ended %v after the change", at.Sub(begun))
	case <-time.After(patience):
		t.Error("the stream goes on")
	}
}

// TestResetLinkBesideTheServer lets in somebody who is disabled, from the server's own console.
func TestResetLinkBesideTheServer(t *testing.T) {
	p, ada := signedIn(t, false)
	status, answer := p.api(http.MethodPost, "/users", map[string]any{"email": bobEmail, "role": "admin"})
	if status != http.StatusCreated {
		t.Fatalf("invited: %d %v", status, answer)
	}
	link := answer["link"].(map[string]any)["url"].(string)
	bob := newBrowser(t, p.base, false)
	bob.open(strings.TrimPrefix(link, p.base))
	bob.fill("textbox", "Password", bobPassword)
	bob.click("button", "Set the password")
	bob.find("heading", "Dashboard")
	if status, answer := p.api(http.MethodPatch, "/users/2", map[string]any{"disabled": true}); status != http.StatusOK {
		t.Fatalf("disabled: %d %v", status, answer)
	}
	out, code := run(t, nil, "reset-link", strings.ToUpper(bobEmail), "--data", p.data)
	path, ok := strings.CutPrefix(setupLink.FindString(out), p.base)
	if code != 0 || !ok || !strings.Contains(out, "bob@example.com is disabled") || !strings.Contains(out, "enables the account again, as admin") {
		t.Fatalf("exit %d: %s", code, setupLink.ReplaceAllString(out, "LINK"))
	}
	ada.open("/people")
	ada.see("Disabled", "A link that enables them ends in 29 minutes")
	bob.signInAs(bobEmail, bobPassword)
	bob.see("The e-mail or the password is wrong.")
	bob.open(path)
	bob.fill("textbox", "Password", "bob's newest password")
	bob.click("button", "Set the password")
	bob.find("heading", "Dashboard")
	bob.open("/people")
	bob.find("heading", "People")
	_, events := p.api(http.MethodGet, "/events?kind=access", nil)
	var told []string
	for _, e := range events["items"].([]any) {
		e := e.(map[string]any)
		told = append(told, e["actor"].(string)+": "+e["message"].(string))
	}
	if !slices.ContainsFunc(told, func(s string) bool {
		return strings.HasPrefix(s, "command line: A link to set a new password was made for bob@example.com at the server's command line") && strings.HasSuffix(s, "The account is disabled; the link enables it.")
	}) {
		t.Errorf("events %q", told)
	}
}
