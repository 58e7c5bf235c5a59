package link

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"boardlink/connection"
	"boardlink/queue"
)

// jumpyClock is a wall clock that can be set, over a steady one that goes on, as an operating system has them. It works
// in a bubble of fake time, whose times have no monotonic reading.
type jumpyClock struct {
	begin time.Time
	set   atomic.Int64 // nanoseconds by which the wall clock was set from the start on
}

func newJumpyClock() *jumpyClock { return &jumpyClock{begin: time.Now()} }

// now gives a time with both readings. No function of package time can make one, so this writes its representation
// (time.go): wall holds the seconds since 1885 and the nanoseconds, ext the monotonic reading.
func (c *jumpyClock) now() time.Time {
	bubble := time.Now()
	shown := bubble.Add(time.Duration(c.set.Load()))
	seconds := shown.Unix() - time.Date(1885, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	made := struct {
		wall uint64
		ext  int64
		loc  *time.Location
	}{wall: 1<<63 | uint64(seconds)<<30 | uint64(shown.Nanosecond()), ext: int64(bubble.Sub(c.begin)) + 1}
	return *(*time.Time)(unsafe.Pointer(&made))
}

// jump sets the wall clock when everybody is at rest.
func (b *bench) jump(c *jumpyClock, by time.Duration) {
	b.fence()
	c.set.Add(int64(by))
	b.pass(heartbeatEvery)
}

// withClock runs a test with a clock that can jump; the validity of uplinks is an hour.
func withClock(t *testing.T, f func(b *bench, c *jumpyClock)) {
	t.Helper()
	in(t, func(b *bench) {
		c := newJumpyClock()
		b.now = c.now
		b.store.now = func() time.Time { return c.now().Round(0) }
		b.store.edit(one, func(row *connection.Connection) { row.Configuration.UplinkTimeValidity = "1h" })
		f(b, c)
	})
}

// dated puts an event that ThingPark made some time ago, and that was received by the clock as it shows now.
func (b *bench) dated(c *jumpyClock, old time.Duration, change ...func(*queue.Event)) {
	b.queue.put(deviceA, append([]func(*queue.Event){func(e *queue.Event) {
		e.Time, e.ReceivedAt = time.Now().Add(-old), c.now().Round(0)
	}}, change...)...)
}

// wantExpired waits until all events are settled and looks how many expired.
func (b *bench) wantExpired(n int64) {
	b.t.Helper()
	b.pass(time.Second)
	if got := b.count.get(&b.count.expired); got != n || b.queue.waiting() != 0 {
		b.t.Fatalf("%d expired, want %d; %d wait; %q", got, n, b.queue.waiting(), b.store.told("clock"))
	}
}

func TestJumpyClock_is_as_the_one_of_the_system(t *testing.T) {
	c := newJumpyClock()
	before := c.now()
	c.set.Store(int64(-56 * 365 * 24 * time.Hour))
	after := c.now()
	if d := after.Sub(before); d < 0 || d > time.Minute {
		t.Errorf("%v passed by the steady clock", d)
	}
	if d := after.Round(0).Sub(before.Round(0)); d > -56*364*24*time.Hour {
		t.Errorf("%v passed by the wall clock", d)
	}
	if after.Year() > 1980 {
		t.Errorf("the clock shows %v", after)
	}
}

func TestClock_that_jumps_expires_nothing(t *testing.T) {
	for name, jumps := range map[string][]time.Duration{
		"an hour forward": {time.Hour + time.Minute}, "an hour back": {-time.Hour}, "there and back": {2 * time.Hour, -2 * time.Hour},
		"back and there": {-2 * time.Hour, 2 * time.Hour}, "a year forward": {365 * 24 * time.Hour}, "back and halfway": {-2 * time.Hour, time.Hour},
		"forward and further": {time.Hour, time.Hour}, "to 1970": {-10950 * 24 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			withClock(t, func(b *bench, c *jumpyClock) {
				b.start()
				b.edit(func(row *connection.Connection) { row.Active = false })
				b.dated(c, 0) // they wait while the link is down
				b.dated(c, 20*time.Minute)
				b.dated(c, 0, func(e *queue.Event) { e.Time = time.Time{} })
				for _, by := range jumps {
					b.jump(c, by)
					b.dated(c, 0)
					b.dated(c, 0, func(e *queue.Event) { e.Time = time.Time{} })
				}
				b.pass(10 * time.Minute)
				b.edit(func(row *connection.Connection) { row.Active = true })
				b.wantExpired(0)
				if got := len(b.store.told("The clock of this machine jumped")); got != 1 {
					t.Errorf("%d alarms: %q", got, b.store.told("clock"))
				}
			})
		})
	}
}

