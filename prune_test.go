package main

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"boardlink/connection"
	"boardlink/db"
)

func TestServe_removes_events_of_more_than_thirty_days_beside_its_work(t *testing.T) {
	a, err := assemble(t.Context(), settings(t), slog.New(slog.DiscardHandler), surroundings{})
	if err != nil {
		t.Fatal(err)
	}
	for message, age := range map[string]time.Duration{"kept": keepEvents - time.Hour, "removed": keepEvents + time.Hour} {
		if _, err := a.db.AddEvent(t.Context(), connection.Event{Time: time.Now().Add(-age), Level: connection.LevelInfo, Kind: connection.KindSystem, Message: message}); err != nil {
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
	for deadline := time.Now().Add(20 * time.Second); has("removed") && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	if has("removed") || !has("kept") {
		t.Errorf("removed: %v, kept: %v", !has("removed"), has("kept"))
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
