package handlers_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"boardlink/access"
	"boardlink/connection"
	"boardlink/web/webtest"

	"github.com/PuerkitoBio/goquery"
)

// parking is a browser at a connection with parked events.
type parking struct {
	*console
	*webtest.Browser
	id   connection.ID
	path string
}

// newParking parks n events, every third of them as too large.
func newParking(t testing.TB, n int, s connection.State) *parking {
	t.Helper()
	c := newConsole(t)
	status := opened()
	status.State, status.Parked = s, int64(n)
	p := &parking{console: c, Browser: c.Operator(access.RoleOperator)}
	p.id = c.add("North", status, nil)
	p.path = "/connections/" + p.id.String() + "/parked"
	for i := range n {
		e := connection.ParkedEvent{
			ID: parkedID(i), DevEUI: fmt.Sprintf("20635F0108%06X", i), Kind: "DevEUI_uplink", ReceivedAt: now.Add(-time.Hour), ParkedAt: now.Add(-time.Minute),
			Attempts: 3, ReasonCode: connection.ReasonBadPayload, Reason: "ThingsBoard said: <no> & never.",
			Document: fmt.Appendf(nil, `{"DevEUI_uplink":{"FCntUp":%d,"note":"<script>alert(1)</script>"}}`, i),
		}
		if i%3 == 2 {
			e.ReasonCode, e.Reason, e.Attempts = connection.ReasonTooLarge, "The event is larger than ThingsBoard takes over MQTT.", 1
		}
		c.store.parked.Add(p.id, e)
	}
	return p
}

func parkedID(i int) int64 { return 4339<<40 + int64(i) + 1 }

func idText(i int) string { return fmt.Sprint(parkedID(i)) }

// settled lets the link's status follow what was done.
func (p *parking) settled() {
	s := p.store.statuses[p.id]
	s.Parked = p.store.parked.Count(p.id)
	p.store.statuses[p.id] = s
}

func TestParkedPage_says_what_why_and_what_can_be_done(t *testing.T) {
	p := newParking(t, 4, connection.Opened)
	a := p.Get(p.path)
	doc := page(t, a, http.StatusOK)
	assertDocument(t, doc)
	if got := saying(doc.Find("#parked-count")); got != "4 events that ThingsBoard would not take. Nothing happens to them until somebody decides." {
		t.Errorf("the head says %q", got)
	}
	var reasons []string
	for _, li := range doc.Find(".case").EachIter() {
		reasons = append(reasons, saying(li))
	}
	for i, want := range []string{"ThingsBoard refused the content of the event.Look at the document", "The event is larger than ThingsBoard takes over MQTT.Send less", "All 4 events"} {
		if len(reasons) != 3 || !strings.HasPrefix(reasons[i], want) {
			t.Errorf("reason %d is told as %q", i, reasons)
		}
	}
	rows := doc.Find(".parked-event")
	if rows.Length() != 4 {
		t.Fatalf("%d events", rows.Length())
	}
	first := saying(rows.First())
	for _, want := range []string{"20635F0108000000 DevEUI_uplink", "ThingsBoard said: <no> & never.", "Received 1 hour ago, parked 1 minute ago, tried 3 times", `"FCntUp": 0`} {
		if !strings.Contains(first, want) {
			t.Errorf("the first event says %q, without %q", first, want)
		}
	}
	if strings.Contains(a.Body, "<script>alert") || strings.Contains(a.Body, "<no>") {
		t.Error("a document or a reason of a peer's is not escaped")
	}
	if got := rows.First().Find("a").AttrOr("href", ""); got != "/connections/4339/devices/20635F0108000000" {
		t.Errorf("the device leads to %q", got)
	}
	for _, name := range []string{"Retry selected", "Drop selected", "Retry all", "Drop all"} {
		if button(doc, name).Length() != 1 {
			t.Errorf("%d buttons %q", button(doc, name).Length(), name)
		}
	}
	if doc.Find("form[action]").FilterFunction(func(_ int, f *goquery.Selection) bool { return strings.HasPrefix(f.AttrOr("action", ""), p.path) }).Length() < 4 {
		t.Error("there are no real forms")
	}
}

func TestParkedPage_with_nothing_parked(t *testing.T) {
	p := newParking(t, 0, connection.Opened)
	doc := page(t, p.Get(p.path), http.StatusOK)
	if !strings.Contains(saying(doc.Find("#parked")), "Nothing is parked") || saying(doc.Find("#parked-count")) != "" || doc.Find("#parked button").Length() != 0 {
		t.Errorf("the page says %q", saying(doc.Find("main")))
	}
}

