//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// both walks a journey twice: with JavaScript and without.
func both(t *testing.T, journey func(t *testing.T, scripts bool)) {
	for _, scripts := range []bool{true, false} {
		name := "with JavaScript"
		if !scripts {
			name = "without JavaScript"
		}
		t.Run(name, func(t *testing.T) { journey(t, scripts) })
	}
}

// signedIn starts a program and a browser in which the operator has signed in.
func signedIn(t *testing.T, scripts bool, env ...string) (*program, *browser) {
	t.Helper()
	p := newProgram(t, asAdmin(env...)...)
	p.start()
	b := newBrowser(t, p.base, scripts)
	b.open("/signin")
	b.fill("textbox", "E-mail", adminEmail)
	b.fill("textbox", "Password", adminPassword)
	b.click("button", "Sign in")
	b.find("heading", "Dashboard")
	return p, b
}

// api asks the REST API with the key of the environment.
func (p *program) api(method, path string, body any) (int, map[string]any) {
	p.t.Helper()
	var payload io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			p.t.Fatal(err)
		}
		payload = bytes.NewReader(encoded)
	}
	req, err := http.NewRequestWithContext(p.t.Context(), method, p.base+"/api/v1"+path, payload)
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+apiKey)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer func() { _ = resp.Body.Close() }()
	var answer map[string]any
	if raw, err := io.ReadAll(resp.Body); err == nil && len(raw) > 0 {
		if err := json.Unmarshal(raw, &answer); err != nil {
			p.t.Fatalf("%s %s answered %d with %q", method, path, resp.StatusCode, raw)
		}
	}
	return resp.StatusCode, answer
}

// connection makes a connection over REST and returns its id. It is deactivated: no journey needs its link.
func (p *program) connection(name string) string {
	p.t.Helper()
	status, answer := p.api(http.MethodPost, "/connections", map[string]any{
		"connectorId": "actility-thingsboard-iot", "name": name, "active": false,
		"configuration": map[string]any{"hostName": "tb.example.com:443", "username": "tenant@example.com", "password": "first-secret"},
	})
	if status != http.StatusCreated {
		p.t.Fatalf("creating a connection answered %d: %v", status, answer)
	}
	return answer["id"].(string)
}

func (p *program) setting(id, name string) any {
	p.t.Helper()
	_, answer := p.api(http.MethodGet, "/connections/"+id, nil)
	return answer["configuration"].(map[string]any)[name]
}

func TestFirstStart(t *testing.T) {
	both(t, func(t *testing.T, scripts bool) {
		p := newProgram(t)
		p.start()
		link := p.setup()
		b := newBrowser(t, p.base, scripts)

		b.open("/")
		b.find("heading", "Sign in")

		b.open(link)
		b.find("heading", "Set up Boardlink")
		b.fill("textbox", "E-mail", adminEmail)
		b.fill("textbox", "Password", "short")
		b.click("button", "Create the operator")
		b.see("There is a problem")
		b.fill("textbox", "Password", adminPassword)
		b.click("button", "Create the operator")
		b.find("heading", "Dashboard")
		b.see(adminEmail)

		b.click("button", "Sign out")
		b.find("heading", "Sign in")
		b.open(link)
		b.until("the link to be used up", func() bool { return !b.has("button", "Create the operator") })

		b.open("/connections")
		b.fill("textbox", "E-mail", adminEmail)
		b.fill("textbox", "Password", "wrong password")
		b.click("button", "Sign in")
		b.find("alert", "*")
		b.fill("textbox", "Password", adminPassword)
		b.click("button", "Sign in")
		b.find("heading", "Connections")
		b.quiet()
	})
}

