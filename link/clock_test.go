package link

import (
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"boardlink/connection"
	"boardlink/queue"
)

// fakeClocks are a wall clock that can jump and a steady one.
type fakeClocks struct {
	passed time.Duration
	wrong  time.Duration // of the wall clock
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func (c *fakeClocks) truth() time.Time      { return noon.Add(c.passed) }
func (c *fakeClocks) wall() time.Time       { return c.truth().Add(c.wrong) }
func (c *fakeClocks) steady() time.Duration { return c.passed }

// uplink is one that a device sent some time ago and that is received now.
func (c *fakeClocks) uplink(ago time.Duration) queue.Event {
	return queue.Event{Time: c.truth().Add(-ago), ReceivedAt: c.wall()}
}

func TestClock_that_jumps_makes_no_event_older(t *testing.T) {
	for name, by := range map[string]time.Duration{"an hour forward": time.Hour, "an hour back": -time.Hour, "years forward": 20_000 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			c := &fakeClocks{}
			k := newClocks(c.wall, c.steady)
			before, bare := c.uplink(time.Minute), queue.Event{ReceivedAt: c.wall()}
			c.passed += 10 * time.Minute
			c.wrong += by
			after, bareAfter := c.uplink(time.Minute), queue.Event{ReceivedAt: c.wall()}
			for what, e := range map[string]queue.Event{"before": before, "without a time, before": bare, "after": after, "without a time, after": bareAfter} {
				if age := k.age(e); age > 11*time.Minute {
					t.Errorf("received %s: %v old", what, age)
				}
			}
			if got := k.look(); got != by {
				t.Errorf("jumped by %v", got)
			}
			if got := k.look(); got != 0 {
				t.Errorf("jumped again by %v", got)
			}
			c.wrong -= by
			if got := k.look(); got != -by {
				t.Errorf("jumped back by %v", got)
			}
			c.passed += time.Minute
			if age := k.age(before); age != 12*time.Minute {
				t.Errorf("afterwards %v old", age)
			}
		})
	}
}

func TestClock_that_was_wrong_and_is_set_right_counts_again_when_uplinks_agree(t *testing.T) {
	c := &fakeClocks{wrong: -10 * time.Hour} // a machine that started without the time
	k := newClocks(c.wall, c.steady)
	before, bare := c.uplink(time.Minute), queue.Event{ReceivedAt: c.wall()}
	c.passed += time.Hour
	c.wrong = 0
	if k.look() != 10*time.Hour || k.age(before) > time.Hour {
		t.Errorf("%v old", k.age(before))
	}
	for range agreeTimes - 1 {
		if k.witness(c.uplink(0)) {
			t.Error("too few agree")
		}
	}
	if k.witness(c.uplink(2*time.Minute)) || k.witness(before) || k.witness(bare) {
		t.Error("an uplink that says nothing counts")
	}
	ended := false
	for range agreeTimes {
		ended = k.witness(c.uplink(10 * time.Second))
	}
	if !ended || k.age(before) != 61*time.Minute || k.age(bare) != time.Hour {
		t.Errorf("ended %v; %v and %v old", ended, k.age(before), k.age(bare))
	}
}

func TestClock_that_was_never_set_says_nothing_after_a_restart(t *testing.T) {
	c := &fakeClocks{}
	k := newClocks(c.wall, c.steady)
	c.passed = time.Minute
	unset := time.Date(1970, 1, 1, 0, 10, 0, 0, time.UTC)
	for what, e := range map[string]queue.Event{
		"received by a clock of 1970":       {ReceivedAt: unset},
		"stamped so too":                    {Time: unset, ReceivedAt: unset},
		"stamped by a gateway in 1970, now": {Time: unset, ReceivedAt: c.wall().Add(-time.Minute)},
	} {
		if age := k.age(e); age != time.Minute {
			t.Errorf("%s: %v old", what, age)
		}
	}
	if age := k.age(queue.Event{ReceivedAt: c.wall().Add(-3 * time.Hour)}); age != 3*time.Hour {
		t.Errorf("received before the start: %v old", age)
	}
}

func TestClock_that_slews_is_followed(t *testing.T) {
	c := &fakeClocks{}
	k := newClocks(c.wall, c.steady)
	for range 3600 {
		c.passed, c.wrong = c.passed+time.Second, c.wrong+500*time.Microsecond
		if k.look() != 0 {
			t.Fatal("a slew counts as a jump")
		}
	}
	if age := k.age(queue.Event{Time: c.wall().Add(-time.Hour)}); age != time.Hour {
		t.Errorf("%v old", age)
	}
}

// Whatever the clock does, no event is taken for older than it is, as long as the program runs.
func TestClock_never_makes_an_event_older(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	type received struct {
		queue.Event
		at time.Time // true time of its sending
	}
	c := &fakeClocks{}
	k := newClocks(c.wall, c.steady)
	var events []received
	for range 5_000 {
		c.passed += time.Duration(r.Int64N(int64(10 * time.Second)))
		switch r.IntN(50) {
		case 0: // near a multiple of ten minutes, so that no small steps, which are believed, add up
			c.wrong = time.Duration(r.IntN(25)-12)*10*time.Minute + time.Duration(r.Int64N(int64(4*time.Minute))) - 2*time.Minute
		case 1:
			c.wrong = 0
		}
		k.look()
		ago := time.Duration(r.Int64N(int64(time.Hour)))
		e := received{c.uplink(ago), c.truth().Add(-ago)}
		if r.IntN(4) == 0 {
			e.Time, e.at = time.Time{}, c.truth()
		}
		events = append(events, e)
		one := events[r.IntN(len(events))]
		truth := c.truth().Sub(one.at)
		if age := k.age(one.Event); age > truth+jumpFrom {
			t.Fatalf("seed %d: an event of %v is taken for %v old; the clock is wrong by %v", seed, truth, age, c.wrong)
		}
	}
}

func TestForwarding_expires_nothing_by_a_jump_of_the_clock(t *testing.T) {
	in(t, func(b *bench) {
		b.store.edit(one, func(c *connection.Connection) { c.Configuration.UplinkTimeValidity = "30m" })
		b.board.locate = unreachable
		var wrong atomic.Int64
		b.now = func() time.Time { return time.Now().Add(time.Duration(wrong.Load())) }
		b.start()
		for range 20 {
			b.queue.put(deviceA)
		}
		b.pass(time.Minute)
		wrong.Store(int64(time.Hour))
		b.pass(time.Minute)
		told := b.store.told("The clock of this machine jumped forward by 1h0m0s")
		if len(told) != 1 || !strings.Contains(told[0], "NTP") {
			t.Errorf("events %q", b.store.messages())
		}
		b.board.set(func(f *fakeBoard) { f.locate = nil })
		b.pass(10 * time.Minute)
		if len(b.queue.acked) != 20 || len(b.queue.dropped) != 0 {
			t.Errorf("%d delivered, %d dropped", len(b.queue.acked), len(b.queue.dropped))
		}
		b.queue.put(deviceA, func(e *queue.Event) { e.Time = e.Time.Add(-time.Hour) }) // old by any clock
		b.pass(20 * time.Second)
		if len(b.queue.dropped) != 1 {
			t.Errorf("%d dropped", len(b.queue.dropped))
		}
	})
}
