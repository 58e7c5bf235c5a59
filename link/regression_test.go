package link

import (
	"testing"
	"testing/synctest"
	"time"

	"boardlink/connection"
)

// The original showed the wrong date for the next restart (TXIF 2085).
func TestNext_attempt_is_made_when_the_status_says(t *testing.T) {
	for _, strategy := range []connection.Strategy{connection.StrategyCalm, connection.StrategyNormal, connection.StrategyAggressive} {
		t.Run(string(strategy), func(t *testing.T) {
			in(t, func(b *bench) {
				b.every = 24 * time.Hour
				b.store.edit(one, func(row *connection.Connection) { row.Configuration.ReconnectStrategy = strategy })
				b.start()
				b.pass(2 * time.Minute)
				b.board.set(func(f *fakeBoard) { f.locate = unreachable })
				b.board.last().end(lost())
				synctest.Wait()
				for try := range 60 {
					if try == 40 {
						b.restart() // a program that starts tries at once, and plans from there
						synctest.Wait()
					}
					next, before := b.status().NextAttemptAt, len(b.board.located)
					if !next.After(time.Now()) {
						t.Fatalf("try %d: the next attempt is said to be at %v", try, next)
					}
					b.pass(time.Until(next) - time.Millisecond)
					if n := len(b.board.located); n != before {
						t.Fatalf("try %d came before its time", try)
					}
					b.pass(time.Millisecond)
					if n := len(b.board.located); n != before+1 || !b.board.located[before].Equal(next) {
						t.Fatalf("try %d was made %d times, at %v instead of %v", try, n-before, b.board.located[before:], next)
					}
				}
			})
		})
	}
}

// What a link that closes shows, where the closing takes a moment.
func TestClosing_says_why(t *testing.T) {
	for code, end := range map[connection.ReasonCode]func(b *bench){
		connection.ReasonRestart: func(b *bench) { b.edit(func(c *connection.Connection) { c.RestartRequest++ }) },
		connection.ReasonEdited: func(b *bench) {
			b.edit(func(c *connection.Connection) { c.Configuration.HostName = "other.example.com:443" })
		},
		connection.ReasonDeactivated: func(b *bench) { b.edit(func(c *connection.Connection) { c.Active = false }) },
		connection.ReasonDeleted: func(b *bench) {
			b.fence()
			b.store.delete(one)
			b.m.Reconcile(one)
			synctest.Wait()
		},
		connection.ReasonNotDelivered: func(b *bench) {
			b.count.add(&b.count.accepted, 7)
			b.queue.blocked[deviceA] = time.Now().Add(24 * time.Hour)
			b.queue.put(deviceA)
			b.edit(func(c *connection.Connection) { c.Configuration.ReconnectStrategy = connection.StrategyAggressive })
			b.pass(time.Hour + 2*time.Second)
		},
		connection.ReasonConnectionLost: func(b *bench) { b.board.last().end(lost()); synctest.Wait() },
	} {
		t.Run(string(code), func(t *testing.T) {
			in(t, func(b *bench) {
				hang := make(chan struct{})
				b.board.session = func(s *fakeSession) { s.hang = hang }
				b.start()
				end(b)
				b.want(connection.Closing, code)
				if s := b.status(); s.Reason == "" {
					t.Error("no sentence")
				}
				b.board.set(func(f *fakeBoard) { f.session = nil })
				close(hang)
				synctest.Wait()
			})
		})
	}
}
