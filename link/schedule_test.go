package link

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"boardlink/connection"
)

// triesAfter counts the tries that came later than the quick ones.
func (b *bench) triesAfter(lost time.Time) (quick, slow int) {
	b.board.mu.Lock()
	defer b.board.mu.Unlock()
	for _, at := range b.board.located {
		switch {
		case !at.After(lost): // the one that found it open
		case at.Sub(lost) < connection.QuickPhase:
			quick++
		default:
			slow++
		}
	}
	return quick, slow
}

func TestStrategies_over_their_whole_length(t *testing.T) {
	const day = 24 * time.Hour
	for _, c := range []struct {
		strategy connection.Strategy
		span     time.Duration
		slow     int
	}{
		{connection.StrategyCalm, 12*time.Hour + 5*time.Minute, 72},
		{connection.StrategyCalm, 30 * day, 72 + 24},
		{connection.StrategyNormal, time.Hour + 2*time.Minute, 12},
		{connection.StrategyNormal, 25*time.Hour + 2*time.Minute, 12 + 24},
		{connection.StrategyNormal, 25*time.Hour + 30*day + time.Hour, 12 + 24 + 30},
		{connection.StrategyAggressive, 3*time.Hour + time.Minute, 60},
		{connection.StrategyAggressive, 3*time.Hour + 7*day + 10*time.Minute, 60 + 7*48},
		{connection.StrategyAggressive, 3*time.Hour + 17*day + 10*time.Minute, 60 + 7*48 + 240},
	} {
		t.Run(string(c.strategy)+" for "+c.span.String(), func(t *testing.T) {
			in(t, func(b *bench) {
				b.every = 24 * time.Hour
				b.store.edit(one, func(row *connection.Connection) { row.Configuration.ReconnectStrategy = c.strategy })
				b.start()
				b.pass(2 * time.Minute)
				b.board.set(func(f *fakeBoard) { f.locate = unreachable })
				lostAt := time.Now()
				b.board.last().end(lost())
				b.pass(c.span)
				quick, slow := b.triesAfter(lostAt)
				if slow != c.slow {
					t.Errorf("%d slow tries, want %d", slow, c.slow)
				}
				if quick < 4 || quick > 12 {
					t.Errorf("%d quick tries", quick)
				}
			})
		})
	}
}

func TestCalm_gives_up_until_somebody_restarts_the_connection(t *testing.T) {
	in(t, func(b *bench) {
		b.every = connection.HeartbeatLimit
		b.store.edit(one, func(row *connection.Connection) { row.Configuration.ReconnectStrategy = connection.StrategyCalm })
		b.board.locate = unreachable
		b.start()
		b.pass(40 * time.Hour)
		b.want(connection.Closed, connection.ReasonGivenUp)
		if s := b.status(); !s.NextAttemptAt.IsZero() || s.Hint == "" {
			t.Errorf("status %+v", s)
		}
		before, _, _ := b.board.count()
		b.stop()
		b.start()
		b.pass(100 * time.Hour)
		if after, _, _ := b.board.count(); after != before {
			t.Errorf("%d tries after it gave up, over a restart of the program", after-before)
		}
		b.want(connection.Closed, connection.ReasonGivenUp)

		b.board.set(func(f *fakeBoard) { f.locate = nil })
		b.store.edit(one, func(row *connection.Connection) { row.RestartRequest++ })
		b.m.Reconcile(one)
		synctest.Wait()
		b.want(connection.Opened, connection.ReasonConnected)
	})
}

func TestStrategy_changed_while_waiting_counts_at_once(t *testing.T) {
	in(t, func(b *bench) {
		b.store.edit(one, func(row *connection.Connection) { row.Configuration.ReconnectStrategy = connection.StrategyCalm })
		b.board.locate = unreachable
		b.start()
		b.pass(40 * time.Hour)
		b.want(connection.Closed, connection.ReasonGivenUp)
		b.edit(func(row *connection.Connection) { row.Configuration.ReconnectStrategy = connection.StrategyAggressive })
		next := time.Until(b.status().NextAttemptAt)
		if next <= 0 || next > 35*time.Minute {
			t.Errorf("next try after %v", next)
		}
		b.board.set(func(f *fakeBoard) { f.locate = nil })
		b.pass(next)
		b.want(connection.Opened, connection.ReasonConnected)
	})
}

