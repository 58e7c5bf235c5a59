package main

import (
	"sync/atomic"
	"testing"
	"time"

	"boardlink/connection"
	"boardlink/db"
	"boardlink/link"
)

func TestApplication_removes_nothing_while_the_clock_is_in_doubt(t *testing.T) {
	a := assembled(t, t.TempDir())
	defer a.release()
	var wrong atomic.Int64
	a.links = link.NewManager(link.Options{Now: func() time.Time { return time.Now().Add(time.Duration(wrong.Load())) }})
	old := connection.Event{Time: time.Now().Add(-2 * a.keepEvents), Level: connection.LevelInfo, Kind: connection.KindUpdated, Actor: connection.System, Message: "Long ago."}
	if _, err := a.db.AddEvent(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	kept := func() bool {
		events, err := a.db.Events(t.Context(), db.EventFilter{Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			if e.Message == old.Message {
				return true
			}
		}
		return false
	}
	wrong.Store(int64(365 * 24 * time.Hour))
	a.prune(t.Context())
	if !kept() {
		t.Error("removed by a clock that jumped")
	}
	wrong.Store(0)
	a.prune(t.Context())
	if kept() {
		t.Error("kept by a clock that is right")
	}
}
