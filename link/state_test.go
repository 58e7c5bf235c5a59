package link

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"boardlink/connection"
	"boardlink/thingsboard"
)

func TestLink_opens_and_tells_each_state(t *testing.T) {
	in(t, func(b *bench) {
		b.start()
		b.want(connection.Opened, connection.ReasonConnected)
		s := b.status()
		if s.StartupTime.IsZero() || s.Attempt != 0 || s.Owner != "here" || !s.NextAttemptAt.IsZero() || !s.LostAt.IsZero() {
			t.Errorf("status %+v", s)
		}
		want := []string{"Connecting to tb.example.com:443, try 1.", "Signing in as tenant@example.com.",
			"Opened: connected to ThingsBoard at mqtts://mqtt.example.com:8883."}
		if got := b.store.messages(); !slices.Equal(got, want) {
			t.Errorf("events %q", got)
		}
		if b.store.row(one).GatewayDeviceID != "gateway-1" {
			t.Error("the gateway device was not kept")
		}
		if saved := b.store.statuses[one]; saved.State != connection.Opened {
			t.Errorf("saved state %s", saved.State)
		}
	})
}

func TestLink_keeps_the_gateway_it_found_for_the_next_session(t *testing.T) {
	in(t, func(b *bench) {
		b.start()
		b.board.last().end(lost())
		b.pass(2 * time.Second)
		b.want(connection.Opened, connection.ReasonConnected)
		if want := []string{"", "gateway-1"}; !slices.Equal(b.board.known, want) {
			t.Errorf("asked for gateways %q", b.board.known)
		}
	})
}

func TestLink_to_a_black_hole_is_closed_with_reason_and_next_attempt(t *testing.T) {
	in(t, func(b *bench) {
		b.board.locate = blackHole
		b.start()
		b.want(connection.Opening, connection.ReasonStarting)
		b.pass(10 * time.Second)
		b.want(connection.Closed, connection.ReasonTCPTimeout)
		s := b.status()
		if !s.NextAttemptAt.After(time.Now()) || s.Attempt != 1 || s.LostAt.IsZero() || s.Hint == "" {
			t.Errorf("status %+v", s)
		}
	})
}

func TestLink_that_hangs_in_a_transient_state_is_left_behind(t *testing.T) {
	release := func(b *bench) func() {
		hang := make(chan struct{})
		b.board.locate = func(context.Context) error { <-hang; return nil }
		return func() { close(hang) }
	}
	t.Run("in OPENING, after its deadline and a second", func(t *testing.T) {
		in(t, func(b *bench) {
			free := release(b)
			b.start()
			b.pass(openingLimit)
			b.want(connection.Opening, connection.ReasonStarting)
			b.pass(pressGrace)
			b.want(connection.Closed, connection.ReasonTimeout)
			b.board.set(func(f *fakeBoard) { f.locate = nil })
			b.pass(time.Until(b.status().NextAttemptAt))
			b.want(connection.Opened, connection.ReasonConnected)
			free()
			synctest.Wait()
			b.want(connection.Opened, connection.ReasonConnected) // the one left behind moves nothing
			if _, _, sessions := b.board.count(); sessions != 1 {
				t.Errorf("%d sessions", sessions)
			}
		})
	})
	t.Run("in AUTHENTICATING", func(t *testing.T) {
		in(t, func(b *bench) {
			hang := make(chan struct{})
			b.board.signIn = func(context.Context) error { <-hang; return errors.New("late") }
			b.start()
			b.pass(authenticatingLimit + pressGrace)
			b.want(connection.Closed, connection.ReasonTimeout)
			close(hang)
		})
	})
	t.Run("in CLOSING, after 10 s", func(t *testing.T) {
		in(t, func(b *bench) {
			hang := make(chan struct{})
			b.board.session = func(s *fakeSession) { s.hang = hang }
			b.start()
			b.board.set(func(f *fakeBoard) { f.session = nil })
			b.board.last().end(lost())
			synctest.Wait()
			b.want(connection.Closing, connection.ReasonConnectionLost)
			b.pass(closingLimit - time.Millisecond)
			b.want(connection.Closing, connection.ReasonConnectionLost)
			b.pass(2 * time.Millisecond)
			b.want(connection.Closed, connection.ReasonConnectionLost)
			b.pass(2 * time.Second)
			b.want(connection.Opened, connection.ReasonConnected)
			close(hang)
		})
	})
}

