package link

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"boardlink/connection"
)

const (
	heartbeatEvery = time.Second
	// sweepEvery is how often all rows are compared with what runs, for changes that nobody told of.
	sweepEvery = time.Minute
	// stopLimit is how long one link may take to end when the program goes down. Links end side by side.
	stopLimit = 6 * time.Second
	// readLimit is how long a keeper waits for the database.
	readLimit = 5 * time.Second
)

// Manager keeps a link for each active connection. Make it with [NewManager]; it is safe for concurrent use.
type Manager struct {
	opt     Options
	log     *slog.Logger
	now     func() time.Time
	journal *journal
	places  *places
	clock   *clocks
	alarm   clockAlarm
	every   time.Duration // between heartbeats

	heartbeat atomic.Pointer[time.Time] // nil while the manager does not run

	mu         sync.Mutex
	keepers    map[connection.ID]*keeper
	asked      map[connection.ID]struct{} // by Reconcile, before Run was ready
	ctx        context.Context            // nil while the manager does not run
	work       sync.WaitGroup             // keepers
	background crew                       // purges, sign-outs, commands that run on
	byHand     byHand                     // downlinks
}

// NewManager makes a manager. It connects to nothing and reads nothing.
func NewManager(opt Options) *Manager {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Steady == nil {
		began := time.Now()
		opt.Steady = func() time.Duration { return time.Since(began) }
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.Random == nil {
		opt.Random = rand.Float64
	}
	opt.Open = opt.measured()
	return &Manager{opt: opt, log: opt.Log, now: opt.Now, journal: newJournal(opt), places: newPlaces(opt.Now, opt.Random), clock: newClocks(opt.Now, opt.Steady),
		every: heartbeatEvery, keepers: map[connection.ID]*keeper{}, asked: map[connection.ID]struct{}{}}
}

// Run starts what should run and keeps it so until ctx ends. Then it stops every link, side by side and each within
// 6 s; what was taken and not acknowledged is back in the queue when it returns. It returns an error only where the
// database could not be read at the start. Run a manager once.
func (m *Manager) Run(ctx context.Context) error {
	rows, err := m.opt.Store.Connections(ctx)
	if err != nil {
		return fmt.Errorf("list connections to run: %w", err)
	}
	saved, err := m.opt.Store.Statuses(ctx)
	if err != nil {
		return fmt.Errorf("read states of links: %w", err)
	}
	deleted, err := m.opt.Store.DeletedConnections(ctx)
	if err != nil {
		return fmt.Errorf("list unfinished deletions: %w", err)
	}

	writing, stopWriting := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWriting()
	var writer sync.WaitGroup
	writer.Go(func() { m.journal.run(writing) })

	m.beat()
	m.giveUp(ctx, m.now())
	m.begin(ctx, rows, saved)
	for _, id := range deleted {
		m.purge(ctx, id, "")
	}
	var sweeper sync.WaitGroup
	sweeper.Go(func() { m.sweep(ctx) })

	m.keepBeating(ctx)

	m.end()
	sweeper.Wait()
	stopWriting()
	writer.Wait()
	return nil
}

// begin makes a keeper for each row, and for whatever was asked for meanwhile.
func (m *Manager) begin(ctx context.Context, rows []connection.Connection, saved map[connection.ID]connection.Status) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ctx = ctx
	for _, row := range rows {
		m.keep(row.ID, saved[row.ID])
	}
	for id := range m.asked {
		m.poke(id)
	}
	clear(m.asked)
}

// end waits until every link has ended.
func (m *Manager) end() {
	m.mu.Lock()
	m.ctx = nil
	m.mu.Unlock()
	m.work.Wait()
	m.background.wait(stopLimit)
	m.heartbeat.Store(nil)
}

func (m *Manager) beat() {
	now := m.now()
	m.heartbeat.Store(&now)
}

func (m *Manager) keepBeating(ctx context.Context) {
	tick := time.NewTicker(m.every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			m.beat()
			m.lookAtClock()
		}
	}
}

// Reconcile has the row of a connection read anew and made so: a link started, stopped or restarted, a deleted
// connection purged. It never blocks and may be called at any time.
func (m *Manager) Reconcile(id connection.ID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ctx == nil || m.ctx.Err() != nil {
		m.asked[id] = struct{}{}
		return
	}
	m.poke(id)
}