func TestClock_that_jumped_lets_expire_what_is_old_by_any_clock(t *testing.T) {
	for name, by := range map[string]time.Duration{"forward": time.Hour, "back": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			withClock(t, func(b *bench, c *jumpyClock) {
				b.start()
				b.jump(c, by)
				for range 5 {
					b.dated(c, 3*time.Hour)
				}
				b.dated(c, 0, func(e *queue.Event) { e.Time, e.ReceivedAt = time.Time{}, e.ReceivedAt.Add(-3*time.Hour) })
				b.dated(c, 0)
				b.wantExpired(6)
				b.pass(20 * time.Second)
				if told := b.store.told("older than the validity of 1h"); len(told) != 1 || !strings.HasPrefix(told[0], "6 uplinks were") {
					t.Errorf("told %q", told)
				}
			})
		})
	}
}

func TestClock_of_1970_is_set_and_believed_after_some_uplinks(t *testing.T) {
	withClock(t, func(b *bench, c *jumpyClock) {
		since1970 := time.Since(time.Date(1970, 1, 1, 0, 10, 0, 0, time.UTC))
		c.set.Store(int64(-since1970))
		b.start()
		b.edit(func(row *connection.Connection) { row.Active = false })
		b.dated(c, 0)                                                                                                // accepted in 1970
		b.dated(c, 0, func(e *queue.Event) { e.Time = time.Time{} })                                                 // likewise, and its time is not known otherwise
		b.dated(c, 0, func(e *queue.Event) { e.ReceivedAt = time.Now().Add(-3 * time.Hour); e.Time = e.ReceivedAt }) // before the start
		b.pass(20 * time.Minute)
		b.jump(c, since1970)
		b.pass(20 * time.Minute)
		if told := b.store.told("jumped forward by 10956 days"); len(told) != 1 {
			t.Errorf("alarms %q", b.store.told("clock"))
		}
		if !b.m.ClockInDoubt() {
			t.Error("the clock is believed though nothing shows that it is right")
		}
		for range agreeTimes {
			b.queue.put(deviceB, func(e *queue.Event) { e.ReceivedAt = c.now().Round(0) })
			b.pass(time.Second)
		}
		b.edit(func(row *connection.Connection) { row.Active = true })
		b.pass(time.Second)
		if b.m.ClockInDoubt() {
			t.Error("the clock is not believed though uplinks agree with it")
		}
		if told := b.store.told("their validity counts by it again"); len(told) != 1 {
			t.Errorf("events %q", b.store.told("clock"))
		}
		b.dated(c, 2*time.Hour) // expires again
		b.pass(time.Second)
		if n := b.count.get(&b.count.expired); n < 1 || n > 2 { // that one, and perhaps the one from before the start
			t.Errorf("%d expired", n)
		}
	})
}

func TestClock_that_was_wrong_before_leaves_its_events_the_time_that_passed(t *testing.T) {
	withClock(t, func(b *bench, c *jumpyClock) {
		b.start()
		b.edit(func(row *connection.Connection) { row.Active = false })
		b.pass(10 * time.Minute)
		for range 2 {
			b.queue.put(deviceB, func(e *queue.Event) { e.Time, e.ReceivedAt = time.Time{}, c.now().Round(0) })
		}
		b.jump(c, 2*time.Hour)     // ThingPark and this machine are one, and jump together
		for range agreeTimes + 1 { // the first may be of the second of the jump
			b.dated(c, 0, func(e *queue.Event) { e.Time = c.now().Round(0) })
			b.pass(time.Second)
		}
		b.edit(func(row *connection.Connection) { row.Active = true })
		b.wantExpired(0)
		if b.m.ClockInDoubt() {
			t.Error("the clock is not believed")
		}
		b.edit(func(row *connection.Connection) { row.Active = false })
		before := c.now().Add(-2*time.Hour - 20*time.Minute).Round(0)
		b.queue.put(deviceB, func(e *queue.Event) { e.Time, e.ReceivedAt = before, before })
		b.edit(func(row *connection.Connection) { row.Active = true })
		b.wantExpired(1) // from before the start of the program
	})
}

