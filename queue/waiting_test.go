package queue

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func dropWaiting(t testing.TB, q *Queue) int64 {
	t.Helper()
	n, err := q.DropWaiting(soon(t), 7)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestDropWaiting_leaves_what_is_handed_out_and_the_consumer_goes_on(t *testing.T) {
	q := open(t, file(t), Options{})
	putAll(t, q, 10, 120)
	l := q.Lanes(7)
	out := take(t, l, 3)
	if n := dropWaiting(t, q); n != 1197 {
		t.Errorf("%d dropped", n)
	}
	wantDepth(t, q, 7, 3, 0)
	nothingToTake(t, l)
	ack(t, l, out[0])
	l.Return(out[1])
	if err := l.Park(soon(t), out[2], "x", "y"); err != nil {
		t.Fatal(err)
	}
	late := put(t, q, uplink(10, 1000)) // of a device that has nothing handed out
	got := []int64{takeOne(t, l).ID, takeOne(t, l).ID}
	slices.Sort(got)
	if want := []int64{out[1].ID, late.ID}; !slices.Equal(got, want) {
		t.Errorf("taken %v, want %v", got, want)
	}
	wantDepth(t, q, 7, 2, 1)
	if n := dropWaiting(t, q); n != 0 {
		t.Errorf("%d dropped again", n)
	}
}

func TestDropWaiting_needs_no_consumer_and_touches_no_other_connection(t *testing.T) {
	path := file(t)
	q := open(t, path, Options{})
	putAll(t, q, 3, 10)
	other := uplink(1, 1)
	other.Connection = 8
	put(t, q, other)
	if n := dropWaiting(t, q); n != 30 {
		t.Errorf("%d dropped", n)
	}
	wantDepth(t, q, 7, 0, 0)
	wantDepth(t, q, 8, 1, 0)
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	q = open(t, path, Options{})
	wantDepth(t, q, 7, 0, 0)
	put(t, q, uplink(1, 11))
	drain(t, q.Lanes(7), 1)
}

func TestDropWaiting_takes_what_was_refused_or_left_in_the_file(t *testing.T) {
	q := open(t, file(t), Options{})
	putAll(t, q, 100, 25) // more than memory holds
	l := q.Lanes(7)
	for _, e := range take(t, l, 40) {
		l.Retry(e, time.Hour)
	}
	if n := dropWaiting(t, q); n != 2500 {
		t.Errorf("%d dropped", n)
	}
	wantDepth(t, q, 7, 0, 0)
	nothingToTake(t, l)
}

func TestDropWaiting_ends_with_its_context_and_says_what_was_done(t *testing.T) {
	q := open(t, file(t), Options{})
	putAll(t, q, 5, 10)
	l := q.Lanes(7)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if n, err := q.DropWaiting(ctx, 7); err == nil || n != 0 {
		t.Errorf("%d, %v", n, err)
	}
	drain(t, l, 50)
}

// Events are put, taken and settled in every way while the waiting ones are dropped. Each ends in one way, those of a
// device come in order, and none comes that was dropped.
func TestDropWaiting_while_everything_else_goes_on(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	dropWhile(t, rand.New(rand.NewPCG(seed, 1)))
}

func dropWhile(t *testing.T, random *rand.Rand) {
	const devices, each = 30, 20
	q := open(t, file(t), Options{})
	var wg sync.WaitGroup
	var dropped, acked, parked atomic.Int64
	ending := make(chan struct{})
	wg.Go(func() { putAll(t, q, devices, each) })
	pauses := make([]time.Duration, 20)
	for i := range pauses {
		pauses[i] = time.Duration(random.IntN(12)) * time.Millisecond
	}
	wg.Go(func() {
		defer close(ending)
		for _, pause := range pauses {
			time.Sleep(pause) // a load, not a wait for something
			n, err := q.DropWaiting(soon(t), 7)
			dropped.Add(n)
			if err != nil {
				t.Error(err)
			}
		}
	})
	last := map[string]int64{}
	l := q.Lanes(7)
	deadline := time.Now().Add(30 * time.Second)
	var out []Event
	for {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		some, _ := l.Take(ctx, 1+random.IntN(20))
		cancel()
		for _, e := range some {
			if e.ID < last[e.DevEUI] {
				t.Fatalf("device %s: event %d came after %d", e.DevEUI, e.ID&sequenceMask, last[e.DevEUI]&sequenceMask)
			}
			last[e.DevEUI] = e.ID
		}
		out = append(out, some...)
		for random.IntN(4) > 0 && len(out) > 0 {
			i := random.IntN(len(out))
			e := out[i]
			out = slices.Delete(out, i, i+1)
			switch random.IntN(8) {
			case 0:
				l.Return(e)
			case 1:
				l.Retry(e, time.Duration(random.IntN(5))*time.Millisecond)
			case 2:
				if err := l.Park(soon(t), e, "x", "y"); err != nil {
					t.Fatal(err)
				}
				parked.Add(1)
			default:
				ack(t, l, e)
				acked.Add(1)
			}
		}
		if random.IntN(40) == 0 { // the link was lost
			l.Close()
			l, out = q.Lanes(7), nil
			clear(last)
		}
		select {
		case <-ending:
			wg.Wait()
			if err := q.flush(soon(t)); err != nil {
				t.Fatal(err)
			}
			waiting, _, _ := q.Depth(7)
			if time.Now().After(deadline) {
				t.Fatalf("%d events wait and do not come", waiting)
			}
			if waiting == 0 {
				if got := dropped.Load() + acked.Load() + parked.Load(); got != devices*each {
					t.Fatalf("%d dropped, %d acknowledged, %d parked: %d of %d", dropped.Load(), acked.Load(), parked.Load(), got, devices*each)
				}
				wantDepth(t, q, 7, 0, parked.Load())
				if err := q.Close(); err != nil {
					t.Fatal(err)
				}
				return
			}
		default:
		}
	}
}