// poke wakes the keeper of a connection and makes one where there is none. m.mu is held.
func (m *Manager) poke(id connection.ID) {
	k := m.keepers[id]
	if k == nil {
		k = m.keep(id, connection.Status{})
	}
	select {
	case k.poke <- struct{}{}:
	default:
	}
}

// keep makes a keeper and lets it run. m.mu is held.
func (m *Manager) keep(id connection.ID, saved connection.Status) *keeper {
	k := newKeeper(m, id, saved)
	m.keepers[id] = k
	ctx := m.ctx
	m.work.Go(func() {
		k.loop(ctx)
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.keepers[id] == k && k.gone {
			delete(m.keepers, id)
			m.journal.forget(id)
		}
	})
	return k
}

// sweep compares all rows with what runs, now and then.
func (m *Manager) sweep(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		m.giveUp(ctx, m.clock.slow().Add(-abandonedAfter))
		read, cancel := context.WithTimeout(ctx, readLimit)
		rows, err := m.opt.Store.Connections(read)
		cancel()
		if err != nil {
			m.log.Warn("Connections were not compared with what runs", "error", err)
			continue
		}
		for _, id := range m.differ(rows) {
			m.Reconcile(id)
		}
	}
}

// differ lists the connections whose keeper does not know their row as it is.
func (m *Manager) differ(rows []connection.Connection) []connection.ID {
	m.mu.Lock()
	defer m.mu.Unlock()
	var ids []connection.ID
	there := make(map[connection.ID]struct{}, len(rows))
	for _, row := range rows {
		there[row.ID] = struct{}{}
		k := m.keepers[row.ID]
		if k == nil {
			ids = append(ids, row.ID)
			continue
		}
		if c := k.config.Load(); c == nil || c.Version != row.Version || c.RestartRequest != row.RestartRequest || c.Active != row.Active {
			ids = append(ids, row.ID)
		}
	}
	for id := range m.keepers {
		if _, ok := there[id]; !ok {
			ids = append(ids, id)
		}
	}
	return ids
}

// Status returns where a link stands, with the depth of its queue. It is UNREACHABLE where the manager has had no
// heartbeat for 10 s although it should run. An unknown connection has the status of a link that was never started.
func (m *Manager) Status(id connection.ID) connection.Status {
	m.mu.Lock()
	k := m.keepers[id]
	m.mu.Unlock()
	if k == nil {
		return connection.Status{State: connection.Closed, Reason: connection.ReasonNone.Text().Sentence}
	}
	return m.present(k)
}

// Statuses returns the status of every link there is.
func (m *Manager) Statuses() map[connection.ID]connection.Status {
	m.mu.Lock()
	keepers := make([]*keeper, 0, len(m.keepers))
	for _, k := range m.keepers {
		keepers = append(keepers, k)
	}
	m.mu.Unlock()
	all := make(map[connection.ID]connection.Status, len(keepers))
	for _, k := range keepers {
		all[k.id] = m.present(k)
	}
	return all
}

func (m *Manager) present(k *keeper) connection.Status {
	s := k.board.read()
	if t := k.ticket.Load(); t != nil && s.State != connection.Deactivated {
		if at, waits := t.turn(); waits {
			s.NextAttemptAt = at
		}
	}
	waiting, oldest, parked := m.opt.Queue.Depth(k.id)
	s.Backlog, s.Parked = waiting, parked
	now := m.now()
	if waiting > 0 && !oldest.IsZero() {
		s.OldestAge = m.clock.since(oldest)
	}
	if beat := m.heartbeat.Load(); beat != nil && now.Sub(*beat) > connection.HeartbeatLimit && s.State != connection.Deactivated {
		s.State, s.Since, s.ReasonCode = connection.Unreachable, *beat, connection.ReasonNone
		s.Reason = "The node that runs this link has not been heard of."
		s.Hint = "Look whether Boardlink still runs there, and at its log."
	}
	return s
}

// hostBack has the links that wait for a host try now, because another link was just opened there.
func (m *Manager) hostBack(name string) {
	if !m.places.isBack(name) {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, k := range m.keepers {
		if c := k.config.Load(); c == nil || hostOf(c.Configuration) != name {
			continue
		}
		select {
		case k.nudge <- struct{}{}:
		default:
		}
	}
}