func TestClock_set_in_small_steps_is_believed(t *testing.T) {
	withClock(t, func(b *bench, c *jumpyClock) {
		b.start()
		for range 20 {
			b.jump(c, 4*time.Minute)
		}
		if told := b.store.told("clock"); len(told) != 0 || b.m.ClockInDoubt() {
			t.Errorf("told %q", told)
		}
		b.queue.put(deviceA, func(e *queue.Event) { e.Time = c.now().Add(-2 * time.Hour).Round(0) })
		b.wantExpired(1)
	})
}

func TestClock_that_jumps_in_the_same_second_as_an_uplink_expires_nothing(t *testing.T) {
	withClock(t, func(b *bench, c *jumpyClock) {
		b.start()
		b.pass(heartbeatEvery / 2)
		b.fence()
		c.set.Store(int64(5 * time.Hour))
		b.queue.put(deviceA) // by its own clock, before the watch looks
		b.pass(0)
		b.wantExpired(0)
	})
}

func TestClock_that_jumps_leaves_links_and_their_timers_alone(t *testing.T) {
	for name, by := range map[string]time.Duration{"forward": time.Hour, "back": -time.Hour, "to 1970": -10950 * 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			withClock(t, func(b *bench, c *jumpyClock) {
				b.start()
				b.pass(5 * time.Minute)
				b.dated(c, 0)
				b.jump(c, by)
				b.want(connection.Opened, connection.ReasonConnected)
				if d := c.now().Round(0).Sub(b.status().StartupTime.Round(0)); d < 5*time.Minute || d > 6*time.Minute {
					t.Errorf("open for %v, it seems", d)
				}
				for range 20 { // heartbeats
					b.pass(time.Second)
					b.want(connection.Opened, connection.ReasonConnected)
				}
				b.board.set(func(f *fakeBoard) { f.locate = unreachable })
				b.fence()
				b.board.last().end(lost())
				b.pass(10 * time.Minute)
				tries, _, _ := b.board.count()
				next := b.status().NextAttemptAt.Sub(c.now())
				b.jump(c, by)
				s := b.status()
				if left := s.NextAttemptAt.Round(0).Sub(c.now().Round(0)); left < next-2*time.Second || left > next {
					t.Errorf("the next try is shown in %v, want %v", left, next)
				}
				b.pass(next)
				if n, _, _ := b.board.count(); n != tries+1 {
					t.Errorf("%d tries, want one more than %d", n, tries)
				}
			})
		})
	}
}

func TestClock_that_jumps_changes_no_pause_of_refused_credentials(t *testing.T) {
	for name, by := range map[string]time.Duration{"forward": time.Hour, "back": -5 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			withClock(t, func(b *bench, c *jumpyClock) {
				b.board.signIn = wrongPassword
				b.start()
				b.pass(2 * time.Minute) // two tries; the third comes 9 minutes later
				b.jump(c, by)
				b.edit(func(row *connection.Connection) { row.Configuration.MQTTHostName += "x" }) // reckons anew
				b.pass(8 * time.Minute)
				if _, n, _ := b.board.count(); n != 2 {
					t.Errorf("%d sign-ins, want 2", n)
				}
				b.pass(2 * time.Minute)
				if _, n, _ := b.board.count(); n != 3 {
					t.Errorf("%d sign-ins, want 3", n)
				}
			})
		})
	}
}