func TestParkedPage_with_one_reason_asks_about_all_only(t *testing.T) {
	p := newParking(t, 2, connection.Opened)
	doc := page(t, p.Get(p.path), http.StatusOK)
	if doc.Find(".case").Length() != 1 || doc.Find("input[name=because]").Length() != 0 || button(doc, "Drop all").Length() != 1 {
		t.Errorf("the reasons say %q", saying(doc.Find(".cases")))
	}
}

func TestParkedPage_is_paged_and_filtered_by_its_address(t *testing.T) {
	p := newParking(t, 120, connection.Opened)
	rows := func(doc *goquery.Document) []string {
		var ids []string
		for _, box := range doc.Find("input[name=id]").EachIter() {
			ids = append(ids, box.AttrOr("value", ""))
		}
		return ids
	}
	link := func(doc *goquery.Document, label string) string {
		return doc.Find("a").FilterFunction(func(_ int, a *goquery.Selection) bool { return strings.HasPrefix(saying(a), label) }).First().AttrOr("href", "")
	}
	doc := page(t, p.Get(p.path), http.StatusOK)
	if got := rows(doc); len(got) != 50 || got[0] != idText(0) || link(doc, "First page") != "" {
		t.Fatalf("the first page holds %d events", len(got))
	}
	doc = page(t, p.Get(link(doc, "Next page")), http.StatusOK)
	if got := rows(doc); len(got) != 50 || got[0] != idText(50) || link(doc, "First page") != p.path {
		t.Fatalf("the second page holds %d events from %s on", len(got), got[0])
	}
	doc = page(t, p.Get(link(doc, "Next page")), http.StatusOK)
	if got := rows(doc); len(got) != 20 || link(doc, "Next page") != "" {
		t.Errorf("the last page holds %d events", len(got))
	}
	doc = page(t, p.Get(p.path), http.StatusOK)
	few := link(doc, "Show only these")
	if doc = page(t, p.Get(few), http.StatusOK); len(rows(doc)) != 50 || !strings.Contains(few, "reason=payload_refused") {
		t.Errorf("%s holds %d events", few, len(rows(doc)))
	}
	doc = page(t, p.Get(p.path+"?reason=too_large"), http.StatusOK)
	if got := rows(doc); len(got) != 40 || got[0] != idText(2) || link(doc, "Show all reasons") != p.path || link(doc, "Next page") != "" {
		t.Errorf("of one reason there are %d events", len(got))
	}
	if got := rows(page(t, p.Get(p.path+"?after=99999999999999999"), http.StatusOK)); len(got) != 50 {
		t.Errorf("behind the end there are %d events", len(got))
	}
	for _, query := range []string{"?after=x&reason=%00", "?after=-1", "?reason=nothing"} {
		page(t, p.Get(p.path+query), http.StatusOK)
	}
}

func TestParkedCount_tells_when_the_list_is_old(t *testing.T) {
	p := newParking(t, 2, connection.Closed)
	live := page(t, p.Get(p.path), http.StatusOK).Find("#parked-count").AttrOr("data-live-url", "")
	if got := saying(page(t, p.Get(live, partial()...), http.StatusOK).Find("body > #parked-count")); strings.Contains(got, "has changed") || !strings.Contains(got, "The link is CLOSED: what is put back waits") {
		t.Errorf("the head says %q", got)
	}
	s := p.store.statuses[p.id]
	s.Parked = 3
	p.store.statuses[p.id] = s
	if got := saying(page(t, p.Get(live, partial()...), http.StatusOK).Find("#parked-count")); !strings.HasPrefix(got, "3 events") || !strings.Contains(got, "The list below has changed meanwhile. Show it as it is now") {
		t.Errorf("the head says %q", got)
	}
}

