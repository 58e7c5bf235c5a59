package handlers_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"boardlink/access"
	"boardlink/connection"
	"boardlink/web/webtest"
)

func TestPages_hold_together(t *testing.T) {
	c := newConsole(t)
	fixtures(c)
	b := c.Operator(access.RoleOperator)
	for _, path := range []string{
		"/", "/connections", "/connections?q=harbour&state=CLOSED", "/connections?q=nothing-like-it", "/connections/new",
		"/connections/new?type=actility-thingsboard-iot", "/connections/4339", "/connections/4339?window=1d", "/connections/4340",
		"/connections/4341/delete", "/events", "/events?connectionId=4339&level=error", "/events?before=3", "/events?connectionId=junk&level=junk&before=junk",
	} {
		t.Run(path, func(t *testing.T) {
			doc := page(t, b.Get(path), http.StatusOK)
			if n := doc.Find("h1").Length(); n != 1 {
				t.Errorf("%d headings of the first level", n)
			}
			for _, landmark := range []string{"header", "nav[aria-label=Main]", "main#main", "#toasts[role=status]"} {
				if doc.Find(landmark).Length() != 1 {
					t.Errorf("%d of %s", doc.Find(landmark).Length(), landmark)
				}
			}
			if !strings.HasSuffix(doc.Find("head title").Text(), " · Boardlink") {
				t.Errorf("title %q", doc.Find("head title").Text())
			}
			if n := doc.Find("[style], [onclick], script:not([src]), style").Length(); n != 0 {
				t.Errorf("%d pieces of inline script or style", n)
			}
			assertDocument(t, doc)
		})
	}
}

func TestParts_are_fragments_with_the_same_id(t *testing.T) {
	c := newConsole(t)
	fixtures(c)
	b := c.Operator(access.RoleViewer)
	for _, path := range []string{"/", "/connections", "/connections/4339", "/connections/4340", "/events"} {
		parts := page(t, b.Get(path), http.StatusOK).Find("[data-live]")
		if parts.Length() == 0 {
			t.Errorf("%s has no live part", path)
		}
		for _, node := range parts.EachIter() {
			id, address := node.AttrOr("id", ""), node.AttrOr("data-live-url", "")
			if node.Find("input:not([type=hidden]), textarea, select").Length() > 0 {
				t.Errorf("%s: the live part %s holds something to fill in", path, id)
			}
			part := page(t, b.Get(address, "HX-Request", "true", "X-Boardlink-Live", "1"), http.StatusOK)
			if part.Find("nav[aria-label=Main]").Length() != 0 || part.Find("body > #"+id).Length() != 1 {
				t.Errorf("%s: %s is no fragment with the id %s", path, address, id)
			}
		}
	}
	if a := b.Get("/connections/4339?part=nonsense"); a.Status != http.StatusNotFound {
		t.Errorf("an unknown part: %d", a.Status)
	}
}

func TestEvents_say_who_caused_them_and_from_where(t *testing.T) {
	c := newConsole(t)
	for message, e := range map[string]connection.Event{
		"Name changed.":         {Actor: "alice@example.com", Address: "192.0.2.7"},
		"bob@example.com came.": {Actor: "bob@example.com", Address: "2001:db8::7"},
		"Started.":              {Actor: connection.System},
	} {
		e.Time, e.Level, e.Kind, e.Message = now, connection.LevelInfo, connection.KindAccess, message
		c.store.tell(e)
	}
	lines := page(t, c.Operator(access.RoleViewer).Get("/events"), http.StatusOK).Find(".event-text").EachIter()
	var told []string
	for _, line := range lines {
		told = append(told, strings.Join(strings.Fields(line.Text()), " "))
	}
	slices.Sort(told)
	if want := []string{"Name changed. by alice@example.com from 192.0.2.7", "Started.", "bob@example.com came. from 2001:db8::7"}; !slices.Equal(told, want) {
		t.Errorf("the page says %q", told)
	}
}

