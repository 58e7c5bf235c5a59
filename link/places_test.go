package link

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"boardlink/connection"
	"boardlink/queue"
	"boardlink/thingsboard"
)

// nothingQueued is a queue in which nothing waits, for any number of connections.
type nothingQueued struct{}

func (nothingQueued) Lanes(connection.ID) Lanes                           { return noLanes{} }
func (nothingQueued) Depth(connection.ID) (int64, time.Time, int64)       { return 0, time.Time{}, 0 }
func (nothingQueued) Purge(context.Context, connection.ID) (int64, error) { return 0, nil }

type noLanes struct{ Lanes }

func (noLanes) Take(ctx context.Context, _ int) ([]queue.Event, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}
func (noLanes) Close() {}

// storm counts the openings of links at hosts.
type storm struct {
	mu     sync.Mutex
	down   map[string]bool
	hung   map[string]bool
	busy   int
	most   int
	begun  map[string][]time.Time
	opened int
}

func (s *storm) locate(ctx context.Context, name string) error {
	s.mu.Lock()
	s.busy++
	s.most = max(s.most, s.busy)
	s.begun[name] = append(s.begun[name], time.Now())
	down, hung := s.down[name], s.hung[name]
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.busy--
		s.mu.Unlock()
	}()
	if hung {
		return blackHole(ctx)
	}
	if err := sleep(ctx, 200*time.Millisecond); err != nil {
		return err
	}
	if down {
		return unreachable(ctx)
	}
	return nil
}

// busiest returns the most openings at a host within any second.
func (s *storm) busiest(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, most, from := s.begun[name], 0, 0
	for i := range at {
		for at[i].Sub(at[from]) >= time.Second {
			from++
		}
		most = max(most, i-from+1)
	}
	return most
}

// stormClient opens links as the storm says.
type stormClient struct {
	fakeClient
	s    *storm
	host string
}

func (c *stormClient) Locate(ctx context.Context) error { return c.s.locate(ctx, c.host) }

// fleet runs a manager of many links to hosts.
func fleet(t *testing.T, s *storm, hosts map[string]int, test func(m *Manager, store *fakeStore, board *fakeBoard)) {
	synctest.Test(t, func(t *testing.T) {
		store, board := newFakeStore(), &fakeBoard{}
		board.session = func(f *fakeSession) { f.limit = 1 }
		id := connection.ID(0)
		for name, n := range hosts {
			for range n {
				id++
				c := connection.Connection{ID: id, ConnectorID: connection.ConnectorID, Name: name, Active: true, Version: 1, CredentialVersion: 1,
					Configuration: connection.DefaultConfiguration()}
				c.Configuration.HostName, c.Configuration.Username, c.Configuration.Password = name+":443", "tenant@example.com", "secret"
				store.rows[id] = c
			}
		}
		m := NewManager(Options{Store: store, Queue: nothingQueued{}, Figures: &fakeFigures{}, Downlinks: &fakePark{}, Log: slog.New(slog.DiscardHandler),
			Open: func(c connection.Connection, _ func(context.Context) error) (Client, error) {
				return &stormClient{fakeClient{board}, s, hostOf(c.Configuration)}, nil
			}})
		m.every = 5 * time.Second
		ctx, cancel := context.WithCancel(context.Background())
		var running sync.WaitGroup
		running.Go(func() {
			if err := m.Run(ctx); err != nil {
				t.Errorf("run: %v", err)
			}
		})
		synctest.Wait()
		test(m, store, board)
		cancel()
		running.Wait()
	})
}

func newStorm() *storm {
	return &storm{down: map[string]bool{}, hung: map[string]bool{}, begun: map[string][]time.Time{}}
}

// count returns how many links are in a state, and the first whose status says nothing of its next try.
func standing(m *Manager, state connection.State) (n int, untold string) {
	for id, s := range m.Statuses() {
		if s.State == state {
			n++
		}
		if s.State == connection.Closed && s.NextAttemptAt.Before(time.Now().Add(-time.Second)) && untold == "" {
			untold = fmt.Sprintf("connection %s: %+v", id, s)
		}
	}
	return n, untold
}

