package handlers_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"boardlink/access"
	"boardlink/connection"

	"github.com/PuerkitoBio/goquery"
)

const pump = "20635F0108000E09"

// withDevices is a console with a connection that has n devices besides the pump.
func withDevices(t testing.TB, n int) (*console, connection.ID) {
	t.Helper()
	c := newConsole(t)
	id := c.add("North", opened(), nil)
	c.store.devices = append(c.store.devices, connection.Device{ConnectionID: id, DevEUI: pump, Name: "Pump <1>", LastUplinkAt: now.Add(-time.Minute), Uplinks: 1265, Downlinks: 9})
	for i := range n {
		c.store.devices = append(c.store.devices, connection.Device{ConnectionID: id, DevEUI: fmt.Sprintf("30635F01080%05X", i)})
	}
	return c, id
}

// cells is what the cells of a row say.
func cells(row *goquery.Selection) string {
	var said []string
	for _, cell := range row.Children().EachIter() {
		said = append(said, saying(cell))
	}
	return strings.Join(said, "|")
}

func TestDevicesPage(t *testing.T) {
	c, id := withDevices(t, 60)
	b := c.Operator(access.RoleViewer)
	path := "/connections/" + id.String() + "/devices"
	t.Run("shows name, DevEUI, last uplink and counts", func(t *testing.T) {
		doc := page(t, b.Get(path), http.StatusOK)
		assertDocument(t, doc)
		rows := doc.Find("tbody tr")
		if got := cells(rows.First()); rows.Length() != 50 || got != "Pump <1>|20635F0108000E09|1 minute ago|1,265|9" {
			t.Errorf("%d rows, the first says %q", rows.Length(), got)
		}
		if got := cells(rows.Eq(1)); got != "No name|30635F0108000000|-never|0|0" {
			t.Errorf("a device without a name says %q", got)
		}
		for i, want := range []string{pump, "30635F0108000000"} {
			if a := rows.Eq(i).Find("a"); a.Length() != 1 || a.AttrOr("href", "") != path+"/"+want {
				t.Errorf("row %d leads to %q", i, a.AttrOr("href", ""))
			}
		}
	})
	t.Run("is paged and searched by its address", func(t *testing.T) {
		next := page(t, b.Get(path), http.StatusOK).Find(".pager a").AttrOr("href", "")
		doc := page(t, b.Get(next), http.StatusOK)
		if n := doc.Find("tbody tr").Length(); n != 11 || saying(doc.Find(".pager")) != "First page" {
			t.Errorf("the second page has %d rows", n)
		}
		doc = page(t, b.Get(path+"?q=pump"), http.StatusOK)
		if n := doc.Find("tbody tr").Length(); n != 1 || doc.Find("#q").AttrOr("value", "") != "pump" {
			t.Errorf("the search finds %d rows", n)
		}
		if doc = page(t, b.Get(path+"?q=zzz"), http.StatusOK); !strings.Contains(text(doc), "No device matches") || doc.Find(`a[href="`+path+`"]`).Length() == 0 {
			t.Errorf("the page says %q", text(doc))
		}
		if doc = page(t, b.Get(path+"?after=FFFFFFFFFFFFFFFF"), http.StatusOK); !strings.Contains(text(doc), "This page is behind the last one.") {
			t.Errorf("behind the last page: %q", text(doc))
		}
		page(t, b.Get(path+"?after=junk"), http.StatusOK)
	})
	t.Run("with none says when there will be some", func(t *testing.T) {
		empty := newConsole(t)
		id := empty.add("North", opened(), nil).String()
		doc := page(t, empty.Operator(access.RoleViewer).Get("/connections/"+id+"/devices"), http.StatusOK)
		if !strings.Contains(text(doc), "No devices yet") || doc.Find("#q").Length() != 0 || doc.Find(`a[href="/connections/`+id+`#uplinks"]`).Length() != 1 {
			t.Errorf("the page says %q", text(doc))
		}
	})
	t.Run("is linked from the connection", func(t *testing.T) {
		if n := page(t, b.Get("/connections/"+id.String()), http.StatusOK).Find(`a[href="` + path + `"]`).Length(); n != 1 {
			t.Errorf("%d links", n)
		}
	})
}

