package operation_test

import (
	"strings"
	"testing"
	"time"

	"boardlink/connection"
	"boardlink/operation"
	"boardlink/operation/operationtest"
)

func TestRenewUplinkKey_lets_the_old_one_be_good_for_a_while(t *testing.T) {
	now := operationtest.Now
	w := operationtest.New(func() time.Time { return now })
	id := create(t, w)
	v, err := w.RenewUplinkKey(t.Context(), actor, id, 24*time.Hour)
	if err != nil || v.Connection.UplinkKey != "uplink-key-2" || v.Connection.OldUplinkKey != "uplink-key-1" || !v.Connection.OldUplinkKeyUntil.Equal(now.Add(24*time.Hour)) {
		t.Fatalf("%+v, %v", v.Connection, err)
	}
	if e := lastEvent(t, w); e.Actor != actor || e.Message != "Uplink key renewed, the old one is accepted until 2026-11-24 10:08:08 UTC." {
		t.Errorf("event %+v", e)
	}
	now = now.Add(23 * time.Hour)
	if _, err := w.RenewUplinkKey(t.Context(), actor, id, time.Hour); connection.CodeOf(err) != connection.CodeConflict || !strings.Contains(err.Error(), "2026-11-24 10:08:08 UTC") {
		t.Errorf("a third key was made: %v", err)
	}
	if v, err = w.Get(t.Context(), id); err != nil || v.Connection.UplinkKey != "uplink-key-2" || v.Connection.OldUplinkKey != "uplink-key-1" {
		t.Errorf("the keys are %+v, %v", v.Connection, err)
	}
	if v, err = w.EndOldUplinkKey(t.Context(), actor, id); err != nil || v.Connection.OldUplinkKey.IsSet() || v.Connection.UplinkKey != "uplink-key-2" {
		t.Errorf("%+v, %v", v.Connection, err)
	}
	if e := lastEvent(t, w); e.Actor != actor || e.Message != "Old uplink key ended." {
		t.Errorf("event %+v", e)
	}
	if _, err := w.EndOldUplinkKey(t.Context(), actor, id); connection.CodeOf(err) != connection.CodeNotFound {
		t.Errorf("ended twice: %v", err)
	}
	if _, err = w.RenewUplinkKey(t.Context(), actor, id, time.Hour); err != nil {
		t.Error(err)
	}
	// What leaked must end whatever was promised.
	if v, err = w.RenewUplinkKey(t.Context(), actor, id, 0); err != nil || v.Connection.OldUplinkKey.IsSet() {
		t.Errorf("%+v, %v", v.Connection, err)
	}
	for _, wrong := range []time.Duration{-1, connection.MaxOldUplinkKey + 1} {
		if _, err := w.RenewUplinkKey(t.Context(), actor, id, wrong); connection.CodeOf(err) != connection.CodeInvalid {
			t.Errorf("%v: %v", wrong, err)
		}
	}
}

func TestForgetOldUplinkKey_removes_what_is_over_and_says_whether_it_was_missed(t *testing.T) {
	for name, test := range map[string]struct {
		before time.Duration // of its last use before its end; 0: never
		level  connection.Level
		says   string
	}{
		"unused":    {0, connection.LevelInfo, "The old uplink key has ended. It was not used since it was replaced."},
		"long ago":  {5 * time.Hour, connection.LevelInfo, "The old uplink key has ended. It was last used at 2026-11-24 05:08:08 UTC."},
		"right now": {time.Minute, connection.LevelWarning, "The old uplink key has ended. It was last used at 2026-11-24 10:07:08 UTC. Uplinks that still bear it are refused: give ThingPark the new one."},
	} {
		t.Run(name, func(t *testing.T) {
			now := operationtest.Now
			w := operationtest.New(func() time.Time { return now })
			id := create(t, w)
			end := now.Add(24 * time.Hour)
			if test.before > 0 {
				w.OldKeys.Set(id, end.Add(-test.before))
			}
			v, err := w.RenewUplinkKey(t.Context(), actor, id, 24*time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			if got := v.Connection.OldUplinkKeyUsedAt; got.IsZero() != (test.before == 0) {
				t.Errorf("its last use reads %v", got)
			}
			version, events := v.Connection.Version, len(w.Store.AllEvents())
			if err := w.ForgetOldUplinkKey(t.Context(), id); err != nil || len(w.Store.AllEvents()) != events {
				t.Errorf("before its time: %v", err)
			}
			now = end
			if v, err = w.Get(t.Context(), id); err != nil || v.Connection.OldUplinkKey.IsSet() || !v.Connection.OldUplinkKeyUntil.IsZero() {
				t.Errorf("a key whose time is over is shown: %+v, %v", v.Connection, err)
			}
			w.Observer.Told()
			if err := w.ForgetOldUplinkKey(t.Context(), id); err != nil {
				t.Fatal(err)
			}
			if e := lastEvent(t, w); e.Level != test.level || e.Message != test.says || e.Actor != connection.System || e.ConnectionID != id {
				t.Errorf("event %+v", e)
			}
			if v, err = w.Get(t.Context(), id); err != nil || v.Connection.Version != version || len(w.Observer.Told()) != 1 {
				t.Errorf("version %d, %v", v.Connection.Version, err)
			}
			if err := w.ForgetOldUplinkKey(t.Context(), id); err != nil || len(w.Store.AllEvents()) != events+1 {
				t.Errorf("once more: %v", err)
			}
		})
	}
}

func TestParseOldValidFor(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"": 0, "0": 0, "0s": 0, "0d": 0, "1h": time.Hour, "24h": 24 * time.Hour, "7d": 7 * 24 * time.Hour, "90s": 90 * time.Second,
		"8d": -1, "169h": -1, "-1h": -1, "1.5h": -1, "1h30m": -1, "x": -1, "h": -1, "24": -1,
	} {
		got, err := operation.ParseOldValidFor(text)
		if want < 0 != (err != nil) || err == nil && got != want {
			t.Errorf("%q is %v, %v", text, got, err)
		}
	}
}
