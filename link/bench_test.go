package link

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"boardlink/connection"
	"boardlink/live"
	"boardlink/queue"
	"boardlink/thingpark"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const one connection.ID = 1

// bench is a manager with everything around it faked; it lives in a bubble of fake time.
type bench struct {
	t     *testing.T
	store *fakeStore
	board *fakeBoard
	queue *fakeQueue
	count *fakeFigures
	park  *fakePark
	seen  []connection.Device // of all connections
	// recent stands for seen where the time matters.
	recent func(since time.Time) []connection.Device
	feed   *live.Feed
	meter  Meter

	m     *Manager
	now   func() time.Time // nil: time.Now
	every time.Duration    // between heartbeats, where weeks must pass
	stop  func()
}

// newBench makes the surroundings with one active connection, and starts nothing.
func newBench(t *testing.T) *bench {
	b := &bench{t: t, store: newFakeStore(), board: &fakeBoard{}, queue: newFakeQueue(), count: &fakeFigures{}, park: &fakePark{}}
	c := connection.Connection{ID: one, ConnectorID: connection.ConnectorID, Name: "Ours", Active: true, Version: 1, CredentialVersion: 1,
		Configuration: connection.DefaultConfiguration()}
	c.Configuration.HostName, c.Configuration.Username, c.Configuration.Password = "tb.example.com:443", "tenant@example.com", "secret"
	b.store.rows[one] = c
	return b
}

// start runs a manager on the bench, as a start of the program does.
func (b *bench) start() {
	b.m = NewManager(Options{Store: b.store, Queue: b.queue, Figures: b.count, Open: b.board.open, Downlinks: b.park, Feed: b.feed, Now: b.now,
		Installation: "0a1b2c3d", Node: "here", Random: func() float64 { return 0.5 }, Meter: b.meter, Log: slog.New(slog.DiscardHandler),
		WhoChanged: func(context.Context, connection.ID) string { return "alice@example.com" },
		RecentDevices: func(_ context.Context, _ connection.ID, since time.Time, _ int) ([]connection.Device, error) {
			if b.recent != nil {
				return b.recent(since), nil
			}
			return b.seen, nil
		}})
	if b.every > 0 {
		b.m.every = b.every
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := b.m.Run(ctx); err != nil {
			b.t.Errorf("run: %v", err)
		}
	}()
	b.stop = sync.OnceFunc(func() {
		b.fence()
		cancel()
		<-done
	})
	synctest.Wait()
}

// pass lets time pass and everything come to rest.
func (b *bench) pass(d time.Duration) {
	b.fence()
	time.Sleep(d)
	synctest.Wait()
}

// fence orders what the test did before what the others do next, so that tests may look at the fakes at rest.
func (b *bench) fence() {
	locks := []sync.Locker{&b.store.mu, &b.board.mu, &b.queue.mu, &b.count.mu, &b.park.mu}
	for _, s := range b.board.sessions {
		locks = append(locks, &s.mu)
	}
	for _, l := range locks {
		l.Lock()
		defer l.Unlock()
	}
}

func (b *bench) status() connection.Status { return b.m.Status(one) }

// edit changes the row and has it reconciled, as an operation does.
func (b *bench) edit(change func(*connection.Connection)) {
	b.fence()
	b.store.edit(one, change)
	b.m.Reconcile(one)
	synctest.Wait()
}

func (b *bench) want(state connection.State, code connection.ReasonCode) {
	b.t.Helper()
	if s := b.status(); s.State != state || s.ReasonCode != code {
		b.t.Fatalf("state %s (%s, %q), want %s (%s)\n%v", s.State, s.ReasonCode, s.Reason, state, code, b.store.messages())
	}
}

// in runs a test in a bubble of fake time.
func in(t *testing.T, f func(b *bench)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		defer func() {
			if b.stop != nil {
				b.stop()
			}
		}()
		f(b)
	})
}

