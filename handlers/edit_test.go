package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"boardlink/access"
	"boardlink/connection"
	"boardlink/web/webtest"

	"github.com/PuerkitoBio/goquery"
)

const question = `Your connection "North" may restart to apply your changes. Are you sure you want to proceed?`

// editing is a console with one connection, and a browser in front of it.
type editing struct {
	*console
	*webtest.Browser
	id   connection.ID
	path string // of the connection
}

func newEditing(t *testing.T, change func(*connection.Connection)) editing {
	t.Helper()
	c := newConsole(t)
	id := c.add("North", opened(), change)
	return editing{console: c, Browser: c.Operator(access.RoleOperator), id: id, path: "/connections/" + id.String()}
}

func (e editing) stored() connection.Configuration { return e.store.rows[e.id].Configuration }

// send posts a step of an edit; with JavaScript it is htmx that asks.
func (e editing) send(scripts bool, field string, form url.Values) webtest.Answer {
	if scripts {
		return e.Post(e.path+"/edit/"+field, form, partial()...)
	}
	return e.Post(e.path+"/edit/"+field, form)
}

// hidden gives the value of a hidden input of the editor.
func hidden(doc *goquery.Document, name string) string {
	return doc.Find(`form[data-editor] input[type=hidden][name="`+name+`"]`).AttrOr("value", "")
}

func bothWays(t *testing.T, run func(t *testing.T, scripts bool)) {
	t.Run("with htmx", func(t *testing.T) { run(t, true) })
	t.Run("without JavaScript", func(t *testing.T) { run(t, false) })
}

func TestEdit_opens_on_the_stored_value(t *testing.T) {
	bothWays(t, func(t *testing.T, scripts bool) {
		e := newEditing(t, nil)
		header := partial()
		if !scripts {
			header = nil
		}
		doc := page(t, e.Get(e.path+"/edit/hostName", header...), http.StatusOK)
		input := labelled(doc, "Domain Name")
		if input.AttrOr("value", "") != "thingsboard.example.com:443" || input.AttrOr("name", "") != "hostName" {
			t.Errorf("the editor holds %q under the name %q", input.AttrOr("value", ""), input.AttrOr("name", ""))
		}
		if _, focus := input.Attr("autofocus"); !focus {
			t.Error("the input does not take the focus")
		}
		for _, name := range []string{"Confirm", "Cancel"} {
			if button(doc, name).Length() != 1 {
				t.Errorf("%d buttons are called %q", button(doc, name).Length(), name)
			}
		}
		if hidden(doc, "version") != "1" {
			t.Errorf("the editor was opened on version %q", hidden(doc, "version"))
		}
		if whole := doc.Find("nav").Length() > 0; whole == scripts {
			t.Errorf("a whole page: %v", whole)
		}
		if doc.Find("dialog").Length() != 0 {
			t.Error("a question is asked before anything was typed")
		}
	})
}

func TestEdit_shows_anew_what_depends_on_the_setting(t *testing.T) {
	e := newEditing(t, func(c *connection.Connection) { c.Configuration.DownlinkURL = "" })
	if got := saying(page(t, e.Get(e.path), http.StatusOK).Find("#f-downlinkEnabled .prop-value")); got != "On, but Downlink address is not set" {
		t.Fatalf("before: %q", got)
	}
	answer := page(t, e.send(true, "downlinkUrl", form("version", "1", "step", "ask", "downlinkUrl", "https://thingpark.example.com/thingpark/lrc/rest/downlink")), http.StatusOK)
	beside := answer.Find("#f-downlinkEnabled[hx-swap-oob]")
	if got := saying(beside.Find(".prop-value")); got != "On" {
		t.Errorf("beside the answer: %q", got)
	}
	other := page(t, e.send(true, "description", form("version", "2", "step", "ask", "description", "North")), http.StatusOK)
	if other.Find("[hx-swap-oob]#f-downlinkEnabled").Length() != 0 {
		t.Error("a setting that does not depend on it is drawn too")
	}
}