func TestCredentials_refused_are_presented_three_times_and_no_more(t *testing.T) {
	in(t, func(b *bench) {
		b.board.signIn = wrongPassword
		began := time.Now()
		b.start()
		b.want(connection.AuthenticationFailed, connection.ReasonAuthRefused)
		b.pass(2 * time.Hour)
		b.want(connection.AuthenticationFailed, connection.ReasonAuthRefused)
		var at []time.Duration
		for _, t := range b.board.signIns {
			at = append(at, t.Sub(began))
		}
		if len(at) != 3 || at[0] != 0 || at[1] != time.Minute || at[2] != 11*time.Minute {
			t.Errorf("signed in after %v", at)
		}
		if s := b.status(); !s.NextAttemptAt.IsZero() || s.Hint == "" {
			t.Errorf("status %+v", s)
		}
		if told := b.store.told("Sign-in refused"); len(told) != 3 {
			t.Errorf("events %q", told)
		}
	})
}

func TestCredentials_are_counted_over_restarts_of_the_program(t *testing.T) {
	in(t, func(b *bench) {
		b.board.signIn = wrongPassword
		for range 5 {
			b.start()
			b.pass(30 * time.Second)
			b.want(connection.AuthenticationFailed, connection.ReasonAuthRefused)
			b.stop()
		}
		if _, n, _ := b.board.count(); n != 2 {
			t.Errorf("%d sign-ins in two and a half minutes, want 2", n)
		}
		b.start()
		b.pass(time.Hour)
		b.stop()
		b.start()
		b.pass(time.Hour)
		if _, n, _ := b.board.count(); n != 3 {
			t.Errorf("%d sign-ins, want 3", n)
		}
	})
}

func TestCredentials_edited_just_before_the_program_ended_are_presented_when_it_starts(t *testing.T) {
	in(t, func(b *bench) {
		b.board.signIn = wrongPassword
		b.start()
		b.want(connection.AuthenticationFailed, connection.ReasonAuthRefused)
		b.stop()
		b.fence()
		b.store.edit(one, func(row *connection.Connection) { row.Configuration.Password = "better" })
		b.board.set(func(f *fakeBoard) { f.signIn = nil })
		b.start()
		b.want(connection.Opened, connection.ReasonConnected)
	})
}

func TestCredentials_counted_before_a_crash_are_not_presented_again(t *testing.T) {
	in(t, func(b *bench) {
		for range 3 { // the login was sent, and then the power went
			_, _ = b.store.TakeCredentialTry(context.Background(), one, 1)
		}
		b.store.statuses[one] = connection.Status{State: connection.Authenticating}
		b.start()
		b.want(connection.AuthenticationFailed, connection.ReasonAuthRefused)
		if _, n, _ := b.board.count(); n != 0 {
			t.Errorf("%d sign-ins", n)
		}
	})
}

func TestCredentials_edited_or_allowed_are_presented_again(t *testing.T) {
	in(t, func(b *bench) {
		b.board.signIn = wrongPassword
		b.start()
		b.pass(time.Hour)
		allow := func() {
			_ = b.store.AllowCredentialTry(context.Background(), one, b.store.row(one).CredentialVersion)
			b.edit(func(row *connection.Connection) { row.RestartRequest++ })
		}
		allow()
		b.pass(time.Hour)
		if _, n, _ := b.board.count(); n != 4 {
			t.Errorf("%d sign-ins after an allowance, want 4", n)
		}
		b.edit(func(row *connection.Connection) { row.RestartRequest++ }) // nobody allowed anything
		b.want(connection.AuthenticationFailed, connection.ReasonAuthRefused)
		if _, n, _ := b.board.count(); n != 4 {
			t.Errorf("%d sign-ins without an allowance, want 4", n)
		}
		b.board.set(func(f *fakeBoard) { f.signIn = nil })
		b.edit(func(row *connection.Connection) { row.Configuration.Password = "better" })
		b.want(connection.Opened, connection.ReasonConnected)
		if tries := b.store.tries[[2]int64{1, 2}]; tries.Tries != 0 {
			t.Errorf("tries after a success: %+v", tries)
		}
	})
}

