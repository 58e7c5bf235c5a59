package db

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"boardlink/connection"
)

func addEvents(t *testing.T, d *DB, c *clock, n int) {
	t.Helper()
	for i := range n {
		level := connection.LevelInfo
		if i%3 == 0 {
			level = connection.LevelError
		}
		_, err := d.AddEvent(t.Context(), connection.Event{Level: level, Kind: connection.KindUplink, ConnectionID: connection.ID(1 + i%2), Message: fmt.Sprint(i)})
		if err != nil {
			t.Fatal(err)
		}
		c.advance(time.Minute)
	}
}

func messages(page []connection.Event) []string {
	var all []string
	for _, e := range page {
		all = append(all, e.Message)
	}
	return all
}

func TestEvents_come_back_as_they_were_added(t *testing.T) {
	d, c := newTestDB(t)
	added, err := d.AddEvent(t.Context(), connection.Event{
		Time: c.at.Add(time.Microsecond), Level: connection.LevelWarning, Kind: connection.KindDownlink, Actor: "ada@example.com", ConnectionID: 9, DevEUI: "0011223344556677", Message: "Said.",
	})
	if err != nil || added.ID == 0 || !added.Time.Equal(c.at) {
		t.Fatalf("added %+v, %v", added, err)
	}
	plain, err := d.AddEvent(t.Context(), connection.Event{Level: connection.LevelInfo, Kind: connection.KindSystem, Message: "Started."})
	if err != nil || plain.Actor != connection.System || !plain.Time.Equal(c.at) {
		t.Errorf("added %+v, %v", plain, err)
	}
	page, err := d.Events(t.Context(), EventFilter{})
	if err != nil || !reflect.DeepEqual(page, []connection.Event{plain, added}) {
		t.Errorf("page is %+v, %v", page, err)
	}
}

func TestEvents_are_filtered(t *testing.T) {
	d, c := newTestDB(t)
	start := c.at
	addEvents(t, d, c, 10)
	for name, test := range map[string]struct {
		filter EventFilter
		want   []string
	}{
		"of a connection": {EventFilter{ConnectionID: 1}, []string{"8", "6", "4", "2", "0"}},
		"errors":          {EventFilter{Levels: []connection.Level{connection.LevelError}}, []string{"9", "6", "3", "0"}},
		"in a time":       {EventFilter{From: start.Add(2 * time.Minute), To: start.Add(4 * time.Minute)}, []string{"3", "2"}},
		"all at once": {EventFilter{ConnectionID: 2, Levels: []connection.Level{connection.LevelError, connection.LevelWarning}, From: start, BeforeID: 9, Limit: 5},
			[]string{"3"}},
	} {
		page, err := d.Events(t.Context(), test.filter)
		if got := messages(page); err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: got %v (%v), want %v", name, got, err, test.want)
		}
	}
}

func TestEvents_page_without_gaps_while_new_ones_come(t *testing.T) {
	d, c := newTestDB(t)
	addEvents(t, d, c, 25)
	var got []string
	filter := EventFilter{Limit: 4}
	for {
		page, err := d.Events(t.Context(), filter)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		got = append(got, messages(page)...)
		filter.BeforeID = page[len(page)-1].ID
		addEvents(t, d, c, 3)
	}
	var want []string
	for i := 24; i >= 0; i-- {
		want = append(want, fmt.Sprint(i))
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v", got)
	}
}

func TestPruneEvents_by_age_and_by_number(t *testing.T) {
	d, c := newTestDB(t)
	start := c.at
	addEvents(t, d, c, 10)
	if n, err := d.PruneEvents(t.Context(), start.Add(3*time.Minute), 0); err != nil || n != 3 {
		t.Errorf("pruned %d by age, %v", n, err)
	}
	if n, err := d.PruneEvents(t.Context(), time.Time{}, 100); err != nil || n != 0 {
		t.Errorf("pruned %d of few, %v", n, err)
	}
	if n, err := d.PruneEvents(t.Context(), time.Time{}, 4); err != nil || n != 3 {
		t.Errorf("pruned %d by number, %v", n, err)
	}
	page, err := d.Events(t.Context(), EventFilter{})
	if got := messages(page); err != nil || !reflect.DeepEqual(got, []string{"9", "8", "7", "6"}) {
		t.Errorf("left are %v, %v", got, err)
	}
}

