package alarm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"boardlink/connection"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memoryStore keeps connections, figures and events in memory.
type memoryStore struct {
	mu          sync.Mutex
	connections map[connection.ID]connection.Connection
	uplinks     map[connection.ID]map[int64]int64 // by minutes since 1970
	events      []connection.Event
	broken      error // of every read
	refuses     bool  // every event
	asked       int   // for events
}

func (s *memoryStore) Connections(context.Context) ([]connection.Connection, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []connection.Connection
	for _, c := range s.connections {
		all = append(all, c)
	}
	return all, s.broken
}

func (s *memoryStore) Figures(_ context.Context, id connection.ID, from, to time.Time) ([]connection.Minute, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []connection.Minute
	for minute, n := range s.uplinks[id] {
		if minute >= from.Unix()/60 && minute < to.Unix()/60 {
			all = append(all, connection.Minute{ConnectionID: id, Start: time.Unix(minute*60, 0), Uplinks: n, Delivered: 99})
		}
	}
	return all, s.broken
}

func (s *memoryStore) AlarmEvents(_ context.Context, id connection.ID, since time.Time) ([]connection.Event, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	var all []connection.Event
	for _, e := range slices.Backward(s.events) {
		if e.ConnectionID == id && e.Kind == connection.KindAlarm && !e.Time.Before(since) {
			all = append(all, e)
		}
	}
	return all, s.broken
}

func (s *memoryStore) tell(_ context.Context, e connection.Event) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuses {
		return false
	}
	s.events = append(s.events, e)
	return true
}

// world is a runner in a bubble of fake time. Its connection 1 has an alarm from 09:00 to 18:00 each workday in Paris, with a
// minimum of 15 an hour.
type world struct {
	*memoryStore
	t    *testing.T
	stop func()
	read int // events that were looked at
}

func in(t *testing.T, start string, f func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(at(t, start)))
		w := &world{t: t, memoryStore: &memoryStore{connections: map[connection.ID]connection.Connection{}, uplinks: map[connection.ID]map[int64]int64{}}}
		w.connections[1] = connection.Connection{ID: 1, Active: true, Version: 1, CreatedAt: at(t, "2019-01-01T00:00:00Z"), Alarms: []connection.Alarm{
			on(t, "Europe/Paris", "2019-01-31T09:00:00+01:00", "2019-01-31T18:00:00+01:00", "monday tuesday wednesday thursday friday"),
		}}
		w.start()
		defer func() { w.stop() }()
		f(w)
	})
}

// start runs a new runner, as a start of the program does.
func (w *world) start() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	r := New(Options{Store: w.memoryStore, Tell: w.tell})
	go func() { defer close(done); r.Run(ctx) }()
	w.stop = sync.OnceFunc(func() { cancel(); <-done })
}

// pass lets time pass up to a moment, while so many uplinks come in each hour, spread evenly.
func (w *world) pass(until string, perHour int64) {
	w.t.Helper()
	end := at(w.t, until)
	for time.Now().Before(end) {
		minute := time.Now().Unix() / 60
		w.mu.Lock()
		if w.uplinks[1] == nil {
			w.uplinks[1] = map[int64]int64{}
		}
		if of := minute % 60; perHour > 0 {
			w.uplinks[1][minute] += (of+1)*perHour/60 - of*perHour/60
		}
		w.mu.Unlock()
		time.Sleep(min(time.Minute, time.Until(end)))
	}
	synctest.Wait()
}

func (w *world) edit(change func(c *connection.Connection)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.connections[1]
	c.Alarms = slices.Clone(c.Alarms)
	change(&c)
	c.Version++
	w.connections[1] = c
}

// told lists the events since it was last asked, as "10:00 low" in the time of Paris.
func (w *world) told() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		w.t.Fatal(err)
	}
	var all []string
	for _, e := range w.events[w.read:] {
		what := map[bool]string{true: "low", false: "back"}[e.Level == connection.LevelWarning]
		if e.Kind != connection.KindAlarm || e.ConnectionID != 1 || e.Actor != connection.System || !strings.HasPrefix(e.Message, map[string]string{"low": saysLow, "back": saysBack}[what]) {
			w.t.Errorf("event %+v", e)
		}
		all = append(all, e.Time.In(zone).Format("15:04 ")+what)
	}
	w.read = len(w.events)
	return all
}