func TestClock_that_is_behind_at_the_start_bounds_what_the_database_says(t *testing.T) {
	withClock(t, func(b *bench, c *jumpyClock) {
		b.board.signIn = wrongPassword
		b.start()
		b.pass(2 * time.Minute)
		b.stop()
		c.set.Store(int64(-30 * 24 * time.Hour)) // the last try is to come in a month
		b.start()
		b.pass(11 * time.Minute)
		if _, n, _ := b.board.count(); n != 3 {
			t.Errorf("%d sign-ins, want 3", n)
		}
	})
	for name, lostAt := range map[string]time.Duration{"to come": 24 * time.Hour, "1970": -10950 * 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			withClock(t, func(b *bench, c *jumpyClock) {
				b.board.locate = unreachable
				b.store.edit(one, func(row *connection.Connection) { row.Configuration.ReconnectStrategy = connection.StrategyCalm })
				b.store.statuses[one] = connection.Status{State: connection.Closed, ReasonCode: connection.ReasonTCPRefused,
					LostAt: c.now().Add(lostAt).Round(0), Attempt: 20}
				b.start()
				b.pass(3 * time.Hour)
				tries, _, _ := b.board.count()
				if b.want(connection.Closed, connection.ReasonTCPRefused); tries < 10 || tries > 40 {
					t.Errorf("%d tries in three hours", tries)
				}
			})
		})
	}
}

func TestClock_that_jumps_again_and_again_is_told_now_and_then(t *testing.T) {
	withClock(t, func(b *bench, c *jumpyClock) {
		b.start()
		for i := range 600 {
			b.jump(c, []time.Duration{time.Hour, -time.Hour}[i%2])
		}
		if told := b.store.told("The clock of this machine"); len(told) > 4 {
			t.Errorf("%d events in 10 minutes", len(told))
		}
	})
}

func TestClock_that_jumps_gives_up_no_command_that_is_under_way(t *testing.T) {
	commanding(t, func(b *bench) {
		c := newJumpyClock()
		b.now = c.now
		b.park.send = func(ctx context.Context) error { return sleep(ctx, 4*time.Second) }
		b.start()
		b.pass(sweepEvery - 2*time.Second)
		b.call(deviceA, 5, turnOn)
		b.pass(0)
		b.jump(c, time.Hour)
		b.pass(2 * time.Second) // the sweep
		if told := b.store.told("What became of a command is not known"); len(told) != 0 {
			t.Errorf("told %q", told)
		}
		b.pass(10 * time.Second)
		if got := b.oneAnswer(); got.Status != "queued" {
			t.Errorf("answer %+v", got)
		}
	})
}

func TestClock_that_jumps_greets_the_devices_that_were_seen_before(t *testing.T) {
	withClock(t, func(b *bench, c *jumpyClock) {
		seenAt := time.Now()
		b.recent = func(since time.Time) []connection.Device {
			if seenAt.Before(since) {
				return nil
			}
			return []connection.Device{{DevEUI: deviceA}}
		}
		b.start()
		b.jump(c, 30*24*time.Hour)
		b.board.last().end(lost())
		b.pass(20 * time.Second)
		if _, _, sessions := b.board.count(); sessions != 2 || len(b.board.last().of("connect")) != 1 {
			t.Errorf("%d sessions, connected %v", sessions, b.board.last().of("connect"))
		}
	})
}

func TestClock_that_stays_in_doubt_after_several_jumps_is_told_in_the_end(t *testing.T) {
	withClock(t, func(b *bench, c *jumpyClock) {
		b.start()
		for _, by := range []time.Duration{time.Hour, -time.Hour, 2 * time.Hour} {
			b.jump(c, by)
		}
		if told := b.store.told("The clock of this machine jumped"); len(told) != 1 {
			t.Errorf("told %q", told)
		}
		if told := b.store.told("agrees again"); len(told) != 1 {
			t.Errorf("told %q", told)
		}
		b.pass(tellJumpEvery)
		if told := b.store.told("jumped forward by 2h"); len(told) != 1 {
			t.Errorf("told %q", b.store.told("clock"))
		}
		b.pass(time.Hour)
		if told := b.store.told("The clock of this machine jumped"); len(told) != 2 {
			t.Errorf("told %q", told)
		}
	})
}
