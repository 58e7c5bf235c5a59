package ingest

import (
	"context"
	"testing"
	"time"

	"boardlink/connection"
)

func TestRefusals_are_counted_until_an_uplink_is_accepted(t *testing.T) {
	b := newBench()
	now := b.now()
	good := Credential{UplinkKey: key}
	want := func(what string, r connection.Refusals) {
		t.Helper()
		if got := b.Registry.Refusals(7); got != r {
			t.Errorf("%s: %+v, want %+v", what, got, r)
		}
	}
	want("at first", connection.Refusals{})
	_ = b.Authorize(7, Credential{UplinkKey: "wrong"})
	_ = b.Authorize(7, Credential{})
	want("without its key", connection.Refusals{Count: 2, LastAt: now, LastKind: connection.RefusedKey})
	if err := b.Authorize(7, good); err != nil {
		t.Fatal(err)
	}
	_ = b.Accept(t.Context(), 7, good, "", []byte("{"))
	want("unreadable", connection.Refusals{Count: 3, LastAt: now, LastKind: connection.RefusedDocument})
	b.Unreadable(7)
	want("refused unread", connection.Refusals{Count: 4, LastAt: now, LastKind: connection.RefusedDocument})
	b.Unreadable(8)
	_ = b.Authorize(8, Credential{})
	if got := b.Registry.Refusals(8); got != (connection.Refusals{}) {
		t.Errorf("counted for a connection that does not exist: %+v", got)
	}
	b.Registry.Set(connection.Connection{ID: 7, Version: 2, UplinkKey: key, Name: "New"})
	if got := b.Registry.Refusals(7).Count; got != 4 {
		t.Errorf("%d after an edit", got)
	}
	b.Registry.Set(connection.Connection{ID: 7, Version: 3, UplinkKey: "new"})
	want("after the key was renewed", connection.Refusals{})
	_ = b.Authorize(7, good)
	want("with the old key", connection.Refusals{Count: 1, LastAt: now, LastKind: connection.RefusedKey})
	if err := b.Accept(t.Context(), 7, Credential{UplinkKey: "new"}, "", []byte(uplink)); err != nil {
		t.Fatal(err)
	}
	want("after one was accepted", connection.Refusals{})
}

func TestRefusals_are_told_once_an_hour(t *testing.T) {
	b := newBench()
	now := b.now()
	report := func() (told []connection.Event) {
		b.Registry.reportRefusals(t.Context(), now, func(e connection.Event) { told = append(told, e) })
		return told
	}
	if told := report(); len(told) != 0 {
		t.Errorf("told %v of nothing", told)
	}
	for range 1000 {
		_ = b.Authorize(7, Credential{})
	}
	told := report()
	if len(told) != 1 || told[0].ConnectionID != 7 || told[0].Level != connection.LevelWarning || told[0].Kind != connection.KindUplink ||
		told[0].Message != "1000 uplinks were refused since 2026-03-01 09:20:31 UTC. The uplink key was wrong or missing." {
		t.Errorf("told %+v", told)
	}
	_ = b.Authorize(7, Credential{})
	b.Unreadable(7)
	now = now.Add(59 * time.Minute)
	if told := report(); len(told) != 0 {
		t.Errorf("told %v within the hour", told)
	}
	now = now.Add(2 * time.Minute)
	told = report()
	if len(told) != 1 || told[0].Message != "2 uplinks were refused since 2026-03-01 09:20:31 UTC. "+
		"The uplink key was wrong or missing (1). The document could not be read (1)." {
		t.Errorf("told %+v", told)
	}
	now = now.Add(2 * time.Hour)
	if told := report(); len(told) != 0 {
		t.Errorf("told %v again", told)
	}
	_ = b.Authorize(7, Credential{})
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	b.Registry.ReportRefusals(ended, func(connection.Event) { t.Error("told after the end") })
}
