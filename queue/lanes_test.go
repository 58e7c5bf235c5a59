package queue

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

func TestLanes_keep_order_per_device(t *testing.T) {
	q := open(t, file(t), Options{})
	putAll(t, q, 20, 30)
	drain(t, q.Lanes(7), 600)
	wantDepth(t, q, 7, 0, 0)
}

func TestLanes_keep_order_while_events_come_in_and_are_refused(t *testing.T) {
	q := open(t, file(t), Options{})
	l := q.Lanes(7)
	var wg sync.WaitGroup
	wg.Go(func() { putAll(t, q, 30, 40) })
	next := map[string]int64{}
	for done := 0; done < 1200; {
		for _, e := range take(t, l, 16) {
			if e.FCntUp != next[e.DevEUI] {
				t.Fatalf("device %s: frame %d, want %d", e.DevEUI, e.FCntUp, next[e.DevEUI])
			}
			switch rand.IntN(10) {
			case 0:
				l.Return(e)
			case 1:
				l.Retry(e, 0)
			case 2:
				l.Retry(e, time.Duration(rand.IntN(5))*time.Millisecond)
			default:
				ack(t, l, e)
				next[e.DevEUI]++
				done++
			}
		}
	}
	wg.Wait()
	wantDepth(t, q, 7, 0, 0)
}

func TestLanes_hand_out_one_event_of_a_device_at_a_time(t *testing.T) {
	q := open(t, file(t), Options{})
	for i := range 3 {
		put(t, q, uplink(1, i))
		put(t, q, uplink(2, i))
	}
	l := q.Lanes(7)
	first := take(t, l, 10)
	if len(first) != 2 || first[0].DevEUI == first[1].DevEUI {
		t.Fatalf("took %d events; want one of each device", len(first))
	}
	nothingToTake(t, l)
	ack(t, l, first[1])
	if e := takeOne(t, l); e.DevEUI != first[1].DevEUI || e.FCntUp != 1 {
		t.Fatalf("got frame %d of %s; want the second of the device that is free", e.FCntUp, e.DevEUI)
	}
}

func TestLanes_take_acks_out_of_order_across_devices(t *testing.T) {
	q := open(t, file(t), Options{})
	putAll(t, q, 10, 2)
	l := q.Lanes(7)
	events := take(t, l, 10)
	for i := len(events) - 1; i >= 0; i-- {
		ack(t, l, events[i])
	}
	drain(t, l, 10)
	wantDepth(t, q, 7, 0, 0)
}

func TestLanes_treat_events_without_a_device_as_one_lane(t *testing.T) {
	q := open(t, file(t), Options{})
	for range 2 {
		put(t, q, Event{Connection: 7, Kind: "BS_alarm", FCntUp: NoFrame, Body: []byte("{}")})
	}
	l := q.Lanes(7)
	if n := len(take(t, l, 10)); n != 1 {
		t.Fatalf("took %d events at once, want 1", n)
	}
}

func TestPut_wakes_a_waiting_Take(t *testing.T) {
	q := open(t, file(t), Options{})
	l := q.Lanes(7)
	got := make(chan Event, 1)
	go func() {
		events, err := l.Take(soon(t), 1)
		if err == nil {
			got <- events[0]
		}
	}()
	want := put(t, q, uplink(1, 1))
	select {
	case e := <-got:
		if e.ID != want.ID || string(e.Body) != string(want.Body) || e.TS != want.TS || !e.Time.Equal(want.Time) {
			t.Fatalf("took %+v, put %+v", e, want)
		}
	case <-soon(t).Done():
		t.Fatal("Take did not wake up")
	}
}

