package handlers_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"boardlink/access"
	"boardlink/connection"

	"github.com/PuerkitoBio/goquery"
)

func namesIn(doc *goquery.Document) (list []string) {
	for _, a := range doc.Find("tbody .row-name > a").EachIter() {
		list = append(list, saying(a))
	}
	return list
}

func TestList_is_ordered_by_its_address(t *testing.T) {
	c := newConsole(t)
	for i, s := range []connection.State{connection.Opened, connection.Closed, connection.AuthenticationFailed, connection.Deactivated} {
		status := connection.Status{State: s, Since: now, Backlog: int64(i * 10)}
		c.add([]string{"delta", "Alpha", "charlie", "Bravo"}[i], status, func(x *connection.Connection) { x.Active = s != connection.Deactivated })
	}
	b := c.Operator(access.RoleViewer)
	for sort, want := range map[string]string{
		"": "charlie Alpha delta Bravo", "name": "Alpha Bravo charlie delta", "backlog": "Bravo charlie Alpha delta",
		"oldest": "delta Alpha charlie Bravo", "newest": "Bravo charlie Alpha delta", "nonsense": "charlie Alpha delta Bravo",
	} {
		doc := page(t, b.Get("/connections?sort="+sort), http.StatusOK)
		if got := strings.Join(namesIn(doc), " "); got != want {
			t.Errorf("%q: %s, want %s", sort, got, want)
		}
		if live := doc.Find("#connection-list").AttrOr("data-live-url", ""); sort == "name" && !strings.Contains(live, "sort=name") {
			t.Errorf("the live part asks for %q", live)
		}
	}
	doc := page(t, b.Get("/connections?sort=name&q=a"), http.StatusOK)
	if doc.Find(`th[aria-sort=ascending]`).Length() != 1 || doc.Find("#sort option[selected]").AttrOr("value", "") != "name" {
		t.Error("the page does not say how it is ordered")
	}
	if href := doc.Find(".filter a").AttrOr("href", ""); href != "/connections?sort=name" {
		t.Errorf("clearing the filter leads to %q, which loses the order", href)
	}
}

func TestList_pages_in_every_order(t *testing.T) {
	c := newConsole(t)
	for i := range 130 {
		c.add(fmt.Sprintf("Site %03d", i), connection.Status{State: []connection.State{connection.Opened, connection.Closed}[i%2], Since: now}, nil)
	}
	b := c.Operator(access.RoleViewer)
	for _, sort := range []string{"", "name", "backlog", "delivery", "newest", "oldest"} {
		seen := map[string]bool{}
		next := "/connections?sort=" + sort
		for pages := 0; next != "" && pages < 3; pages++ {
			doc := page(t, b.Get(next), http.StatusOK)
			for _, name := range namesIn(doc) {
				if seen[name] {
					t.Errorf("%q: %s comes twice", sort, name)
				}
				seen[name] = true
			}
			next = doc.Find(".pager a").Last().AttrOr("href", "")
			if saying(doc.Find(".pager a").Last()) != "Next page" {
				next = ""
			}
		}
		if len(seen) != 130 {
			t.Errorf("%q: %d of 130 connections", sort, len(seen))
		}
	}
	if n := len(namesIn(page(t, b.Get("/connections?after=nonsense"), http.StatusOK))); n != 100 {
		t.Errorf("a cursor that is none: %d rows", n)
	}
}

func TestList_says_why_there_is_nothing(t *testing.T) {
	c := newConsole(t)
	c.add("North", opened(), nil)
	b := c.Operator(access.RoleViewer)
	doc := page(t, b.Get("/connections?q=zebra&state=CLOSED"), http.StatusOK)
	if said := text(doc); !strings.Contains(said, "No connection in the state CLOSED has “zebra” in its name, host, username or id.") {
		t.Errorf("the page says %q", said)
	}
	c.store.broken = errors.New("the disk is on fire")
	doc = page(t, b.Get("/connections?q=zebra"), http.StatusInternalServerError)
	if said := text(doc); !strings.Contains(said, "The connections could not be read") || strings.Contains(said, "on fire") || !strings.Contains(said, "request id") {
		t.Errorf("the page says %q", said)
	}
	if doc.Find(`a.btn-primary[href="/connections?q=zebra"]`).Length() != 1 {
		t.Error("nothing tries it again")
	}
}

func TestDashboard_draws_the_last_hour(t *testing.T) {
	c := newConsole(t)
	fixtures(c)
	b := c.Operator(access.RoleViewer)
	doc := page(t, b.Get("/"), http.StatusOK)
	rows := doc.Find("#traffic .figures tbody tr")
	if rows.Length() != 60 {
		t.Fatalf("%d minutes", rows.Length())
	}
	last := rows.Last()
	if saying(last.Find("th")) != "10:08" || saying(last.Find("td").First()) == "0" {
		t.Errorf("the last minute reads %q", saying(last))
	}
	if n := doc.Find("#traffic svg .bars-first").Length(); n != 60 {
		t.Errorf("%d bars", n)
	}
	if first := doc.Find("main section").First().AttrOr("id", ""); first != "cases" {
		t.Errorf("first stands %q", first)
	}
}

