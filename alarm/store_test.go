package alarm

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"boardlink/activity"
	"boardlink/connection"
	"boardlink/db"
)

// figures gives the database to whoever counts.
type figures struct{ *db.DB }

func (f figures) AddDevices(ctx context.Context, devices []connection.Device) error {
	return f.SeenDevices(ctx, devices)
}

// The whole way on real files: uplinks are counted, stored, compared, and told; and again after the database was closed.
func TestAlarm_through_the_database(t *testing.T) {
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "boardlink.db")
	now := at(t, "2026-01-12T06:00:00Z")
	clock := func() time.Time { return now }
	var store *db.DB
	var counted *activity.Recorder
	var runner *Runner
	open := func() {
		sealer, err := db.NewSealer(make([]byte, 32))
		if err != nil {
			t.Fatal(err)
		}
		if store, err = db.Open(ctx, path, db.Options{Sealer: sealer, Now: clock}); err != nil {
			t.Fatal(err)
		}
		counted = activity.New(activity.Options{Store: figures{store}, Now: clock})
		runner = New(Options{Store: store, Now: clock, Tell: func(ctx context.Context, e connection.Event) bool {
			_, err := store.AddEvent(ctx, e)
			return err == nil
		}})
	}
	open()
	defer func() { _ = store.Close() }()
	create := func(name string, active bool) connection.ID {
		c := connection.Connection{ConnectorID: connection.ConnectorID, Name: name, Active: active, UplinkKey: connection.Secret(name),
			Configuration: connection.DefaultConfiguration(), Alarms: []connection.Alarm{
				on(t, "Europe/Paris", "2019-01-31T09:00:00+01:00", "2019-01-31T18:00:00+01:00", "monday tuesday wednesday thursday friday")}}
		c.Configuration.HostName, c.Configuration.Username, c.Configuration.Password = "tb.example.com:443", "tenant@example.com", "secret"
		made, err := store.CreateConnection(ctx, c, connection.Event{Kind: connection.KindCreated, Message: "Made."})
		if err != nil {
			t.Fatal(err)
		}
		return made.ID
	}
	slow, busy, off := create("slow", true), create("busy", true), create("off", false)
	round := func(moment string) {
		t.Helper()
		now = at(t, moment)
		if err := counted.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		if err := runner.round(ctx); err != nil {
			t.Fatal(err)
		}
	}
	told := func(id connection.ID) []string {
		t.Helper()
		events, err := store.AlarmEvents(ctx, id, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, e := range events {
			all = append(all, string(e.Level)+" "+e.Message)
		}
		return all
	}
	for minute := range 60 {
		moment := at(t, "2026-01-12T08:00:00Z").Add(time.Duration(minute) * time.Minute)
		counted.Accepted(busy, "70B3D5E75E00A001", "", moment)
		if minute%10 == 0 {
			counted.Accepted(slow, "70B3D5E75E00A002", "", moment)
		}
	}
	round("2026-01-12T08:59:05Z")
	if got := told(slow); len(got) != 0 {
		t.Errorf("told %q too early", got)
	}
	round("2026-01-12T09:00:05Z")
	const low = `warning Low uplink rate: 6 uplinks from 09:00 to 10:00; the minimum is 15 an hour (09:00 to 18:00, Europe/Paris). "Low rate during business day..."`
	if got := told(slow); len(got) != 1 || got[0] != low {
		t.Errorf("told %q", got)
	}
	if got := append(told(busy), told(off)...); len(got) != 0 {
		t.Errorf("told %q of others", got)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	open()
	round("2026-01-12T09:01:05Z")
	round("2026-01-12T09:30:05Z")
	if got := told(slow); len(got) != 1 {
		t.Errorf("told %q after a restart", got)
	}
	for range 20 {
		counted.Accepted(slow, "70B3D5E75E00A002", "", at(t, "2026-01-12T09:40:00Z"))
	}
	round("2026-01-12T09:41:05Z")
	round("2026-01-12T09:42:05Z")
	if got := told(slow); len(got) != 2 || !strings.HasPrefix(got[0], "info The uplink rate is back: 21 uplinks from 09:41 to 10:41; ") {
		t.Errorf("told %q", got)
	}
}
