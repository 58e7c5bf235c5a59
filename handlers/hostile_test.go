package handlers_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"boardlink/access"
	"boardlink/connection"

	"golang.org/x/net/html"
)

// hostile are texts that a peer could send to make nodes or attributes of its own in a page.
var hostile = []string{
	`<img src=x onerror=alert(1)>`,
	`"><script>alert(1)</script>`,
	`' onmouseover='alert(1)' x='`,
	`</td></tr></table></main><h1>Sign in again</h1>`,
	`</textarea></pre></title></style></script><svg/onload=alert(1)>`,
	`javascript:alert(1)`,
	`{{constructor.constructor('alert(1)')()}} ${alert(1)} <%= 1 %>`,
	"<scr\x00ipt>alert(1)</scr\x00ipt>",
	`&lt;script&gt;alert(1)&lt;/script&gt;&#60;b&#62;`,
	`<!-- --!> <![CDATA[ ]]> <?php ?>`,
	`hx-get="/x" data-hx-on:load="alert(1)"`,
	"\u202e<b>\u2066dlog\u2069</b>",
}

// skeleton lists the elements of a page with their attributes' names, and where links and forms lead.
func skeleton(t *testing.T, body string) (all []string) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for n := range doc.Descendants() {
		if n.Type == html.CommentNode {
			all = append(all, "<!---->")
		}
		if n.Type != html.ElementNode {
			continue
		}
		names := make([]string, 0, len(n.Attr))
		for _, a := range n.Attr {
			names = append(names, a.Key)
			if strings.HasPrefix(strings.ToLower(strings.TrimSpace(a.Val)), "javascript:") && (a.Key == "href" || a.Key == "src" || a.Key == "action") {
				t.Errorf("a link leads to %s", a.Val)
			}
		}
		slices.Sort(names)
		all = append(all, n.Data+" "+strings.Join(names, " "))
	}
	return all
}

// saidBy is every page that shows what peers said, where a peer said text wherever it can.
func saidBy(t *testing.T, text string) map[string]string {
	t.Helper()
	c := newConsole(t)
	status := opened()
	status.State, status.ReasonCode, status.Parked = connection.Closed, connection.ReasonServerError, 2
	said := connection.Clean(text) // as every way in cleans it
	status.Reason, status.Hint, status.Owner = "ThingsBoard said: "+said, said, said
	id := c.add("North", status, func(row *connection.Connection) { row.Name, row.Configuration.Description = said, said })
	c.store.devices = []connection.Device{{ConnectionID: id, DevEUI: pump, Name: said, LastUplinkAt: now, Uplinks: 1}}
	encoded, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	c.store.shared = []connection.SharedAttribute{{ConnectionID: id, DevEUI: pump, Key: text, Value: encoded, UpdatedAt: now}, {ConnectionID: id, DevEUI: pump, Key: "object", Value: []byte(`{"a":` + string(encoded) + `}`), UpdatedAt: now}}
	c.store.commands = []connection.Command{{ID: 1, ConnectionID: id, DevEUI: pump, FPort: 1, CorrelationID: "0102030405060708", State: connection.CommandRefused, Sentence: said, CameAt: now}}
	c.store.parked.Add(id, connection.ParkedEvent{
		ID: parkedID(1), DevEUI: pump, Kind: "DevEUI_uplink", ReceivedAt: now, ParkedAt: now, Attempts: 3, ReasonCode: connection.ReasonRefused, Reason: said,
		Document: []byte(`{"DevEUI_uplink":{"note":` + string(encoded) + `}}`),
	})
	c.store.parked.Add(id, connection.ParkedEvent{ // one that cannot be read, as a damaged file gives it
		ID: parkedID(2), DevEUI: pump, Kind: "DevEUI_uplink", ReceivedAt: now, ParkedAt: now, Attempts: 1, ReasonCode: connection.ReasonBadPayload, Reason: said, Document: []byte(text),
	})
	if err := c.store.Tell(t.Context(), connection.Event{Time: now, Level: connection.LevelError, Kind: connection.KindUplink, Actor: said, ConnectionID: id, DevEUI: pump, Message: said}); err != nil {
		t.Fatal(err)
	}
	b := c.Operator(access.RoleAdmin)
	pages := map[string]string{}
	for _, path := range []string{"/", "/connections", "/connections/ID", "/connections/ID/devices", "/connections/ID/devices/" + pump, "/connections/ID/parked", "/connections/ID/delete",
		"/connections/ID/edit/name", "/events", "/events?connectionId=ID"} {
		got := b.Get(strings.ReplaceAll(path, "ID", id.String()))
		if got.Status != http.StatusOK {
			t.Fatalf("%s: %d", path, got.Status)
		}
		pages[path] = got.Body
	}
	return pages
}

// Whatever a peer calls its devices, or says when it refuses, the pages have the same elements as ever.
func TestPages_show_what_peers_say_as_text(t *testing.T) {
	benign := map[string][]string{}
	for path, body := range saidBy(t, "Cold room") {
		benign[path] = skeleton(t, body)
		if !strings.Contains(body, "Cold room") {
			t.Errorf("%s shows nothing of it", path)
		}
	}
	for _, text := range hostile {
		for path, body := range saidBy(t, text) {
			if got := skeleton(t, body); !slices.Equal(got, benign[path]) {
				t.Errorf("%s with %q: %s", path, text, difference(benign[path], got))
			}
			if strings.ContainsAny(body, "\u202a\u202b\u202d\u202e\u2066\u2067\x00\x1b") {
				t.Errorf("%s with %q: a control character came through", path, text)
			}
		}
	}
}

// difference tells where two pages part.
func difference(want, got []string) string {
	for i := range min(len(want), len(got)) {
		if want[i] != got[i] {
			return "<" + got[i] + "> instead of <" + want[i] + ">"
		}
	}
	return "another number of elements"
}