func TestCreate(t *testing.T) {
	both(t, func(t *testing.T, scripts bool) {
		_, b := signedIn(t, scripts)
		b.open("/connections")
		b.see("No connections yet")
		b.click("link", "Add connection")
		b.click("link", "ThingsBoard*")
		b.find("heading", "Set your connection")

		t.Log("every field empty")
		b.click("button", "Create")
		b.find("heading", "There is a problem")
		b.see("Fill in Name.", "Fill in Domain Name.", "Fill in Username.", "Fill in Password.")
		if title := b.title(); !strings.HasPrefix(title, "Error: ") {
			t.Errorf("the title is %q", title)
		}

		good := map[string]string{"Name": "North district", "Domain Name": "tb.invalid:443", "Username": "tenant@example.com", "Password": "a-typed-secret"}
		wrong := []struct{ field, value, message string }{
			{"Name", strings.Repeat("x", 256), "Use at most 255 characters."},
			{"Domain Name", "tb.invalid", "Add the port"},
			{"Domain Name", "https://tb.invalid:443", "without http://"},
			{"Username", "tenant", "Write an e-mail address"},
			{"Password", "*****", "stars only stand for one that is stored"},
			{"Description", strings.Repeat("x", 1001), "Use at most 1000 characters."},
		}
		for _, w := range wrong {
			t.Logf("%s wrong", w.field)
			for field, value := range good {
				b.fill("textbox", field, value)
			}
			b.fill("textbox", "Description", "")
			b.fill("textbox", w.field, w.value)
			b.click("button", "Create")
			b.see("There is a problem", w.message)
			if strings.Contains(b.html(), good["Password"]) {
				t.Error("the page holds the password that was typed")
			}
			if w.field != "Domain Name" {
				b.until("keep what was typed", func() bool { return strings.Contains(b.html(), good["Domain Name"]) })
			}
		}

		for field, value := range good {
			b.fill("textbox", field, value)
		}
		b.fill("textbox", "Description", "")
		b.click("button", "Create")
		b.find("heading", "North district")
		b.see("Done", "The connection 'North district' has been successfully created.", "(Connection id: 1)", "tb.invalid:443")
		if strings.Contains(b.html(), good["Password"]) {
			t.Error("the details page holds the password")
		}
		b.open("/connections")
		b.find("link", "North district")
		b.quiet()
	})
}

func TestEditInPlace(t *testing.T) {
	edits := []struct{ label, field, before, after string }{
		{"Domain Name", "hostName", "tb.example.com:443", "tb2.example.com:8883"},
		{"Username", "username", "tenant@example.com", "other@example.com"},
		{"Password", "password", "", "second-secret"},
	}
	both(t, func(t *testing.T, scripts bool) {
		p, b := signedIn(t, scripts)
		for _, e := range edits {
			t.Run(e.label, func(t *testing.T) {
				b.t = t
				name := "Edited " + e.label
				id := p.connection(name)
				pencil, field := "button Edit "+e.label, "textbox "+e.label
				question := fmt.Sprintf("Your connection %q may restart to apply your changes. Are you sure you want to proceed?", name)
				b.open("/connections/" + id)

				t.Log("cancelled by the cross")
				b.click("button", "Edit "+e.label)
				b.awaitFocus(field)
				b.fill("textbox", e.label, e.after)
				b.click("button", "Cancel")
				b.find("button", "Edit "+e.label)
				b.until("leave the editor", func() bool { return !b.has("textbox", e.label) })
				if scripts {
					b.awaitFocus(pencil)

					t.Log("cancelled by Escape")
					b.key(kb.Enter)
					b.awaitFocus(field)
					b.key("x")
					b.key(kb.Escape)
					b.awaitFocus(pencil)
				}

				t.Log("a wrong value is refused at the field")
				b.click("button", "Edit "+e.label)
				b.awaitFocus(field)
				b.fill("textbox", e.label, "")
				b.click("button", "Confirm")
				b.see("Fill in " + e.label + ".")

				t.Log("cancelled by the dialog")
				b.fill("textbox", e.label, e.after)
				b.click("button", "Confirm")
				b.find("dialog", "Confirmation")
				b.see(question)
				b.awaitFocus("button Cancel")
				if b.has("button", "Edit Name") || b.has("link", "Dashboard") {
					t.Error("what lies behind the dialog can be reached")
				}
				b.click("button", "Cancel")
				b.until("close the dialog", func() bool { return !b.has("dialog", "Confirmation") })
				b.find("textbox", e.label)
				if e.field != "password" && !strings.Contains(b.html(), e.after) {
					t.Error("what was typed is gone")
				}
				if e.field != "password" {
					if now := p.setting(id, e.field); now != e.before {
						t.Errorf("a cancelled edit changed %s to %v", e.field, now)
					}
				}

				t.Log("confirmed")
				if e.field == "password" {
					b.fill("textbox", e.label, e.after)
				}
				b.click("button", "Confirm")
				b.find("dialog", "Confirmation")
				b.click("button", "Proceed update")
				b.see("Update done", "Connection '"+name+"' has been updated")
				b.find("button", "Edit "+e.label)
				b.awaitFocus(pencil)
				if e.field != "password" {
					b.see(e.after)
					if now := p.setting(id, e.field); now != e.after {
						t.Errorf("%s is %v after the edit", e.field, now)
					}
				}
				if html := b.html(); strings.Contains(html, "first-secret") || strings.Contains(html, "second-secret") {
					t.Error("the page holds a password")
				}
			})
		}
		b.t = t
		b.quiet()
	})
}

