package faults

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"boardlink/connection"
	"boardlink/faults/history"
	"boardlink/thingsboard/sandbox"
)

// Account and Password are what every connection of a world signs in with.
const (
	Account  = "tenant@example.com"
	Password = "correct horse"
)

// actor is who makes the changes.
const actor = "operator@example.com"

// TB is what a world needs of a test; [testing.TB] is one.
type TB interface {
	Helper()
	Logf(format string, args ...any)
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Cleanup(func())
	TempDir() string
	Failed() bool
}

// Options of a world. The zero value has one connection with four devices, one ThingsBoard, and TLS.
type Options struct {
	Sandboxes int // ThingsBoards; 0: 1
	Links     int // connections, which are spread over the ThingsBoards; 0: 1
	Devices   int // of each connection; 0: 4

	Seed  uint64                            // 0: FAULTS_SEED, else the clock
	Plain bool                              // without TLS
	Pad   int                               // bytes by which each uplink is longer
	PadOf func(device int, frame int64) int // and some more than others; the same each time
	Own   bool                              // each connection has an account of its own, see [Link.Account]

	Sandbox   sandbox.Options                       // TLS and OnTelemetry are the world's
	Configure func(i int, c *connection.Connection) // changes the ith connection before it is made
	History   history.Options                       // NamedDrops is the world's
	Look      time.Duration                         // between looks at all states; 0: 250 ms
	QueueMax  int64                                 // bytes; 0: the queue's own bound
	Epoch     time.Time                             // of the first frame of each device; zero: an hour ago

	// Dial replaces the product's dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Random is the jitter of the reconnect strategy, of [0, 1); nil: always 0.1, so that tests need not wait long.
	Random func() float64
}

// World is everything: ThingsBoards, proxies, a Boardlink that starts and stops, and the history of what happened. Make
// it with [New]. Its methods may be called from any goroutine, those that end the test from the test's only.
type World struct {
	T         TB
	Seed      uint64
	Sandboxes []*sandbox.Sandbox
	Links     []*Link
	History   *history.History
	Park      *Park // takes the downlinks

	opt   Options
	dir   string
	epoch time.Time
	log   *slog.Logger
	said  *tail

	randomMu sync.Mutex
	random   *rand.Rand

	byID map[connection.ID]*Link // made by New, not changed afterwards

	inner   sync.RWMutex
	inside  *inside // nil while Boardlink is down
	presses atomic.Int64
	dials   dialCounts
	rows    rowReads
}

// New makes a world whose Boardlink is set up and not started. It is closed with the test.
func New(t TB, opt Options) *World {
	t.Helper()
	opt = opt.withDefaults()
	said := &tail{}
	w := &World{T: t, Seed: opt.Seed, opt: opt, dir: t.TempDir(), epoch: opt.Epoch, Park: &Park{}, said: said,
		log: slog.New(slog.NewTextHandler(said, nil)), random: rand.New(rand.NewPCG(opt.Seed, 0)), byID: map[connection.ID]*Link{},
		History: history.New(opt.History)}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("Boardlink said:\n%s", said)
			t.Logf("Seed %d: FAULTS_SEED=%d makes the same choices again.", w.Seed, w.Seed)
		}
	})
	for i := range opt.Sandboxes {
		w.addSandbox(i)
	}
	if err := w.open(); err != nil {
		t.Fatalf("set Boardlink up: %v", err)
	}
	t.Cleanup(w.Stop)
	for i := range opt.Links {
		w.addLink(i)
	}
	return w
}

func (o Options) withDefaults() Options {
	o.Sandboxes, o.Links = max(o.Sandboxes, 1), max(o.Links, 1)
	if o.Devices == 0 {
		o.Devices = 4
	}
	if o.Seed == 0 {
		o.Seed = SeedFromEnvironment()
	}
	if o.Look == 0 {
		o.Look = 250 * time.Millisecond
	}
	if o.Epoch.IsZero() {
		o.Epoch = time.Now().Add(-time.Hour).Truncate(time.Second)
	}
	if o.Random == nil {
		o.Random = func() float64 { return 0.1 }
	}
	o.History.NamedDrops = true
	return o
}

// SeedFromEnvironment reads FAULTS_SEED; without it the seed is another each time.
func SeedFromEnvironment() uint64 {
	if seed, err := strconv.ParseUint(os.Getenv("FAULTS_SEED"), 10, 64); err == nil && seed > 0 {
		return seed
	}
	return uint64(time.Now().UnixNano()) % 1_000_000_007
}