func TestEvents_are_chosen_by_kind_and_time(t *testing.T) {
	c := newConsole(t)
	for i, kind := range []connection.Kind{connection.KindAlarm, connection.KindAccess, connection.KindAlarm} {
		c.store.tell(connection.Event{Time: now.Add(time.Duration(i-3) * time.Hour), Level: connection.LevelInfo, Kind: kind, Message: fmt.Sprint("Event ", i)})
	}
	b := c.Operator(access.RoleViewer)
	at := func(hours int) string {
		return now.Add(time.Duration(hours) * time.Hour).UTC().Format("2006-01-02T15:04")
	}
	for query, want := range map[string]string{
		"kind=alarm":                       "Event 2 Event 0",
		"kind=alarm&from=" + at(-2):        "Event 2",
		"from=" + at(-3) + "&to=" + at(-1): "Event 1 Event 0",
		"kind=junk&from=junk&to=":          "Event 2 Event 1 Event 0",
		"kind=downlink":                    "",
	} {
		doc := page(t, b.Get("/events?"+query), http.StatusOK)
		assertDocument(t, doc)
		var told []string
		for _, line := range doc.Find(".event-text").EachIter() {
			told = append(told, saying(line))
		}
		if got := strings.Join(told, " "); got != want {
			t.Errorf("%s shows %q, want %q", query, got, want)
		}
		if kept := doc.Find("#kind option[selected]").AttrOr("value", ""); strings.HasPrefix(query, "kind=alarm") && kept != "alarm" {
			t.Errorf("%s: the choice %q is shown", query, kept)
		}
	}
}

func TestEvent_is_shown_with_what_came_before_it(t *testing.T) {
	c := newConsole(t)
	id := c.add("North", opened(), nil)
	for i := range 3 {
		c.store.tell(connection.Event{Time: now, Level: connection.LevelWarning, Kind: connection.KindAlarm, ConnectionID: id, DevEUI: pump,
			Actor: "ann@example.com", Address: "192.0.2.7", Message: fmt.Sprintf("Alarm <%d>", i)})
	}
	b := c.Operator(access.RoleViewer)
	line := page(t, b.Get("/events"), http.StatusOK).Find(".event-time a").First()
	doc := page(t, b.Get(line.AttrOr("href", "")), http.StatusOK)
	assertDocument(t, doc)
	said := saying(doc.Find("main"))
	for _, want := range []string{"Alarm <2>", "Alarm <1>", "North", pump, "ann@example.com", "192.0.2.7", "Warning", "Alarms"} {
		if !strings.Contains(said, want) {
			t.Errorf("the page does not say %s: %s", want, said)
		}
	}
	for _, path := range []string{"/events/99999", "/events/0", "/events/-1", "/events/01", "/events/9223372036854775807", "/events/junk"} {
		if a := b.Get(path); a.Status != http.StatusNotFound || !strings.Contains(a.Body, "There is no such event.") {
			t.Errorf("%s: %d %s", path, a.Status, a.Body)
		}
	}
}

func TestDashboard_says_who_needs_a_person(t *testing.T) {
	c := newConsole(t)
	fixtures(c)
	doc := page(t, c.Operator(access.RoleViewer).Get("/"), http.StatusOK)
	cases := doc.Find(".case")
	if cases.Length() != 3 {
		t.Fatalf("%d connections need a person", cases.Length())
	}
	first := saying(cases.First())
	for _, want := range []string{"Water board, staging", "AUTHENTICATION_FAILED", "ThingsBoard refused the e-mail or the password.", "Change the password"} {
		if !strings.Contains(first, want) {
			t.Errorf("the first case says %q, without %q", first, want)
		}
	}
	if rows := doc.Find(".states-table tbody tr").Length(); rows != 8 {
		t.Errorf("%d states", rows)
	}
}