func TestParked_retry(t *testing.T) {
	for name, test := range map[string]struct {
		form []string
		want []int64
	}{
		"some":     {[]string{"id", idText(1)}, []int64{parkedID(1)}},
		"a reason": {[]string{"because", "too_large"}, []int64{parkedID(2)}},
		"all":      {[]string{"all", "true"}, []int64{parkedID(0), parkedID(1), parkedID(2), parkedID(3)}},
	} {
		t.Run(name, func(t *testing.T) {
			bothWays(t, func(t *testing.T, scripts bool) {
				p := newParking(t, 4, connection.Opened)
				form := form(append(test.form, "action", "retry")...)
				title := fmt.Sprintf("%d events put back They go out before the younger events of their devices.", len(test.want))
				if len(test.want) == 1 {
					title = "1 event put back It goes out before the younger events of its device."
				}
				var doc *goquery.Document
				if scripts {
					doc = page(t, p.Post(p.path, form, partial()...), http.StatusOK)
					if doc.Find("nav[aria-label=Main]").Length() != 0 || doc.Find("#parked-count[hx-swap-oob]").Length() != 1 {
						t.Error("the answer is no fragment with the count beside it")
					}
					if _, focus := doc.Find("#parked").Attr("autofocus"); !focus {
						t.Error("the focus is lost")
					}
				} else {
					a := p.Post(p.path, form)
					if a.Status != http.StatusSeeOther || a.Header.Get("Location") != p.path+"#parked" {
						t.Fatalf("answer %d to %q", a.Status, a.Header.Get("Location"))
					}
					doc = page(t, p.Get(p.path), http.StatusOK)
				}
				if got := saying(doc.Find("#toasts .toast-text")); got != title {
					t.Errorf("the message reads %q", got)
				}
				if n := doc.Find(".parked-event").Length(); n != 4-len(test.want) {
					t.Errorf("%d events are shown", n)
				}
				if got := p.store.parked.Retried(); !slices.Equal(got, test.want) {
					t.Errorf("retried %v", got)
				}
				if e := p.store.events[0]; e.Actor != p.Who.Name || !strings.HasSuffix(e.Message, "put back into the queue.") {
					t.Errorf("told %+v", e)
				}
			})
		})
	}
	p := newParking(t, 1, connection.Closed)
	if got := saying(page(t, p.Post(p.path, form("action", "retry", "all", "true"), partial()...), http.StatusOK).Find("#toasts .toast-text")); got != "1 event put back It waits until the link is open again." {
		t.Errorf("while the link is closed the message reads %q", got)
	}
	if got := saying(page(t, p.Post(p.path, form("action", "retry", "id", idText(0)), partial()...), http.StatusOK).Find("#toasts .toast-text")); got != "0 events put back They were put back or dropped before." {
		t.Errorf("for what has gone the message reads %q", got)
	}
}

func TestParked_drop_asks_first(t *testing.T) {
	bothWays(t, func(t *testing.T, scripts bool) {
		p := newParking(t, 4, connection.Opened)
		var header []string
		if scripts {
			header = partial()
		}
		values := form("action", "drop", "id", idText(0))
		values.Add("id", idText(3))
		a := p.Post(p.path, values, header...)
		asked := page(t, a, http.StatusOK)
		dialog := asked.Find("dialog")
		said := saying(dialog)
		if !strings.HasPrefix(said, "Drop 2 parked events?") || !strings.Contains(said, "This cannot be undone.") {
			t.Errorf("the question reads %q", said)
		}
		if len(p.store.parked.Dropped()) != 0 {
			t.Fatal("dropped before anybody said yes")
		}
		if _, focus := button(asked, "Cancel").Attr("autofocus"); !focus || button(asked, "Drop 2 events").Length() != 1 {
			t.Error("the focus is not on Cancel, or nothing drops")
		}
		if scripts {
			if a.Header.Get("HX-Retarget") != "#parked-question" || dialog.Is("[open]") || !dialog.Is("[data-modal]") {
				t.Error("the fragment is no modal dialog")
			}
		} else {
			assertDocument(t, asked)
			if !dialog.Is("[open]") || asked.Find("div[inert]").Length() != 1 {
				t.Error("the page behind the question is not inert")
			}
			back := page(t, p.Post(p.path, answer(dialog, "back")), http.StatusOK)
			if n := back.Find("input[name=id][checked]").Length(); n != 2 || back.Find("dialog").Length() != 0 {
				t.Errorf("after Cancel %d events are selected", n)
			}
		}
		a = p.Post(p.path, answer(dialog, "go"), header...)
		if !scripts {
			if a.Status != http.StatusSeeOther || a.Header.Get("Location") != p.path+"#parked" {
				t.Fatalf("answer %d to %q", a.Status, a.Header.Get("Location"))
			}
			a = p.Get(p.path)
		}
		doc := page(t, a, http.StatusOK)
		if got := saying(doc.Find("#toasts .toast-text")); got != "2 events dropped" {
			t.Errorf("the message reads %q", got)
		}
		if got := p.store.parked.Dropped(); !slices.Equal(got, []int64{parkedID(0), parkedID(3)}) || doc.Find(".parked-event").Length() != 2 {
			t.Errorf("dropped %v", got)
		}
		if e := p.store.events[0]; e.Message != `2 parked events of the connection "North" were dropped.` || e.Level != connection.LevelWarning || e.Actor != p.Who.Name {
			t.Errorf("told %+v", e)
		}
	})
}

// answer is what the browser sends when a button of the question is pressed.
func answer(dialog *goquery.Selection, step string) map[string][]string {
	values := form("step", step)
	for _, in := range dialog.Find("input").EachIter() {
		values.Add(in.AttrOr("name", ""), in.AttrOr("value", ""))
	}
	return values
}

