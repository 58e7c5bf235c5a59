package stores

import (
	"path/filepath"
	"testing"
	"time"

	"boardlink/connection"
	"boardlink/db"
)

func TestWhoChanged_names_the_last_person(t *testing.T) {
	sealer, err := db.NewSealer(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	d, err := db.Open(t.Context(), filepath.Join(t.TempDir(), "boardlink.db"), db.Options{Sealer: sealer})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }() // only a test's
	who := WhoChanged(d)
	if got := who(t.Context(), 1); got != "" {
		t.Errorf("%q changed what nobody did", got)
	}
	for _, e := range []connection.Event{
		{Kind: connection.KindUpdated, Actor: "ann@example.com", ConnectionID: 1},
		{Kind: connection.KindUpdated, Actor: "bob@example.com", ConnectionID: 1},
		{Kind: connection.KindUpdated, Actor: connection.System, ConnectionID: 1},
		{Kind: connection.KindState, Actor: "eve@example.com", ConnectionID: 1},
		{Kind: connection.KindUpdated, Actor: "dan@example.com", ConnectionID: 2},
	} {
		e.Level, e.Time = connection.LevelInfo, time.Now()
		if err := (Operations{d}).Tell(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	if got := who(t.Context(), 1); got != "bob@example.com" {
		t.Errorf("it says %q", got)
	}
}