func TestLink_tries_again_quickly_after_a_loss(t *testing.T) {
	in(t, func(b *bench) {
		b.start()
		b.pass(2 * time.Minute)
		b.board.last().end(lost())
		synctest.Wait()
		b.want(connection.Closed, connection.ReasonConnectionLost)
		if wait := time.Until(b.status().NextAttemptAt); wait <= 0 || wait > 2*time.Second {
			t.Errorf("next try after %v", wait)
		}
		b.pass(2 * time.Second)
		b.want(connection.Opened, connection.ReasonConnected)
		if again := b.store.told("again"); len(again) != 1 || !strings.Contains(again[0], "with try 1.") {
			t.Errorf("events %q", again)
		}
	})
}

func TestLink_begins_the_quick_tries_anew_only_after_a_minute_of_proof(t *testing.T) {
	in(t, func(b *bench) {
		b.board.session = func(s *fakeSession) { s.alive = false }
		b.start()
		first := time.Now()
		b.board.last().end(lost())
		b.pass(2 * time.Second)
		b.pass(time.Hour) // open, but nothing was ever answered
		b.want(connection.Opened, connection.ReasonConnected)
		b.board.set(func(f *fakeBoard) { f.session = nil })
		b.board.last().end(lost())
		synctest.Wait()
		if s := b.status(); !s.LostAt.Equal(first) || time.Until(s.NextAttemptAt) < 20*time.Minute {
			t.Errorf("lost at %v, next try at %v", s.LostAt, s.NextAttemptAt)
		}
		b.pass(time.Until(b.status().NextAttemptAt))
		b.pass(2 * time.Minute) // open and answering
		if lostAt := b.status().LostAt; !lostAt.IsZero() {
			t.Errorf("proven, yet lost at %v", lostAt)
		}
		b.board.last().end(lost())
		synctest.Wait()
		if wait := time.Until(b.status().NextAttemptAt); wait > 2*time.Second {
			t.Errorf("next try after %v", wait)
		}
	})
}

func TestLink_opened_for_the_first_time_is_not_opened_again(t *testing.T) {
	in(t, func(b *bench) {
		b.board.locate = unreachable
		b.start()
		b.pass(30 * time.Second)
		b.board.set(func(f *fakeBoard) { f.locate = nil })
		b.pass(time.Hour)
		b.want(connection.Opened, connection.ReasonConnected)
		if told := b.store.told("again"); len(told) != 0 {
			t.Errorf("events %q", told)
		}
		b.edit(func(c *connection.Connection) { c.RestartRequest++ })
		if told := b.store.told("Opened:"); len(told) != 2 || strings.Contains(told[1], "loss") {
			t.Errorf("events %q", told)
		}
	})
}

func TestLink_opened_again_tells_its_tries(t *testing.T) {
	in(t, func(b *bench) {
		b.start()
		b.pass(2 * time.Minute)
		b.board.set(func(f *fakeBoard) { f.locate = unreachable })
		before, _, _ := b.board.count()
		b.board.last().end(lost())
		b.pass(30 * time.Second)
		b.board.set(func(f *fakeBoard) { f.locate = nil })
		b.pass(time.Hour)
		tries, _, _ := b.board.count()
		if told := b.store.told("after the loss"); len(told) != 1 || !strings.Contains(told[0], fmt.Sprintf("with try %d.", tries-before)) {
			t.Errorf("events %q after %d tries", told, tries-before)
		}
	})
}

func TestLink_is_down_since_the_loss_however_often_it_was_tried(t *testing.T) {
	in(t, func(b *bench) {
		b.start()
		b.pass(2 * time.Minute)
		b.board.set(func(f *fakeBoard) { f.locate = unreachable })
		lostAt := time.Now()
		b.board.last().end(lost())
		b.pass(5 * time.Hour)
		want := "ThingsBoard worked until " + lostAt.UTC().Format("15:04:05 UTC") + ". Is it running? Uplinks wait in the queue, none is lost."
		s := b.status()
		if s.State != connection.Closed || !s.Since.Equal(lostAt) || !s.LostAt.Equal(lostAt) || s.Hint != want {
			t.Errorf("status %+v, lost at %v", s, lostAt)
		}
		b.stop()
		b.start()
		if s := b.status(); !s.Since.Equal(lostAt) || !strings.HasPrefix(s.Hint, "ThingsBoard worked until") {
			t.Errorf("after a restart of the program %+v", s)
		}
		b.edit(func(c *connection.Connection) { c.Configuration.HostName = "elsewhere:443" })
		if s := b.status(); s.State != connection.Closed || s.Hint != connection.ReasonTCPRefused.Text().Hint {
			t.Errorf("at another host %+v", s)
		}
	})
}