func (w *world) want(what string, want ...string) {
	w.t.Helper()
	if got := w.told(); !slices.Equal(got, want) {
		w.t.Errorf("%s: told %q, want %q", what, got, want)
	}
}

// 2026-01-12 is a Monday; Paris is an hour ahead of UTC.

func TestRunner_tells_once_an_hour_while_the_rate_is_low_and_once_when_it_is_back(t *testing.T) {
	in(t, "2026-01-12T06:30:00Z", func(w *world) {
		w.pass("2026-01-12T08:59:00Z", 6)
		w.want("before the window has been open for an hour")
		w.pass("2026-01-12T12:30:00Z", 6)
		w.want("four low hours", "10:00 low", "11:00 low", "12:00 low", "13:00 low")
		message := w.events[0].Message
		if message != `Low uplink rate: 6 uplinks from 09:00 to 10:00; the minimum is 15 an hour (09:00 to 18:00, Europe/Paris). "Low rate during business day..."` {
			t.Error(message)
		}
		w.pass("2026-01-12T15:59:30Z", 60)
		w.want("the rate is back", "13:39 back")
		w.pass("2026-01-13T07:00:00Z", 0)
		w.want("the window closes while the rate is low again", "17:46 low")
		w.pass("2026-01-13T10:00:00Z", 60)
		w.want("the next window finds it back", "10:00 back")
	})
}

func TestRunner_says_nothing_where_the_rate_is_the_minimum(t *testing.T) {
	in(t, "2026-01-12T06:30:00Z", func(w *world) {
		w.pass("2026-01-19T00:00:00Z", 15)
		w.want("a week of just enough")
	})
}

func TestRunner_says_nothing_outside_of_the_windows(t *testing.T) {
	in(t, "2026-01-16T17:10:30Z", func(w *world) { // Friday, after the window
		w.pass("2026-01-19T08:59:00Z", 0)
		w.want("a week-end without uplinks")
		w.pass("2026-01-19T09:01:00Z", 0)
		w.want("on Monday", "10:00 low")
	})
}

func TestRunner_follows_daylight_saving(t *testing.T) {
	in(t, "2026-03-27T17:10:30Z", func(w *world) {
		w.edit(func(c *connection.Connection) { c.Alarms[0].Recurrence[0].ByDays = strings.Fields(everyDay) })
		w.pass("2026-03-29T16:30:00Z", 0)
		want := []string{}
		for range 2 {
			for hour := 10; hour <= 18; hour++ {
				want = append(want, fmt.Sprintf("%d:00 low", hour))
			}
		}
		w.want("Saturday in winter time, Sunday in summer time", want...)
	})
}

func TestRunner_does_not_repeat_itself_after_a_restart(t *testing.T) {
	in(t, "2026-01-12T06:30:00Z", func(w *world) {
		w.pass("2026-01-12T09:20:00Z", 0)
		w.want("at first", "10:00 low")
		for range 5 {
			w.stop()
			w.start()
			w.pass(time.Now().Add(5*time.Minute).UTC().Format(time.RFC3339), 0)
		}
		w.want("restarted")
		w.pass("2026-01-12T10:10:00Z", 0)
		w.want("an hour later", "11:00 low")
		w.stop()
		w.pass("2026-01-12T12:30:00Z", 60)
		w.start()
		w.pass("2026-01-12T12:40:00Z", 60)
		w.want("it came back while the program was off", "13:31 back")
		w.stop()
		w.start()
		w.pass("2026-01-12T13:40:00Z", 60)
		w.want("and that is told once")
	})
}

func TestRunner_leaves_deactivated_connections_alone(t *testing.T) {
	in(t, "2026-01-12T06:30:00Z", func(w *world) {
		w.edit(func(c *connection.Connection) { c.Active = false })
		w.pass("2026-01-12T12:00:30Z", 0)
		w.want("deactivated")
		w.edit(func(c *connection.Connection) { c.Active = true })
		w.pass("2026-01-12T12:10:00Z", 0)
		w.want("activated", "13:01 low")
		w.edit(func(c *connection.Connection) { c.Active = false })
		w.pass("2026-01-12T12:20:00Z", 0)
		w.edit(func(c *connection.Connection) { c.Active = true })
		w.pass("2026-01-12T12:55:00Z", 0)
		w.want("activated again in the same hour")
	})
}