func TestList(t *testing.T) {
	c := newConsole(t)
	b := c.Operator(access.RoleOperator)
	t.Run("empty leads to the first connection", func(t *testing.T) {
		doc := page(t, b.Get("/connections"), http.StatusOK)
		if !strings.Contains(text(doc), "No connections yet") || doc.Find(`a[href="/connections/new"]`).Length() < 2 {
			t.Errorf("the page says %q", text(doc))
		}
	})
	fixtures(c)
	t.Run("shows the columns and what can be done", func(t *testing.T) {
		doc := page(t, b.Get("/connections"), http.StatusOK)
		var heads []string
		for _, th := range doc.Find("thead th").EachIter() {
			heads = append(heads, saying(th))
		}
		want := "Connection Name|Connector|Last Restart|Active Things last 1h / 24h|Uplinks last 1h / 24h|Downlinks last 1h / 24h|State"
		if got := strings.Join(heads, "|"); got != want {
			t.Errorf("columns %q", got)
		}
		for _, row := range doc.Find("tbody tr").EachIter() {
			var offered []string
			for _, b := range row.Find(".menu-list button").EachIter() {
				offered = append(offered, saying(b))
			}
			actions := strings.Join(offered, " ")
			want := "Restart Deactivate"
			if strings.Contains(saying(row), "Old pilot") {
				want = "Activate"
			}
			if actions != want {
				t.Errorf("%s offers %q", saying(row.Find("th")), actions)
			}
		}
	})
	t.Run("is filtered by its address", func(t *testing.T) {
		doc := page(t, b.Get("/connections?q=CRANES&state=CLOSED"), http.StatusOK)
		if n := doc.Find("tbody tr").Length(); n != 1 {
			t.Errorf("%d rows", n)
		}
		if doc.Find("#q").AttrOr("value", "") != "CRANES" || doc.Find("#state option[selected]").AttrOr("value", "") != "CLOSED" {
			t.Error("the filter does not show what it does")
		}
		if empty := page(t, b.Get("/connections?q=zzz"), http.StatusOK); !strings.Contains(text(empty), "No connection matches") {
			t.Errorf("the page says %q", text(empty))
		}
	})
}

func TestCreate(t *testing.T) {
	good := form("connectorId", connection.ConnectorID, "name", "North", "hostName", "tb.example.com:443", "username", "tenant@example.com",
		"password", canaryPassword, "description", "", "telemetryFormat", "MEASUREMENTS", "createDevices", "false", "uplinkTimeValidity", "72h")
	t.Run("stores what was typed and says so", func(t *testing.T) {
		c := newConsole(t)
		b := c.Operator(access.RoleOperator)
		a := b.Post("/connections", good)
		if a.Status != http.StatusSeeOther || a.Header.Get("Location") != "/connections/4339" {
			t.Fatalf("answer %d to %q", a.Status, a.Header.Get("Location"))
		}
		doc := page(t, b.Get("/connections/4339"), http.StatusOK)
		if got := saying(doc.Find("#toasts .toast-text")); got != "Done The connection 'North' has been successfully created." {
			t.Errorf("the message reads %q", got)
		}
		cfg := c.store.rows[4339].Configuration
		if cfg.CreateDevices || cfg.UplinkTimeValidity != "72h" || cfg.TelemetryFormat != connection.FormatMeasurements || cfg.Password != canaryPassword {
			t.Errorf("stored is %+v", cfg)
		}
	})
	t.Run("names each wrong field, keeps what was typed, empties secrets", func(t *testing.T) {
		c := newConsole(t)
		b := c.Operator(access.RoleOperator)
		bad := form("name", "Kept name", "hostName", "tb.example.com", "username", "", "password", canaryPassword, "uplinkTimeValidity", "soon", "downlinkAsKey", canaryASKey, "alarms", "{")
		doc := page(t, b.Post("/connections", bad), http.StatusUnprocessableEntity)
		if !strings.HasPrefix(doc.Find("title").Text(), "Error: ") {
			t.Errorf("title %q", doc.Find("title").Text())
		}
		summary := doc.Find(".summary")
		if _, focus := summary.Attr("autofocus"); !focus || saying(summary.Find("h2")) != "There is a problem" {
			t.Error("the summary does not take the focus")
		}
		links := summary.Find("a")
		if links.Length() != 4 {
			t.Errorf("%d fields are wrong: %s", links.Length(), saying(summary))
		}
		for _, link := range links.EachIter() {
			field := doc.Find(link.AttrOr("href", ""))
			if field.AttrOr("aria-invalid", "") != "true" || saying(doc.Find(link.AttrOr("href", "")+"-error")) != saying(link) {
				t.Errorf("%s leads to a field that says something else", saying(link))
			}
		}
		if labelled(doc, "Name").AttrOr("value", "") != "Kept name" || labelled(doc, "Password").AttrOr("value", "") != "" {
			t.Error("what was typed is lost, or a secret is kept")
		}
		if doc.Find("[data-field=name] .is-valid").Length() != 1 || doc.Find("[data-field=hostName] .is-valid").Length() != 0 {
			t.Error("ticks stand in the wrong fields")
		}
		if _, open := doc.Find("details.advanced").Attr("open"); !open {
			t.Error("the advanced part hides its errors")
		}
		if len(c.store.rows) != 0 {
			t.Error("something was stored")
		}
	})
	t.Run("proposes measurements, and the original to whoever asks for its formats", func(t *testing.T) {
		c := newConsole(t)
		b := c.Operator(access.RoleOperator)
		doc := page(t, b.Get("/connections/new?type="+connection.ConnectorID), http.StatusOK)
		if got := doc.Find("#telemetryFormat option[selected]").AttrOr("value", ""); got != "MEASUREMENTS" {
			t.Errorf("proposed is %q", got)
		}
		less := form("name", "North", "hostName", "tb.example.com:443", "username", "tenant@example.com", "password", "x", "sendMetadata", "true")
		if a := b.Post("/connections", less); a.Status != http.StatusSeeOther {
			t.Fatalf("answer %d", a.Status)
		}
		if got := c.store.rows[4339].Configuration; got.TelemetryFormat != connection.FormatOriginal || !got.CreateDevices {
			t.Errorf("stored is %+v", got)
		}
	})
	t.Run("is checked while it is filled in", func(t *testing.T) {
		c := newConsole(t)
		a := c.Operator(access.RoleOperator).Post("/connections/check", form("name", "North", "hostName", "https://x"), "Accept", "*/*")
		var wrong map[string]string
		if err := json.Unmarshal([]byte(a.Body), &wrong); err != nil {
			t.Fatalf("%v: %s", err, a.Body)
		}
		if wrong["hostName"] == "" || wrong["username"] == "" || wrong["name"] != "" {
			t.Errorf("wrong are %v", wrong)
		}
	})
}