func TestDevicePage_shows_what_is_known(t *testing.T) {
	c, id := withDevices(t, 0)
	c.store.shared = []connection.SharedAttribute{
		{ConnectionID: id, DevEUI: pump, Key: "interval\x00\u202e", Value: json.RawMessage(`600`), UpdatedAt: now.Add(-time.Hour)},
		{ConnectionID: id, DevEUI: pump, Key: "note", Value: json.RawMessage(`"\u003cb>\"x\"</b>\u202e"`), UpdatedAt: now.Add(-2 * time.Hour)},
		{ConnectionID: id, DevEUI: pump, Key: "empty", Value: json.RawMessage(`null`), UpdatedAt: now},
		{ConnectionID: id, DevEUI: pump, Key: "table", Value: json.RawMessage(`{"a":[1]}`), UpdatedAt: now},
		{ConnectionID: id, DevEUI: "AAAAAAAAAAAAAAAA", Key: "other", Value: json.RawMessage(`1`), UpdatedAt: now},
	}
	c.store.commands = []connection.Command{
		{ID: 2, ConnectionID: id, DevEUI: pump, FPort: 2, State: connection.CommandMissed, Sentence: "Slot 1: no gateway was connected.", CameAt: now.Add(-time.Minute), SettledAt: now.Add(-30 * time.Second)},
		{ID: 1, ConnectionID: id, DevEUI: pump, FPort: 3, Actor: "ann@example.com", State: connection.CommandSending, CameAt: now.Add(-2 * time.Minute)},
	}
	c.store.tell(connection.Event{Time: now, Level: connection.LevelWarning, Kind: connection.KindUplink, ConnectionID: id, DevEUI: pump, Message: "An uplink was skipped."})
	b := c.Operator(access.RoleViewer)
	path := "/connections/" + id.String() + "/devices/" + pump
	a := b.Get(path)
	doc := page(t, a, http.StatusOK)
	assertDocument(t, doc)
	if saying(doc.Find("h1")) != "Pump <1>" || doc.Find("title").Text() != "Pump <1> · Boardlink" {
		t.Errorf("the page is called %q", saying(doc.Find("h1")))
	}
	for selector, want := range map[string][]string{
		"#device-facts":      {"Uplinks", "1,265", pump, "1 minute ago"},
		"#device-attributes": {"interval", "600", "1 hour ago", "\"<b>\"x\"</b>\uFFFD\"", "2 hours ago", "empty", "null", `{ "a": [ 1 ] }`},
		"#device-commands":   {"not sent over the air", "Slot 1: no gateway was connected.", "Port 2, asked for 1 minute ago", "sending", "Port 3, asked for 2 minutes ago by ann@example.com"},
		"#device-events":     {"An uplink was skipped."},
	} {
		said := saying(doc.Find(selector))
		for _, w := range want {
			if !strings.Contains(said, w) {
				t.Errorf("%s says %q, without %q", selector, said, w)
			}
		}
	}
	if strings.ContainsAny(a.Body, "\x00\u202e") || strings.Contains(a.Body, "<b>") || strings.Contains(saying(doc.Find("main")), "other") {
		t.Error("a peer's text disturbs the page, or another device's attribute is shown")
	}
	if got := doc.Find("#device-events .card-head a").AttrOr("href", ""); got != "/events?connectionId="+id.String()+"&devEUI="+pump {
		t.Errorf("all events are at %q", got)
	}
	if n := page(t, b.Get("/events?devEUI="+strings.ToLower(pump)), http.StatusOK).Find(".event").Length(); n != 1 {
		t.Errorf("the log shows %d events of the device", n)
	}
	if lower := b.Get("/connections/" + id.String() + "/devices/" + strings.ToLower(pump)); lower.Status != http.StatusOK {
		t.Errorf("in lower case: %d", lower.Status)
	}
}

