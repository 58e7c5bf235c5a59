package db

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"boardlink/connection"
)

func TestOldUplinkKeys_are_sealed_noted_and_forgotten(t *testing.T) {
	c := newClock()
	path := filepath.Join(t.TempDir(), "boardlink.db")
	d := openTestDB(t, path, Options{Now: c.now})
	made, err := d.CreateConnection(t.Context(), testConnection("North"), connection.Event{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.ForgetOldUplinkKey(t.Context(), made.ID, c.at, connection.Event{})
	wantCode(t, err, connection.CodeNotFound) // there is none
	made.UplinkKey, made.OldUplinkKey, made.OldUplinkKeyUntil = "canary-new-key", "canary-old-key", c.at.Add(time.Hour)
	stored, err := d.UpdateConnection(t.Context(), made, connection.Event{})
	if err != nil || stored.OldUplinkKey != "canary-old-key" || !stored.OldUplinkKeyUntil.Equal(c.at.Add(time.Hour)) {
		t.Fatalf("%+v, %v", stored, err)
	}
	for _, at := range []time.Time{c.at.Add(time.Minute), c.at} { // the older one comes late
		if err := d.NoteOldUplinkKeyUse(t.Context(), made.ID, at); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := d.Connection(t.Context(), made.ID); err != nil || !got.OldUplinkKeyUsedAt.Equal(c.at.Add(time.Minute)) || got.Version != stored.Version {
		t.Errorf("%+v, %v", got, err)
	}
	for _, file := range []string{path, path + "-wal"} {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(raw, []byte("canary-old-key")) || bytes.Contains(raw, []byte("canary-new-key")) {
			t.Errorf("%s holds an uplink key", filepath.Base(file))
		}
	}
	_, err = d.ForgetOldUplinkKey(t.Context(), made.ID, c.at.Add(time.Hour-time.Millisecond), connection.Event{})
	wantCode(t, err, connection.CodeNotFound) // its time is not over
	got, err := d.ForgetOldUplinkKey(t.Context(), made.ID, c.at.Add(time.Hour), connection.Event{Message: "over"})
	if err != nil || got.OldUplinkKey.IsSet() || !got.OldUplinkKeyUntil.IsZero() || !got.OldUplinkKeyUsedAt.IsZero() || got.UplinkKey != "canary-new-key" || got.Version != stored.Version {
		t.Errorf("%+v, %v", got, err)
	}
	events, err := d.Events(t.Context(), EventFilter{ConnectionID: made.ID, Limit: 1})
	if err != nil || events[0].Message != "over" {
		t.Errorf("told %+v, %v", events, err)
	}
	if err := d.NoteOldUplinkKeyUse(t.Context(), made.ID, c.at.Add(2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if got, err = d.Connection(t.Context(), made.ID); err != nil || !got.OldUplinkKeyUsedAt.IsZero() {
		t.Errorf("the use of a forgotten key is noted: %+v, %v", got, err)
	}
}

func TestDeleteConnection_wipes_the_old_uplink_key(t *testing.T) {
	d, c := newTestDB(t)
	made, err := d.CreateConnection(t.Context(), testConnection("North"), connection.Event{})
	if err != nil {
		t.Fatal(err)
	}
	made.OldUplinkKey, made.OldUplinkKeyUntil = "old", c.at.Add(time.Hour)
	if _, err := d.UpdateConnection(t.Context(), made, connection.Event{}); err != nil {
		t.Fatal(err)
	}
	if err := d.DeleteConnection(t.Context(), made.ID, connection.Event{}); err != nil {
		t.Fatal(err)
	}
	var length, until int64
	if err := d.read.QueryRowContext(t.Context(), `SELECT length(old_uplink_key), old_uplink_key_until FROM connections WHERE id = $1`, made.ID).Scan(&length, &until); err != nil || length != 0 || until != 0 {
		t.Errorf("%d bytes until %d are left, %v", length, until, err)
	}
}