func TestState(t *testing.T) {
	c := newConsole(t)
	id := c.add("North", connection.Status{State: connection.AuthenticationFailed, ReasonCode: connection.ReasonAuthRefused}, nil)
	b := c.Operator(access.RoleOperator)
	path := "/connections/" + id.String() + "/state"
	for _, tc := range []struct{ action, back, location string }{
		{"retry", "/", "/"}, {"restart", "/connections?q=N", "/connections?q=N"}, {"deactivate", "//evil.example.com", "/"}, {"activate", "", "/connections/4339#state-4339"},
	} {
		if a := b.Post(path, form("action", tc.action, "back", tc.back)); a.Status != http.StatusSeeOther || a.Header.Get("Location") != tc.location {
			t.Errorf("%s: answer %d to %q", tc.action, a.Status, a.Header.Get("Location"))
		}
		if active := c.store.rows[id].Active; active == (tc.action == "deactivate") {
			t.Errorf("%s: active %v", tc.action, active)
		}
	}
	if c.store.restarts != 2 || c.store.granted != 1 { // the try that the first allowed was not made yet
		t.Errorf("%d restarts, %d tries allowed", c.store.restarts, c.store.granted)
	}
	if a := b.Post(path, form("action", "explode")); a.Status != http.StatusUnprocessableEntity {
		t.Errorf("an unknown action: %d", a.Status)
	}
}