func TestTake_ends_with_its_context(t *testing.T) {
	q := open(t, file(t), Options{})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := q.Lanes(7).Take(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
}

func TestRetry_lets_other_devices_go_on(t *testing.T) {
	q := open(t, file(t), Options{})
	putAll(t, q, 3, 5)
	l := q.Lanes(7)
	for _, e := range take(t, l, 3) {
		if e.DevEUI == dev(0) {
			l.Retry(e, time.Hour)
		} else {
			ack(t, l, e)
		}
	}
	for _, e := range drain(t, l, 8) {
		if e.DevEUI == dev(0) {
			t.Fatal("a device that waits for its time was served")
		}
	}
	nothingToTake(t, l)
}

func TestRetry_brings_the_event_back_first_with_its_attempts(t *testing.T) {
	path := file(t)
	q := open(t, path, Options{})
	putAll(t, q, 1, 3)
	l := q.Lanes(7)
	for attempts := range 3 {
		e := takeOne(t, l)
		if e.FCntUp != 0 || e.Attempts != attempts {
			t.Fatalf("got frame %d with %d attempts, want frame 0 with %d", e.FCntUp, e.Attempts, attempts)
		}
		l.Retry(e, time.Millisecond)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	q = open(t, path, Options{})
	if e := takeOne(t, q.Lanes(7)); e.FCntUp != 0 || e.Attempts != 3 {
		t.Fatalf("after a restart: frame %d with %d attempts, want frame 0 with 3", e.FCntUp, e.Attempts)
	}
}

func TestReturn_counts_nothing(t *testing.T) {
	q := open(t, file(t), Options{})
	putAll(t, q, 1, 2)
	l := q.Lanes(7)
	l.Return(takeOne(t, l))
	if e := takeOne(t, l); e.FCntUp != 0 || e.Attempts != 0 {
		t.Fatalf("got frame %d with %d attempts", e.FCntUp, e.Attempts)
	}
}

func TestLanes_fence_the_consumer_before(t *testing.T) {
	q := open(t, file(t), Options{})
	putAll(t, q, 2, 2)
	old := q.Lanes(7)
	events := take(t, old, 2)
	ack(t, old, events[0])
	blocked := make(chan error, 1)
	go func() { _, err := old.Take(soon(t), 1); blocked <- err }()
	l := q.Lanes(7)
	if err := old.Ack(soon(t), events[1]); !errors.Is(err, ErrFenced) {
		t.Errorf("Ack gave %v", err)
	}
	if err := old.Drop(soon(t), events[1]); !errors.Is(err, ErrFenced) {
		t.Errorf("Drop gave %v", err)
	}
	if err := old.Park(soon(t), events[1], "", ""); !errors.Is(err, ErrFenced) {
		t.Errorf("Park gave %v", err)
	}
	old.Retry(events[1], 0)
	old.Return(events[1])
	old.Close()
	if _, err := old.Take(soon(t), 1); !errors.Is(err, ErrFenced) {
		t.Errorf("Take gave %v", err)
	}
	// The one that waited may have got its event before it was fenced; it cannot settle it.
	if err := <-blocked; err != nil && !errors.Is(err, ErrFenced) {
		t.Errorf("the waiting Take gave %v", err)
	}
	got := drain(t, l, 3)
	for _, e := range got {
		if e.ID == events[0].ID {
			t.Error("an acknowledged event came again")
		}
		if e.Attempts != 0 {
			t.Error("a fenced consumer counted an attempt")
		}
	}
	wantDepth(t, q, 7, 0, 0)
}

func TestAck_works_once(t *testing.T) {
	q := open(t, file(t), Options{})
	putAll(t, q, 1, 2)
	l := q.Lanes(7)
	e := takeOne(t, l)
	ack(t, l, e)
	if err := l.Ack(soon(t), e); !errors.Is(err, ErrNotOutstanding) {
		t.Fatalf("the second Ack gave %v", err)
	}
	wantDepth(t, q, 7, 1, 0)
}

func TestLanes_look_past_a_device_with_a_long_backlog(t *testing.T) {
	q := open(t, file(t), Options{})
	backlog(t, q, func(n int) int { return 0 }, 6000)
	put(t, q, uplink(1, 0))
	put(t, q, uplink(2, 0))
	l := q.Lanes(7)
	first := takeOne(t, l)
	if first.DevEUI != dev(0) {
		t.Fatalf("the first event is of %s, want the oldest", first.DevEUI)
	}
	served := map[string]bool{}
	for len(served) < 2 {
		for _, e := range take(t, l, 8) {
			served[e.DevEUI] = true
		}
	}
	ack(t, l, first)
	if e := takeOne(t, l); e.DevEUI != dev(0) || e.FCntUp != 1 {
		t.Fatalf("got frame %d of %s", e.FCntUp, e.DevEUI)
	}
	inMemory(t, l)
}

func TestLanes_serve_others_behind_many_that_must_wait(t *testing.T) {
	q := open(t, file(t), Options{})
	const devices, each = 40, 100
	backlog(t, q, func(n int) int { return n % devices }, devices*each)
	l := q.Lanes(7)
	blocked := map[string]bool{}
	for d := 0; d < devices; d += 2 {
		blocked[dev(d)] = true
	}
	for _, e := range take(t, l, devices) {
		if blocked[e.DevEUI] {
			l.Retry(e, time.Hour)
		} else {
			l.Return(e)
		}
	}
	for _, e := range drain(t, l, devices/2*each) {
		if blocked[e.DevEUI] {
			t.Fatal("a blocked device was served")
		}
	}
	inMemory(t, l)
	nothingToTake(t, l)
	release(l)
	drain(t, l, devices/2*each)
	wantDepth(t, q, 7, 0, 0)
}

// release ends every lane's wait.
func release(l *Lanes) {
	l.mu.Lock()
	l.win.release(time.Now().Add(24 * time.Hour))
	l.mu.Unlock()
	l.signal()
}

// backlog stores n events of connection 7 in few transactions; of says which device the n-th is of.
func backlog(t testing.TB, q *Queue, of func(n int) int, n int) {
	t.Helper()
	next := map[int]int{}
	var all []*putting
	for i := range n {
		d := of(i)
		e := uplink(d, next[d])
		next[d]++
		all = append(all, start(q, e))
	}
	for _, p := range all {
		if err := <-p.done; err != nil {
			t.Fatal(err)
		}
	}
}

// inMemory checks the bounds and books of the window.
func inMemory(t testing.TB, l *Lanes) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	loaded, bytes, out := 0, 0, 0
	for _, lane := range l.win.lanes {
		loaded += len(lane.queue)
		for _, e := range lane.queue {
			bytes += len(e.Body)
		}
		if lane.out.ID != 0 {
			out++
		}
	}
	if loaded != l.win.loaded || bytes != l.win.bytes || out != l.win.out {
		t.Fatalf("%d events, %d bytes, %d out counted; %d, %d, %d there", l.win.loaded, l.win.bytes, l.win.out, loaded, bytes, out)
	}
	if loaded > maxLoaded+chunk {
		t.Fatalf("%d events in memory", loaded)
	}
}

// What was acknowledged leaves the file a little later. Before events are read that may be among it, that must have
// happened.
func TestTake_gives_nothing_again_that_was_acknowledged(t *testing.T) {
	for name, happens := range map[string]func(l *Lanes, e Event){
		"when it hears late of an event that came back": func(l *Lanes, e Event) { l.comeBack(e.ID, laneOf(e.Connection, e.DevEUI)) },
		"when the file was replaced":                    func(l *Lanes, _ Event) { l.beginAnew() },
	} {
		t.Run(name, func(t *testing.T) {
			var disk sync.Mutex // held: no commit gets on
			q := open(t, file(t), Options{hook: func(string) error { disk.Lock(); defer disk.Unlock(); return nil }})
			putAll(t, q, 1, 2)
			l := q.Lanes(7)
			e := takeOne(t, l)
			disk.Lock()
			ack(t, l, e)
			happens(l, e)
			time.AfterFunc(50*time.Millisecond, disk.Unlock) // in which it would be read again
			if next := takeOne(t, l); next.ID != e.ID+1 {
				t.Errorf("frame %d came, want 1", next.FCntUp)
			}
			nothingToTake(t, l)
		})
	}
}
