package link_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"boardlink/connection"
	"boardlink/db"
	"boardlink/thingpark"
)

var dbAll = db.CommandFilter{Limit: 1000}

// rpcTimeout is how long ThingsBoard waits for an answer where nobody says otherwise.
const rpcTimeout = 10 * time.Second

func TestCommands_to_a_ThingPark_that_fails_are_answered_by_what_is_known_and_never_posted_late(t *testing.T) {
	t.Parallel()
	w, park := newParkWorld(t)
	cases := []struct {
		name   string
		answer http.HandlerFunc
		status string
		code   string
		says   string
		state  connection.CommandState
	}{
		{"queued", says(200, "Request queued by LRC"), "queued", "", "", connection.CommandQueued},
		{"slow", takesTime(2*time.Second, says(200, "Request queued by LRC")), "queued", "", "", connection.CommandQueued},
		{"350, counter used", says(350, "Downlink counter value already used. Expected=1238"), "error", "refused", "Downlink counter value already used. Expected=1238", connection.CommandRefused},
		{"350, not encrypted", says(350, "Payload must be provided encrypted with the downlink counter value"), "error", "refused",
			"Payload must be provided encrypted with the downlink counter value", connection.CommandRefused},
		{"401", says(401, "Token mismatch"), "error", "refused", "Token mismatch", connection.CommandRefused},
		{"a redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		}, "error", "refused",
			"redirect", connection.CommandRefused},
		{"500", says(500, "Internal error"), "error", "unknown", "500", connection.CommandUnknown},
		{"503", says(503, "Overload"), "error", "unknown", "503", connection.CommandUnknown},
		{"a portal's page", says(200, "Please sign in"), "error", "unknown", "web page", connection.CommandUnknown},
		{"closes after the request", hangsUp, "error", "unknown", "not known", connection.CommandUnknown},
		{"never answers", hangs, "error", "unknown", "not known", connection.CommandUnknown},
	}
	w.start()
	var all []string
	for i, c := range cases {
		all = append(all, device(i))
		park.answer(device(i), c.answer)
	}
	crowded := device(len(cases))
	park.answer(crowded, hangs)
	w.heard(append(all, crowded)...)
	var wg sync.WaitGroup
	wg.Go(func() { tooManyFor(t, w, park, crowded) })
	for i, c := range cases {
		wg.Go(func() {
			r := w.command(device(i), rpcTimeout)
			if r.err != nil || r.Status != c.status || r.Code != c.code || !strings.Contains(r.Message, c.says) {
				t.Errorf("%s: answer %+v", c.name, r)
			}
			if got := park.of(device(i)); len(got) != 1 {
				t.Errorf("%s: posted %d times", c.name, len(got))
			} else if known := r.Status == "queued" || r.Code == "unknown"; known && r.CorrelationID != got[0].Get("CorrelationID") {
				t.Errorf("%s: correlation id %q, posted with %q", c.name, r.CorrelationID, got[0].Get("CorrelationID"))
			}
			t.Logf("%s: answered after %v", c.name, r.took.Round(time.Millisecond))
		})
	}
	wg.Wait()
	for i, c := range cases {
		page, err := w.db.Commands(context.Background(), w.conn.ID, db.CommandFilter{DevEUI: device(i)})
		if err != nil || len(page) != 1 || page[0].State != c.state || !strings.Contains(page[0].Sentence, c.says) {
			t.Errorf("%s: written down %+v, %v", c.name, page, err)
		}
	}
	park.server.Close()
	r := w.command(device(0), rpcTimeout)
	if r.err != nil || r.Code != "not_sent" || w.commands()[0].State != connection.CommandNotSent {
		t.Errorf("ThingPark is down: answer %+v", r)
	}
}

// tooManyFor sends more commands to a device than ThingPark, which hangs, lets go: what waits is answered, and not posted
// when ThingPark comes back.
func tooManyFor(t *testing.T, w *world, park *httpPark, devEUI string) {
	const n = 20
	answers := make(chan reply, n)
	for range n {
		go func() { answers <- w.command(devEUI, rpcTimeout) }()
	}
	codes := map[string]int{}
	for range n {
		r := <-answers
		if r.err != nil || r.Status != "error" {
			t.Errorf("answer %+v", r)
		}
		codes[r.Code]++
	}
	if codes["unknown"] != 1 || codes["expired"] != 15 || codes["too_many_commands"] != 4 {
		t.Errorf("answers %v", codes)
	}
	park.answer(devEUI, nil)
	if r := w.command(devEUI, rpcTimeout); r.Status != "queued" { // the device's queue goes on
		t.Errorf("answer %+v", r)
	}
	if got := park.of(devEUI); len(got) != 2 {
		t.Errorf("%d posted, of which %d late", len(got), len(got)-2)
	}
}