func TestLink_that_never_opened_is_down_since_its_first_try(t *testing.T) {
	for name, set := range map[string]func(*fakeBoard){
		"not reached": func(f *fakeBoard) { f.locate = unreachable },
		"refused":     func(f *fakeBoard) { f.signIn = wrongPassword },
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(b *bench) {
				b.board.set(set)
				began := time.Now()
				b.start()
				b.pass(2 * time.Hour)
				s := b.status()
				if !s.Since.Equal(began) || !s.LostAt.Equal(began) || strings.Contains(s.Hint, "worked") {
					t.Errorf("status %+v, began at %v", s, began)
				}
			})
		})
	}
}

func TestLink_tells_the_same_failure_once(t *testing.T) {
	in(t, func(b *bench) {
		b.board.locate = unreachable
		b.start()
		b.pass(3 * time.Hour)
		if n, _, _ := b.board.count(); n < 15 {
			t.Fatalf("%d tries", n)
		}
		if told := b.store.told("Closed:"); len(told) != 1 {
			t.Errorf("events %q", told)
		}
		if told := b.store.told("Connecting"); len(told) != 1 {
			t.Errorf("events %q", told)
		}
		b.board.set(func(f *fakeBoard) { f.locate = blackHole })
		b.pass(2 * time.Hour)
		if told := b.store.told("Closed:"); len(told) != 2 {
			t.Errorf("events %q", told)
		}
	})
}

func TestLink_goes_on_with_its_schedule_after_a_restart_of_the_program(t *testing.T) {
	in(t, func(b *bench) {
		b.board.locate = unreachable
		b.start()
		b.pass(10 * time.Hour)
		before := b.status()
		b.stop()
		if saved := b.store.statuses[one]; saved.State != connection.Closed || saved.ReasonCode != connection.ReasonTCPRefused {
			t.Errorf("saved %+v", saved)
		}
		b.start()
		after := b.status()
		if !after.LostAt.Equal(before.LostAt) || after.Attempt != before.Attempt+1 || time.Until(after.NextAttemptAt) < 20*time.Minute {
			t.Errorf("before %+v\nafter %+v", before, after)
		}
		if told := b.store.told("Closed:"); len(told) != 1 {
			t.Errorf("events %q", told)
		}
	})
}

func TestLink_stopped_with_the_program_is_no_loss(t *testing.T) {
	in(t, func(b *bench) {
		b.start()
		b.pass(2 * time.Minute)
		session := b.board.last()
		b.stop()
		if session.closed().IsZero() {
			t.Error("the session was not closed")
		}
		saved := b.store.statuses[one]
		if saved.State != connection.Closed || saved.ReasonCode != connection.ReasonStopped || !saved.LostAt.IsZero() {
			t.Errorf("saved %+v", saved)
		}
		if b.board.closed != 1 {
			t.Error("the client did not sign out")
		}
		b.start()
		b.want(connection.Opened, connection.ReasonConnected)
		if told := append(b.store.told("Clos"), b.store.told("again")...); len(told) != 0 {
			t.Errorf("events %q", told)
		}
	})
}

func TestLink_that_panics_shows_it_and_is_tried_again(t *testing.T) {
	in(t, func(b *bench) {
		b.board.locate = func(context.Context) error { panic("boom") }
		b.start()
		b.want(connection.Closed, connection.ReasonInternal)
		if told := strings.Join(b.store.messages(), " "); strings.Contains(told, "boom") {
			t.Errorf("events %q", told)
		}
		b.board.set(func(f *fakeBoard) { f.locate = nil })
		b.pass(3 * time.Second)
		b.want(connection.Opened, connection.ReasonConnected)
	})
}

func TestLink_tries_the_MQTT_endpoints_in_order_and_gives_the_telling_reason(t *testing.T) {
	in(t, func(b *bench) {
		b.board.connect = func(_ context.Context, ep thingsboard.MQTTEndpoint) error {
			if ep.TLS {
				return unreachable(context.Background())
			}
			return &thingsboard.Error{Code: connection.ReasonMQTTRefused, Kind: thingsboard.Transient}
		}
		b.start()
		b.want(connection.Closed, connection.ReasonMQTTRefused)
		if wait := time.Until(b.status().NextAttemptAt); wait < refusedFloor {
			t.Errorf("next try after %v", wait)
		}
	})
}

