package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"boardlink/access"
	"boardlink/connection"
)

// Without the version an edit would overwrite what somebody else has just changed.
func TestEdit_must_say_its_version_and_step(t *testing.T) {
	for _, tc := range []struct {
		form   url.Values
		status int
		said   string
	}{
		{form("step", "go", "username", "other@example.com"), http.StatusUnprocessableEntity, "The input version is missing"},
		{form("step", "ask", "version", "two", "username", "other@example.com"), http.StatusUnprocessableEntity, "The input version is missing or no number"},
		{form("step", "now", "version", "1", "username", "other@example.com"), http.StatusBadRequest, "The input step says ask, back or go."},
		{form("version", "1", "username", "other@example.com"), http.StatusBadRequest, "The input step says ask, back or go."},
	} {
		bothWays(t, func(t *testing.T, scripts bool) {
			e := newEditing(t, nil)
			a := e.send(scripts, "username", tc.form)
			if a.Status != tc.status || !strings.Contains(a.Body, tc.said) {
				t.Errorf("%v: answer %d: %s", tc.form, a.Status, text(document(t, a)))
			}
			if e.stored().Username != "tenant@example.com" {
				t.Errorf("%v has changed the connection", tc.form)
			}
		})
	}
}

func TestEdit_says_what_becomes_of_a_typed_secret(t *testing.T) {
	e := newEditing(t, nil)
	asked := page(t, e.send(true, "password", form("version", "1", "step", "ask", "password", "typed-secret")), http.StatusOK)
	if said := saying(asked.Find("dialog")); !strings.Contains(said, "The new password replaces the stored one.") {
		t.Errorf("the question reads %q", said)
	}
	back := page(t, e.send(true, "password", form("version", "1", "step", "back", "password", "typed-secret")), http.StatusOK)
	if got := saying(back.Find("#password-note")); got != "Type the password again; it is not kept in the page." {
		t.Errorf("the note reads %q", got)
	}
	if !strings.Contains(labelled(back, "Password").AttrOr("aria-describedby", ""), "password-note") {
		t.Error("the note does not describe the field")
	}
}

func TestEdit_warns_of_a_link_that_is_not_encrypted(t *testing.T) {
	const warning = "The password and all uplinks then travel unencrypted."
	e := newEditing(t, nil)
	for protocol, warns := range map[string]bool{"TCP": true, "SSL": false} {
		doc := page(t, e.send(true, "protocol", form("version", "1", "step", "ask", "protocol", protocol)), http.StatusOK)
		if said := saying(doc.Find("dialog")); strings.Contains(said, warning) != warns {
			t.Errorf("%s: the question reads %q", protocol, said)
		}
	}
}

func TestCreate_takes_what_it_knows_and_nothing_else(t *testing.T) {
	with := func(name, value string) url.Values {
		return form("connectorId", connection.ConnectorID, "name", "North", "hostName", "tb.example.com:443", "username", "tenant@example.com", "password", "typed-secret", name, value)
	}
	c := newConsole(t)
	b := c.Operator(access.RoleOperator)
	doc := page(t, b.Post("/connections", with("hostname", "typo.example.com:443")), http.StatusUnprocessableEntity)
	if said := saying(doc.Find(".summary")); !strings.Contains(said, "There is no setting “hostname”.") {
		t.Errorf("the summary reads %q", said)
	}
	if got := saying(doc.Find("#password-note")); got != "Type the password again; it is not kept in the page." {
		t.Errorf("the note at the password reads %q", got)
	}
	doc = page(t, b.Post("/connections", with("active", "perhaps")), http.StatusUnprocessableEntity)
	if said := saying(doc.Find(".summary")); !strings.Contains(said, "The input active says on or off.") {
		t.Errorf("the summary reads %q", said)
	}
	for i, active := range []string{"on", "off"} {
		if a := b.Post("/connections", with("active", active)); a.Status != http.StatusSeeOther {
			t.Fatalf("active %s: answer %d", active, a.Status)
		}
		if got := c.store.rows[connection.ID(4339+i)].Active; got != (active == "on") {
			t.Errorf("active %s: stored is %v", active, got)
		}
	}
	refused := with("active", "off")
	refused.Set("name", "")
	if doc := page(t, b.Post("/connections", refused), http.StatusUnprocessableEntity); doc.Find("input[name=active]").AttrOr("value", "") != "off" {
		t.Error("a form that is refused forgets that the connection is to be deactivated")
	}
}

func TestSignIn_says_what_is_missing_and_where_to_type(t *testing.T) {
	c := newConsole(t)
	focus := func(f url.Values, field string, said ...string) {
		t.Helper()
		doc := page(t, c.Visitor().Post("/signin", f), http.StatusUnprocessableEntity)
		if got := doc.Find("[autofocus]").AttrOr("name", ""); got != field {
			t.Errorf("the focus is on %q, not on %q", got, field)
		}
		for _, want := range said {
			if !strings.Contains(text(doc), want) {
				t.Errorf("the page does not say %q", want)
			}
		}
	}
	focus(form("email", "alice@example.com", "password", "wrong"), "password", "The e-mail or the password is wrong.")
	focus(form("email", "", "password", ""), "email", "Fill in E-mail.", "Fill in Password.")
	focus(form("email", "alice@example.com", "password", ""), "password", "Fill in Password.")
}

func TestSignIn_before_there_is_anybody(t *testing.T) {
	const note = "Nobody can sign in yet. Open the set-up link that Boardlink printed when it started."
	c := newConsole(t)
	if doc := page(t, c.Visitor().Get("/signin"), http.StatusOK); strings.Contains(text(doc), note) {
		t.Error("told although somebody can")
	}
	c.people.nobody = true
	if doc := page(t, c.Visitor().Get("/signin"), http.StatusOK); !strings.Contains(text(doc), note) {
		t.Errorf("the page says %q", text(doc))
	}
}

func TestSetUp_link_that_opens_nothing_leads_to_the_sign_in(t *testing.T) {
	doc := page(t, newConsole(t).Visitor().Get("/setup?token=old"), http.StatusForbidden)
	if saying(doc.Find(`main a[href="/signin"]`)) != "Sign in" {
		t.Errorf("the page says %q", text(doc))
	}
}

func TestSetUp_shows_the_rule_of_passwords(t *testing.T) {
	doc := page(t, newConsole(t).Visitor().Get("/setup?token=good-token"), http.StatusOK)
	if saying(doc.Find("#password-note")) != "At least 8 characters." {
		t.Errorf("the page says %q", text(doc))
	}
}

func TestList_says_why_a_link_is_down(t *testing.T) {
	c := newConsole(t)
	c.add("North", connection.Status{State: connection.Closed, Reason: "The host did not answer in time."}, nil)
	doc := page(t, c.Operator(access.RoleViewer).Get("/connections"), http.StatusOK)
	if got := saying(doc.Find(".row-reason")); got != "The host did not answer in time." {
		t.Errorf("the row says %q", got)
	}
}
