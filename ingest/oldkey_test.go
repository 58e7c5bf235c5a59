package ingest

import (
	"errors"
	"testing"
	"time"

	"boardlink/connection"
)

func TestOldUplinkKeys_are_accepted_until_their_time_is_over(t *testing.T) {
	now := time.Date(2026, 11, 23, 10, 8, 8, 0, time.UTC)
	end := now.Add(24 * time.Hour)
	b := newBench(connection.Connection{ID: 7, Version: 1, UplinkKey: "new", OldUplinkKey: "old", OldUplinkKeyUntil: end}, connection.Connection{ID: 8, Version: 1, UplinkKey: "other"})
	b.Now = func() time.Time { return now }
	opens := func(id connection.ID, key connection.Secret) bool {
		t.Helper()
		return b.Accept(t.Context(), id, Credential{UplinkKey: key}, "", []byte(uplink)) == nil
	}
	if !opens(7, "new") || b.Registry.OldKeyUsedAt(7) != (time.Time{}) {
		t.Error("the new key is refused, or counts as the old one")
	}
	if !opens(7, "old") || !b.Registry.OldKeyUsedAt(7).Equal(now) {
		t.Errorf("the old key is refused, or its use unseen: %v", b.Registry.OldKeyUsedAt(7))
	}
	for _, wrong := range []struct {
		id  connection.ID
		key connection.Secret
	}{{7, ""}, {7, "other"}, {8, "old"}, {8, ""}, {9, "old"}} {
		if opens(wrong.id, wrong.key) {
			t.Errorf("%d opens with another key", wrong.id)
		}
	}
	now = end.Add(-time.Millisecond)
	if !opens(7, "old") {
		t.Error("it ends too early")
	}
	now = end
	if opens(7, "old") || !opens(7, "new") {
		t.Error("it does not end")
	}
	now = end.Add(-time.Hour)
	b.Registry.Set(connection.Connection{ID: 7, Version: 2, UplinkKey: "new"}) // ended by somebody
	if opens(7, "old") || !b.Registry.OldKeyUsedAt(7).IsZero() {
		t.Error("a key that was ended early is accepted")
	}
	b.Registry.Set(connection.Connection{ID: 7, Version: 1, UplinkKey: "new", OldUplinkKey: "old", OldUplinkKeyUntil: end})
	if opens(7, "old") {
		t.Error("a change that comes late brings an old key back")
	}
}

func TestOldUplinkKeys_uses_are_reported_at_most_once_a_minute(t *testing.T) {
	now := time.Date(2026, 11, 23, 10, 8, 8, 0, time.UTC)
	end := now.Add(time.Hour)
	row := connection.Connection{ID: 7, Version: 1, UplinkKey: "new", OldUplinkKey: "old", OldUplinkKeyUntil: end}
	b := newBench(row)
	b.Now = func() time.Time { return now }
	var noted []time.Time
	var over []connection.ID
	broken := true
	report := func() {
		b.Registry.ReportOldKeys(now, func(id connection.ID, at time.Time) error {
			if broken {
				return errors.New("disk on fire")
			}
			noted = append(noted, at)
			return nil
		}, func(id connection.ID) { over = append(over, id) })
	}
	report()
	use := func() {
		t.Helper()
		if err := b.Authorize(7, Credential{UplinkKey: "old"}); err != nil {
			t.Fatal(err)
		}
	}
	use()
	report() // could not be written: it is tried again
	broken = false
	for range 30 { // 5 minutes
		use()
		report()
		now = now.Add(10 * time.Second)
	}
	if len(noted) != 5 || len(over) != 0 {
		t.Errorf("noted %v, over %v", noted, over)
	}
	row.Version, row.Name = 2, "renamed" // an edit forgets no use
	last := b.Registry.OldKeyUsedAt(7)
	b.Registry.Set(row)
	if !b.Registry.OldKeyUsedAt(7).Equal(last) {
		t.Error("an edit has forgotten the last use")
	}
	now = end
	report()
	if len(noted) != 6 || !noted[5].Equal(last) || len(over) != 1 {
		t.Errorf("at its end noted %v, over %v", noted, over)
	}
	// After a restart the use is known from the store.
	row.OldUplinkKeyUsedAt = last
	b.Registry.Load([]connection.Connection{row})
	if !b.Registry.OldKeyUsedAt(7).Equal(last) {
		t.Error("a restart forgets the last use")
	}
	noted = nil
	if report(); len(noted) != 0 {
		t.Errorf("what was noted is noted again: %v", noted)
	}
}
