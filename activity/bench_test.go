package activity

import (
	"testing"
	"time"

	"boardlink/connection"
)

// BenchmarkDelivered counts deliveries of one connection, and beside it, for the comparison in the same run, the same without
// how long they took.
func BenchmarkDelivered(b *testing.B) {
	for _, took := range []time.Duration{4 * time.Millisecond, 200 * time.Millisecond, 10 * time.Hour} {
		b.Run(took.String(), func(b *testing.B) {
			r := New(Options{Store: newStore()})
			for b.Loop() {
				r.Delivered(7, took)
			}
		})
	}
	b.Run("not told how long, as it was", func(b *testing.B) {
		r := New(Options{Store: newStore()})
		for b.Loop() {
			r.count(7, func(t *tally, m *connection.Minute, now time.Time) {
				m.Delivered++
				r.totals.Delivered++
				t.history.at(now).delivered++
				t.lastDelivered = now
			})
		}
	})
}

// BenchmarkWatch looks at 10,000 connections that events wait on, as it is done once a minute.
func BenchmarkWatch(b *testing.B) {
	list := make([]connection.Waiting, 10_000)
	for i := range list {
		list[i] = connection.Waiting{ConnectionID: connection.ID(i + 1), Events: int64(i), OldestAge: time.Minute}
	}
	r := New(Options{Store: newStore(), Waiting: func() []connection.Waiting { return list }})
	for b.Loop() {
		r.watched = 0
		r.watch()
	}
}