func TestDelete_asks_for_the_name(t *testing.T) {
	c := newConsole(t)
	status := opened()
	status.Backlog, status.Parked = 1284, 1
	id := c.add("North", status, nil)
	b := c.Operator(access.RoleOperator)
	path := "/connections/" + id.String() + "/delete"
	said := text(page(t, b.Get(path), http.StatusOK))
	for _, want := range []string{"1,284 events wait to be delivered and 1 event is parked", "gateway device", "stay in ThingsBoard"} {
		if !strings.Contains(said, want) {
			t.Errorf("the page does not say %q: %s", want, said)
		}
	}
	if dialog := page(t, b.Get(path, partial()...), http.StatusOK); dialog.Find("dialog[data-modal] input[name=confirmName]").Length() != 1 {
		t.Error("htmx gets no dialog that asks for the name")
	}
	doc := page(t, b.Post(path, form("confirmName", "north")), http.StatusUnprocessableEntity)
	if labelled(doc, "Name of the connection").AttrOr("value", "") != "north" || len(c.store.rows) != 1 {
		t.Error("a wrong name has deleted the connection, or is not shown again")
	}
	if a := b.Post(path, form("confirmName", "North ")); a.Status != http.StatusSeeOther || a.Header.Get("Location") != "/connections" || len(c.store.rows) != 0 {
		t.Errorf("answer %d to %q", a.Status, a.Header.Get("Location"))
	}
	if got := saying(page(t, b.Get("/connections"), http.StatusOK).Find("#toasts .toast-text")); got != "Deleted The connection 'North' has been deleted." {
		t.Errorf("the message reads %q", got)
	}
}

func TestUplinkKey_is_shown_to_who_asks(t *testing.T) {
	e := newEditing(t, nil)
	if a := e.Get(e.path); strings.Contains(a.Body, uplinkKey) || !strings.Contains(a.Body, "https://boardlink.example.com"+e.path+"/uplinks") {
		t.Error("the page shows the key, or not the address")
	}
	bothWays(t, func(t *testing.T, scripts bool) {
		var header []string
		if scripts {
			header = partial()
		}
		doc := page(t, e.Post(e.path+"/uplink-key", form("action", "show"), header...), http.StatusOK)
		if saying(doc.Find("#uplink-key")) != uplinkKey {
			t.Errorf("shown is %q", saying(doc.Find("#uplink-key")))
		}
	})
	doc := page(t, e.Post(e.path+"/uplink-key", form("action", "renew")), http.StatusOK)
	if got := saying(doc.Find("#uplink-key")); got == uplinkKey || got != e.store.rows[e.id].UplinkKey.Reveal() {
		t.Errorf("the new key is %q", got)
	}
	if a := e.Post(e.path+"/uplink-key", form("action", "steal")); a.Status != http.StatusUnprocessableEntity {
		t.Errorf("an unknown action: %d", a.Status)
	}
}

func TestSignIn(t *testing.T) {
	c := newConsole(t)
	t.Run("is asked for first, and leads on", func(t *testing.T) {
		b := c.Visitor()
		if a := b.Get("/connections/4339"); a.Status != http.StatusSeeOther || a.Header.Get("Location") != "/signin?next=%2Fconnections%2F4339" {
			t.Fatalf("answer %d to %q", a.Status, a.Header.Get("Location"))
		}
		doc := page(t, b.Get("/signin?next=%2Fconnections%2F4339"), http.StatusOK)
		if doc.Find("input[name=next]").AttrOr("value", "") != "/connections/4339" || labelled(doc, "E-mail").Length() != 1 || button(doc, "Sign in").Length() != 1 {
			t.Error("the form is incomplete")
		}
		a := b.Post("/signin", form("email", "alice@example.com", "password", "right password", "next", "/connections/4339"))
		if a.Status != http.StatusSeeOther || a.Header.Get("Location") != "/connections/4339" {
			t.Errorf("answer %d to %q", a.Status, a.Header.Get("Location"))
		}
	})
	t.Run("leads nowhere else", func(t *testing.T) {
		a := c.Visitor().Post("/signin", form("email", "alice@example.com", "password", "right password", "next", "https://evil.example.com/"))
		if a.Header.Get("Location") != "/" {
			t.Errorf("leads to %q", a.Header.Get("Location"))
		}
	})
	t.Run("refused keeps the e-mail and not the password", func(t *testing.T) {
		a := c.Visitor().Post("/signin", form("email", "alice@example.com", "password", "a-wrong-password"))
		doc := page(t, a, http.StatusUnprocessableEntity)
		if labelled(doc, "E-mail").AttrOr("value", "") != "alice@example.com" || strings.Contains(a.Body, "a-wrong-password") {
			t.Error("the e-mail is lost, or the password kept")
		}
		if !strings.Contains(saying(doc.Find("[role=alert]")), "The e-mail or the password is wrong.") {
			t.Errorf("the page says %q", text(doc))
		}
	})
	t.Run("ends with signing out", func(t *testing.T) {
		b := c.Operator(access.RoleViewer)
		if a := b.Post("/signout", nil); a.Header.Get("Location") != "/signin" {
			t.Errorf("leads to %q", a.Header.Get("Location"))
		}
		if a := b.Get("/"); a.Status != http.StatusSeeOther {
			t.Errorf("still signed in: %d", a.Status)
		}
	})
}

