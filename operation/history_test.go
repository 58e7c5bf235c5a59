package operation_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"boardlink/connection"
	"boardlink/operation"
	"boardlink/operation/operationtest"
)

// past tells a link's way: "12m opened" is an event twelve minutes ago.
func past(w *operationtest.World, id connection.ID, lines ...struct {
	ago  time.Duration
	what string
}) {
	for _, l := range lines {
		e := connection.Event{Time: operationtest.Now.Add(-l.ago), Kind: connection.KindState, Level: connection.LevelInfo, Actor: connection.System, ConnectionID: id}
		switch l.what {
		case "connecting":
			e.Message = connection.ToldConnecting + "tb.example.com:443, try 1."
		case "opened":
			e.Message = connection.ToldOpened + "connected to ThingsBoard."
		case "lost":
			e.Message, e.Level = connection.ToldClosing+"The connection to ThingsBoard was lost.", connection.LevelWarning
		case "ended":
			e.Message = connection.ToldClosing + "alice@example.com changed the settings."
		case "asked": // by a person: says nothing of the link itself
			e.Message, e.Actor = connection.ToldOpened+"not by the link", "alice@example.com"
		}
		w.Store.AddEvent(e)
	}
}

type line = struct {
	ago  time.Duration
	what string
}

func TestHistory_shares_the_time_out(t *testing.T) {
	w := operationtest.New(nil)
	id := create(t, w)
	w.Links.Set(id, connection.Status{State: connection.Opened, StartupTime: operationtest.Now.Add(-10 * time.Minute)})
	past(w, id, line{50 * time.Minute, "connecting"}, line{40 * time.Minute, "opened"}, line{30 * time.Minute, "asked"}, line{15 * time.Minute, "lost"}, line{14 * time.Minute, "connecting"}, line{10 * time.Minute, "opened"})
	h, err := w.History(t.Context(), id, time.Hour, 6)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range h.Pieces {
		got = append(got, fmt.Sprintf("%v %v", p.Up, p.Down))
	}
	want := "[0s 0s 0s 10m0s 10m0s 0s 10m0s 0s 5m0s 5m0s 10m0s 0s]"
	if fmt.Sprint(got) != want {
		t.Errorf("pieces %v, want %s", got, want)
	}
	if share, ok := h.Whole.Share(); !ok || math.Abs(share-35.0/50) > 1e-9 {
		t.Errorf("the whole: %v, %v", share, ok)
	}
	if share, ok := h.Pieces[0].Share(); ok {
		t.Errorf("a share of what is not known: %v", share)
	}
}

func TestHistory_counts_what_somebody_wanted_for_no_failure(t *testing.T) {
	w := operationtest.New(nil)
	id := create(t, w)
	w.Links.Set(id, connection.Status{State: connection.Deactivated, Since: operationtest.Now.Add(-20 * time.Minute)})
	past(w, id, line{50 * time.Minute, "opened"}, line{20 * time.Minute, "ended"})
	h, err := w.History(t.Context(), id, time.Hour, 1)
	if err != nil {
		t.Fatal(err)
	}
	if p := h.Whole; p.Up != 30*time.Minute || p.Off != 20*time.Minute || p.Down != 0 {
		t.Errorf("%+v", p)
	}
}

func TestHistory_believes_the_link_where_its_last_event_is_out_of_date(t *testing.T) {
	w := operationtest.New(nil)
	id := create(t, w)
	w.Links.Set(id, connection.Status{State: connection.Closed, Since: operationtest.Now.Add(-10 * time.Minute)})
	past(w, id, line{50 * time.Minute, "opened"})
	h, err := w.History(t.Context(), id, time.Hour, 1)
	if err != nil {
		t.Fatal(err)
	}
	if p := h.Whole; p.Up != 40*time.Minute || p.Down != 10*time.Minute {
		t.Errorf("%+v", p)
	}
}

func TestHistory_tells_how_long_restarts_took(t *testing.T) {
	for name, tc := range map[string]struct {
		past []line
		want time.Duration
		ok   bool
	}{
		"none":                          {[]line{{time.Hour, "connecting"}, {time.Hour - time.Second, "opened"}}, 0, false},
		"a loss is none":                {[]line{{time.Hour, "opened"}, {50 * time.Minute, "lost"}, {40 * time.Minute, "opened"}}, 0, false},
		"a deactivation is none":        {[]line{{time.Hour, "opened"}, {50 * time.Minute, "ended"}, {40 * time.Minute, "connecting"}, {40*time.Minute - time.Second, "opened"}}, 0, false},
		"the middle one of several":     {[]line{{90 * time.Second, "ended"}, {80 * time.Second, "opened"}, {70 * time.Second, "ended"}, {69 * time.Second, "connecting"}, {67 * time.Second, "opened"}, {60 * time.Second, "ended"}, {59 * time.Second, "opened"}}, 3 * time.Second, true},
		"one that is still under way":   {[]line{{time.Hour, "opened"}, {2 * time.Second, "ended"}}, 0, false},
		"one that had trouble to begin": {[]line{{70 * time.Second, "ended"}, {69 * time.Second, "connecting"}, {40 * time.Second, "opened"}}, 30 * time.Second, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := operationtest.New(nil)
			id := create(t, w)
			past(w, id, tc.past...)
			h, err := w.History(t.Context(), id, time.Hour, 1)
			if err != nil {
				t.Fatal(err)
			}
			if d, ok := h.RestartTakes(); d != tc.want || ok != tc.ok {
				t.Errorf("%v, %v; want %v, %v", d, ok, tc.want, tc.ok)
			}
		})
	}
}

func TestHistory_of_no_connection(t *testing.T) {
	if _, err := operationtest.New(nil).History(t.Context(), 99, time.Hour, operation.HistoryPieces); connection.CodeOf(err) != connection.CodeNotFound {
		t.Error(err)
	}
}
