package link

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"boardlink/connection"
	"boardlink/thingsboard"
)

// closed is what a publish gets when ThingsBoard closed the connection without a word.
func closed() *thingsboard.Error {
	return &thingsboard.Error{Code: connection.ReasonConnectionLost, Kind: thingsboard.Transient, SessionEnded: true, ByPeer: true}
}

// poison makes new sessions treat telemetry of deviceA as a test says, and take 20 ms over everything else.
func (b *bench) poison(at func(ctx context.Context, s *fakeSession) error) {
	b.board.set(func(f *fakeBoard) {
		f.session = func(s *fakeSession) {
			s.publish = func(ctx context.Context, p published) error {
				if p.kind == "telemetry" && p.device == deviceA && p.ts == 1 {
					return at(ctx, s)
				}
				return s.takes(ctx, 20*time.Millisecond)
			}
		}
	})
}

// takes waits as a publish does for its PUBACK, or for the end of the session.
func (s *fakeSession) takes(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-s.done:
		return s.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

func others(b *bench, n int) {
	for i := range n {
		b.queue.put(fmt.Sprintf("70B3D5E75E00B%03X", i))
	}
}

func TestSuspect_that_ThingsBoard_closes_at_is_parked_within_half_a_minute(t *testing.T) {
	in(t, func(b *bench) {
		b.poison(func(_ context.Context, s *fakeSession) error { s.end(closed()); return closed() })
		b.start()
		b.queue.put(deviceA)
		b.queue.put(deviceA)
		others(b, 40)
		b.pass(30 * time.Second)
		if len(b.queue.parked) != 1 || b.queue.parked[0].TS != 1 || b.queue.codes[0] != connection.ReasonRefused || len(b.queue.acked) != 41 {
			t.Fatalf("%d parked (%v), %d delivered", len(b.queue.parked), b.queue.codes, len(b.queue.acked))
		}
		if _, _, sessions := b.board.count(); sessions != suspectAfter+maxRefused+1 {
			t.Errorf("%d sessions", sessions)
		}
		if told := b.store.told("ThingsBoard closed the connection each of 3 times that this event was sent alone."); len(told) != 1 {
			t.Errorf("events %q", b.store.messages())
		}
		b.pass(2 * time.Minute)
		b.want(connection.Opened, connection.ReasonConnected)
	})
}

func TestSuspect_is_alone_on_its_way(t *testing.T) {
	in(t, func(b *bench) {
		var under, alone atomic.Int64
		b.board.session = func(s *fakeSession) {
			s.publish = func(ctx context.Context, p published) error {
				if p.kind == "prove" {
					return nil
				}
				n := under.Add(1)
				defer under.Add(-1)
				if p.device != deviceA || p.kind != "telemetry" {
					return s.takes(ctx, 20*time.Millisecond)
				}
				_ = s.takes(ctx, 10*time.Millisecond)
				if n == 1 && under.Load() == 1 {
					alone.Add(1)
				}
				s.end(closed())
				return closed()
			}
		}
		b.start()
		b.queue.put(deviceA)
		others(b, 200)
		b.pass(30 * time.Second)
		if alone.Load() != maxRefused || len(b.queue.parked) != 1 || len(b.queue.acked) != 200 {
			t.Errorf("alone %d times, %d parked, %d delivered", alone.Load(), len(b.queue.parked), len(b.queue.acked))
		}
	})
}

// withhold is a session on which a publish has no PUBACK.
func withhold(ctx context.Context, s *fakeSession) error {
	if err := s.takes(ctx, 10*time.Second); err != nil {
		return err
	}
	e := &thingsboard.Error{Code: connection.ReasonNoAck, Kind: thingsboard.Transient, SessionEnded: true}
	s.end(e)
	return e
}

func TestSuspect_that_is_never_acknowledged_is_parked(t *testing.T) {
	in(t, func(b *bench) {
		b.poison(withhold)
		b.start()
		b.queue.put(deviceA)
		b.queue.put(deviceA)
		others(b, 40)
		b.pass(80 * time.Second)
		if len(b.queue.parked) != 1 || len(b.queue.acked) != 41 {
			t.Fatalf("%d parked, %d delivered", len(b.queue.parked), len(b.queue.acked))
		}
		if told := b.store.told("never acknowledged this event"); len(told) != 1 {
			t.Errorf("events %q", b.store.messages())
		}
	})
}

func TestSuspect_is_not_blamed_for_what_else_goes_wrong(t *testing.T) {
	silent := &thingsboard.Error{Code: connection.ReasonNoAck, Kind: thingsboard.Transient, SessionEnded: true}
	for name, publish := range map[string]func(ctx context.Context, s *fakeSession, p published) error{
		"a network that loses every connection": func(ctx context.Context, s *fakeSession, p published) error {
			if p.kind != "telemetry" {
				return nil
			}
			s.end(lost())
			return lost()
		},
		"a network that goes dark": func(ctx context.Context, s *fakeSession, p published) error {
			if p.kind != "telemetry" && time.Since(s.began) < time.Second {
				return nil
			}
			if err := s.takes(ctx, 10*time.Second); err != nil {
				return err
			}
			s.end(silent)
			return silent
		},
		"a ThingsBoard that closes at everything": func(ctx context.Context, s *fakeSession, p published) error {
			s.end(closed())
			return closed()
		},
		"a ThingsBoard whose queue fails": func(ctx context.Context, s *fakeSession, p published) error {
			e := &thingsboard.Error{Code: connection.ReasonServerError, Kind: thingsboard.Transient, SessionEnded: true, Reason: 0x80}
			s.end(e)
			return e
		},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(b *bench) {
				b.board.session = func(s *fakeSession) {
					s.publish = func(ctx context.Context, p published) error { return publish(ctx, s, p) }
				}
				b.start()
				others(b, 100)
				b.pass(6 * time.Hour)
				if len(b.queue.parked) != 0 || b.queue.waiting() != 100 {
					t.Errorf("%d parked, %d wait", len(b.queue.parked), b.queue.waiting())
				}
				b.board.set(func(f *fakeBoard) { f.session = nil })
				b.pass(2 * time.Hour)
				if len(b.queue.acked) != 100 {
					t.Errorf("%d delivered", len(b.queue.acked))
				}
			})
		})
	}
}