func TestCommand_that_ThingsBoard_sends_again_is_posted_once(t *testing.T) {
	t.Run("over new sessions, while ThingPark is slow", func(t *testing.T) {
		t.Parallel()
		w, park := newParkWorld(t)
		w.start()
		park.answer(device(1), takesTime(4*time.Second, says(200, "Request queued by LRC")))
		w.heard(device(1))
		answered := make(chan reply, 1)
		go func() { answered <- w.command(device(1), 30*time.Second) }()
		for range 2 { // the command comes once more over each session
			w.until("the downlink", 10*time.Second, func() bool { return len(park.of(device(1))) > 0 })
			before := len(w.tb.Connects())
			w.tb.CutSessions()
			w.until("the next session", 20*time.Second, func() bool { return len(w.tb.Connects()) > before })
			w.reaches(connection.Opened, 20*time.Second)
			w.heard(device(1))
		}
		if r := <-answered; r.err != nil || r.Status != "queued" || r.CorrelationID != park.of(device(1))[0].Get("CorrelationID") {
			t.Errorf("answer %+v", r)
		}
		if got := park.of(device(1)); len(got) != 1 {
			t.Errorf("posted %d times", len(got))
		}
	})
	t.Run("to the program's next start", func(t *testing.T) {
		t.Parallel()
		w, park := newParkWorld(t)
		w.start()
		park.answer(device(1), hangs)
		w.heard(device(1))
		answered := make(chan reply, 1)
		go func() { answered <- w.command(device(1), 40*time.Second) }()
		w.until("the downlink", 10*time.Second, func() bool { return len(park.of(device(1))) == 1 })
		w.stop() // the answer, that nobody knows, finds no session
		w.start()
		w.reaches(connection.Opened, 20*time.Second)
		w.heard(device(1))
		if r := <-answered; r.err != nil || r.Code != "unknown" || r.CorrelationID != park.of(device(1))[0].Get("CorrelationID") {
			t.Errorf("answer %+v", r)
		}
		if got := park.of(device(1)); len(got) != 1 {
			t.Errorf("posted %d times", len(got))
		}
		// A report settles it all the same.
		w.putDocument(fmt.Appendf(nil, `{"DevEUI_downlink_Sent":{"DevEUI":%q,"DeliveryStatus":1,"CorrelationID":%q}}`, device(1), w.commands()[0].CorrelationID))
		w.until("the settlement", 10*time.Second, func() bool { return w.commands()[0].State == connection.CommandSent })
	})
}

func TestCommand_is_refused_in_time_while_another_program_holds_the_database(t *testing.T) {
	t.Parallel()
	w, park := newParkWorld(t)
	w.start()
	w.heard(device(1), device(2))
	other, err := sql.Open("sqlite", "file:"+w.path+"?_txlock=immediate&_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	hold, err := other.BeginTx(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for _, d := range []string{device(1), device(2)} {
		wg.Go(func() {
			r := w.command(d, rpcTimeout)
			if r.err != nil || r.Code != "not_recorded" {
				t.Errorf("answer %+v", r)
			}
			t.Logf("refused after %v", r.took.Round(time.Millisecond))
		})
	}
	wg.Wait()
	if err := hold.Rollback(); err != nil {
		t.Fatal(err)
	}
	var r reply
	w.until("the database", 15*time.Second, func() bool { r = w.command(device(1), rpcTimeout); return r.Code != "not_recorded" })
	if r.Status != "queued" || len(park.of(device(1))) != 1 || len(park.of(device(2))) != 0 {
		t.Errorf("answer %+v, %d and %d posted", r, len(park.of(device(1))), len(park.of(device(2))))
	}
	w.until("the word on what was written down too late", 10*time.Second, func() bool {
		return !slices.ContainsFunc(w.commands(), func(c connection.Command) bool { return c.State == connection.CommandSending })
	})
}

func TestFlood_of_commands_while_ThingPark_hangs_holds_up_neither_pings_nor_uplinks(t *testing.T) {
	t.Parallel()
	w, park := newParkWorld(t)
	w.start()
	const devices, each = 24, 25
	var all []string
	for d := range devices {
		all = append(all, device(d))
		park.answer(device(d), hangs)
	}
	w.heard(all...)
	begun := time.Now()
	answers := make(chan reply, devices*each)
	for range each {
		for _, d := range all {
			go func() { answers <- w.command(d, time.Minute) }()
		}
	}
	sent := map[string]int{}
	for f := range 20 { // meanwhile
		for _, d := range all {
			w.put(d, int64(f), map[string]any{"t": f})
			sent[d]++
		}
	}
	for _, d := range all {
		w.until("the uplinks of "+d, 20*time.Second, func() bool { return len(w.first(d)) >= sent[d] })
	}
	flowed := time.Since(begun)
	codes, longest := map[string]int{}, time.Duration(0)
	for range devices * each {
		r := <-answers
		if r.err != nil {
			t.Errorf("no answer after %v: %v", r.took, r.err)
		}
		codes[r.Code]++
		longest = max(longest, r.took)
	}
	if n := len(w.tb.Connects()); n != 1 || w.links.Status(w.conn.ID).State != connection.Opened {
		t.Errorf("%d sessions", n)
	}
	if codes["unknown"] == 0 || codes["expired"] == 0 || codes["too_many_commands"] == 0 {
		t.Errorf("answers %v", codes)
	}
	park.mu.Lock()
	last := slices.MaxFunc(park.at, time.Time.Compare).Sub(begun)
	park.mu.Unlock()
	t.Logf("%d commands answered %v, the last after %v; %d uplinks flowed within %v; the last downlink was posted after %v",
		devices*each, codes, longest.Round(time.Millisecond), devices*20, flowed.Round(time.Millisecond), last.Round(time.Millisecond))
}