func TestEdit_asks_then_changes(t *testing.T) {
	bothWays(t, func(t *testing.T, scripts bool) {
		for _, tc := range []struct{ field, typed string }{{"hostName", "tb2.example.com:8883"}, {"username", "other@example.com"}} {
			e := newEditing(t, nil)
			doc := page(t, e.send(scripts, tc.field, form("version", "1", "step", "ask", tc.field, tc.typed)), http.StatusOK)
			dialog := doc.Find("dialog")
			if saying(dialog.Find("h2")) != "Confirmation" || saying(dialog.Find("#question-text")) != question {
				t.Fatalf("%s: the question reads %q", tc.field, saying(dialog))
			}
			if !strings.Contains(saying(dialog), tc.typed) {
				t.Errorf("%s: the question does not name the new value", tc.field)
			}
			if _, focus := button(doc, "Cancel").Last().Attr("autofocus"); !focus {
				t.Errorf("%s: the focus is not on the question's Cancel", tc.field)
			}
			_, modal := dialog.Attr("data-modal")
			_, open := dialog.Attr("open")
			if modal != scripts || open == scripts {
				t.Errorf("%s: modal %v, open %v", tc.field, modal, open)
			}
			if !scripts && doc.Find("[inert] main").Length() != 1 {
				t.Errorf("%s: the page behind the question is not inert", tc.field)
			}
			if _, taken := doc.Find("form[data-editor]").Attr("hx-post"); taken != scripts {
				t.Errorf("%s: htmx takes the form: %v; in a whole page it would not see the dialog's buttons", tc.field, taken)
			}
			if !scripts && dialog.Closest("[inert]").Length() != 0 {
				t.Errorf("%s: the question itself is inert", tc.field)
			}
			if e.store.rows[e.id].Version != 1 {
				t.Fatalf("%s: asking has changed the connection", tc.field)
			}

			a := e.send(scripts, tc.field, form("version", hidden(doc, "version"), "step", "go", tc.field, tc.typed))
			if scripts {
				done := page(t, a, http.StatusOK)
				if saying(done.Find(".toast-text")) != "Update done Connection 'North' has been updated" {
					t.Errorf("%s: the message reads %q", tc.field, saying(done.Find(".toast-text")))
				}
				if _, focus := done.Find("#edit-" + tc.field).Attr("autofocus"); !focus {
					t.Errorf("%s: the pencil does not get the focus back", tc.field)
				}
				if !strings.Contains(saying(done.Find("#f-"+tc.field)), tc.typed) {
					t.Errorf("%s: the new value is not shown", tc.field)
				}
			} else {
				if a.Status != http.StatusSeeOther || a.Header.Get("Location") != e.path+"#edit-"+tc.field {
					t.Fatalf("%s: answer %d to %q", tc.field, a.Status, a.Header.Get("Location"))
				}
				after := page(t, e.Get(e.path), http.StatusOK)
				if saying(after.Find("#toasts .toast-text")) != "Update done Connection 'North' has been updated" {
					t.Errorf("%s: the message reads %q", tc.field, saying(after.Find("#toasts .toast-text")))
				}
			}
			f, _ := connection.FieldByName(tc.field)
			row := e.store.rows[e.id]
			if f.Get(&row) != tc.typed {
				t.Errorf("%s: stored is %q", tc.field, f.Get(&row))
			}
		}
	})
}

func TestEdit_back_keeps_what_was_typed(t *testing.T) {
	bothWays(t, func(t *testing.T, scripts bool) {
		e := newEditing(t, nil)
		doc := page(t, e.send(scripts, "hostName", form("version", "1", "step", "back", "hostName", "half.example.com:1")), http.StatusOK)
		if got := labelled(doc, "Domain Name").AttrOr("value", ""); got != "half.example.com:1" {
			t.Errorf("the editor holds %q", got)
		}
		if _, focus := button(doc, "Confirm").Attr("autofocus"); !focus {
			t.Error("the focus is not on Confirm")
		}
		if e.store.rows[e.id].Version != 1 {
			t.Error("going back has changed the connection")
		}
	})
}

func TestEdit_refuses_a_wrong_value_at_its_field(t *testing.T) {
	bothWays(t, func(t *testing.T, scripts bool) {
		e := newEditing(t, nil)
		for _, step := range []string{"ask", "go"} {
			doc := page(t, e.send(scripts, "hostName", form("version", "1", "step", step, "hostName", "https://x")), http.StatusUnprocessableEntity)
			input := labelled(doc, "Domain Name")
			if input.AttrOr("aria-invalid", "") != "true" || input.AttrOr("value", "") != "https://x" {
				t.Errorf("%s: aria-invalid %q, value %q", step, input.AttrOr("aria-invalid", ""), input.AttrOr("value", ""))
			}
			said := ""
			for id := range strings.FieldsSeq(input.AttrOr("aria-describedby", "")) {
				said += saying(doc.Find("#"+id)) + " "
			}
			if !strings.Contains(said, "Enter only host:port") {
				t.Errorf("%s: the input is described by %q", step, said)
			}
			if title := doc.Find("title").Text(); !scripts && !strings.HasPrefix(title, "Error: ") {
				t.Errorf("%s: the title is %q", step, title)
			}
		}
	})
}

