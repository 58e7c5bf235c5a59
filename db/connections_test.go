package db

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"boardlink/connection"
)

func TestConnection_keeps_every_field(t *testing.T) {
	d, c := newTestDB(t)
	made := createTestConnection(t, d, "north")
	want := testConnection("north")
	want.ID, want.Version, want.CredentialVersion, want.CreatedAt, want.UpdatedAt = made.ID, 1, 1, c.at, c.at
	read, err := d.Connection(t.Context(), made.ID)
	if err != nil {
		t.Fatal(err)
	}
	for what, got := range map[string]connection.Connection{"created": made, "read": read} {
		got.Alarms[0].StartTime, got.Alarms[0].EndTime = testAlarm.StartTime, testAlarm.EndTime // same instants, compared below
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
		}
	}
	read, _ = d.Connection(t.Context(), made.ID)
	if at := read.Alarms[0].StartTime; !at.Equal(testAlarm.StartTime) || at.Format(time.RFC3339) != "2019-01-31T09:00:00+01:00" {
		t.Errorf("alarm starts at %v", at)
	}
	// Every field of the test connection differs from its zero value, so that none can be forgotten in a column list.
	v := reflect.ValueOf(read.Configuration)
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			t.Errorf("configuration.%s was not kept", v.Type().Field(i).Name)
		}
	}
}

func TestConnection_that_is_not_there_is_not_found(t *testing.T) {
	d, _ := newTestDB(t)
	_, err := d.Connection(t.Context(), 12)
	wantCode(t, err, connection.CodeNotFound)
	_, err = d.UpdateConnection(t.Context(), connection.Connection{ID: 12, Version: 1}, byTest)
	wantCode(t, err, connection.CodeNotFound)
	wantCode(t, d.DeleteConnection(t.Context(), 12, byTest), connection.CodeNotFound)
	wantCode(t, d.RequestRestart(t.Context(), 12, byTest), connection.CodeNotFound)
	wantCode(t, d.SetGatewayDevice(t.Context(), 12, "x"), connection.CodeNotFound)
	_, err = d.TakeCredentialTry(t.Context(), 12, 1)
	wantCode(t, err, connection.CodeNotFound)
	if n := eventsOf(t.Context(), d, 0); n != "0" {
		t.Errorf("%s events tell of what did not happen", n)
	}
}

func TestUpdateConnection_wants_the_version_that_was_read(t *testing.T) {
	d, c := newTestDB(t)
	made := createTestConnection(t, d, "north")
	c.advance(time.Minute)

	edit := made
	edit.Name, edit.Configuration.Username, edit.CredentialVersion = "south", "other@example.com", 2
	edit.Alarms = nil
	updated, err := d.UpdateConnection(t.Context(), edit, byTest)
	if err != nil {
		t.Fatal(err)
	}
	if updated.Version != 2 || updated.CredentialVersion != 2 || updated.Name != "south" || updated.Alarms != nil ||
		!updated.CreatedAt.Equal(made.CreatedAt) || !updated.UpdatedAt.Equal(c.at) || updated.Configuration.Password != made.Configuration.Password {
		t.Errorf("updated to %+v", updated)
	}
	_, err = d.UpdateConnection(t.Context(), edit, byTest)
	wantCode(t, err, connection.CodeConflict)
	if now, _ := d.Connection(t.Context(), made.ID); !reflect.DeepEqual(now, updated) {
		t.Errorf("a stale edit changed the row to %+v", now)
	}
	if n := eventsOf(t.Context(), d, made.ID); n != "2" {
		t.Errorf("%s events", n)
	}
}

func TestUpdateConnection_lets_one_of_many_win(t *testing.T) {
	d, _ := newTestDB(t)
	made := createTestConnection(t, d, "north")
	var wg sync.WaitGroup
	results := make([]error, 8)
	for i := range results {
		wg.Go(func() { _, results[i] = d.UpdateConnection(context.Background(), made, byTest) })
	}
	wg.Wait()
	won := 0
	for _, err := range results {
		if err == nil {
			won++
		} else {
			wantCode(t, err, connection.CodeConflict)
		}
	}
	if won != 1 {
		t.Errorf("%d won", won)
	}
}

func TestUpdateConnection_keeps_a_restart_and_a_gateway_that_came_meanwhile(t *testing.T) {
	d, _ := newTestDB(t)
	made := createTestConnection(t, d, "north")
	if err := d.RequestRestart(t.Context(), made.ID, byTest); err != nil {
		t.Fatal(err)
	}
	if err := d.SetGatewayDevice(t.Context(), made.ID, "0b1c"); err != nil {
		t.Fatal(err)
	}
	updated, err := d.UpdateConnection(t.Context(), made, byTest)
	if err != nil || updated.RestartRequest != 1 || updated.GatewayDeviceID != "0b1c" || updated.Version != 2 {
		t.Errorf("updated to %+v, %v", updated, err)
	}
}

