package db

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"boardlink/connection"
)

func TestFigures_add_up_per_minute(t *testing.T) {
	d, c := newTestDB(t)
	id := createTestConnection(t, d, "north").ID
	minute := c.at.Truncate(time.Minute)
	batch := []connection.Minute{
		{ConnectionID: id, Start: c.at, Uplinks: 1, Delivered: 2, Downlinks: 3, Rejected: 4, Parked: 5, Expired: 6, Delays: delays(3*time.Millisecond, time.Second), Backlog: 7, OldestAge: time.Hour},
		{ConnectionID: id, Start: minute, Uplinks: 10, Delays: delays(time.Second, 24*time.Hour), Backlog: 3, OldestAge: 2 * time.Hour},
		{ConnectionID: id, Start: minute.Add(time.Minute), Uplinks: 100},
		{ConnectionID: 77, Start: minute, Uplinks: 1000}, // nobody's
	}
	if err := d.AddFigures(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	got, err := d.Figures(t.Context(), id, c.at, c.at.Add(time.Hour))
	want := []connection.Minute{
		{ConnectionID: id, Start: minute, Uplinks: 11, Delivered: 2, Downlinks: 3, Rejected: 4, Parked: 5, Expired: 6,
			Delays: delays(3*time.Millisecond, time.Second, time.Second, 24*time.Hour), Backlog: 7, OldestAge: 2 * time.Hour},
		{ConnectionID: id, Start: minute.Add(time.Minute), Uplinks: 100},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("figures are %+v, %v", got, err)
	}
	if got, err := d.Figures(t.Context(), id, c.at, minute.Add(time.Minute)); err != nil || len(got) != 1 {
		t.Errorf("up to the next minute: %+v, %v", got, err)
	}
}

// delays counts deliveries that took so long.
func delays(took ...time.Duration) (d connection.Delays) {
	for _, t := range took {
		d.Note(t)
	}
	return d
}

func TestMinutesOfAll_sums_all_connections(t *testing.T) {
	d, c := newTestDB(t)
	a, b := createTestConnection(t, d, "a").ID, createTestConnection(t, d, "b").ID
	minute := c.at.Truncate(time.Minute)
	err := d.AddFigures(t.Context(), []connection.Minute{
		{ConnectionID: a, Start: minute, Uplinks: 1, Delivered: 2, Downlinks: 3, Rejected: 4, Parked: 5, Expired: 6},
		{ConnectionID: b, Start: minute, Uplinks: 10},
		{ConnectionID: b, Start: minute.Add(-time.Minute), Uplinks: 100},
		{ConnectionID: b, Start: minute.Add(time.Minute), Uplinks: 1000},
		{ConnectionID: 77, Start: minute, Uplinks: 10_000}, // nobody's
		{ConnectionID: a, Start: minute, Backlog: 5, OldestAge: time.Second},
		{Start: minute, Watched: true, Backlog: 9, OldestAge: time.Minute},
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := d.MinutesOfAll(t.Context(), c.at.Add(-time.Minute), minute.Add(time.Minute))
	want := []connection.Minute{
		{Start: minute.Add(-time.Minute), Uplinks: 100},
		{Start: minute, Uplinks: 11, Delivered: 2, Downlinks: 3, Rejected: 4, Parked: 5, Expired: 6, Watched: true, Backlog: 9, OldestAge: time.Minute},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("minutes are %+v, %v", got, err)
	}
	if got, err := d.Figures(t.Context(), a, minute, minute.Add(time.Minute)); err != nil || len(got) != 1 || got[0].Backlog != 5 || got[0].Watched {
		t.Errorf("of one connection: %+v, %v", got, err)
	}
	if n, err := d.PruneFigures(t.Context(), minute, minute.Add(-time.Hour)); err != nil || n != 2 { // of b, and of all
		t.Errorf("pruned %d, %v", n, err)
	}
	if left, err := d.MinutesOfAll(t.Context(), c.at.Add(-time.Hour), c.at.Add(time.Hour)); err != nil || len(left) != 2 || !left[0].Start.Equal(minute) {
		t.Errorf("left are %+v, %v", left, err)
	}
}

func TestFiguresOf_sums_each_connection_over_hours_and_minutes(t *testing.T) {
	d, c := newTestDB(t)
	a, b := createTestConnection(t, d, "a").ID, createTestConnection(t, d, "b").ID
	quiet := createTestConnection(t, d, "quiet").ID
	now := c.at
	var batch []connection.Minute
	for i := range 30 * 60 { // 30 hours, an uplink a minute, the latest in this minute
		batch = append(batch, connection.Minute{ConnectionID: a, Start: now.Add(-time.Duration(i) * time.Minute), Uplinks: 1, Delivered: 1})
	}
	batch = append(batch, connection.Minute{ConnectionID: b, Start: now.Add(-23 * time.Hour), Downlinks: 5, Rejected: 2, Parked: 3, Expired: 4})
	if err := d.AddFigures(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	err := d.SeenDevices(t.Context(), []connection.Device{
		{ConnectionID: a, DevEUI: "00000000000000A1", LastUplinkAt: now.Add(-time.Minute)},
		{ConnectionID: a, DevEUI: "00000000000000A2", LastUplinkAt: now.Add(-2 * time.Hour)},
		{ConnectionID: b, DevEUI: "00000000000000B1", LastUplinkAt: now.Add(-25 * time.Hour)},
	})
	if err != nil {
		t.Fatal(err)
	}
	for window, want := range map[time.Duration]map[connection.ID]connection.Totals{
		time.Hour: {a: {ActiveDevices: 1, Uplinks: 61, Delivered: 61}}, // the minute that has begun counts
		24 * time.Hour: {
			a: {ActiveDevices: 2, Uplinks: 24*60 + 1, Delivered: 24*60 + 1},
			b: {Downlinks: 5, Rejected: 2, Parked: 3, Expired: 4},
		},
	} {
		got, err := d.FiguresOf(t.Context(), now.Add(-window), a, b, quiet, 4711)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%v: got %+v (%v), want %+v", window, got, err, want)
		}
		if _, there := got[quiet]; there {
			t.Error("a connection without figures has some")
		}
		for id, totals := range want {
			if got, err := d.FiguresOf(t.Context(), now.Add(-window), id); err != nil || len(got) != 1 || got[id] != totals {
				t.Errorf("%v: of one connection %+v (%v), want %+v", window, got, err, totals)
			}
		}
	}

	if n, err := d.PruneFigures(t.Context(), now.Add(-24*time.Hour), now.Add(-48*time.Hour)); err != nil || n != 2*(6*60-1) { // of a, and of all
		t.Errorf("pruned %d, %v", n, err)
	}
	if got, err := d.FiguresOf(t.Context(), now.Add(-24*time.Hour), a); err != nil || got[a].Uplinks != 24*60+1 {
		t.Errorf("after pruning: %+v, %v", got, err)
	}
}

// With 1,000 busy connections the primary key leads through sixty times as many rows.
func TestFigures_of_a_connection_come_from_its_index(t *testing.T) {
	d, c := newTestDB(t)
	query, args := sumOfFigures(`connection_id = $1 AND`, []any{1}, c.at)
	for query, args := range map[string][]any{query: args, figuresQuery(): {1, spanMinute, 1, 2}} {
		rows, err := d.read.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, args...)
		plan, err := scan(rows, err, func(row interface{ Scan(...any) error }) (text string, err error) {
			var id, parent, unused int
			return text, row.Scan(&id, &parent, &unused, &text)
		})
		if all := strings.Join(plan, "; "); err != nil || !strings.Contains(all, "figures USING COVERING INDEX figures_of_connection") || strings.Contains(all, "figures USING PRIMARY KEY") {
			t.Errorf("the plan is %s (%v) of %s", all, err, query)
		}
	}
}

func TestFiguresOf_nobody_are_none(t *testing.T) {
	d, c := newTestDB(t)
	if got, err := d.FiguresOf(t.Context(), c.at); err != nil || len(got) != 0 {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestDevices_are_kept_and_paged(t *testing.T) {
	d, c := newTestDB(t)
	id := createTestConnection(t, d, "north").ID
	for _, seen := range [][]connection.Device{
		{{ConnectionID: id, DevEUI: "00000000000000A1", Name: "Meter 1", LastUplinkAt: c.at, Uplinks: 2}},
		{{ConnectionID: id, DevEUI: "00000000000000A1", LastUplinkAt: c.at.Add(-time.Hour), Uplinks: 1, Downlinks: 1}}, // late and without name
		{{ConnectionID: id, DevEUI: "00000000000000B2", Name: "Door_2", Downlinks: 1}, {ConnectionID: id, DevEUI: "00000000000000C3", LastUplinkAt: c.at}},
		{{ConnectionID: 77, DevEUI: "00000000000000D4"}}, // nobody's
	} {
		if err := d.SeenDevices(t.Context(), seen); err != nil {
			t.Fatal(err)
		}
	}
	all := []connection.Device{
		{ConnectionID: id, DevEUI: "00000000000000A1", Name: "Meter 1", LastUplinkAt: c.at, Uplinks: 3, Downlinks: 1},
		{ConnectionID: id, DevEUI: "00000000000000B2", Name: "Door_2", Downlinks: 1},
		{ConnectionID: id, DevEUI: "00000000000000C3", LastUplinkAt: c.at},
	}
	for name, test := range map[string]struct {
		filter DeviceFilter
		want   []connection.Device
	}{
		"all":         {DeviceFilter{}, all},
		"second page": {DeviceFilter{AfterDevEUI: "00000000000000A1", Limit: 1}, all[1:2]},
		"by DevEUI":   {DeviceFilter{Search: "00000000000000c"}, all[2:]},
		"by name":     {DeviceFilter{Search: "r_2"}, all[1:2]},
	} {
		got, err := d.Devices(t.Context(), id, test.filter)
		if err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: got %+v (%v)", name, got, err)
		}
	}
	if got, err := d.Device(t.Context(), id, "00000000000000B2"); err != nil || !reflect.DeepEqual(got, all[1]) {
		t.Errorf("one device: %+v (%v)", got, err)
	}
	for _, devEUI := range []string{"00000000000000D4", "00000000000000b2", ""} {
		if got, err := d.Device(t.Context(), id, devEUI); connection.CodeOf(err) != connection.CodeNotFound {
			t.Errorf("the device %q: %+v (%v)", devEUI, got, err)
		}
	}
	for limit, want := range map[int][]connection.Device{0: {all[0], all[2]}, 1: {all[0]}} {
		if got, err := d.RecentDevices(t.Context(), id, c.at, limit); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("recent are %+v, %v", got, err)
		}
	}
	if n, err := d.ActiveDevices(t.Context(), id, c.at); err != nil || n != 2 {
		t.Errorf("%d are active, %v", n, err)
	}
}

// The last step of the migration that made the minutes of all connections, on what was counted before.
func TestMinutesOfAll_began_with_what_was_counted_before(t *testing.T) {
	d, c := newTestDB(t)
	a, b := createTestConnection(t, d, "a").ID, createTestConnection(t, d, "b").ID
	minute := c.at.Truncate(time.Minute)
	for _, at := range []time.Time{minute, minute.Add(-time.Hour), minute.Add(-3 * time.Hour)} {
		if err := d.AddFigures(t.Context(), []connection.Minute{{ConnectionID: a, Start: at, Uplinks: 1, Delivered: 2, Downlinks: 3, Rejected: 4, Parked: 5, Expired: 6}, {ConnectionID: b, Start: at, Uplinks: 10}}); err != nil {
			t.Fatal(err)
		}
	}
	migration, err := migrationFiles.ReadFile("migrations/00017_delays_and_backlog.sql")
	if err != nil {
		t.Fatal(err)
	}
	_, last, found := strings.Cut(string(migration), "INSERT INTO minutes_of_all")
	if !found {
		t.Fatal("the migration has no such step")
	}
	if _, err := d.write.ExecContext(t.Context(), `DELETE FROM minutes_of_all; INSERT INTO minutes_of_all`+last); err != nil {
		t.Fatal(err)
	}
	got, err := d.MinutesOfAll(t.Context(), minute.Add(-24*time.Hour), minute.Add(time.Hour))
	sum := connection.Minute{Uplinks: 11, Delivered: 2, Downlinks: 3, Rejected: 4, Parked: 5, Expired: 6}
	want := []connection.Minute{sum, sum}
	want[0].Start, want[1].Start = minute.Add(-time.Hour), minute
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("minutes are %+v, %v", got, err)
	}
}
