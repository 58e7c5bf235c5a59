package activity

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"boardlink/connection"
	"boardlink/live"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// store keeps figures in memory, adding as the real one does.
type store struct {
	mu      sync.Mutex
	broken  error
	tries   int
	minutes map[string]connection.Minute
	devices map[device]connection.Device
}

func newStore() *store {
	return &store{minutes: map[string]connection.Minute{}, devices: map[device]connection.Device{}}
}

func (s *store) AddFigures(_ context.Context, minutes []connection.Minute) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tries++
	if s.broken != nil {
		return s.broken
	}
	for _, m := range minutes {
		key := fmt.Sprint(m.ConnectionID, m.Start.Unix())
		sum := s.minutes[key]
		sum.ConnectionID, sum.Start = m.ConnectionID, m.Start
		sum.Add(m)
		s.minutes[key] = sum
	}
	return nil
}

func (s *store) AddDevices(_ context.Context, devices []connection.Device) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return s.broken
	}
	for _, d := range devices {
		key := device{d.ConnectionID, d.DevEUI}
		sum := s.devices[key]
		sum.Uplinks += d.Uplinks
		sum.Downlinks += d.Downlinks
		if d.Name != "" {
			sum.Name = d.Name
		}
		if d.LastUplinkAt.After(sum.LastUplinkAt) {
			sum.LastUplinkAt = d.LastUplinkAt
		}
		s.devices[key] = sum
	}
	return nil
}

func (s *store) breaks(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = err
}

// all gives the stored minutes in their order.
func (s *store) all() []connection.Minute {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []connection.Minute
	for _, m := range s.minutes {
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b connection.Minute) int { return a.Start.Compare(b.Start) })
	return all
}

const devEUI = "70B3D57ED0000001"

// running runs a recorder until the test's bubble is asked to end it.
func running(t *testing.T, s *store, feed *live.Feed) (r *Recorder, stop func()) {
	t.Helper()
	r = New(Options{Store: s, Feed: feed})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); r.Run(ctx) }()
	return r, func() { cancel(); <-done }
}

func TestRecorder_adds_up_per_minute_and_connection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		r, stop := running(t, s, nil)
		begin := time.Now().UTC().Truncate(time.Minute)
		for range 3 { // three minutes, and several flushes in each
			for range 4 {
				r.Accepted(7, devEUI, "", time.Now())
				r.Delivered(7, 20*time.Millisecond)
				r.Downlink(7, devEUI)
				r.Rejected(7)
				r.Parked(7)
				r.Expired(7, 3)
				time.Sleep(10 * time.Second)
			}
			time.Sleep(20 * time.Second)
		}
		stop()
		all := s.all()
		if len(all) != 3 {
			t.Fatalf("%d minutes are stored, want 3", len(all))
		}
		for i, m := range all {
			want := connection.Minute{ConnectionID: 7, Start: begin.Add(time.Duration(i) * time.Minute), Uplinks: 4, Delivered: 4, Downlinks: 4, Rejected: 4, Parked: 4, Expired: 12}
			for range 4 {
				want.Delays.Note(20 * time.Millisecond)
			}
			if m != want {
				t.Errorf("minute %d is %+v, want %+v", i, m, want)
			}
		}
	})
}

func TestRecorder_knows_devices(t *testing.T) {
	s := newStore()
	r := New(Options{Store: s})
	at := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	r.Accepted(7, devEUI, "Meter", at.Add(time.Second))
	r.Accepted(7, devEUI, "", at)
	r.Accepted(7, "", "", at)
	if err := r.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.Downlink(7, devEUI)
	if err := r.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(s.devices) != 1 {
		t.Fatalf("%d devices", len(s.devices))
	}
	want := connection.Device{Name: "Meter", LastUplinkAt: at.Add(time.Second), Uplinks: 2, Downlinks: 1}
	if d := s.devices[device{7, devEUI}]; d != want {
		t.Fatalf("the device is %+v, want %+v", d, want)
	}
	if m := s.all(); len(m) != 2 && m[0].Uplinks != 3 {
		t.Fatalf("minutes %+v", m)
	}
}

func TestRecorder_stores_within_a_second_and_at_the_end(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		r, stop := running(t, s, nil)
		r.Accepted(7, devEUI, "", time.Now())
		time.Sleep(flushEvery + time.Millisecond)
		synctest.Wait()
		if all := s.all(); len(all) != 1 || all[0].Uplinks != 1 {
			t.Fatalf("after a second there is %+v", all)
		}
		r.Accepted(7, devEUI, "", time.Now())
		stop()
		if all := s.all(); all[0].Uplinks != 2 {
			t.Fatalf("at the end there is %+v", all)
		}
	})
}

func TestRecorder_at_rest_asks_nothing_of_the_store(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		_, stop := running(t, s, nil)
		time.Sleep(time.Hour)
		stop()
		if s.tries != 0 {
			t.Fatalf("the store was asked %d times", s.tries)
		}
	})
}

func TestRecorder_keeps_what_the_store_refuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		s.breaks(errors.New("locked"))
		r, stop := running(t, s, nil)
		for range 300 {
			r.Accepted(7, devEUI, "Meter", time.Now())
			time.Sleep(time.Second)
		}
		if s.tries > 20 {
			t.Errorf("the store was asked %d times in 5 minutes of trouble", s.tries)
		}
		s.breaks(nil)
		time.Sleep(maxPause + time.Second)
		stop()
		var sum int64
		for _, m := range s.all() {
			sum += m.Uplinks
		}
		d := s.devices[device{7, devEUI}]
		if sum != 300 || d.Uplinks != 300 || d.Name != "Meter" {
			t.Fatalf("%d uplinks are stored, %d of the device %q", sum, d.Uplinks, d.Name)
		}
	})
}

