package activity

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"boardlink/connection"
	"boardlink/live"
)

func TestRecorder_looks_at_what_waits_once_a_minute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		feed := &live.Feed{}
		ctx, cancel := context.WithCancel(t.Context())
		changes := feed.Subscribe(ctx)
		asked := 0
		r := New(Options{Store: s, Feed: feed, Waiting: func() []connection.Waiting {
			asked++
			if asked == 2 {
				return nil
			}
			return []connection.Waiting{{ConnectionID: 7, Events: 5, OldestAge: time.Minute}, {ConnectionID: 8, Events: 2, OldestAge: time.Hour}}
		}})
		done := make(chan struct{})
		go func() { defer close(done); r.Run(ctx) }()
		begin := time.Now().UTC().Truncate(time.Minute)
		time.Sleep(2*time.Minute + 30*time.Second)
		told := map[live.Change]bool{}
		for range 3 {
			select {
			case batch := <-changes:
				for _, c := range batch {
					told[c] = true
				}
			case <-time.After(time.Second):
			}
		}
		if !told[live.Change{Topic: live.Figures}] || !told[live.Change{Topic: live.Figures, ID: "7"}] || !told[live.Change{Topic: live.Figures, ID: "8"}] {
			t.Errorf("pages were told of %v", told)
		}
		cancel()
		<-done
		synctest.Wait()
		if asked != 3 {
			t.Errorf("asked %d times in three minutes", asked)
		}
		got := map[connection.ID]map[time.Time]connection.Minute{0: {}, 7: {}, 8: {}}
		for _, m := range s.all() {
			got[m.ConnectionID][m.Start] = m
		}
		for id, want := range map[connection.ID][3]connection.Minute{
			0: {{Watched: true, Backlog: 7, OldestAge: time.Hour}, {Watched: true}, {Watched: true, Backlog: 7, OldestAge: time.Hour}},
			7: {{Backlog: 5, OldestAge: time.Minute}, {}, {Backlog: 5, OldestAge: time.Minute}},
			8: {{Backlog: 2, OldestAge: time.Hour}, {}, {Backlog: 2, OldestAge: time.Hour}},
		} {
			for i, want := range want {
				start := begin.Add(time.Duration(i) * time.Minute)
				if want != (connection.Minute{}) {
					want.ConnectionID, want.Start = id, start
				}
				if got := got[id][start]; got != want {
					t.Errorf("minute %d of connection %d is %+v, want %+v", i, id, got, want)
				}
			}
		}
	})
}