func (w *World) addSandbox(i int) {
	opt, name := w.opt.Sandbox, storeName(i)
	opt.TLS = !w.opt.Plain
	also := opt.OnTelemetry
	opt.OnTelemetry = func(device string, p sandbox.Point) {
		w.History.Point(name, device, p.TS, p.Values, time.Now())
		if also != nil {
			also(device, p)
		}
	}
	tb, err := sandbox.Start(opt)
	if err != nil {
		w.T.Fatalf("start a ThingsBoard: %v", err)
	}
	w.T.Cleanup(tb.Close)
	tb.AddAccount(sandbox.Account{Email: Account, Password: Password})
	w.Sandboxes = append(w.Sandboxes, tb)
}

func storeName(i int) string { return fmt.Sprintf("ThingsBoard %d", i) }

// TB is the first ThingsBoard.
func (w *World) TB() *sandbox.Sandbox { return w.Sandboxes[0] }

// Rand is a source of the seed's numbers for one purpose. It is not safe for concurrent use.
func (w *World) Rand(purpose uint64) *rand.Rand { return rand.New(rand.NewPCG(w.Seed, purpose+1)) }

// Intn draws below n.
func (w *World) Intn(n int) int {
	w.randomMu.Lock()
	defer w.randomMu.Unlock()
	return w.random.IntN(n)
}

// Until waits for a condition and ends the test where it does not come true within limit.
func (w *World) Until(what string, limit time.Duration, cond func() bool) {
	w.T.Helper()
	if !w.Within(limit, cond) {
		w.T.Fatalf("%s: not within %v.\n%s\n%s", what, limit, w.History.Verdict(), w.describe())
	}
}

// Within waits for a condition and reports whether it came true.
func (w *World) Within(limit time.Duration, cond func() bool) bool {
	for end := time.Now().Add(limit); !cond(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

// describe tells where the links stand that have not come to rest, and what was last told of them.
func (w *World) describe() string {
	text := ""
	for i, l := range w.Links {
		if s := l.Status(); i < 8 && (s.State != connection.Opened || s.Backlog > 0) {
			text += fmt.Sprintf("connection %s: %+v\n", l.ID, s)
		}
	}
	for _, e := range w.Events() {
		text += fmt.Sprintf("%s %s %s: %s\n", e.Time.Format("15:04:05.000"), e.Level, e.ConnectionID, e.Message)
	}
	return text
}

// Arrived counts the events that are in a ThingsBoard.
func (w *World) Arrived() int { return int(w.History.Figures().Arrived) }

// Heal ends everything that was done to ThingsBoards and proxies.
func (w *World) Heal() {
	w.T.Helper()
	for _, tb := range w.Sandboxes {
		tb.Calm()
		if err := tb.Resume(); err != nil {
			w.T.Fatalf("resume a ThingsBoard: %v", err)
		}
	}
	for _, l := range w.Links {
		if err := l.pass(); err != nil {
			w.T.Fatalf("let a proxy pass: %v", err)
		}
	}
}

// Settle waits until every event that was accepted has come to its end and every queue is empty. It chooses Retry now for
// links that would wait longer than a moment, as an operator does who knows that ThingsBoard is back; see [World.Presses].
func (w *World) Settle(limit time.Duration) {
	w.T.Helper()
	pressed := map[connection.ID]time.Time{}
	w.Until("everything to come to its end", limit, func() bool {
		w.press(pressed)
		return w.settled()
	})
}

func (w *World) settled() bool {
	if w.History.Owed() > 0 {
		return false
	}
	for _, l := range w.Links {
		if !l.gone.Load() && l.Status().Backlog > 0 {
			return false
		}
	}
	return true
}

// press chooses Retry now where the next try is far, at most once in 5 s for a link.
func (w *World) press(pressed map[connection.ID]time.Time) {
	for _, l := range w.Links {
		s := l.Status()
		down := s.State == connection.Closed || s.State == connection.AuthenticationFailed
		far := s.NextAttemptAt.IsZero() || time.Until(s.NextAttemptAt) > 5*time.Second
		if !down || !far || l.gone.Load() || time.Since(pressed[l.ID]) < 5*time.Second {
			continue
		}
		if pressed[l.ID] = time.Now(); l.Retry() == nil {
			w.presses.Add(1)
		}
	}
}

// Presses counts how often [World.Settle] chose Retry now.
func (w *World) Presses() int64 { return w.presses.Load() }

// Check has the history decide, and fails the test where a promise was not kept.
func (w *World) Check() history.Verdict {
	w.T.Helper()
	v := w.History.Verdict()
	if err := v.Err(); err != nil {
		w.T.Errorf("%v\n%s", err, v)
	} else {
		w.T.Logf("%s", v)
	}
	return v
}

// Finish heals, waits until all is settled, and has the history decide.
func (w *World) Finish(limit time.Duration) history.Verdict {
	w.T.Helper()
	w.Heal()
	w.Settle(limit)
	return w.Check()
}

// tail keeps the end of what was written.
type tail struct {
	mu sync.Mutex
	b  []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, p...)
	if over := len(t.b) - 16<<10; over > 16<<10 {
		t.b = append(t.b[:0], t.b[over:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.b)
}