// A browser sends a form by itself where the person is quicker than the page's script: the question comes with the whole
// page then, and its buttons work as they do over the details.
func TestEditBeforeScripts(t *testing.T) {
	p, b := signedIn(t, true)
	id := p.connection("Quick hands")
	ask := func(value string) {
		b.open("/connections/" + id + "/edit/username")
		b.awaitFocus("textbox Username")
		b.fill("textbox", "Username", value)
		b.eval(`(() => {
			const f = document.querySelector('form[data-editor]')
			f.insertAdjacentHTML('beforeend', '<input type="hidden" name="step" value="ask">')
			f.submit()
		})()`)
		b.find("dialog", "Confirmation")
		b.awaitFocus("button Cancel")
	}

	t.Log("Escape leads back to the editor")
	ask("half@example.com")
	b.key(kb.Escape)
	b.awaitFocus("button Confirm")
	b.find("textbox", "Username")

	t.Log("Proceed update saves")
	ask("quick@example.com")
	b.click("button", "Proceed update")
	b.see("Update done")
	b.until("close the dialog", func() bool { return !b.has("dialog", "Confirmation") })
	b.find("link", "Dashboard")
	if now := p.setting(id, "username"); now != "quick@example.com" {
		t.Errorf("the username is %v", now)
	}

	t.Log("the page is as usable as any other")
	b.click("button", "Edit Username")
	b.awaitFocus("textbox Username")
	b.quiet()
}

func TestStaleEdit(t *testing.T) {
	both(t, func(t *testing.T, scripts bool) {
		p, b := signedIn(t, scripts)
		id := p.connection("Contested")
		b.open("/connections/" + id + "/edit/username")
		b.awaitFocus("textbox Username")
		b.fill("textbox", "Username", "mine@example.com")

		status, resource := p.api(http.MethodGet, "/connections/"+id, nil)
		if status != http.StatusOK {
			t.Fatal(status)
		}
		resource["configuration"].(map[string]any)["username"] = "theirs@example.com"
		if status, answer := p.api(http.MethodPut, "/connections/"+id, resource); status != http.StatusOK {
			t.Fatalf("the other edit answered %d: %v", status, answer)
		}

		b.click("button", "Confirm")
		b.see("theirs@example.com", "mine@example.com")
		b.click("button", "Apply mine on top")
		b.find("dialog", "Confirmation")
		b.click("button", "Proceed update")
		b.see("Update done")
		if now := p.setting(id, "username"); now != "mine@example.com" {
			t.Errorf("the username is %v", now)
		}
		b.quiet()
	})
}

// TestDelete: the original's list went on showing what was deleted (TXIF 2432, 2713).
func TestDelete(t *testing.T) {
	both(t, func(t *testing.T, scripts bool) {
		p, b := signedIn(t, scripts)
		p.connection("Keep me")
		id := p.connection("Let me go")
		b.open("/connections/" + id)
		b.click("button", "Delete")
		b.find("heading", "Delete the connection*")
		b.fill("textbox", "Name*", "something else")
		b.click("button", "Delete")
		b.until("say that the name is wrong", func() bool { return strings.HasPrefix(b.title(), "Error: ") })
		if status, _ := p.api(http.MethodGet, "/connections/"+id, nil); status != http.StatusOK {
			t.Fatalf("a wrong name deleted the connection: %d", status)
		}
		b.fill("textbox", "Name*", "Let me go")
		b.click("button", "Delete")
		b.find("link", "Keep me")
		b.until("the row to be gone", func() bool { return !b.has("link", "Let me go") })
		if status, _ := p.api(http.MethodGet, "/connections/"+id, nil); status != http.StatusNotFound {
			t.Errorf("the deleted connection answers %d", status)
		}
		b.quiet()
	})
}