// fakeFigures counts in memory.
type fakeFigures struct {
	mu                                                               sync.Mutex
	delivered, downlinks, rejected, parked, expired, accepted, since int64
	took                                                             []time.Duration // of each delivery, from the acceptance
}

func (f *fakeFigures) add(to *int64, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	*to += int64(n)
}

func (f *fakeFigures) get(from *int64) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return *from
}

func (f *fakeFigures) Delivered(_ connection.ID, took time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.delivered++
	f.took = append(f.took, took)
}
func (f *fakeFigures) Downlink(connection.ID, string)                     { f.add(&f.downlinks, 1) }
func (f *fakeFigures) Rejected(connection.ID)                             { f.add(&f.rejected, 1) }
func (f *fakeFigures) Parked(connection.ID)                               { f.add(&f.parked, 1) }
func (f *fakeFigures) Expired(_ connection.ID, n int)                     { f.add(&f.expired, n) }
func (f *fakeFigures) Sent(connection.ID, string, int64, json.RawMessage) {}
func (f *fakeFigures) AcceptedSince(connection.ID, time.Duration) int64 {
	return f.get(&f.accepted)
}
func (f *fakeFigures) DeliveredSince(connection.ID, time.Duration) int64 { return f.get(&f.since) }

// fakePark is ThingPark's downlink endpoint.
type fakePark struct {
	mu   sync.Mutex
	sent []thingpark.Downlink
	at   []time.Time
	send func(ctx context.Context) error
}

func (p *fakePark) Send(ctx context.Context, _, _ string, _ connection.Secret, d thingpark.Downlink) (thingpark.Answer, error) {
	p.mu.Lock()
	p.sent, p.at = append(p.sent, d), append(p.at, time.Now())
	f := p.send
	p.mu.Unlock()
	if f != nil {
		if err := f(ctx); err != nil {
			return thingpark.Answer{}, err
		}
	}
	return thingpark.Answer{Status: 200, CorrelationID: d.CorrelationID}, nil
}

func (p *fakePark) number() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.sent)
}

// fakeQueue is a queue of one connection in memory.
type fakeQueue struct {
	mu      sync.Mutex
	events  []queue.Event // waiting, by age
	out     map[string]int64
	blocked map[string]time.Time
	parked  []queue.Event
	codes   []connection.ReasonCode
	acked   []queue.Event
	dropped []queue.Event
	nextID  int64
	purged  int
	parkErr error
	epoch   int
	wake    chan struct{} // closed at each change
}

func newFakeQueue() *fakeQueue {
	return &fakeQueue{out: map[string]int64{}, blocked: map[string]time.Time{}, wake: make(chan struct{})}
}

func (q *fakeQueue) changed() {
	close(q.wake)
	q.wake = make(chan struct{})
}

// put adds an uplink of a device.
func (q *fakeQueue) put(devEUI string, change ...func(*queue.Event)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.nextID++
	now := time.Now()
	e := queue.Event{ID: q.nextID, Connection: one, DevEUI: devEUI, Kind: thingpark.KindUplink, FCntUp: q.nextID, Time: now, ReceivedAt: now, TS: q.nextID,
		Body: fmt.Appendf(nil, `{"DevEUI_uplink":{"DevEUI":%q,"FPort":1,"FCntUp":%d,"payload":{"t":1}}}`, devEUI, q.nextID)}
	for _, f := range change {
		f(&e)
	}
	q.events = append(q.events, e)
	q.changed()
}

func (q *fakeQueue) waiting() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.events)
}

func (q *fakeQueue) outstanding() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.out)
}

func (q *fakeQueue) Lanes(connection.ID) Lanes {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.epoch++
	clear(q.out)
	q.changed()
	return &fakeLanes{q: q, epoch: q.epoch}
}