// Opening another editor closes those in which nothing was typed; what was refused was typed.
func TestEdit_tells_the_script_what_was_typed(t *testing.T) {
	e := newEditing(t, nil)
	fresh := page(t, e.Get(e.path+"/edit/hostName", partial()...), http.StatusOK)
	refused := page(t, e.send(true, "hostName", form("version", "1", "step", "ask", "hostName", "https://x")), http.StatusUnprocessableEntity)
	back := page(t, e.send(true, "hostName", form("version", "1", "step", "back", "hostName", "half.example.com:1")), http.StatusOK)
	for want, doc := range map[string][]*goquery.Document{"": {fresh}, "typed": {refused, back}} {
		for _, d := range doc {
			if got := d.Find("form[data-editor]").AttrOr("data-editor", ""); got != want {
				t.Errorf("%q, want %q", got, want)
			}
		}
	}
}

func TestEdit_of_the_password(t *testing.T) {
	const typed = "typed-password-77a1"
	bothWays(t, func(t *testing.T, scripts bool) {
		e := newEditing(t, nil)
		doc := page(t, e.Get(e.path+"/edit/password"), http.StatusOK)
		input := labelled(doc, "Password")
		if input.AttrOr("value", "") != "" || input.AttrOr("type", "") != "password" || input.AttrOr("autocomplete", "") != "new-password" {
			t.Errorf("the editor is %v", input.Nodes[0].Attr)
		}
		a := e.send(scripts, "password", form("version", "1", "step", "ask", "password", typed))
		if strings.Contains(a.Body, typed) {
			t.Fatal("the question brings the password back")
		}
		doc = page(t, a, http.StatusOK)
		if saying(doc.Find("#question-text")) != question {
			t.Fatalf("the question reads %q", saying(doc.Find("dialog")))
		}
		sealed := hidden(doc, "pending")
		if sealed == "" {
			t.Fatal("nothing keeps the password until the question is answered")
		}

		t.Run("what was typed is for its own field and connection only", func(t *testing.T) {
			other := e.add("South", opened(), nil)
			b := e.Browser.Post("/connections/"+other.String()+"/edit/password", form("version", "1", "step", "go", "password", "", "pending", sealed))
			if b.Status != http.StatusUnprocessableEntity {
				t.Errorf("another connection took it: %d", b.Status)
			}
		})

		a = e.send(scripts, "password", form("version", "1", "step", "go", "password", "", "pending", sealed))
		if strings.Contains(a.Body, typed) {
			t.Error("the answer holds the password")
		}
		if e.stored().Password.Reveal() != typed {
			t.Error("the password was not stored")
		}
		page(t, e.Get(e.path), http.StatusOK)
	})
	t.Run("goes in one step for a script", func(t *testing.T) {
		e := newEditing(t, nil)
		if a := e.send(false, "password", form("version", "1", "step", "go", "password", typed)); a.Status != http.StatusSeeOther {
			t.Errorf("answer %d", a.Status)
		}
	})
	t.Run("wrong, it is emptied", func(t *testing.T) {
		e := newEditing(t, nil)
		a := e.send(true, "password", form("version", "1", "step", "ask", "password", strings.Repeat("secret-", 200)))
		if doc := page(t, a, http.StatusUnprocessableEntity); labelled(doc, "Password").AttrOr("value", "") != "" || strings.Contains(a.Body, "secret-secret-") {
			t.Error("what was typed came back")
		}
	})
	t.Run("sealed by another process, it is asked for again", func(t *testing.T) {
		e := newEditing(t, nil)
		doc := page(t, e.send(true, "password", form("version", "1", "step", "go", "password", "", "pending", "AAAAAAAAAAAAAAAAAAAAAAAA")), http.StatusUnprocessableEntity)
		if !strings.Contains(text(doc), "Type the Password again") {
			t.Errorf("the page says %q", text(doc))
		}
	})
}

func TestEdit_on_an_old_version_shows_both(t *testing.T) {
	bothWays(t, func(t *testing.T, scripts bool) {
		e := newEditing(t, nil)
		row := e.store.rows[e.id]
		row.Configuration.Username, row.Version = "theirs@example.com", 2
		e.store.rows[e.id] = row
		for _, step := range []string{"ask", "go"} {
			doc := page(t, e.send(scripts, "username", form("version", "1", "step", step, "username", "mine@example.com")), http.StatusConflict)
			if said := saying(doc.Find(".clash")); !strings.Contains(said, "theirs@example.com") || !strings.Contains(said, "mine@example.com") {
				t.Errorf("%s: the panel says %q", step, said)
			}
			if _, focus := button(doc, "Keep theirs").Attr("autofocus"); !focus {
				t.Errorf("%s: the focus is not on Keep theirs", step)
			}
			if hidden(doc, "version") != "2" || hidden(doc, "username") != "mine@example.com" {
				t.Errorf("%s: the form holds version %q and %q", step, hidden(doc, "version"), hidden(doc, "username"))
			}
		}
		if e.stored().Username != "theirs@example.com" {
			t.Error("the old version has won")
		}
	})
	t.Run("without showing a password", func(t *testing.T) {
		e := newEditing(t, nil)
		row := e.store.rows[e.id]
		row.Version = 2
		e.store.rows[e.id] = row
		a := e.send(true, "password", form("version", "1", "step", "ask", "password", "mine-and-secret"))
		doc := page(t, a, http.StatusConflict)
		if strings.Contains(a.Body, "mine-and-secret") {
			t.Fatal("the panel shows the password")
		}
		if a := e.send(true, "password", form("version", "2", "step", "go", "pending", hidden(doc, "pending"))); a.Status != http.StatusOK {
			t.Fatalf("applying mine on top: %d", a.Status)
		}
		if e.stored().Password != "mine-and-secret" {
			t.Error("mine was not stored")
		}
	})
}