func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// LINK_STORM is how many links there are; what is promised is five minutes for 5,000, so fewer have less time.
func TestStorm_of_links_opens_within_five_minutes_after_an_outage(t *testing.T) {
	links := 1_000
	if n, err := strconv.Atoi(os.Getenv("LINK_STORM")); err == nil && n > 0 {
		links = n
	}
	within := 5 * time.Minute * time.Duration(links) / 5_000
	// After the quick tries the first link to find its host back is up to the strategy; from then on nobody waits for it.
	for name, outage := range map[string]time.Duration{"of half a minute": 30 * time.Second, "of half an hour": 33 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			s := newStorm()
			fleet(t, s, map[string]int{"tb.example.com": links}, func(m *Manager, _ *fakeStore, board *fakeBoard) {
				pass(5 * time.Minute)
				if n, _ := standing(m, connection.Opened); n != links {
					t.Fatalf("%d links are open after five minutes", n)
				}
				s.mu.Lock()
				s.down["tb.example.com"] = true
				s.mu.Unlock()
				board.mu.Lock()
				sessions := board.sessions
				board.sessions = nil
				board.mu.Unlock()
				for _, one := range sessions {
					one.end(lost())
				}
				pass(outage)
				if _, untold := standing(m, connection.Closed); untold != "" {
					t.Errorf("nothing is told of the next try of %s", untold)
				}
				s.mu.Lock()
				s.down["tb.example.com"] = false
				s.mu.Unlock()
				n, began := 0, time.Now()
				for n < links && time.Since(began) < within {
					pass(2 * time.Second)
					if n, _ = standing(m, connection.Opened); n == 0 && outage > time.Minute {
						began = time.Now()
					}
				}
				t.Logf("%d links open %v after the outage; at most %d at once, %d a second", n, time.Since(began), s.most, s.busiest("tb.example.com"))
				if n != links || s.most > openAtOnce || s.busiest("tb.example.com") > openASecond {
					t.Errorf("%d links are open, at most %d opened at once, %d a second", n, s.most, s.busiest("tb.example.com"))
				}
			})
		})
	}
}

func TestPlaces_are_left_by_a_host_that_hangs(t *testing.T) {
	s := newStorm()
	s.hung["dead.example.com"] = true
	fleet(t, s, map[string]int{"dead.example.com": 400, "tb.example.com": 200}, func(m *Manager, _ *fakeStore, _ *fakeBoard) {
		pass(15 * time.Second)
		if n, untold := standing(m, connection.Opened); n != 200 || untold != "" {
			t.Errorf("%d links are open; %s; %+v", n, untold, m.Status(1))
		}
		pass(5 * time.Minute)
		for id, st := range m.Statuses() {
			if st.ReasonCode == connection.ReasonTimeout {
				t.Errorf("connection %s missed a deadline: %+v", id, st)
			}
		}
	})
}

func TestPlace_that_is_waited_for_can_be_given_up(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlaces(time.Now)
		var releases []func()
		for range openAtHost {
			release, err := p.enter(t.Context(), "a", func(time.Time) {})
			if err != nil {
				t.Fatal(err)
			}
			releases = append(releases, release)
		}
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, &stop{code: connection.ReasonDeactivated})
		defer cancel()
		told := 0
		if _, err := p.enter(ctx, "a", func(at time.Time) {
			if told++; !at.After(time.Now()) {
				t.Errorf("expected at %v", at)
			}
		}); err == nil || told == 0 {
			t.Errorf("got %v, told %d times", err, told)
		}
		if release, err := p.enter(t.Context(), "b", func(time.Time) {}); err != nil {
			t.Error(err)
		} else {
			release()
		}
		for _, release := range releases {
			release()
		}
		for i := range maxHosts + 10 {
			release, err := p.enter(t.Context(), fmt.Sprint(i), func(time.Time) {})
			if err != nil {
				t.Fatal(err)
			}
			release()
		}
		if len(p.hosts) > maxHosts {
			t.Errorf("%d hosts are remembered", len(p.hosts))
		}
	})
}

func TestLink_is_not_nudged_for_what_only_it_was_refused_for(t *testing.T) {
	in(t, func(b *bench) {
		b.board.connect = func(context.Context, thingsboard.MQTTEndpoint) error {
			return &thingsboard.Error{Code: connection.ReasonConflict, Kind: thingsboard.Conflict}
		}
		b.start()
		b.pass(2 * time.Minute)
		before := b.status().NextAttemptAt
		b.m.hostBack("tb.example.com")
		synctest.Wait()
		if at := b.status().NextAttemptAt; !at.Equal(before) {
			t.Errorf("the next try went from %v to %v", before, at)
		}
	})
}
