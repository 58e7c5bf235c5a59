package queue

import (
	"errors"
	"slices"
	"testing"

	"boardlink/connection"
)

func TestPark_puts_aside_and_the_lane_goes_on(t *testing.T) {
	path := file(t)
	q := open(t, path, Options{})
	putAll(t, q, 1, 3)
	l := q.Lanes(7)
	e := takeOne(t, l)
	l.Retry(e, 0)
	e = takeOne(t, l)
	if err := l.Park(soon(t), e, connection.ReasonBadPayload, "bad\x00 content"); err != nil {
		t.Fatal(err)
	}
	if next := takeOne(t, l); next.FCntUp != 1 {
		t.Fatalf("after the parked one came frame %d", next.FCntUp)
	}
	wantDepth(t, q, 7, 2, 1)
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	q = open(t, path, Options{})
	wantDepth(t, q, 7, 2, 1)
	all, err := q.Parked(soon(t), 7, 0, 10)
	if err != nil || len(all) != 1 {
		t.Fatalf("%d parked, %v", len(all), err)
	}
	p := all[0]
	if p.ID != e.ID || p.Code != connection.ReasonBadPayload || p.Reason != "bad  content" || p.Attempts != 1 || string(p.Body) != string(e.Body) || p.ParkedAt.IsZero() {
		t.Fatalf("parked as %+v", p)
	}
	if all, err := q.Parked(soon(t), 7, p.ID, 10); err != nil || len(all) != 0 {
		t.Fatalf("after the last: %d, %v", len(all), err)
	}
}

// parkAll parks the first n events of connection 7.
func parkAll(t *testing.T, l *Lanes, n int) (ids []int64) {
	t.Helper()
	for range n {
		e := takeOne(t, l)
		if err := l.Park(soon(t), e, connection.ReasonRefused, "no"); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, e.ID)
	}
	return ids
}

func TestRetryParked_brings_events_back_before_younger_ones(t *testing.T) {
	q := open(t, file(t), Options{})
	putAll(t, q, 1, 5)
	l := q.Lanes(7)
	ids := parkAll(t, l, 2)
	out := takeOne(t, l)
	n, err := q.RetryParked(soon(t), 7, []int64{ids[1], ids[0], ids[1], 12345})
	if err != nil || n != 2 {
		t.Fatalf("retried %d, %v", n, err)
	}
	ack(t, l, out)
	for _, want := range []int64{0, 1, 3, 4} {
		e := takeOne(t, l)
		if e.FCntUp != want || e.Attempts != 0 {
			t.Fatalf("got frame %d with %d attempts, want frame %d", e.FCntUp, e.Attempts, want)
		}
		ack(t, l, e)
	}
	nothingToTake(t, l)
	wantDepth(t, q, 7, 0, 0)
}

func TestRetryParked_wakes_a_consumer_that_waits(t *testing.T) {
	q := open(t, file(t), Options{})
	putAll(t, q, 300, 1)
	l := q.Lanes(7)
	parkAll(t, l, 300)
	wantDepth(t, q, 7, 0, 300)
	got := make(chan error, 1)
	go func() { _, err := l.Take(soon(t), 1); got <- err }()
	if n, err := q.RetryParked(soon(t), 7, nil); err != nil || n != 300 {
		t.Fatalf("retried %d, %v", n, err)
	}
	if err := <-got; err != nil {
		t.Fatal(err)
	}
	wantDepth(t, q, 7, 300, 0)
	drain(t, l, 299)
}

func TestDropParked_removes(t *testing.T) {
	q := open(t, file(t), Options{})
	putAll(t, q, 3, 1)
	ids := parkAll(t, q.Lanes(7), 3)
	if n, err := q.DropParked(soon(t), 8, ids); err != nil || n != 0 {
		t.Fatalf("another connection dropped %d, %v", n, err)
	}
	if n, err := q.DropParked(soon(t), 7, ids[:1]); err != nil || n != 1 {
		t.Fatalf("dropped %d, %v", n, err)
	}
	if n, err := q.DropParked(soon(t), 7, []int64{}); err != nil || n != 0 {
		t.Fatalf("no ids dropped %d, %v", n, err)
	}
	wantDepth(t, q, 7, 0, 2)
	if n, err := q.DropParked(soon(t), 7, nil); err != nil || n != 2 {
		t.Fatalf("dropped %d, %v", n, err)
	}
	wantDepth(t, q, 7, 0, 0)
}

func TestPark_has_a_bound(t *testing.T) {
	q := open(t, file(t), Options{})
	putAll(t, q, 2, 1)
	q.mu.Lock()
	q.accounts[7].parked = MaxParked
	q.mu.Unlock()
	l := q.Lanes(7)
	e := takeOne(t, l)
	if err := l.Park(soon(t), e, connection.ReasonRefused, "no"); !errors.Is(err, ErrParkedFull) {
		t.Fatalf("got %v", err)
	}
	ack(t, l, e) // it is still outstanding
}

func TestParkedReasons_count_and_lead_to_the_events(t *testing.T) {
	q := open(t, file(t), Options{})
	putAll(t, q, 6, 1)
	put(t, q, Event{Connection: 8, DevEUI: dev(1), Kind: "DevEUI_uplink", Body: []byte("{}")})
	l, other := q.Lanes(7), q.Lanes(8)
	var ids []int64
	for i, code := range []connection.ReasonCode{connection.ReasonRefused, connection.ReasonTooLarge, connection.ReasonRefused, connection.ReasonRefused} {
		e := takeOne(t, l)
		if err := l.Park(soon(t), e, code, "no"); err != nil {
			t.Fatal(err)
		}
		if i != 1 {
			ids = append(ids, e.ID)
		}
	}
	if err := other.Park(soon(t), takeOne(t, other), connection.ReasonRefused, "no"); err != nil {
		t.Fatal(err)
	}
	slices.Sort(ids)
	got, err := q.ParkedReasons(soon(t), 7)
	want := []connection.ParkedReason{{Code: connection.ReasonRefused, Count: 3}, {Code: connection.ReasonTooLarge, Count: 1}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("counted %v, %v", got, err)
	}
	for _, tc := range []struct {
		after int64
		limit int
		want  []int64
	}{{0, 10, ids}, {0, 2, ids[:2]}, {ids[0], 10, ids[1:]}, {ids[2], 10, nil}} {
		got, err := q.ParkedBecause(soon(t), 7, connection.ReasonRefused, tc.after, tc.limit)
		if err != nil || !slices.Equal(got, tc.want) {
			t.Errorf("after %d, at most %d: %v, %v; want %v", tc.after, tc.limit, got, err, tc.want)
		}
	}
	if got, err := q.ParkedReasons(soon(t), 9); err != nil || got != nil {
		t.Errorf("of a connection without: %v, %v", got, err)
	}
}