func TestParked_drop_asks_again_when_there_are_more_meanwhile(t *testing.T) {
	p := newParking(t, 4, connection.Opened)
	dialog := page(t, p.Post(p.path, form("action", "drop", "all", "true"), partial()...), http.StatusOK).Find("dialog")
	if said := saying(dialog); !strings.HasPrefix(said, "Drop 4 parked events?All parked events of this connection are meant.") {
		t.Errorf("the question reads %q", said)
	}
	p.store.parked.Add(p.id, connection.ParkedEvent{ID: parkedID(9), ReasonCode: connection.ReasonRefused, Document: []byte("{}")})
	again := page(t, p.Post(p.path, answer(dialog, "go"), partial()...), http.StatusOK).Find("dialog")
	if said := saying(again); !strings.HasPrefix(said, "Drop 5 parked events?More events were parked since you were asked.") || len(p.store.parked.Dropped()) != 0 {
		t.Fatalf("it goes on with %q", said)
	}
	page(t, p.Post(p.path, answer(again, "go"), partial()...), http.StatusOK)
	if n := len(p.store.parked.Dropped()); n != 5 {
		t.Errorf("dropped %d", n)
	}
	of := page(t, newParking(t, 4, connection.Opened).Post(p.path, form("action", "drop", "because", "too_large"), partial()...), http.StatusOK)
	if said := saying(of.Find("dialog")); !strings.HasPrefix(said, "Drop 1 parked event?All parked events of this connection with this reason are meant: The event is larger") {
		t.Errorf("for a reason the question reads %q", said)
	}
	if got := saying(page(t, p.Post(p.path, form("action", "drop", "all", "true"), partial()...), http.StatusOK).Find("#toasts .toast-text")); got != "0 events dropped They were put back or dropped before." {
		t.Errorf("with nothing left the message reads %q", got)
	}
}

func TestParked_forms_that_are_refused(t *testing.T) {
	p := newParking(t, 2, connection.Opened)
	for _, action := range []string{"retry", "drop"} {
		doc := page(t, p.Post(p.path, form("action", action)), http.StatusUnprocessableEntity)
		if !strings.HasPrefix(doc.Find("title").Text(), "Error: ") || saying(doc.Find("[role=alert]").Not("template *")) != "Select at least one event." {
			t.Errorf("%s of nothing: the page says %q", action, saying(doc.Find("main")))
		}
		a := p.Post(p.path, form("action", action), partial()...)
		if a.Status != http.StatusUnprocessableEntity || a.Header.Get("HX-Retarget") != "#parked" {
			t.Errorf("%s of nothing by htmx: %d for %q", action, a.Status, a.Header.Get("HX-Retarget"))
		}
	}
	for name, values := range map[string][]string{"no action": {"id", idText(0)}, "another action": {"action", "burn", "id", idText(0)}, "a bad id": {"action", "retry", "id", "x"}} {
		if a := p.Post(p.path, form(values...)); a.Status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", name, a.Status)
		}
	}
	if a := p.Post("/connections/9/parked", form("action", "retry", "all", "true")); a.Status != http.StatusNotFound {
		t.Errorf("of no connection: %d", a.Status)
	}
	viewer := p.console.Operator(access.RoleViewer)
	page(t, viewer.Get(p.path), http.StatusOK)
	if a := viewer.Post(p.path, form("action", "retry", "all", "true")); a.Status != http.StatusForbidden {
		t.Errorf("by a viewer: %d", a.Status)
	}
	if p.store.parked.Count(p.id) != 2 {
		t.Error("something was done")
	}
}

func TestParked_is_linked_from_where_it_is_counted(t *testing.T) {
	p := newParking(t, 3, connection.Opened)
	p.store.minutes = []connection.Minute{{ConnectionID: p.id, Start: now.Truncate(time.Minute), Parked: 3}}
	for path, want := range map[string]int{"/": 1, "/connections": 1, "/connections/4339": 3} {
		doc := page(t, p.Get(path), http.StatusOK)
		if n := doc.Find(`main a[href="` + p.path + `"]`).Length(); n != want {
			t.Errorf("%s links it %d times, want %d", path, n, want)
		}
	}
}

func TestParkedPage_stays_light(t *testing.T) {
	p := newParking(t, 2000, connection.Opened)
	begun := time.Now()
	a := p.Get(p.path)
	t.Logf("%d bytes in %v", len(a.Body), time.Since(begun))
	if len(a.Body) > 150<<10 {
		t.Errorf("the page has %d bytes", len(a.Body))
	}
	huge := newParking(t, 0, connection.Opened)
	for i := range 50 {
		huge.store.parked.Add(huge.id, connection.ParkedEvent{ID: parkedID(i), ReasonCode: connection.ReasonTooLarge, Document: []byte(`{"x":"` + strings.Repeat("é", 100<<10) + `"}`)})
	}
	huge.settled()
	a = huge.Get(huge.path)
	if len(a.Body) > 700<<10 || !strings.Contains(a.Body, "The document has 204,808 bytes; here is its beginning.") {
		t.Errorf("a page of huge documents has %d bytes", len(a.Body))
	}
}