func TestLink_whose_session_is_taken_over_keeps_away_longer_each_time(t *testing.T) {
	in(t, func(b *bench) {
		b.start()
		for _, floor := range []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute} {
			b.board.last().end(&thingsboard.Error{Code: connection.ReasonConflict, Kind: thingsboard.Conflict, SessionEnded: true})
			synctest.Wait()
			b.want(connection.Closed, connection.ReasonConflict)
			if wait := time.Until(b.status().NextAttemptAt); wait < floor {
				t.Errorf("next try after %v, want %v", wait, floor)
			}
			b.pass(time.Until(b.status().NextAttemptAt))
		}
	})
}

func TestAggressive_restarts_a_link_that_delivers_nothing(t *testing.T) {
	in(t, func(b *bench) {
		b.store.edit(one, func(c *connection.Connection) { c.Configuration.ReconnectStrategy = connection.StrategyAggressive })
		b.count.accepted = 7
		b.queue.put(deviceA)
		b.queue.blocked[deviceA] = time.Now().Add(24 * time.Hour)
		b.start()
		b.pass(59 * time.Minute)
		if _, _, sessions := b.board.count(); sessions != 1 {
			t.Fatalf("%d sessions", sessions)
		}
		b.pass(2 * time.Minute)
		if _, _, sessions := b.board.count(); sessions != 2 {
			t.Fatalf("%d sessions", sessions)
		}
		b.want(connection.Opened, connection.ReasonConnected)
		if told := b.store.told("7 uplinks came in"); len(told) == 0 {
			t.Errorf("events %q", b.store.messages())
		}
		b.count.add(&b.count.since, 1)
		b.pass(5 * time.Hour)
		if _, _, sessions := b.board.count(); sessions != 2 {
			t.Errorf("%d sessions though something was delivered", sessions)
		}
	})
}

func TestAggressive_leaves_a_link_alone_whose_first_uplink_in_an_hour_has_just_come(t *testing.T) {
	in(t, func(b *bench) {
		b.store.edit(one, func(c *connection.Connection) { c.Configuration.ReconnectStrategy = connection.StrategyAggressive })
		b.start()
		b.pass(2 * time.Hour)
		b.count.add(&b.count.accepted, 1)
		b.queue.blocked[deviceA] = time.Now().Add(20 * time.Second) // on its way
		b.queue.put(deviceA)
		b.pass(20 * time.Second)
		b.count.add(&b.count.since, 1)
		b.pass(time.Minute)
		if _, _, sessions := b.board.count(); sessions != 1 {
			t.Errorf("%d sessions", sessions)
		}
	})
}

func TestManager_without_heartbeat_shows_its_links_as_unreachable(t *testing.T) {
	in(t, func(b *bench) {
		b.start()
		silent := time.Now().Add(-connection.HeartbeatLimit - time.Second)
		b.m.heartbeat.Store(&silent)
		b.want(connection.Unreachable, connection.ReasonNone)
		if saved := b.store.statuses[one]; saved.State != connection.Opened {
			t.Errorf("saved state %s", saved.State)
		}
		b.pass(2 * heartbeatEvery)
		b.want(connection.Opened, connection.ReasonConnected)
	})
}

func TestManager_goes_on_while_the_database_does_not_answer(t *testing.T) {
	in(t, func(b *bench) {
		b.start()
		b.store.fail(errors.New("database is locked"))
		b.m.Reconcile(one)
		b.queue.put(deviceA)
		b.pass(time.Minute)
		b.want(connection.Opened, connection.ReasonConnected)
		if len(b.queue.acked) != 1 {
			t.Error("nothing was delivered meanwhile")
		}
		b.board.last().end(lost())
		b.pass(time.Second)
		b.store.fail(nil)
		b.pass(time.Minute)
		if told := b.store.told("Closing:"); len(told) != 1 {
			t.Errorf("events %q", b.store.messages())
		}
		b.want(connection.Opened, connection.ReasonConnected)
		if saved := b.store.statuses[one]; saved.State != connection.Opened {
			t.Errorf("saved state %s", saved.State)
		}
	})
}
