package handlers_test

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"boardlink/access"
	"boardlink/connection"

	"github.com/PuerkitoBio/goquery"
)

// resend gives what the form in a page would send.
func resend(doc *goquery.Document) url.Values {
	v := url.Values{}
	for _, in := range doc.Find("form[action='/connections'] [name], .windows [name]").EachIter() {
		name := in.AttrOr("name", "")
		kind := in.AttrOr("type", "")
		_, checked := in.Attr("checked")
		switch {
		case goquery.NodeName(in) == "button" || (kind == "radio" || kind == "checkbox") && !checked:
		case goquery.NodeName(in) == "select":
			v.Set(name, in.Find("[selected]").AttrOr("value", ""))
		case goquery.NodeName(in) == "textarea":
			v.Set(name, in.Text())
		case kind == "checkbox":
			if values := v[name]; len(values) == 0 || values[len(values)-1] != in.AttrOr("value", "") {
				v.Add(name, in.AttrOr("value", ""))
			}
		default:
			v.Set(name, in.AttrOr("value", ""))
		}
	}
	return v
}

func TestWindows_of_a_new_connection_are_added_and_removed_without_scripts(t *testing.T) {
	c := newConsole(t)
	b := c.Operator(access.RoleOperator)
	doc := page(t, b.Get("/connections/new?type="+connection.ConnectorID), http.StatusOK)
	if doc.Find(".window").Length() != 0 || button(doc, "Add a window").Length() != 1 {
		t.Fatalf("the form begins with %d windows", doc.Find(".window").Length())
	}
	v := filled("description", "Kept words", "window", "more", "alarmRows", "0", "deviceType", "")
	doc = page(t, b.Post("/connections/new", v), http.StatusOK)
	assertDocument(t, doc)
	if doc.Find(".window").Length() != 1 || doc.Find("[autofocus]").AttrOr("name", "") != "alarm-0-opens" {
		t.Fatalf("%d windows, the focus on %q", doc.Find(".window").Length(), doc.Find("[autofocus]").AttrOr("name", ""))
	}
	if _, open := doc.Find("details.advanced").Attr("open"); !open || doc.Find(".summary").Length() != 0 || saying(doc.Find(".error")) != "" {
		t.Errorf("the window is hidden, or errors are told of a form that nobody has sent: %q", saying(doc.Find(".error")))
	}
	if labelled(doc, "Description").Text() != "Kept words" || labelled(doc, "Password").AttrOr("value", "") != "" {
		t.Error("what was typed is lost, or the password stands in the page")
	}
	v = resend(doc)
	window(v, "0", "2026-01-05T09:00", "2026-01-05T18:00", "Europe/Paris", "15", "Few", "monday", "friday")
	v.Set("window", "more")
	doc = page(t, b.Post("/connections/new", v), http.StatusOK)
	if got := doc.Find("[name=alarm-1-zone]").AttrOr("value", ""); got != "Europe/Paris" {
		t.Errorf("another window is in the zone %q", got)
	}
	v = resend(doc)
	window(v, "1", "2026-07-01T22:00", "2026-07-02T06:00", "UTC", "1", "Night")
	v.Set("window", "0")
	doc = page(t, b.Post("/connections/new", v), http.StatusOK)
	if doc.Find(".window").Length() != 1 || doc.Find("[name=alarm-0-message]").AttrOr("value", "") != "Night" || saying(doc.Find("[autofocus]")) != "Add a window" {
		t.Errorf("%d windows are left, the focus on %q", doc.Find(".window").Length(), saying(doc.Find("[autofocus]")))
	}
	v = resend(doc)
	v.Set("deviceType", "LoRaWAN")
	if a := b.Post("/connections", v); a.Status != http.StatusSeeOther {
		t.Fatalf("answer %d: %s", a.Status, saying(document(t, a).Find(".summary")))
	}
	row := c.store.rows[4339]
	if len(row.Alarms) != 1 || row.Alarms[0].Message != "Night" || row.Configuration.Password != canaryPassword {
		t.Errorf("stored are %+v", row.Alarms)
	}
}

func TestWindows_of_a_new_connection_come_alone_to_scripts(t *testing.T) {
	b := newConsole(t).Operator(access.RoleOperator)
	doc := page(t, b.Post("/connections/new", filled("window", "more", "alarmRows", "0"), partial()...), http.StatusOK)
	if doc.Find("main, [name=hostName]").Length() != 0 || doc.Find("#alarms .window").Length() != 1 {
		t.Errorf("the answer is %s", saying(doc.Selection))
	}
	if doc = page(t, b.Post("/connections/new", filled("window", "3", "alarmRows", "40"), partial()...), http.StatusOK); doc.Find(".window").Length() != 39 {
		t.Errorf("one less than 40 are %d", doc.Find(".window").Length())
	}
	if doc = page(t, b.Post("/connections/new", filled("window", "more", "alarmRows", "40"), partial()...), http.StatusOK); doc.Find(".window").Length() != 40 {
		t.Errorf("no form holds more than 40, and one has %d", doc.Find(".window").Length())
	}
}

