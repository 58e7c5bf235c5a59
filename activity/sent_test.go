package activity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"boardlink/connection"
	"boardlink/live"
)

// shelf keeps the last telemetry, and counts how often it was written to.
type shelf struct {
	mu     sync.Mutex
	kept   map[string]connection.LastTelemetry // by DevEUI
	writes int
	broken error
}

func (s *shelf) KeepTelemetry(_ context.Context, sent []connection.LastTelemetry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	if s.broken != nil {
		return s.broken
	}
	for _, t := range sent {
		s.kept[t.DevEUI] = t
	}
	return nil
}

func (s *shelf) breaks(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = err
}

func (s *shelf) of(devEUI string) (document string, writes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.kept[devEUI].Document), s.writes
}

// sending runs a recorder with a shelf until the bubble asks it to end.
func sending(t *testing.T, feed *live.Feed) (r *Recorder, s *shelf, stop func()) {
	t.Helper()
	s = &shelf{kept: map[string]connection.LastTelemetry{}}
	r = New(Options{Store: newStore(), Telemetry: s, Feed: feed})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); r.Run(ctx) }()
	return r, s, func() { cancel(); <-done }
}

func document(n int) json.RawMessage { return json.RawMessage(fmt.Sprintf(`{"n":%d}`, n)) }

func TestSent_keeps_the_last_of_many_by_one_write_in_five_seconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, s, stop := sending(t, nil)
		for i := range 100 {
			r.Sent(7, devEUI, int64(i), document(i))
			time.Sleep(100 * time.Millisecond)
		}
		stop()
		got, writes := s.of(devEUI)
		if got != `{"n":99}` || writes > 4 {
			t.Errorf("after ten seconds %s is kept, by %d writes", got, writes)
		}
		if kept := s.kept[devEUI]; kept.ConnectionID != 7 || kept.TS.UnixMilli() != 99 || kept.Size != 8 || kept.SentAt.IsZero() {
			t.Errorf("kept %+v", kept)
		}
	})
}

func TestSent_keeps_what_the_store_refuses_unless_the_device_sent_anew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, s, stop := sending(t, nil)
		s.breaks(errors.New("the disk is full"))
		r.Sent(7, devEUI, 1, document(1))
		r.Sent(7, "other", 1, document(1))
		time.Sleep(10 * time.Second)
		r.Sent(7, devEUI, 2, document(2))
		s.breaks(nil)
		time.Sleep(time.Minute)
		first, _ := s.of(devEUI)
		other, _ := s.of("other")
		if first != `{"n":2}` || other != `{"n":1}` {
			t.Errorf("kept %q and %q", first, other)
		}
		stop()
	})
}

func TestSent_bounds_what_waits_and_leaves_out_what_is_too_long_to_show(t *testing.T) {
	s := &shelf{kept: map[string]connection.LastTelemetry{}}
	r := New(Options{Store: newStore(), Telemetry: s})
	long := json.RawMessage(`{"n":"` + strings.Repeat("x", connection.MaxLastTelemetry) + `"}`)
	r.Sent(7, devEUI, 1, long)
	page := json.RawMessage(`{"n":"` + strings.Repeat("x", 8000) + `"}`)
	for i := range 1000 {
		r.Sent(7, fmt.Sprint("device ", i), 1, page)
	}
	r.Sent(7, "device 0", 2, document(2)) // shorter than what it replaces
	if r.sent.bytes > maxSentBytes {
		t.Errorf("%d bytes wait, at most %d may", r.sent.bytes, maxSentBytes)
	}
	if err := r.keepSent(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if kept := s.kept[devEUI]; kept.Document != nil || kept.Size != len(long) {
		t.Errorf("of a long document %d bytes are kept, its size is %d", len(kept.Document), kept.Size)
	}
	if got := len(s.kept); got < 500 || got > 600 {
		t.Errorf("%d devices are kept", got)
	}
	if got, _ := s.of("device 0"); got != `{"n":2}` || r.sent.bytes != 0 {
		t.Errorf("device 0 has %s; %d bytes wait still", got, r.sent.bytes)
	}
}

func TestSent_tells_pages_when_it_can_be_read(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		feed := &live.Feed{}
		ctx, cancel := context.WithCancel(t.Context())
		told := feed.Subscribe(ctx)
		r, s, stop := sending(t, feed)
		r.Sent(7, devEUI, 1, document(1))
		change := (<-told)[0]
		if got, _ := s.of(devEUI); change.Topic != live.Figures || change.ID != "7" || got == "" {
			t.Errorf("told %+v while %q is kept", change, got)
		}
		stop()
		cancel()
		for range told { // until it is closed
		}
	})
}
