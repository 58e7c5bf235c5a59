package stores

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"boardlink/connection"
	"boardlink/queue"
)

func TestParked_gives_what_the_queue_has_put_aside(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	q, err := queue.Open(ctx, filepath.Join(t.TempDir(), "queue.db"), queue.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = q.Close() }() // closed below
	at := time.Date(2026, 11, 23, 10, 8, 8, 0, time.UTC)
	put, err := q.Put(ctx, queue.Event{Connection: 7, DevEUI: "20635F0108000E09", Kind: "DevEUI_uplink", FCntUp: 1, ReceivedAt: at, Body: []byte(`{"DevEUI_uplink":{}}`)})
	if err != nil {
		t.Fatal(err)
	}
	lanes := q.Lanes(7)
	for range 2 { // refused twice before
		refused, err := lanes.Take(ctx, 1)
		if err != nil {
			t.Fatal(err)
		}
		lanes.Retry(refused[0], 0)
	}
	last, err := lanes.Take(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := lanes.Park(ctx, last[0], connection.ReasonTooLarge, ""); err != nil {
		t.Fatal(err)
	}
	s := Parked{q}
	all, err := s.Parked(ctx, 7, 0, 10)
	if err != nil || len(all) != 1 {
		t.Fatalf("%d parked, %v", len(all), err)
	}
	e := all[0]
	if e.ID != put.ID || e.DevEUI != "20635F0108000E09" || e.Kind != "DevEUI_uplink" || !e.ReceivedAt.Equal(at) || e.ParkedAt.IsZero() || string(e.Document) != `{"DevEUI_uplink":{}}` {
		t.Errorf("parked is %+v", e)
	}
	if e.Attempts != 3 || e.ReasonCode != connection.ReasonTooLarge || e.Reason != connection.ReasonTooLarge.Text().Sentence {
		t.Errorf("parked after %d tries as %s: %q", e.Attempts, e.ReasonCode, e.Reason)
	}
	if n, err := s.RetryParked(ctx, 7, nil); n != 1 || err != nil {
		t.Errorf("put back %d, %v", n, err)
	}

	given, cancelNow := context.WithCancel(ctx)
	cancelNow()
	if _, err := s.DropParked(given, 7, nil); !errors.Is(err, context.Canceled) || connection.CodeOf(err) != "" {
		t.Errorf("given up: %v", err)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	for _, try := range []func(context.Context, connection.ID, []int64) (int64, error){s.RetryParked, s.DropParked} {
		if _, err := try(ctx, 7, nil); connection.CodeOf(err) != connection.CodeUnavailable || !errors.Is(err, queue.ErrClosed) {
			t.Errorf("when the queue is closed: %v", err)
		}
	}
}