func TestRunner_waits_until_a_new_connection_is_an_hour_old(t *testing.T) {
	in(t, "2026-01-12T10:00:30Z", func(w *world) {
		w.edit(func(c *connection.Connection) { c.CreatedAt = time.Now() })
		w.pass("2026-01-12T11:10:00Z", 0)
		w.want("a new connection", "12:01 low")
	})
}

func TestRunner_bears_a_rate_that_flutters(t *testing.T) {
	in(t, "2026-01-12T06:30:00Z", func(w *world) {
		w.pass("2026-01-12T09:05:00Z", 14)
		change := func(n int64) {
			w.mu.Lock()
			w.uplinks[1][at(t, "2026-01-12T09:04:00Z").Unix()/60] += n
			w.mu.Unlock()
			w.pass(time.Now().Add(4*time.Minute).UTC().Format(time.RFC3339), 14)
		}
		for range 6 { // 15 and 14 an hour by turns
			change(1)
			change(-1)
		}
		w.want("in the same hour", "10:00 low", "10:05 back")
		w.pass("2026-01-12T10:01:00Z", 14)
		w.want("in the next", "11:00 low")
	})
}

func TestRunner_keeps_alarms_apart(t *testing.T) {
	in(t, "2026-01-12T06:30:00Z", func(w *world) {
		w.edit(func(c *connection.Connection) {
			strict := c.Alarms[0]
			strict.UplinkRateMinPerHour, strict.Message = 100, "Strict"
			night := strict
			night.StartTime, night.EndTime = at(t, "2019-01-31T22:00:00+01:00"), at(t, "2019-02-01T06:00:00+01:00")
			c.Alarms = append(c.Alarms, strict, night, strict) // one twice: it is told once
		})
		w.pass("2026-01-12T10:30:00Z", 60)
		w.want("one is low, the other is not", "10:00 low", "11:00 low")
		for _, e := range w.events {
			if !strings.HasSuffix(e.Message, `(09:00 to 18:00, Europe/Paris). "Strict"`) {
				t.Error(e.Message)
			}
		}
		w.pass("2026-01-12T11:40:00Z", 600)
		w.want("the rate is back", "11:35 back")
	})
}

func TestRunner_tells_again_what_could_not_be_stored(t *testing.T) {
	in(t, "2026-01-12T06:30:00Z", func(w *world) {
		w.refuses = true
		w.pass("2026-01-12T09:10:30Z", 0)
		w.mu.Lock()
		w.refuses = false
		w.mu.Unlock()
		w.pass("2026-01-12T09:30:00Z", 0)
		w.want("stored at last", "10:11 low")
		w.mu.Lock()
		w.broken = errors.New("disk I/O error")
		w.mu.Unlock()
		w.pass("2026-01-12T10:30:30Z", 0)
		w.want("nothing can be read")
		w.mu.Lock()
		w.broken = nil
		w.mu.Unlock()
		w.pass("2026-01-12T10:40:00Z", 0)
		w.want("it can be read again", "11:31 low")
	})
}

func TestRunner_reads_what_was_told_once(t *testing.T) {
	in(t, "2026-01-12T06:30:00Z", func(w *world) {
		w.pass("2026-01-13T06:00:00Z", 0)
		if w.asked != 1 {
			t.Errorf("asked %d times", w.asked)
		}
		w.edit(func(c *connection.Connection) { c.Name = "Edited" }) // whatever was edited: alarms may be gone, or back
		w.pass("2026-01-13T10:00:00Z", 0)
		if w.asked != 2 {
			t.Errorf("asked %d times after an edit", w.asked)
		}
	})
}

func TestMemory_of_the_future_counts_for_nothing(t *testing.T) {
	now := at(t, "2026-01-12T10:00:00Z")
	for told, want := range map[time.Duration]bool{-2 * time.Hour: true, -time.Hour: true, -59 * time.Minute: false, 0: false, time.Minute: false, time.Hour: true} {
		if got := (memory{told: now.Add(told)}).mayTell(now); got != want {
			t.Errorf("told %v from now: %v", told, got)
		}
	}
	if !(memory{}).mayTell(now) {
		t.Error("what was never told may not be told")
	}
}