func TestSetUp(t *testing.T) {
	c := newConsole(t)
	b := c.Visitor()
	if a := b.Get("/setup?token=old"); a.Status != http.StatusForbidden || !strings.Contains(a.Body, "This link is not valid any more.") {
		t.Errorf("a link that was used: %d", a.Status)
	}
	doc := page(t, b.Get("/setup?token=good-token"), http.StatusOK)
	if saying(doc.Find("h1")) != "Set up Boardlink" || doc.Find("form").AttrOr("action", "") != "/setup?token=good-token" {
		t.Errorf("the form of %q goes to %q", saying(doc.Find("h1")), doc.Find("form").AttrOr("action", ""))
	}
	doc = page(t, b.Post("/setup?token=good-token", form("email", "alice@example.com", "password", "short")), http.StatusUnprocessableEntity)
	if !strings.Contains(saying(doc.Find("#password-error")), "at least 8 characters") || labelled(doc, "E-mail").AttrOr("value", "") != "alice@example.com" {
		t.Errorf("the page says %q", text(doc))
	}
	if a := b.Post("/setup?token=good-token", form("email", "alice@example.com", "password", "long enough")); a.Status != http.StatusSeeOther || a.Header.Get("Location") != "/" {
		t.Errorf("answer %d to %q", a.Status, a.Header.Get("Location"))
	}
	c.people.reset = true
	doc = page(t, c.Visitor().Get("/setup?token=good-token"), http.StatusOK)
	if saying(doc.Find("h1")) != "Set a new password" || labelled(doc, "E-mail").AttrOr("value", "") != "alice@example.com" {
		t.Error("a reset link looks like a first start")
	}
}

func TestWhatIsNotThere(t *testing.T) {
	c := newConsole(t)
	b := c.Operator(access.RoleOperator)
	for _, path := range []string{"/connections/1", "/connections/0x1", "/connections/1/edit/hostName", "/connections/1/delete", "/nowhere"} {
		doc := page(t, b.Get(path), http.StatusNotFound)
		if saying(doc.Find("h1")) != "Page not found" || doc.Find("main a").Length() == 0 {
			t.Errorf("%s: the page says %q", path, text(doc))
		}
	}
	c.store.broken = errors.New("disk on fire: " + canaryPassword)
	doc := page(t, b.Get("/connections"), http.StatusInternalServerError)
	if said := text(doc); strings.Contains(said, "disk") || !strings.Contains(said, "Something went wrong") {
		t.Errorf("the page says %q", said)
	}
}

func TestViewers_only_look(t *testing.T) {
	c := newConsole(t)
	id := c.add("North", opened(), nil).String()
	b := c.Operator(access.RoleViewer)
	for _, try := range []func() webtest.Answer{
		func() webtest.Answer { return b.Get("/connections/new") },
		func() webtest.Answer { return b.Post("/connections", form("name", "x")) },
		func() webtest.Answer { return b.Get("/connections/" + id + "/edit/name") },
		func() webtest.Answer { return b.Post("/connections/"+id+"/edit/name", form("name", "x", "step", "go")) },
		func() webtest.Answer { return b.Post("/connections/"+id+"/state", form("action", "deactivate")) },
		func() webtest.Answer { return b.Post("/connections/"+id+"/uplink-key", form("action", "show")) },
		func() webtest.Answer { return b.Post("/connections/"+id+"/delete", form("confirmName", "North")) },
	} {
		if a := try(); a.Status != http.StatusForbidden {
			t.Errorf("answer %d", a.Status)
		}
	}
}
