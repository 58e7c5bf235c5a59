package queue

import (
	"testing"
	"time"
)

func TestPut_gives_a_repeat_the_same_ts(t *testing.T) {
	path := file(t)
	q := open(t, path, Options{})
	first := put(t, q, uplink(1, 1))
	if want := first.Time.UnixMilli(); first.TS != want {
		t.Fatalf("ts is %d, want the event's Time %d", first.TS, want)
	}
	second := uplink(1, 1)
	second.FCntUp = 2
	shifted := put(t, q, second)
	if shifted.TS != first.TS+1 {
		t.Fatalf("another event in the same millisecond has ts %d, want %d", shifted.TS, first.TS+1)
	}
	repeats := func() {
		t.Helper()
		if again := put(t, q, uplink(1, 1)); again.TS != first.TS || again.ID == first.ID {
			t.Fatalf("the repeat has id %d and ts %d, want another id and ts %d", again.ID, again.TS, first.TS)
		}
		if again := put(t, q, second); again.TS != shifted.TS {
			t.Fatalf("the repeat of the second has ts %d, want %d", again.TS, shifted.TS)
		}
	}
	repeats()
	drain(t, q.Lanes(7), 4)
	wantDepth(t, q, 7, 0, 0)
	repeats()
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	q = open(t, path, Options{})
	repeats()
	q.pruneStamps()
	repeats()
	counted(t, q)
}

func TestPut_gives_the_next_free_millisecond_to_whatever_differs(t *testing.T) {
	q := open(t, file(t), Options{})
	base := put(t, q, uplink(1, 1))
	for i, change := range []func(*Event){
		func(e *Event) { e.Kind = "DevEUI_downlink_Sent" },
		func(e *Event) { e.FCntUp = 9 },
		func(e *Event) { e.Time = e.Time.Add(time.Microsecond) },
	} {
		e := uplink(1, 1)
		change(&e)
		if got := put(t, q, e); got.TS != base.TS+int64(i)+1 {
			t.Errorf("change %d: ts %d, want %d", i, got.TS, base.TS+int64(i)+1)
		}
	}
	for _, change := range []func(*Event){
		func(e *Event) { e.DevEUI = dev(2) },
		func(e *Event) { e.Connection = 8 },
	} {
		e := uplink(1, 1)
		change(&e)
		if got := put(t, q, e); got.TS != base.TS {
			t.Errorf("another device has ts %d, want %d", got.TS, base.TS)
		}
	}
}

func TestPut_takes_the_reception_where_there_is_no_time(t *testing.T) {
	now := time.Date(2026, 11, 23, 10, 0, 0, 5e6, time.UTC)
	q := open(t, file(t), Options{Now: func() time.Time { return now }})
	for i, at := range []time.Time{{}, {}, time.Date(1969, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)} {
		e := uplink(1, 1)
		e.Time = at
		got := put(t, q, e)
		if want := now.UnixMilli() + int64(i); got.TS != want {
			t.Errorf("Time %v: ts %d, want %d", at, got.TS, want)
		}
		if !got.Time.Equal(at) || !got.ReceivedAt.Equal(now) {
			t.Errorf("Time %v came back as %v", at, got.Time)
		}
	}
}

func TestPut_finds_a_millisecond_also_where_thousands_are_held(t *testing.T) {
	q := open(t, file(t), Options{})
	var all []*putting
	for i := range 3000 {
		e := uplink(1, 1)
		e.FCntUp = int64(i)
		all = append(all, start(q, e))
	}
	held := map[int64]bool{}
	for _, p := range all {
		if err := <-p.done; err != nil {
			t.Fatal(err)
		}
		if held[p.event.TS] {
			t.Fatalf("ts %d was given twice", p.event.TS)
		}
		held[p.event.TS] = true
	}
}

func TestStamps_in_memory_agree_with_the_file(t *testing.T) {
	q := open(t, file(t), Options{})
	first := put(t, q, uplink(1, 1))
	// As if so many had come since that the first is not in memory any more.
	done := q.writer.do(func(t *tx) error {
		t.stamps.recent, t.stamps.floor = map[int64]int64{}, 1<<62
		return nil
	})
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if again := put(t, q, uplink(1, 1)); again.TS != first.TS {
		t.Errorf("the repeat has ts %d, want %d", again.TS, first.TS)
	}
	other := uplink(1, 1)
	other.FCntUp = 5
	if got := put(t, q, other); got.TS != first.TS+1 {
		t.Errorf("the other has ts %d, want %d", got.TS, first.TS+1)
	}
	s := &stamps{recent: map[int64]int64{}}
	for k := range int64(3 * recentStamps) {
		s.add(k, k)
	}
	if len(s.recent) > recentStamps || s.floor == 0 {
		t.Errorf("%d stamps in memory from %d on", len(s.recent), s.floor)
	}
	for k := s.floor; k < 3*recentStamps; k++ {
		if _, ok := s.recent[k]; !ok {
			t.Fatalf("stamp %d is missing above the floor %d", k, s.floor)
		}
	}
}

func TestStamps_are_forgotten_when_they_are_old(t *testing.T) {
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	q := open(t, file(t), Options{Now: func() time.Time { return now }})
	backlog(t, q, func(n int) int { return n % 7 }, 1200)
	now = now.Add(stampAge + 24*time.Hour)
	late := uplink(50, 1) // its Time is old, but it came today
	put(t, q, late)
	q.pruneStamps()
	if n := stampsOf(q); n != 1 {
		t.Fatalf("%d stamps are left, want the one that was made today", n)
	}
	counted(t, q)
}