func TestEdit_asks_only_where_it_must(t *testing.T) {
	for _, tc := range []struct {
		field, value string
		inactive     bool
		asks         bool
	}{
		{"name", "Renamed", false, false},
		{"description", "New words", false, false},
		{"createDevices", "false", false, false},
		{"protocol", "SSL", false, true},
		{"protocol", "SSL", true, false},
		{"protocol", "AUTO", false, false}, // as it is already
		{"hostName", "tb2.example.com:443", true, true},
		{"username", "tenant@example.com", false, true}, // as it is already, but these three always ask
		{"downlinkAsKey", "", false, false},
	} {
		e := newEditing(t, func(c *connection.Connection) { c.Active = !tc.inactive })
		doc := page(t, e.send(true, tc.field, form("version", "1", "step", "ask", tc.field, tc.value)), http.StatusOK)
		if asks := doc.Find("dialog").Length() > 0; asks != tc.asks {
			t.Errorf("%s, deactivated %v: asks %v", tc.field, tc.inactive, asks)
		}
		if done := doc.Find(".toast").Length() > 0; done == tc.asks {
			t.Errorf("%s, deactivated %v: done %v", tc.field, tc.inactive, done)
		}
	}
}

func TestEdit_of_every_field(t *testing.T) {
	e := newEditing(t, nil)
	for _, f := range connection.Fields {
		doc := page(t, e.Get(e.path+"/edit/"+f.Name, partial()...), http.StatusOK)
		if n := doc.Find(`form[data-editor] [name="` + f.Name + `"]`).Length(); n == 0 {
			t.Errorf("the editor of %s has no input of that name", f.Name)
		}
		doc = page(t, e.Get(e.path+"/field/"+f.Name, partial()...), http.StatusOK)
		if button(doc, "Edit "+f.Label).Length() != 1 {
			t.Errorf("%s: no button is called %q", f.Name, "Edit "+f.Label)
		}
	}
	if a := e.Get(e.path + "/edit/uplinkKey"); a.Status != http.StatusNotFound {
		t.Errorf("the editor of no setting: %d", a.Status)
	}
}

func TestEdit_of_the_alarms(t *testing.T) {
	const good = `[{"startTime":"2026-01-05T09:00:00+01:00","endTime":"2026-01-05T18:00:00+01:00","timezone":"Europe/Paris",` +
		`"recurrence":[{"frequency":"weekly","byDays":["monday"]}],"uplinkRateMinPerHour":15,"message":"Few"}]`
	e := newEditing(t, nil)
	for _, tc := range []struct{ typed, message string }{
		{"nonsense", "This is no JSON: look at line 1."},
		{"[\n{\n", "ends too early"},
		{`[{"colour":"red"}]`, "There is a field that alarms do not have"},
		{`[{"uplinkRateMinPerHour":"many"}]`, "uplinkRateMinPerHour does not hold"},
		{good + good, "Write one list"},
		{`[{"startTime":"2026-01-05T09:00:00+01:00","endTime":"2026-01-05T08:00:00+01:00","timezone":"Mars/Base","uplinkRateMinPerHour":15}]`, "Alarm 1, timezone: Name a time zone"},
	} {
		doc := page(t, e.send(true, "alarms", form("version", "1", "step", "ask", "alarms", tc.typed)), http.StatusUnprocessableEntity)
		if got := saying(doc.Find("#alarms-error")); !strings.Contains(got, tc.message) {
			t.Errorf("%q: the message reads %q", tc.typed, got)
		}
	}
	page(t, e.send(true, "alarms", form("version", "1", "step", "ask", "alarms", good)), http.StatusOK)
	if row := e.store.rows[e.id]; len(row.Alarms) != 1 || row.Configuration.Password != canaryPassword {
		t.Errorf("stored are %d alarms, the password kept: %v", len(row.Alarms), row.Configuration.Password == canaryPassword)
	}
}