func (q *fakeQueue) Depth(connection.ID) (int64, time.Time, int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	var oldest time.Time
	if len(q.events) > 0 {
		oldest = q.events[0].ReceivedAt
	}
	return int64(len(q.events)), oldest, int64(len(q.parked))
}

func (q *fakeQueue) Purge(context.Context, connection.ID) (int64, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := len(q.events) + len(q.parked)
	q.events, q.parked = nil, nil
	q.purged++
	return int64(n), nil
}

type fakeLanes struct {
	q     *fakeQueue
	epoch int
}

func (l *fakeLanes) Take(ctx context.Context, limit int) ([]queue.Event, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		events, wake, err := l.ready(limit)
		if err != nil || len(events) > 0 {
			return events, err
		}
		timer := time.NewTimer(l.q.due())
		select {
		case <-wake:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// due is the time until the next lane that waits may go on.
func (q *fakeQueue) due() time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	next := 24 * time.Hour
	for _, at := range q.blocked {
		if wait := time.Until(at); wait > 0 {
			next = min(next, wait)
		}
	}
	return next
}

func (l *fakeLanes) ready(limit int) ([]queue.Event, chan struct{}, error) {
	l.q.mu.Lock()
	defer l.q.mu.Unlock()
	if l.epoch != l.q.epoch {
		return nil, nil, queue.ErrFenced
	}
	var events []queue.Event
	met := map[string]bool{}
	now := time.Now()
	for i := range l.q.events {
		if len(events) == limit {
			break
		}
		e := &l.q.events[i]
		if met[e.DevEUI] {
			continue
		}
		met[e.DevEUI] = true
		if _, out := l.q.out[e.DevEUI]; out || now.Before(l.q.blocked[e.DevEUI]) {
			continue
		}
		l.q.out[e.DevEUI] = e.ID
		events = append(events, *e)
	}
	return events, l.q.wake, nil
}

// settle ends that an event is outstanding; remove takes it out of the queue.
func (l *fakeLanes) settle(e queue.Event, remove bool, change func(*queue.Event)) error {
	l.q.mu.Lock()
	defer l.q.mu.Unlock()
	if l.epoch != l.q.epoch {
		return queue.ErrFenced
	}
	if l.q.out[e.DevEUI] != e.ID {
		return queue.ErrNotOutstanding
	}
	delete(l.q.out, e.DevEUI)
	for i := range l.q.events {
		if l.q.events[i].ID == e.ID {
			if change != nil {
				change(&l.q.events[i])
			}
			if remove {
				l.q.events = slices.Delete(l.q.events, i, i+1)
			}
			break
		}
	}
	l.q.changed()
	return nil
}

func (l *fakeLanes) Ack(_ context.Context, e queue.Event) error {
	return l.settle(e, true, func(e *queue.Event) { l.q.acked = append(l.q.acked, *e) })
}

func (l *fakeLanes) Drop(_ context.Context, e queue.Event) error {
	return l.settle(e, true, func(e *queue.Event) { l.q.dropped = append(l.q.dropped, *e) })
}

func (l *fakeLanes) Retry(e queue.Event, after time.Duration) {
	_ = l.settle(e, false, func(e *queue.Event) {
		e.Attempts++
		l.q.blocked[e.DevEUI] = time.Now().Add(after)
	})
}

func (l *fakeLanes) Return(e queue.Event) { _ = l.settle(e, false, nil) }

func (l *fakeLanes) Park(_ context.Context, e queue.Event, code connection.ReasonCode, _ string) error {
	if l.q.parkErr != nil {
		return l.q.parkErr
	}
	return l.settle(e, true, func(e *queue.Event) {
		l.q.parked = append(l.q.parked, *e)
		l.q.codes = append(l.q.codes, code)
	})
}

func (l *fakeLanes) Close() {
	l.q.mu.Lock()
	defer l.q.mu.Unlock()
	if l.epoch == l.q.epoch {
		l.q.epoch++
		clear(l.q.out)
		l.q.changed()
	}
}