func TestShared_attributes_are_taken_from_ThingsBoard(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.heard(device(1), device(2))
	kept := func(devEUI string) string {
		all, err := w.db.SharedAttributes(context.Background(), w.conn.ID, devEUI)
		if err != nil {
			t.Fatal(err)
		}
		var text []string
		for _, a := range all {
			text = append(text, a.Key+"="+string(a.Value))
		}
		return strings.Join(text, " ")
	}
	w.share(device(1), `{"interval": 60, "mode": {"eco": true}, "note": "wet"}`)
	w.until("the attributes", 10*time.Second, func() bool { return kept(device(1)) == `interval=60 mode={"eco":true} note="wet"` })
	w.unshare(device(1), "mode", "note")
	w.share(device(1), `{"interval": 30}`)
	w.until("the change", 10*time.Second, func() bool { return kept(device(1)) == `interval=30` })
	if got := kept(device(2)); got != "" {
		t.Errorf("another device has %s", got)
	}
}

func TestDocuments_go_to_ThingsBoard_by_the_settings(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) != 7 {
		t.Fatalf("documents %v, %v", files, err)
	}
	for name, c := range map[string]struct {
		change func(*connection.Configuration)
		sent   bool
	}{
		"original":     {func(*connection.Configuration) {}, true},
		"raw decoded":  {func(c *connection.Configuration) { c.SendRawDecodedFormat = true }, true},
		"measurements": {func(c *connection.Configuration) { c.TelemetryFormat = connection.FormatMeasurements }, true},
		"metadata":     {func(c *connection.Configuration) { c.SendMetadata = true }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(conn *connection.Connection) { c.change(&conn.Configuration) })
			for _, file := range files {
				w.putDocument(read(t, file))
			}
			w.start()
			w.reaches(connection.Opened, 20*time.Second)
			w.until("an empty queue", 20*time.Second, func() bool {
				s := w.links.Status(w.conn.ID)
				return s.Backlog == 0 && s.Parked == 0
			})
			points := map[string]map[int64]bool{} // timestamps of each device: none may take another's place
			for _, file := range files {
				kind := strings.TrimSuffix(filepath.Base(file), ".json")
				doc, err := thingpark.Parse(read(t, file))
				if err != nil {
					t.Fatal(err)
				}
				to := doc.DevEUI
				if to == "" {
					to = "Boardlink 0a1b2c3d " + w.conn.ID.String()
				}
				sample, there := w.tb.Latest(to)[kind]
				if there != c.sent {
					t.Errorf("%s: sent %v to %s, want %v", kind, there, to, c.sent)
				}
				if !there {
					continue
				}
				var got, want any
				if err := json.Unmarshal(sample.Value, &got); err != nil {
					t.Fatal(err)
				}
				if err := json.Unmarshal(doc.Object, &want); err != nil {
					t.Fatal(err)
				}
				if fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("%s arrived as\n%v, want\n%v", kind, got, want)
				}
				if late := sample.TS - doc.Time.UnixMilli(); !doc.Time.IsZero() && (late < 0 || late > 3) {
					t.Errorf("%s: at %d, want %d or the next that is free", kind, sample.TS, doc.Time.UnixMilli())
				}
				if points[to] == nil {
					points[to] = map[int64]bool{}
				}
				if points[to][sample.TS] {
					t.Errorf("%s took the place of another document", kind)
				}
				points[to][sample.TS] = true
				if d, _ := w.tb.Device(to); doc.DevEUI != "" && d.Profile != connection.DefaultDeviceType {
					t.Errorf("%s: device profile %q", kind, d.Profile)
				}
			}
			if n := len(w.tb.Devices()); !c.sent && n != 1 { // the gateway alone
				t.Errorf("%d devices were made", n)
			}
			// ThingPark rejected a downlink that no command here is known for.
			w.stop()
			events, err := w.db.Events(context.Background(), db.EventFilter{})
			if err != nil || !slices.ContainsFunc(events, func(e connection.Event) bool {
				return e.Kind == connection.KindDownlink && strings.Contains(e.Message, "ThingPark rejected the downlink (350): Downlink counter value already used. Expected=1238")
			}) {
				t.Errorf("events %+v, %v", events, err)
			}
		})
	}
}