func TestEvents_come_from_an_index_whatever_they_are_filtered_by(t *testing.T) {
	d, c := newTestDB(t)
	addEvents(t, d, c, 10)
	for i, devEUI := range []string{"00000000000000A1", "00000000000000B2", "00000000000000A1"} {
		if _, err := d.AddEvent(t.Context(), connection.Event{Level: connection.LevelInfo, ConnectionID: 1, DevEUI: devEUI, Message: fmt.Sprint("of a device ", i)}); err != nil {
			t.Fatal(err)
		}
	}
	page, err := d.Events(t.Context(), EventFilter{ConnectionID: 1, DevEUI: "00000000000000A1"})
	if got := messages(page); err != nil || !reflect.DeepEqual(got, []string{"of a device 2", "of a device 0"}) {
		t.Errorf("got %v (%v)", got, err)
	}
	for index, f := range map[string]EventFilter{
		"events_of_device":     {ConnectionID: 1, DevEUI: "00000000000000A1"},
		"events_of_any_device": {DevEUI: "00000000000000A1"},
		"events_of_concern":    {Levels: []connection.Level{connection.LevelWarning, connection.LevelError}, BeforeID: 5},
		"events_of_connection": {ConnectionID: 1, BeforeID: 5},
		"events_by_time":       {From: c.at, To: c.at.Add(time.Hour)},
		"events_of_kind":       {Kinds: []connection.Kind{connection.KindAlarm}, BeforeID: 5},
		"PRIMARY KEY":          {Levels: []connection.Level{connection.LevelInfo}, BeforeID: 5},
	} {
		query, args := f.query()
		var id, parent, unused int
		var plan string
		err := d.read.QueryRowContext(t.Context(), "EXPLAIN QUERY PLAN "+query, args...).Scan(&id, &parent, &unused, &plan)
		if err != nil || !strings.Contains(plan, index+" ") || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%s: the plan is %q (%v)", index, plan, err)
		}
	}
}

// What leads to few rows is not left for the index of kinds, which leads to many.
func TestEvents_of_a_kind_come_from_the_narrower_index(t *testing.T) {
	d, c := newTestDB(t)
	kinds := []connection.Kind{connection.KindState}
	for index, f := range map[string]EventFilter{
		"events_of_device":     {ConnectionID: 1, DevEUI: "00000000000000A1", Kinds: kinds},
		"events_of_any_device": {DevEUI: "00000000000000A1", Kinds: kinds},
		"events_of_connection": {ConnectionID: 1, Kinds: kinds},
		"events_by_time":       {From: c.at, To: c.at.Add(time.Hour), Kinds: kinds},
	} {
		query, args := f.query()
		var id, parent, unused int
		var plan string
		err := d.read.QueryRowContext(t.Context(), "EXPLAIN QUERY PLAN "+query, args...).Scan(&id, &parent, &unused, &plan)
		if err != nil || !strings.Contains(plan, index+" ") {
			t.Errorf("%s: the plan is %q (%v)", index, plan, err)
		}
	}
}

// Whatever the filter, the pages together are the events that it chooses, the latest first.
func TestEvents_page_through_kinds_as_through_all(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 15))
	d, c := newTestDB(t)
	var all []connection.Event
	for i := range 60 {
		e, err := d.AddEvent(t.Context(), connection.Event{
			Time: c.at.Add(time.Duration(i) * time.Minute), Level: []connection.Level{connection.LevelInfo, connection.LevelError}[random.IntN(2)],
			Kind: connection.Kinds[random.IntN(4)], ConnectionID: connection.ID(random.IntN(3)), Message: fmt.Sprint(i),
		})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	for range 60 {
		f := EventFilter{Limit: 1 + random.IntN(7)}
		for _, kind := range connection.Kinds[:5] {
			if random.IntN(2) == 0 {
				f.Kinds = append(f.Kinds, kind, kind) // twice is once
			}
		}
		if random.IntN(3) == 0 {
			f.ConnectionID = connection.ID(random.IntN(3))
		}
		if random.IntN(3) == 0 {
			f.Levels = []connection.Level{connection.LevelError}
		}
		if random.IntN(4) == 0 {
			f.From = c.at.Add(20 * time.Minute)
		}
		var want, got []string
		for _, e := range slices.Backward(all) {
			if (len(f.Kinds) == 0 || slices.Contains(f.Kinds, e.Kind)) && (f.ConnectionID == 0 || f.ConnectionID == e.ConnectionID) &&
				(f.Levels == nil || slices.Contains(f.Levels, e.Level)) && !e.Time.Before(f.From) {
				want = append(want, e.Message)
			}
		}
		for paged := f; ; {
			page, err := d.Events(t.Context(), paged)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, messages(page)...)
			if len(page) < paged.Limit {
				break
			}
			paged.BeforeID = page[len(page)-1].ID
		}
		if !slices.Equal(got, want) {
			t.Errorf("%+v: got %v, want %v", f, got, want)
		}
	}
}

func TestEvents_of_some_kinds(t *testing.T) {
	d := openTestDB(t, filepath.Join(t.TempDir(), "boardlink.db"), Options{})
	for _, kind := range []connection.Kind{connection.KindState, connection.KindUplink, connection.KindState, connection.KindAlarm} {
		if _, err := d.AddEvent(t.Context(), connection.Event{Level: connection.LevelInfo, Kind: kind, Message: "m"}); err != nil {
			t.Fatal(err)
		}
	}
	page, err := d.Events(t.Context(), EventFilter{Kinds: []connection.Kind{connection.KindState, connection.KindAlarm}})
	if err != nil || len(page) != 3 || page[0].Kind != connection.KindAlarm || page[1].Kind != connection.KindState {
		t.Errorf("%+v, %v", page, err)
	}
}