func TestRecorder_bounds_what_it_keeps(t *testing.T) {
	s := newStore()
	s.breaks(errors.New("locked"))
	r := New(Options{Store: s})
	begin := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	for n := range maxMinutes + 100 {
		r.Accepted(7, "", "", begin.Add(time.Duration(n)*time.Minute))
		if n%500 == 0 {
			_ = r.Flush(t.Context()) // it is meant to fail
		}
	}
	for n := range maxDevices + 50 {
		r.Downlink(7, fmt.Sprintf("%016X", n))
	}
	if err := r.Flush(t.Context()); err == nil {
		t.Fatal("a store that refuses gave no error")
	}
	if n := len(r.tallies[7].minutes); n != maxMinutes {
		t.Errorf("%d minutes are kept", n)
	}
	if n := len(r.devices); n != maxDevices {
		t.Errorf("%d devices are kept", n)
	}
	if lost := r.takeLost(); lost < 150 {
		t.Errorf("%d were told to be left out", lost)
	}
}

func TestRecorder_tells_pages_once_a_second(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		feed := &live.Feed{}
		ctx, cancel := context.WithCancel(t.Context())
		changes := feed.Subscribe(ctx)
		told := map[live.Change]int{}
		var wg sync.WaitGroup
		wg.Go(func() {
			for batch := range changes {
				for _, c := range batch {
					told[c]++
				}
			}
		})
		r, stop := running(t, newStore(), feed)
		for range 100 {
			r.Accepted(7, devEUI, "", time.Now())
			r.Delivered(8, 0)
			time.Sleep(50 * time.Millisecond)
		}
		time.Sleep(2 * time.Second)
		stop()
		cancel()
		wg.Wait()
		for _, id := range []string{"7", "8"} {
			if n := told[live.Change{Topic: live.Figures, ID: id}]; n < 4 || n > 6 {
				t.Errorf("connection %s was told %d times in 5 seconds", id, n)
			}
		}
	})
}

func TestRecorder_remembers_the_last_hours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(Options{Store: newStore()})
		if r.AcceptedSince(7, time.Hour) != 0 || !r.LastDelivered(7).IsZero() || !r.LastUplink(7).IsZero() {
			t.Error("something is known of a connection that was never heard of")
		}
		r.Accepted(7, devEUI, "", time.Now())
		r.Delivered(7, 0)
		first := time.Now()
		time.Sleep(50 * time.Minute)
		r.Accepted(7, devEUI, "", time.Now())
		for _, step := range []struct {
			after               time.Duration
			accepted, delivered int64
		}{{0, 2, 1}, {15 * time.Minute, 1, 0}, {time.Hour, 0, 0}, {24 * time.Hour, 0, 0}} {
			time.Sleep(step.after)
			if a, d := r.AcceptedSince(7, time.Hour), r.DeliveredSince(7, time.Hour); a != step.accepted || d != step.delivered {
				t.Errorf("%v after: %d accepted and %d delivered in the last hour, want %d and %d", time.Since(first), a, d, step.accepted, step.delivered)
			}
		}
		if !r.LastDelivered(7).Equal(first) || !r.LastUplink(7).Equal(first.Add(50*time.Minute)) {
			t.Errorf("last delivered %v, last uplink %v", r.LastDelivered(7), r.LastUplink(7))
		}
	})
}

func TestRecorder_counts_from_many_goroutines(t *testing.T) {
	s := newStore()
	r := New(Options{Store: s})
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			for range 500 {
				r.Accepted(connection.ID(1+n%2), devEUI, "", time.Now())
				r.Delivered(connection.ID(1+n%2), time.Duration(n)*time.Second)
				if n == 0 {
					if err := r.Flush(context.Background()); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	if err := r.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	var sum connection.Totals
	for _, m := range s.all() {
		sum.Add(m)
	}
	if sum.Uplinks != 4000 || sum.Delivered != 4000 {
		t.Fatalf("%+v", sum)
	}
}

func TestRecorder_totals_never_shrink_and_are_read_without_a_trace(t *testing.T) {
	s := newStore()
	r := New(Options{Store: s})
	count := func() {
		r.Accepted(1, "A", "", time.Now())
		r.Accepted(2, "B", "", time.Now())
		r.Delivered(1, time.Second)
		r.Delivered(1, time.Second)
		r.Downlink(1, "A")
		r.Rejected(2)
		r.Parked(1)
		r.Expired(2, 3)
	}
	once := connection.Totals{Uplinks: 2, Delivered: 2, Downlinks: 1, Rejected: 1, Parked: 1, Expired: 3}
	count()
	if got := r.Totals(); got != once {
		t.Errorf("totals %+v", got)
	}
	if err := r.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := r.Totals(); got != once {
		t.Errorf("totals %+v after they were stored", got)
	}
	s.broken = errors.New("disk full")
	count()
	_ = r.Flush(t.Context())
	_ = r.Flush(t.Context())
	if got := r.Totals(); got.Uplinks != 4 || got.Delivered != 4 || got.Expired != 6 {
		t.Errorf("totals %+v where the store refuses", got)
	}
}
