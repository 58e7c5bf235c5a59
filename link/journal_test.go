package link

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"boardlink/connection"
	"boardlink/live"
)

// pickyStore refuses events that hold a word.
type pickyStore struct {
	*fakeStore
	word string
}

func (s pickyStore) AddEvent(ctx context.Context, e connection.Event) (connection.Event, error) {
	if strings.Contains(e.Message, s.word) {
		return e, errors.New("constraint failed")
	}
	return s.fakeStore.AddEvent(ctx, e)
}

func TestJournal_does_not_wait_for_ever_for_one_event(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newFakeStore()
		feed := &live.Feed{}
		j := newJournal(Options{Store: pickyStore{store, "bad"}, Feed: feed, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() { defer close(done); j.run(ctx) }()
		for _, message := range []string{"first", "bad", "second"} {
			j.event(connection.Event{Message: message, ConnectionID: one})
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := store.messages(); len(got) != 1 {
			t.Errorf("events out of order: %q", got)
		}
		time.Sleep(maxRefusals * time.Second)
		synctest.Wait()
		if got := store.messages(); len(got) != 2 || got[1] != "second" {
			t.Errorf("events %q", got)
		}
		cancel()
		<-done
	})
}

func TestJournal_writes_what_is_left_when_it_ends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newFakeStore()
		j := newJournal(Options{Store: store, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
		j.status(one, connection.Status{State: connection.Opened}, true)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		j.event(connection.Event{Message: "last"})
		j.run(ctx)
		if len(store.messages()) != 1 || store.statuses[one].State != connection.Opened {
			t.Errorf("events %q, statuses %v", store.messages(), store.statuses)
		}
	})
}

func TestJournal_tells_open_pages(t *testing.T) {
	in(t, func(b *bench) {
		feed := &live.Feed{}
		ctx, cancel := context.WithCancel(context.Background())
		changes := feed.Subscribe(ctx)
		heard := map[live.Change]bool{}
		done := make(chan struct{})
		go func() {
			defer close(done)
			for batch := range changes {
				for _, c := range batch {
					heard[c] = true
				}
			}
		}()
		b.feed = feed
		b.start()
		cancel()
		<-done
		if !heard[live.Change{Topic: live.Connection, ID: "1"}] || !heard[live.Change{Topic: live.Events, ID: "1"}] {
			t.Errorf("heard %v", heard)
		}
	})
}

// 5,000 links that are lost together make two events each while the database does not answer.
func TestJournal_loses_no_event_of_a_storm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newFakeStore()
		store.fail(errors.New("database is locked"))
		j := newJournal(Options{Store: store, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() { defer close(done); j.run(ctx) }()
		const events = 2*5_000 + 1 // and one about the program
		for range events {
			j.event(connection.Event{Message: "Closing.", ConnectionID: one})
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		store.fail(nil)
		time.Sleep(2 * writePause)
		synctest.Wait()
		if got := len(store.messages()); got != events {
			t.Errorf("%d of %d events were stored", got, events)
		}
		cancel()
		<-done
	})
}

func TestJournal_tells_pages_of_an_event_about_no_connection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		feed := &live.Feed{}
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		changes := feed.Subscribe(ctx)
		j := newJournal(Options{Store: newFakeStore(), Feed: feed, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
		j.event(connection.Event{Message: "The clock of this machine jumped."})
		j.write(ctx, true)
		if batch := <-changes; len(batch) != 1 || batch[0] != (live.Change{Topic: live.Events}) {
			t.Errorf("told %v", batch)
		}
	})
}
