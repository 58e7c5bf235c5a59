package api_test

import (
	"bufio"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"boardlink/connection"
	"boardlink/live"
	"boardlink/operation/operationtest"
	"boardlink/web"
	"boardlink/web/webtest"
)

// follow opens the stream, and gives a function that reads its next event: "name id data".
func (w *world) follow(query string, header ...string) func() string {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.site.URL+web.Base+"/stream"+query, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+webtest.Key)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{}}
	resp, err := client.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = resp.Body.Close(); client.CloseIdleConnections() })
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream; charset=utf-8" {
		w.t.Fatalf("%d %v", resp.StatusCode, resp.Header)
	}
	lines := bufio.NewScanner(resp.Body)
	return func() string {
		w.t.Helper()
		var name, id, data string
		for lines.Scan() {
			line := lines.Text()
			switch {
			case strings.HasPrefix(line, "event: "):
				name = line[7:]
			case strings.HasPrefix(line, "id: "):
				id = line[4:]
			case strings.HasPrefix(line, "data: "):
				data = line[6:]
			case line == "" && name != "":
				return name + " " + id + " " + data
			}
		}
		w.t.Fatalf("the stream ended: %v", lines.Err())
		return ""
	}
}

// happens adds an event and tells of it, as whoever adds one does.
func (w *world) happens(id connection.ID, message string) {
	w.Store.AddEvent(connection.Event{Time: operationtest.Now, Level: connection.LevelInfo, Kind: connection.KindState, ConnectionID: id, Message: message})
	w.site.Feed.Publish(live.Change{Topic: live.Events, ID: id.String()})
}

func wants(t *testing.T, got, begin string, parts ...string) {
	t.Helper()
	if !strings.HasPrefix(got, begin) {
		t.Fatalf("got %q, want %q", got, begin)
	}
	for _, p := range parts {
		if !strings.Contains(got, p) {
			t.Errorf("%q lacks %q", got, p)
		}
	}
}

func TestStream_tells_states_events_and_figures(t *testing.T) {
	w := newWorld(t)
	w.create()
	w.create()
	next := w.follow("")
	wants(t, next(), "state  ", `"connectionId":"1"`, `"state":"OPENING"`)
	wants(t, next(), "state  ", `"connectionId":"2"`)
	w.Links.Set(2, connection.Status{State: connection.Opened, Backlog: 3})
	w.site.Feed.Publish(live.Change{Topic: live.Connection, ID: "2"})
	wants(t, next(), "state  ", `"connectionId":"2"`, `"state":"OPENED"`, `"backlog":3`)
	w.happens(2, "It opened.")
	wants(t, next(), "event 3 ", `"message":"It opened."`, `"connectionId":"2"`)
	w.site.Feed.Publish(live.Change{Topic: live.Figures, ID: "1"})
	wants(t, next(), "figures  ", `"connectionId":"1"`, `"uplinks":0`)
	if err := w.Delete(t.Context(), "ann", 1); err != nil {
		t.Fatal(err)
	}
	w.site.Feed.Publish(live.Change{Topic: live.Connection, ID: "1"})
	wants(t, next(), `deleted  {"connectionId":"1"}`)
}

func TestStream_of_one_connection_tells_nothing_of_others(t *testing.T) {
	w := newWorld(t)
	w.create()
	w.create()
	next := w.follow("?connectionId=2")
	wants(t, next(), "state  ", `"connectionId":"2"`)
	w.site.Feed.Publish(live.Change{Topic: live.Connection, ID: "1"})
	w.happens(1, "Of another.")
	w.happens(2, "Ours.")
	wants(t, next(), "event 4 ", `"message":"Ours."`)
	refused(t, w.do("GET", web.Base+"/stream?connectionId=7", ""), 404)
	if wrong := refused(t, w.do("GET", web.Base+"/stream?connectionId=canary", ""), 422); wrong["connectionId"] == "" {
		t.Error(wrong)
	}
	if got := w.do("HEAD", web.Base+"/stream", ""); got.Status != 200 || got.Body != "" {
		t.Errorf("HEAD: %d %q", got.Status, got.Body)
	}
}

func TestStream_goes_on_where_a_program_left_it(t *testing.T) {
	w := newWorld(t)
	w.create() // event 1
	w.happens(1, "Two.")
	w.happens(1, "Three.")
	next := w.follow("", "Last-Event-ID", "1")
	wants(t, next(), "state ")
	wants(t, next(), "event 2 ", "Two.")
	wants(t, next(), "event 3 ", "Three.")
	w.happens(1, "Four.")
	wants(t, next(), "event 4 ", "Four.")

	for name, last := range map[string]string{"of another database": "99", "no number": "canary"} {
		next := w.follow("", "Last-Event-ID", last)
		wants(t, next(), "state ")
		if got := next(); got != "reset 4 {}" {
			t.Errorf("%s: %q", name, got)
		}
	}
	for i := range 1001 {
		w.Store.AddEvent(connection.Event{Time: operationtest.Now, Level: connection.LevelInfo, Kind: connection.KindState, ConnectionID: 1, Message: fmt.Sprint(i)})
	}
	next = w.follow("", "Last-Event-ID", "4")
	wants(t, next(), "state ")
	if got := next(); got != "reset 1005 {}" {
		t.Errorf("too much: %q", got)
	}
	w.happens(1, "After the reset.")
	wants(t, next(), "event 1006 ")
}