func TestDevicePage_of_what_only_ThingsBoard_knows(t *testing.T) {
	c, id := withDevices(t, 0)
	const known = "AAAAAAAAAAAAAAAA"
	c.store.shared = []connection.SharedAttribute{{ConnectionID: id, DevEUI: known, Key: "interval", Value: json.RawMessage(`{"a":1}`), UpdatedAt: now}}
	b := c.Operator(access.RoleViewer)
	doc := page(t, b.Get("/connections/"+id.String()+"/devices/"+known), http.StatusOK)
	if saying(doc.Find("h1")) != known || !strings.Contains(saying(doc.Find("#device-attributes")), "interval") || !strings.Contains(saying(doc.Find("#device-facts")), "never") {
		t.Errorf("the page says %q", saying(doc.Find("main")))
	}
	for _, path := range []string{"/devices/BBBBBBBBBBBBBBBB", "/devices/junk", "/devices/" + known + "?part=nonsense"} {
		page(t, b.Get("/connections/"+id.String()+path), http.StatusNotFound)
	}
	page(t, b.Get("/connections/9/devices"), http.StatusNotFound)
	page(t, b.Get("/connections/9/devices/"+known), http.StatusNotFound)
}

func TestPartsOfNewPages_are_fragments_with_the_same_id(t *testing.T) {
	p := newParking(t, 3, connection.Opened)
	p.store.devices = []connection.Device{{ConnectionID: p.id, DevEUI: pump}}
	for _, path := range []string{p.path, "/connections/4339/devices", "/connections/4339/devices/" + pump} {
		parts := page(t, p.Get(path), http.StatusOK).Find("[data-live]")
		if parts.Length() == 0 {
			t.Errorf("%s has no live part", path)
		}
		parts.Each(func(_ int, node *goquery.Selection) {
			id, address := node.AttrOr("id", ""), node.AttrOr("data-live-url", "")
			if node.Find("input:not([type=hidden]), textarea, select").Length() > 0 {
				t.Errorf("%s: the live part %s holds something to fill in", path, id)
			}
			part := page(t, p.Get(address, "HX-Request", "true", "X-Boardlink-Live", "1"), http.StatusOK)
			if part.Find("nav[aria-label=Main]").Length() != 0 || part.Find("body > #"+id).Length() != 1 {
				t.Errorf("%s: %s is no fragment with the id %s", path, address, id)
			}
		})
	}
}

func TestDevicePage_shows_what_ThingsBoard_has_of_the_device(t *testing.T) {
	c, id := withDevices(t, 0)
	b := c.Operator(access.RoleViewer)
	path := "/connections/" + id.String() + "/devices/" + pump
	card := func() *goquery.Selection {
		t.Helper()
		doc := page(t, b.Get(path), http.StatusOK)
		assertDocument(t, doc)
		return doc.Find("#device-telemetry")
	}
	if got := saying(card()); !strings.Contains(got, "Nothing of this device has been delivered yet.") {
		t.Errorf("before anything was delivered: %q", got)
	}
	c.store.telemetry = []connection.LastTelemetry{{ConnectionID: id, DevEUI: pump, TS: now.Add(-time.Hour), SentAt: now.Add(-time.Minute), Size: 60,
		Document: json.RawMessage(`{"temperature":24.8,"<b>":"<i>","nested":{"a":[1]}}`)}}
	got := saying(card())
	for _, want := range []string{"temperature24.8", `<b>"<i>"nested{ "a": [ 1 ] }`, "acknowledged it 1 minute ago"} {
		if !strings.Contains(got, want) {
			t.Errorf("the card does not say %s: %q", want, got)
		}
	}
	c.store.telemetry[0].Document, c.store.telemetry[0].Size = nil, 61440
	if got := saying(card()); !strings.Contains(got, "too long to be shown here: 61,440 bytes.") {
		t.Errorf("of a long document: %q", got)
	}
	if fragment := b.Get(path + "?part=telemetry"); fragment.Status != http.StatusOK {
		t.Errorf("the live part answers %d", fragment.Status)
	}
}