func TestCreateConnection_never_uses_an_id_again(t *testing.T) {
	path := filepath.Join(t.TempDir(), "boardlink.db")
	sealer := newTestSealer(t, 1)
	var last connection.ID
	for range 3 {
		d, err := Open(t.Context(), path, Options{Sealer: sealer})
		if err != nil {
			t.Fatal(err)
		}
		c := createTestConnection(t, d, "one")
		if c.ID <= last {
			t.Errorf("id %d after %d", c.ID, last)
		}
		last = c.ID
		if err := errors.Join(d.DeleteConnection(t.Context(), c.ID, byTest), d.FinishDeletion(t.Context(), c.ID), d.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSecrets_are_in_no_file_in_clear(t *testing.T) {
	dir := t.TempDir()
	d := openTestDB(t, filepath.Join(dir, "boardlink.db"), Options{})
	made := createTestConnection(t, d, "canary")
	if _, err := d.UpdateConnection(t.Context(), made, byTest); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) < 2 {
		t.Fatalf("files are %v, %v", files, err)
	}
	for _, f := range files {
		content, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"p4ssw0rd-canary", "as-key-canary", "uplink-key-canary"} {
			if bytes.Contains(content, []byte(secret)) {
				t.Errorf("%s holds %s", f.Name(), secret)
			}
		}
		if !bytes.Contains(content, []byte("Meters of canary")) && f.Name() == "boardlink.db-wal" {
			t.Error("the log lacks the row, so this test proves nothing")
		}
	}
}

func TestSecrets_do_not_open_in_another_row(t *testing.T) {
	d, _ := newTestDB(t)
	a, b := createTestConnection(t, d, "a"), createTestConnection(t, d, "b")
	_, err := d.write.Exec(`UPDATE connections SET password = (SELECT password FROM connections WHERE id = $1) WHERE id = $2`, a.ID, b.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Connection(t.Context(), b.ID); !errors.Is(err, errSealed) {
		t.Errorf("error is %v", err)
	}
	if _, err := d.Connection(t.Context(), a.ID); err != nil {
		t.Errorf("the other row: %v", err)
	}
}

func TestDeleteConnection_leaves_a_tombstone_without_secrets(t *testing.T) {
	d, c := newTestDB(t)
	made, other := createTestConnection(t, d, "gone"), createTestConnection(t, d, "stays")
	seen := func(id connection.ID) connection.Device {
		return connection.Device{ConnectionID: id, DevEUI: "0011223344556677", LastUplinkAt: c.at, Uplinks: 1}
	}
	minute := func(id connection.ID) connection.Minute {
		return connection.Minute{ConnectionID: id, Start: c.at, Uplinks: 1}
	}
	err := errors.Join(
		d.SaveStatus(t.Context(), made.ID, connection.Status{State: connection.Opened}),
		d.AllowCredentialTry(t.Context(), made.ID, 1),
		d.SeenDevices(t.Context(), []connection.Device{seen(made.ID), seen(other.ID)}),
		d.AddFigures(t.Context(), []connection.Minute{minute(made.ID), minute(other.ID)}),
		beginAndShare(t, d, made.ID), beginAndShare(t, d, other.ID),
		d.DeleteConnection(t.Context(), made.ID, byTest),
	)
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.Connection(t.Context(), made.ID)
	wantCode(t, err, connection.CodeNotFound)
	wantCode(t, d.DeleteConnection(t.Context(), made.ID, byTest), connection.CodeNotFound)
	if all, _ := d.Connections(t.Context()); len(all) != 1 || all[0].ID != other.ID {
		t.Errorf("left are %v", all)
	}
	if page, _ := d.Listed(t.Context()); len(page) != 1 || page[0].ID != other.ID {
		t.Errorf("listed are %v", page)
	}
	var secrets int
	if err := d.read.QueryRow(`SELECT length(password) + length(downlink_as_key) + length(uplink_key) + length(username) FROM connections WHERE id = $1`, made.ID).Scan(&secrets); err != nil || secrets != 0 {
		t.Errorf("%d bytes of secrets are left, %v", secrets, err)
	}
	if ids, err := d.DeletedConnections(t.Context()); err != nil || len(ids) != 1 || ids[0] != made.ID {
		t.Errorf("deleted are %v, %v", ids, err)
	}

	// The link and the counters may still speak of it.
	err = errors.Join(
		d.SaveStatus(t.Context(), made.ID, connection.Status{State: connection.Closed}),
		d.SeenDevices(t.Context(), []connection.Device{seen(made.ID)}),
		d.AddFigures(t.Context(), []connection.Minute{minute(made.ID)}),
		d.SettleCommand(t.Context(), 1, connection.CommandQueued, ""),
		d.FinishDeletion(t.Context(), other.ID), // not deleted: nothing happens
		d.FinishDeletion(t.Context(), made.ID),
	)
	if err != nil {
		t.Fatal(err)
	}
	if ids, err := d.DeletedConnections(t.Context()); err != nil || len(ids) != 0 {
		t.Errorf("deleted are %v, %v", ids, err)
	}
	for _, table := range []string{"statuses", "credential_tries", "devices", "figures", "commands", "shared_attributes"} {
		var n int
		if err := d.read.QueryRow(`SELECT COUNT(*) FROM `+table+` WHERE connection_id = $1`, made.ID).Scan(&n); err != nil || n != 0 {
			t.Errorf("%d rows of %s are left, %v", n, table, err)
		}
	}
	if page, err := d.Commands(t.Context(), other.ID, CommandFilter{}); err != nil || len(page) != 1 {
		t.Errorf("the other connection has the commands %v, %v", page, err)
	}
	if n, err := d.ActiveDevices(t.Context(), other.ID, c.at); err != nil || n != 1 {
		t.Errorf("the other connection has %d devices, %v", n, err)
	}
	if n := eventsOf(t.Context(), d, made.ID); n != "2" {
		t.Errorf("%s events are left", n)
	}
}

func TestStatus_survives_a_restart(t *testing.T) {
	d, c := newTestDB(t)
	made := createTestConnection(t, d, "north")
	want := connection.Status{
		State: connection.Closed, Since: c.at, ReasonCode: connection.ReasonTCPRefused, Reason: "The host refused.", Hint: "Check the port.",
		Attempt: 3, NextAttemptAt: c.at.Add(time.Minute), LostAt: c.at.Add(-time.Hour), StartupTime: c.at.Add(-2 * time.Hour), Owner: "node", LastDeliveredAt: c.at.Add(-time.Hour),
	}
	for _, s := range []connection.Status{{State: connection.Opening, Since: c.at}, want} {
		if err := d.SaveStatus(t.Context(), made.ID, s); err != nil {
			t.Fatal(err)
		}
	}
	all, err := d.Statuses(t.Context())
	if err != nil || len(all) != 1 || !reflect.DeepEqual(all[made.ID], want) {
		t.Errorf("statuses are %+v, %v", all, err)
	}
}

func TestCredentialTries_count_per_version(t *testing.T) {
	d, c := newTestDB(t)
	id := createTestConnection(t, d, "north").ID
	check := func(version int64, want connection.CredentialTries) {
		t.Helper()
		if got, err := d.CredentialTries(t.Context(), id, version); err != nil || got != want {
			t.Errorf("tries are %+v (%v), want %+v", got, err, want)
		}
	}
	check(1, connection.CredentialTries{})
	for range 3 {
		c.advance(time.Second)
		if taken, err := d.TakeCredentialTry(t.Context(), id, 1); !taken || err != nil {
			t.Fatal(taken, err)
		}
	}
	last := c.at
	c.advance(time.Hour)
	if err := d.AllowCredentialTry(t.Context(), id, 1); err != nil {
		t.Fatal(err)
	}
	check(1, connection.CredentialTries{Tries: 3, Allowance: 1, Last: last})
	if taken, err := d.TakeCredentialTry(t.Context(), id, 2); !taken || err != nil {
		t.Fatal(taken, err)
	}
	check(1, connection.CredentialTries{}) // an older version is nobody's any more
	check(2, connection.CredentialTries{Tries: 1, Last: c.at})
	if err := d.ResetCredentialTries(t.Context(), id, 2); err != nil {
		t.Fatal(err)
	}
	check(2, connection.CredentialTries{})
}

// A link and tests that sign in at the same moment take the tries that are left, and not one more.
func TestTakeCredentialTry_gives_out_no_try_twice(t *testing.T) {
	d, _ := newTestDB(t)
	id := createTestConnection(t, d, "north").ID
	round := func(want int) {
		t.Helper()
		var taken atomic.Int64
		var wg sync.WaitGroup
		for range 12 {
			wg.Go(func() {
				ok, err := d.TakeCredentialTry(t.Context(), id, 1)
				if err != nil {
					t.Error(err)
				}
				if ok {
					taken.Add(1)
				}
			})
		}
		wg.Wait()
		if int(taken.Load()) != want {
			t.Errorf("%d tries were taken, %d were left", taken.Load(), want)
		}
	}
	round(connection.MaxCredentialTries)
	round(0)
	for range 2 {
		if err := d.AllowCredentialTry(t.Context(), id, 1); err != nil {
			t.Fatal(err)
		}
	}
	round(2)
	if err := d.ResetCredentialTries(t.Context(), id, 1); err != nil {
		t.Fatal(err)
	}
	round(connection.MaxCredentialTries)
}