func TestCredentials_keep_their_pause_whatever_begins_the_link_anew(t *testing.T) {
	anew := map[string]func(*bench){
		"deactivation and activation": func(b *bench) {
			b.edit(func(row *connection.Connection) { row.Active = false })
			b.want(connection.Deactivated, connection.ReasonDeactivated)
			b.edit(func(row *connection.Connection) { row.Active = true })
		},
		"the same around a restart of the program": func(b *bench) {
			b.edit(func(row *connection.Connection) { row.Active = false })
			b.stop()
			b.start()
			b.edit(func(row *connection.Connection) { row.Active = true })
		},
		"another certificate": func(b *bench) {
			b.edit(func(row *connection.Connection) { row.Configuration.CACertificate += "x" })
		},
		"another MQTT host": func(b *bench) {
			b.edit(func(row *connection.Connection) { row.Configuration.MQTTHostName += "x" })
		},
		"another protocol": func(b *bench) {
			b.edit(func(row *connection.Connection) { row.Configuration.Protocol += "x" })
		},
	}
	for name, begin := range anew {
		t.Run(name, func(t *testing.T) {
			in(t, func(b *bench) {
				b.board.signIn = wrongPassword
				b.start()
				b.pass(2 * time.Minute) // two tries; the third is nine minutes away
				next := b.status().NextAttemptAt
				for range 3 {
					begin(b)
					b.pass(time.Second)
				}
				b.want(connection.AuthenticationFailed, connection.ReasonAuthRefused)
				if _, n, _ := b.board.count(); n != 2 {
					t.Errorf("%d sign-ins, want 2", n)
				}
				if s := b.status(); !s.NextAttemptAt.Equal(next) || s.Attempt != 2 {
					t.Errorf("next try at %v, want %v; attempt %d", s.NextAttemptAt, next, s.Attempt)
				}
				b.pass(time.Hour)
				if _, n, _ := b.board.count(); n != 3 {
					t.Errorf("%d sign-ins, want 3", n)
				}
				begin(b)
				b.pass(time.Hour)
				b.want(connection.AuthenticationFailed, connection.ReasonAuthRefused)
				if _, n, _ := b.board.count(); n != 3 {
					t.Errorf("%d sign-ins though none was left", n)
				}
				if s := b.status(); !s.NextAttemptAt.IsZero() || s.Attempt != 3 || s.Hint == "" {
					t.Errorf("status %+v", s)
				}
			})
		})
	}
}

func TestCredentials_taken_have_no_pause(t *testing.T) {
	in(t, func(b *bench) {
		b.start()
		if err := b.board.relogin(context.Background()); err != nil {
			t.Fatal(err)
		}
		b.edit(func(row *connection.Connection) { row.Configuration.MQTTHostName += "x" })
		b.want(connection.Opened, connection.ReasonConnected)
		if err := b.board.relogin(context.Background()); err != nil {
			t.Fatal(err)
		}
		b.edit(func(row *connection.Connection) { row.Active = false })
		b.edit(func(row *connection.Connection) { row.Active = true })
		b.want(connection.Opened, connection.ReasonConnected)
	})
}

func TestCredentials_in_their_pause_are_presented_at_once_to_who_asks(t *testing.T) {
	in(t, func(b *bench) {
		b.board.signIn = wrongPassword
		b.start()
		b.pass(2 * time.Minute)
		b.edit(func(row *connection.Connection) { row.RestartRequest++ })
		if _, n, _ := b.board.count(); n != 3 {
			t.Errorf("%d sign-ins after somebody asked, want 3", n)
		}
		b.edit(func(row *connection.Connection) { row.Configuration.Password = "better" })
		if _, n, _ := b.board.count(); n != 4 {
			t.Errorf("%d sign-ins after new credentials, want 4", n)
		}
	})
}

func TestCredentials_not_judged_are_not_counted(t *testing.T) {
	in(t, func(b *bench) {
		b.board.signIn = blackHole
		b.start()
		b.pass(30 * time.Minute)
		if _, n, _ := b.board.count(); n < 5 {
			t.Errorf("%d sign-ins", n)
		}
		if tries := b.store.tries[[2]int64{1, 1}]; !tries.Left() {
			t.Errorf("tries %+v", tries)
		}
		b.board.set(func(f *fakeBoard) { f.signIn = wrongPassword })
		b.pass(2 * time.Hour)
		b.want(connection.AuthenticationFailed, connection.ReasonAuthRefused)
	})
}

func TestRelogins_of_the_client_count_too(t *testing.T) {
	in(t, func(b *bench) {
		b.start()
		for range 5 { // each one shows that the one before was taken
			if err := b.board.relogin(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		if tries := b.store.tries[[2]int64{1, 1}]; tries.Tries != 1 {
			t.Errorf("tries %+v", tries)
		}
		_, _ = b.store.TakeCredentialTry(context.Background(), one, 1)
		_, _ = b.store.TakeCredentialTry(context.Background(), one, 1)
		b.store.fail(context.DeadlineExceeded)
		if err := b.board.relogin(context.Background()); err == nil {
			t.Error("a login that could not be counted was allowed")
		}
		b.store.fail(nil)
	})
}
