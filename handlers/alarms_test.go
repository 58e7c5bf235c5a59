package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"boardlink/connection"
)

func anAlarm() connection.Alarm {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		panic(err) // the zones are in the binary
	}
	return connection.Alarm{
		StartTime: time.Date(2026, 1, 5, 9, 0, 0, 0, paris), EndTime: time.Date(2026, 1, 5, 18, 0, 0, 0, paris), Timezone: "Europe/Paris",
		Recurrence: []connection.Recurrence{{Frequency: "weekly", ByDays: []string{"monday", "friday"}}}, UplinkRateMinPerHour: 15, Message: "Few",
	}
}

// window gives the inputs of one window of the form.
func window(v url.Values, n, opens, closes, zone, least, message string, days ...string) {
	for part, value := range map[string]string{"opens": opens, "closes": closes, "zone": zone, "least": least, "message": message} {
		v.Set("alarm-"+n+"-"+part, value)
	}
	v["alarm-"+n+"-days"] = days
}

func TestAlarms_are_typed_in_fields_of_their_own(t *testing.T) {
	bothWays(t, func(t *testing.T, scripts bool) {
		e := newEditing(t, func(c *connection.Connection) { c.Alarms = []connection.Alarm{anAlarm()} })
		header := partial()
		if !scripts {
			header = nil
		}
		doc := page(t, e.Get(e.path+"/edit/alarms", header...), http.StatusOK)
		if !scripts {
			assertDocument(t, doc)
		}
		windows := doc.Find("form[data-editor] fieldset")
		if windows.Length() != 2 || doc.Find("[name=alarmRows]").AttrOr("value", "") != "2" || doc.Find("textarea").Length() != 0 {
			t.Fatalf("%d windows", windows.Length())
		}
		first := windows.First()
		for name, want := range map[string]string{"alarm-0-opens": "2026-01-05T09:00", "alarm-0-closes": "2026-01-05T18:00", "alarm-0-zone": "Europe/Paris", "alarm-0-least": "15", "alarm-0-message": "Few"} {
			if got := first.Find(`[name="`+name+`"]`).AttrOr("value", ""); got != want {
				t.Errorf("%s is %q", name, got)
			}
		}
		if n := first.Find("[name=alarm-0-days][checked]").Length(); n != 2 {
			t.Errorf("%d days", n)
		}
		// Confirmed as it stands, it is the same alarm: nothing is stored.
		v := form("version", "1", "step", "ask", "alarmRows", "2")
		window(v, "0", "2026-01-05T09:00", "2026-01-05T18:00", "Europe/Paris", "15", "Few", "monday", "friday")
		window(v, "1", "", "", "Europe/Paris", "", "")
		e.send(scripts, "alarms", v)
		if e.store.rows[e.id].Version != 1 {
			t.Errorf("stored is %+v", e.store.rows[e.id].Alarms)
		}
		// Another one beside it, which opens once.
		window(v, "1", "2026-07-01T22:00", "2026-07-02T06:00", "UTC", "1", "Night")
		e.send(scripts, "alarms", v)
		stored := e.store.rows[e.id].Alarms
		if len(stored) != 2 || !stored[1].EndTime.Equal(time.Date(2026, 7, 2, 6, 0, 0, 0, time.UTC)) || len(stored[1].Recurrence) != 0 || stored[0].StartTime.Format(time.RFC3339) != "2026-01-05T09:00:00+01:00" {
			t.Fatalf("stored are %+v", stored)
		}
		said := saying(page(t, e.Get(e.path), http.StatusOK).Find("#f-alarms .prop-value"))
		if said != "Mon, Fri 09:00 to 18:00, Europe/Paris: at least 15 uplinks an hour 2026-07-01 22:00 for 8 hours, UTC: at least 1 uplink an hour" {
			t.Errorf("the page says %q", said)
		}
		// And the first one removed.
		v.Set("version", "2")
		v.Set("alarm-0-remove", "true")
		e.send(scripts, "alarms", v)
		if stored := e.store.rows[e.id].Alarms; len(stored) != 1 || stored[0].Message != "Night" {
			t.Errorf("stored are %+v", stored)
		}
	})
}

func TestAlarms_say_what_is_wrong_where_it_is(t *testing.T) {
	e := newEditing(t, nil)
	v := form("version", "1", "step", "ask", "alarmRows", "3")
	window(v, "0", "", "", "UTC", "", "") // empty: left out, and no window is counted for it
	window(v, "1", "2026-01-05T18:00", "2026-01-05T09:00", "UTC", "0", "", "monday")
	doc := page(t, e.send(true, "alarms", v), http.StatusUnprocessableEntity)
	if got := saying(doc.Find("#alarm-1-closes-error")); got != "The window must close after it opens." {
		t.Errorf("the end says %q", got)
	}
	if got := saying(doc.Find("#alarm-1-least-error")); got != "Give a number from 1 to 1,000,000." {
		t.Errorf("the least says %q", got)
	}
	window(v, "2", "soon", "2026-01-05T09:00", "Mars/Base", "many", "")
	doc = page(t, e.send(true, "alarms", v), http.StatusUnprocessableEntity)
	for part, want := range map[string]string{"opens": "Give the day and the time", "zone": "Name a time zone", "least": "Give a whole number"} {
		if got := saying(doc.Find("#alarm-2-" + part + "-error")); !strings.Contains(got, want) {
			t.Errorf("%s says %q", part, got)
		}
	}
	if doc.Find(`[name="alarm-1-opens"]`).AttrOr("value", "") != "2026-01-05T18:00" || doc.Find("[name=alarm-1-days][checked]").Length() != 1 {
		t.Error("what was typed is lost")
	}
	if len(e.store.rows[e.id].Alarms) != 0 {
		t.Error("something was stored")
	}
	v.Set("step", "more")
	if n := page(t, e.send(true, "alarms", v), http.StatusOK).Find("fieldset").Length(); n != 4 {
		t.Errorf("another window makes %d", n)
	}
	if a := e.send(true, "username", form("version", "1", "step", "more", "username", "x")); a.Status != http.StatusBadRequest {
		t.Errorf("another window of a setting that has none: %d", a.Status)
	}
}

func TestAlarms_of_a_stale_edit_are_told_in_words(t *testing.T) {
	e := newEditing(t, func(c *connection.Connection) { c.Alarms = []connection.Alarm{anAlarm()} })
	row := e.store.rows[e.id]
	row.Version = 2
	e.store.rows[e.id] = row
	v := form("version", "1", "step", "ask", "alarmRows", "1")
	window(v, "0", "2026-01-05T09:00", "2026-01-05T12:00", "UTC", "3", "")
	doc := page(t, e.send(true, "alarms", v), http.StatusConflict)
	said := saying(doc.Find(".clash"))
	if !strings.Contains(said, "Mon, Fri 09:00 to 18:00, Europe/Paris: at least 15 uplinks an hour") || !strings.Contains(said, "2026-01-05 09:00 to 12:00, UTC: at least 3 uplinks an hour") {
		t.Errorf("the panel says %q", said)
	}
	if a := e.send(true, "alarms", form("version", "2", "step", "ask", "alarms", hidden(doc, "alarms"))); a.Status != http.StatusOK {
		t.Fatalf("applying mine on top: %d", a.Status)
	}
	if stored := e.store.rows[e.id].Alarms; len(stored) != 1 || stored[0].UplinkRateMinPerHour != 3 {
		t.Errorf("stored are %+v", stored)
	}
}
