package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"boardlink/connection"
	"boardlink/db"
)

// TestServe_removes_events_by_its_settings_beside_its_work lets a whole program prune: by age, and by number.
func TestServe_removes_events_by_its_settings_beside_its_work(t *testing.T) {
	const day = 24 * time.Hour
	type told struct {
		message string
		age     time.Duration
	}
	var many []told // the latest last
	for i := range 8 {
		many = append(many, told{fmt.Sprint("number ", i), time.Minute})
	}
	for name, test := range map[string]struct {
		days          int
		most          int64
		told          []told
		kept, removed []string
	}{
		"thirty days":        {30, 1_000_000, []told{{"old", 30*day + time.Hour}, {"young", 30*day - time.Hour}}, []string{"young"}, []string{"old"}},
		"one day":            {1, 1_000_000, []told{{"old", 25 * time.Hour}, {"young", 23 * time.Hour}}, []string{"young"}, []string{"old"}},
		"a year":             {365, 1_000_000, []told{{"older", 366 * day}, {"old", 364 * day}}, []string{"old"}, []string{"older"}},
		"the latest of many": {3650, 5, many, []string{"number 7", "number 6"}, []string{"number 0", "number 1", "number 2"}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := settings(t)
			cfg.EventsDays, cfg.EventsMax = test.days, test.most
			a, err := assemble(t.Context(), cfg, slog.New(slog.DiscardHandler), surroundings{})
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range test.told {
				if _, err := a.db.AddEvent(t.Context(), connection.Event{Time: time.Now().Add(-e.age), Level: connection.LevelInfo, Kind: connection.KindSystem, Message: e.message}); err != nil {
					t.Fatal(err)
				}
			}
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan error, 1)
			go func() { done <- a.run(ctx) }()
			has := func(message string) bool {
				events, err := a.db.Events(t.Context(), db.EventFilter{})
				if err != nil {
					t.Fatal(err)
				}
				return slices.ContainsFunc(events, func(e connection.Event) bool { return e.Message == message })
			}
			for deadline := time.Now().Add(20 * time.Second); slices.ContainsFunc(test.removed, has) && time.Now().Before(deadline); {
				time.Sleep(10 * time.Millisecond)
			}
			for _, message := range test.removed {
				if has(message) {
					t.Errorf("%q is still there", message)
				}
			}
			for _, message := range test.kept {
				if !has(message) {
					t.Errorf("%q was removed", message)
				}
			}
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}
