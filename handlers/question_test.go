package handlers_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"boardlink/connection"

	"github.com/PuerkitoBio/goquery"
)

// facts reads a list of facts as "label: value".
func facts(dl *goquery.Selection) (list []string) {
	for _, row := range dl.Find("div").EachIter() {
		list = append(list, saying(row.Find("dt"))+": "+saying(row.Find("dd")))
	}
	return list
}

// restarted writes down that the link was restarted so long ago, and how long that took.
func (c *console) restarted(id connection.ID, ago, took time.Duration) {
	at := now.Add(-ago)
	c.store.tell(connection.Event{Time: at, Level: connection.LevelInfo, Kind: connection.KindState, Actor: connection.System, ConnectionID: id, Message: connection.ToldClosing + "alice@example.com asked for a restart."})
	c.store.tell(connection.Event{Time: at.Add(took), Level: connection.LevelInfo, Kind: connection.KindState, Actor: connection.System, ConnectionID: id, Message: connection.ToldOpened + "connected to ThingsBoard."})
}

func TestQuestion_states_the_facts(t *testing.T) {
	for name, tc := range map[string]struct {
		prepare func(e editing)
		field   string
		value   string
		want    []string
	}{
		"never restarted, nothing waits": {func(editing) {}, "username", "other@example.com", []string{
			"Username now: tenant@example.com", "Username then: other@example.com",
			"Link: It restarts at once. How long that takes is not known: it was not restarted lately.",
			"Waiting: Nothing. Uplinks that come in meanwhile wait in the queue; none is lost."}},
		"restarted before, events wait": {func(e editing) {
			for i, took := range []time.Duration{4 * time.Second, 2 * time.Second, 3 * time.Second} {
				e.restarted(e.id, time.Duration(30-i)*time.Minute, took)
			}
			s := opened()
			s.Backlog = 1284
			e.store.statuses[e.id] = s
		}, "hostName", "tb2.example.com:443", []string{
			"Domain Name now: thingsboard.example.com:443", "Domain Name then: tb2.example.com:443",
			"Link: It restarts at once. Lately that took 3 seconds, the middle one of its last 3 restarts.",
			"Waiting: 1,284 events in the queue; none is lost by a restart."}},
		"nothing changes": {func(editing) {}, "username", "tenant@example.com", []string{
			"Username now: tenant@example.com", "Username then: tenant@example.com", "Link: It goes on: nothing changes for it.",
			"Waiting: Nothing. Uplinks that come in meanwhile wait in the queue; none is lost."}},
		"a secret is not shown": {func(e editing) { e.restarted(e.id, time.Minute, time.Second) }, "password", "typed-secret", []string{
			"Password: The new password replaces the stored one. Neither is shown.",
			"Link: It restarts at once. The last time that took 1 second.",
			"Waiting: Nothing. Uplinks that come in meanwhile wait in the queue; none is lost."}},
	} {
		t.Run(name, func(t *testing.T) {
			bothWays(t, func(t *testing.T, scripts bool) {
				e := newEditing(t, nil)
				tc.prepare(e)
				doc := page(t, e.send(scripts, tc.field, form("version", "1", "step", "ask", tc.field, tc.value)), http.StatusOK)
				if got := facts(doc.Find("dialog .facts")); strings.Join(got, "\n") != strings.Join(tc.want, "\n") {
					t.Errorf("the facts are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tc.want, "\n"))
				}
			})
		})
	}
	e := newEditing(t, func(c *connection.Connection) { c.Active = false })
	doc := page(t, e.send(true, "username", form("version", "1", "step", "ask", "username", "other@example.com")), http.StatusOK)
	if got := facts(doc.Find("dialog .facts")); len(got) != 4 || got[2] != "Link: It is deactivated; the change counts when it is activated." {
		t.Errorf("deactivated, the facts are %q", got)
	}
}

func TestClash_names_who_was_quicker(t *testing.T) {
	e := newEditing(t, nil)
	row := e.store.rows[e.id]
	row.Configuration.Username, row.Version = "theirs@example.com", 2
	e.store.rows[e.id] = row
	e.store.tell(connection.Event{Time: now.Add(-40 * time.Second), Level: connection.LevelInfo, Kind: connection.KindUpdated, Actor: "bob@example.com", ConnectionID: e.id,
		Message: "Username changed from tenant@example.com to theirs@example.com."})
	doc := page(t, e.send(true, "username", form("version", "1", "step", "ask", "username", "mine@example.com")), http.StatusConflict)
	if said := saying(doc.Find(".clash")); !strings.Contains(said, "bob@example.com, 40 seconds ago : Username changed from tenant@example.com to theirs@example.com.") &&
		!strings.Contains(said, "bob@example.com, 40 seconds ago: Username changed from tenant@example.com to theirs@example.com.") {
		t.Errorf("the panel says %q", said)
	}
}