func TestDashboard_leaves_its_welcome(t *testing.T) {
	c := newConsole(t)
	b := c.Operator(access.RoleViewer)
	doc := page(t, b.Get("/"), http.StatusOK)
	address := doc.Find("#welcome[data-live]").AttrOr("data-live-url", "")
	if a := b.Get(address, partial()...); a.Status != http.StatusOK || !strings.Contains(a.Body, "Welcome to Boardlink") {
		t.Errorf("%q: answer %d %s", address, a.Status, a.Body)
	}
	c.add("North", opened(), nil)
	a := b.Get(address, partial()...)
	if doc := document(t, a); doc.Find("#welcome:not([data-live]) #cases[data-live]").Length() != 1 || doc.Find("#states").Length() != 1 || doc.Find("#traffic").Length() != 1 {
		t.Errorf("the page stays as it is although there is a connection now: %s", a.Body)
	}
	// To load the page anew would take back whoever has just clicked on a link.
	if a.Header.Get("HX-Refresh") != "" {
		t.Error("the page is loaded anew")
	}
}

func TestTimeline_draws_how_the_link_fared(t *testing.T) {
	c := newConsole(t)
	id := c.add("North", opened(), nil)
	tell := func(ago time.Duration, level connection.Level, message string) {
		c.store.tell(connection.Event{Time: now.Add(-ago), Level: level, Kind: connection.KindState, Actor: connection.System, ConnectionID: id, Message: message})
	}
	tell(12*time.Hour, connection.LevelInfo, connection.ToldOpened+"connected to ThingsBoard.")
	tell(6*time.Hour, connection.LevelWarning, connection.ToldClosing+"The connection to ThingsBoard was lost.")
	tell(4*time.Hour, connection.LevelInfo, connection.ToldOpened+"connected to ThingsBoard again.")
	b := c.Operator(access.RoleViewer)
	path := "/connections/" + id.String()
	doc := page(t, b.Get(path), http.StatusOK)
	strip := doc.Find("#events-card .strip")
	if n := strip.Find("rect").Length(); n != 90 {
		t.Fatalf("%d pieces", n)
	}
	const want = "The link was up for 83.3 % in the last 24 hours, as far as is known: 12 hours; down for 2 hours in all."
	if got := saying(strip.Find("title")); got != want {
		t.Errorf("it says %q, want %q", got, want)
	}
	for class, least := range map[string]int{".strip-unknown": 44, ".strip-ok": 36, ".strip-bad": 6, ".strip-wait": 1} {
		if n := strip.Find(class).Length(); n < least {
			t.Errorf("%d of %s", n, class)
		}
	}
	if rows := doc.Find("#events-card .figures tbody tr"); rows.Length() != 90 || !strings.Contains(saying(rows), "down for") {
		t.Error("the pieces do not stand in a table")
	}
	month := page(t, b.Get(path+"?past=30d&part=events", partial()...), http.StatusOK)
	if month.Find(`#past-30d[aria-current]`).Length() != 1 || !strings.Contains(month.Find("#events-card").AttrOr("data-live-url", ""), "past=30d") {
		t.Error("the month does not stay chosen")
	}
	if _, nothing := card(t, connection.Status{}, nil); !strings.Contains(saying(nothing.Find(".strip title")), "Nothing is known") {
		t.Errorf("a link without a past says %q", saying(nothing.Find(".strip title")))
	}
}

func TestMetrics_draw_what_goes_up_and_down(t *testing.T) {
	c := newConsole(t)
	id := c.add("North", opened(), nil)
	c.store.minutes = []connection.Minute{{ConnectionID: id, Start: now.Truncate(time.Minute), Uplinks: 30, Delivered: 28, Downlinks: 4, Rejected: 3, Backlog: 7, OldestAge: 90 * time.Second}}
	for _, took := range []time.Duration{20 * time.Millisecond, 30 * time.Millisecond, 40 * time.Millisecond, 3 * time.Second} {
		c.store.minutes[0].Delays.Note(took)
	}
	c.store.minutes[0].Watched = true
	doc := page(t, c.Operator(access.RoleViewer).Get("/connections/"+id.String()), http.StatusOK)
	var said []string
	for _, table := range doc.Find("#metrics .figures table").EachIter() {
		for _, row := range table.Find("tbody tr").EachIter() {
			if saying(row.Find("th")) >= "10:07" {
				said = append(said, fmt.Sprint(row.Find("th,td").Map(func(_ int, cell *goquery.Selection) string { return saying(cell) })))
			}
		}
	}
	want := []string{"[10:07 0 0]", "[10:08 30 28]", "[10:07 0 0]", "[10:08 4 3]", "[10:07 -not known -not known]", "[10:08 50 ms 3 s]", "[10:07 -not known -not known]", "[10:08 7 1 minute]"}
	if fmt.Sprint(said) != fmt.Sprint(want) {
		t.Errorf("the last minutes read %q, want %q", said, want)
	}
	if figures := saying(doc.Find("#metrics .figures-row")); !strings.Contains(figures, "95 % delivered within3 s") {
		t.Errorf("the figures read %q", figures)
	}
	if peaks := saying(doc.Find("#metrics figure").Last().Find(".legend")); peaks != "Events waiting peak 7 Oldest waits peak 1 minute" {
		t.Errorf("the backlog's peaks read %q", peaks)
	}
}