func TestSuspects_are_not_all_parked_where_ThingsBoard_takes_no_telemetry(t *testing.T) {
	in(t, func(b *bench) {
		b.board.session = func(s *fakeSession) {
			s.publish = func(_ context.Context, p published) error {
				if p.kind != "telemetry" {
					return nil
				}
				s.end(closed())
				return closed()
			}
		}
		b.start()
		others(b, 100)
		b.pass(12 * time.Hour)
		if len(b.queue.parked) > maxUnheard {
			t.Errorf("%d parked", len(b.queue.parked))
		}
		if _, _, sessions := b.board.count(); sessions > 300 {
			t.Errorf("%d sessions in twelve hours", sessions)
		}
	})
}

func TestSuspect_is_forgotten_with_a_deactivation_and_counts_no_restart(t *testing.T) {
	in(t, func(b *bench) {
		b.board.session = func(s *fakeSession) {
			s.publish = func(ctx context.Context, p published) error {
				if p.kind != "telemetry" {
					return nil
				}
				return s.takes(ctx, time.Hour)
			}
		}
		b.start()
		b.queue.put(deviceA)
		for range 10 {
			b.pass(time.Second)
			b.edit(func(c *connection.Connection) { c.Active = false })
			b.pass(time.Second)
			b.edit(func(c *connection.Connection) { c.Active = true })
			b.pass(time.Second)
			b.edit(func(c *connection.Connection) { c.RestartRequest++ })
			b.pass(3 * time.Second)
		}
		m := b.m.keepers[one].memory
		if m.suspect(1) || m.blames[1].ends != 0 {
			t.Errorf("blamed: %+v", m.blames[1])
		}
	})
}

func TestGate_lets_in_one_alone_or_many(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gate
		ctx := t.Context()
		first, _ := g.enter(ctx, false)
		second, _ := g.enter(ctx, false)
		order := make(chan string, 3)
		go func() {
			leave, _ := g.enter(ctx, true)
			order <- "alone"
			time.Sleep(time.Second)
			leave()
		}()
		synctest.Wait()
		go func() {
			leave, _ := g.enter(ctx, false)
			order <- "beside"
			leave()
		}()
		synctest.Wait()
		if len(order) != 0 {
			t.Error("somebody went in too early")
		}
		short, cancel := context.WithTimeout(ctx, time.Millisecond)
		defer cancel()
		if _, err := g.enter(short, true); err == nil {
			t.Error("somebody went in who had given up")
		}
		first()
		second()
		if got := <-order; got != "alone" {
			t.Errorf("%s went first", got)
		}
		if got := <-order; got != "beside" {
			t.Errorf("%s went second", got)
		}
	})
}