func TestWindows_of_a_new_connection_say_what_is_wrong_where_it_is(t *testing.T) {
	c := newConsole(t)
	b := c.Operator(access.RoleOperator)
	v := filled("alarmRows", "3")
	window(v, "0", "", "", "UTC", "", "") // empty: left out
	window(v, "1", "2026-01-05T18:00", "2026-01-05T09:00", "UTC", "0", "", "monday", "caturday")
	window(v, "2", "soon", "2026-01-05T09:00", "Mars/Base", "many", "Kept")
	want := map[string]string{
		"alarm-1-closes": "The window must close after it opens.", "alarm-1-least": "Give a number from 1 to 1,000,000.", "alarm-1-days": "Days are English names in lower case.",
		"alarm-2-opens": "Give the day and the time at which the window opens.", "alarm-2-zone": "Name a time zone of the IANA database, like Europe/Paris.", "alarm-2-least": "Give a whole number from 1 to 1,000,000.",
	}
	doc := page(t, b.Post("/connections", v), http.StatusUnprocessableEntity)
	links := doc.Find(".summary a")
	if links.Length() != len(want) {
		t.Errorf("wrong are %q", saying(doc.Find(".summary")))
	}
	for _, link := range links.EachIter() {
		field := doc.Find(link.AttrOr("href", ""))
		if message := want[field.AttrOr("name", "")]; field.AttrOr("aria-invalid", "") != "true" || saying(link) != message || saying(doc.Find(link.AttrOr("href", "")+"-error")) != message {
			t.Errorf("%q leads to %q", saying(link), field.AttrOr("name", ""))
		}
	}
	if doc.Find("[name=alarm-2-opens]").AttrOr("value", "") != "soon" || doc.Find("[name=alarm-2-message]").AttrOr("value", "") != "Kept" {
		t.Error("what was typed is lost")
	}
	checked := b.Post("/connections/check", v)
	for name, message := range want {
		if !strings.Contains(checked.Body, `"`+name+`":"`+message+`"`) {
			t.Errorf("the check says nothing of %s: %s", name, checked.Body)
		}
	}
	if a := b.Post("/connections/test", v); a.Status != http.StatusUnprocessableEntity || len(c.store.rows) != 0 || len(c.prober.Seen()) != 0 {
		t.Errorf("tested or stored all the same: %d", a.Status)
	}
	many := filled("alarmRows", "21")
	for n := range 21 {
		window(many, strconv.Itoa(n), "2026-01-05T09:00", "2026-01-05T18:00", "UTC", "1", "")
	}
	if doc = page(t, b.Post("/connections", many), http.StatusUnprocessableEntity); saying(doc.Find("#alarms-error")) != "At most 20 alarms can be set." || doc.Find(`.summary a[href="#alarms"]`).Length() != 1 {
		t.Errorf("too many windows: %q", saying(doc.Find(".summary")))
	}
	if a := b.Post("/connections", filled("alarm-0-colour", "red")); a.Status != http.StatusUnprocessableEntity {
		t.Errorf("an input that windows do not have: %d", a.Status)
	}
}

// What programs send as one text comes back as fields where it can be read.
func TestWindows_sent_as_text_are_taken_and_drawn_as_fields(t *testing.T) {
	c := newConsole(t)
	b := c.Operator(access.RoleOperator)
	const good = `[{"startTime": "2026-01-05T09:00:00+01:00", "endTime": "2026-01-05T18:00:00+01:00", "timezone": "Europe/Paris", "uplinkRateMinPerHour": 15, "message": "Few"}]`
	if a := b.Post("/connections", filled("alarms", good)); a.Status != http.StatusSeeOther || len(c.store.rows[4339].Alarms) != 1 {
		t.Fatalf("answer %d", a.Status)
	}
	doc := page(t, b.Post("/connections", filled("alarms", strings.Replace(good, "15,", "0,", 1))), http.StatusUnprocessableEntity)
	if doc.Find("[name=alarm-0-opens]").AttrOr("value", "") != "2026-01-05T09:00" || saying(doc.Find("#alarm-0-least-error")) != "Give a number from 1 to 1,000,000." {
		t.Errorf("the form says %q", saying(doc.Find(".summary")))
	}
	if doc = page(t, b.Post("/connections", filled("alarms", "[{")), http.StatusUnprocessableEntity); doc.Find("textarea[name=alarms]").Text() != "[{" {
		t.Error("a text that cannot be read is lost")
	}
}
