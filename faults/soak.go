package faults

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"boardlink/connection"
	"boardlink/faults/history"
	"boardlink/thingsboard/sandbox"
)

// SoakOptions say how long and how hard. Zero values take what stands beside them.
type SoakOptions struct {
	Duration  time.Duration // of the feeding: 30 min
	Links     int           // 200
	Devices   int           // of each link: 5
	Sandboxes int           // 4
	Rate      float64       // uplinks a second of each link: 5
	Act       time.Duration // between two things that go wrong, on average: 1 s
	Progress  time.Duration // between two lines: 30 s
	Drain     time.Duration // most that the end may take: 8 min
	Seed      uint64        // see [SeedFromEnvironment]
	Out       io.Writer     // os.Stdout
	Verbose   bool          // tell each thing that goes wrong
}

func (o SoakOptions) withDefaults() SoakOptions {
	o.Duration = cmp.Or(o.Duration, 30*time.Minute)
	o.Links, o.Devices, o.Sandboxes = cmp.Or(o.Links, 200), cmp.Or(o.Devices, 5), cmp.Or(o.Sandboxes, 4)
	o.Rate = cmp.Or(o.Rate, 5)
	o.Act, o.Progress, o.Drain = cmp.Or(o.Act, time.Second), cmp.Or(o.Progress, 30*time.Second), cmp.Or(o.Drain, 8*time.Minute)
	if o.Seed == 0 {
		o.Seed = SeedFromEnvironment()
	}
	if o.Out == nil {
		o.Out = os.Stdout
	}
	return o
}

// Report is what a soak came to.
type Report struct {
	Seed      uint64
	Verdict   history.Verdict
	Acts      map[string]int
	Fed       time.Duration
	Drained   time.Duration
	Retries   int64                               // Retry now chosen while draining
	Stuck     map[connection.ID]connection.Status // links that are not open at the end
	Failures  []error                             // of the soak itself
	RSS, Heap float64                             // MB an hour, by least squares; Heap is of live objects
}

// Err is nil where every promise was kept and no link is stuck.
func (r Report) Err() error {
	errs := append([]error{r.Verdict.Err()}, r.Failures...)
	for id, s := range r.Stuck {
		errs = append(errs, fmt.Errorf("connection %s is stuck: %s since %s, %s: %s (next try %s)", id, s.State, s.Since.Format(time.TimeOnly),
			s.ReasonCode, s.Reason, s.NextAttemptAt.Format(time.TimeOnly)))
	}
	return errors.Join(errs...)
}

// String tells the figures.
func (r Report) String() string {
	var acts []string
	for _, name := range slices.Sorted(maps.Keys(r.Acts)) {
		acts = append(acts, fmt.Sprintf("%s %d", name, r.Acts[name]))
	}
	f := r.Verdict.Figures
	return fmt.Sprintf("seed %d: fed for %v (%.0f events/s), drained in %v with %d times Retry now\n%s\nmemory: RSS %+.1f MB/h, live heap %+.1f MB/h\nwent wrong: %s\nstuck links: %d",
		r.Seed, r.Fed.Round(time.Second), float64(f.Accepted)/r.Fed.Seconds(), r.Drained.Round(time.Second), r.Retries, r.Verdict, r.RSS, r.Heap,
		strings.Join(acts, ", "), len(r.Stuck))
}

// Soak feeds many links while a nemesis that follows the seed lets things go wrong, then heals, drains and has the
// history decide.
func Soak(ctx context.Context, opt SoakOptions) Report {
	opt = opt.withDefaults()
	s := &soak{opt: opt, runner: &runner{out: opt.Out}, report: Report{Seed: opt.Seed}}
	before := history.Measure()
	s.runner.do(func() { s.run(ctx) })
	s.runner.close()
	if s.world != nil {
		after := history.Measure()
		for end := time.Now().Add(10 * time.Second); after.Goroutines > before.Goroutines+8 && time.Now().Before(end); after = history.Measure() {
			time.Sleep(50 * time.Millisecond)
		}
		s.world.History.AtRest(before, after)
		s.report.Verdict = s.world.History.Verdict()
	}
	s.report.Failures = append(s.report.Failures, s.runner.errors()...)
	return s.report
}

type soak struct {
	opt     SoakOptions
	runner  *runner
	world   *World
	report  Report
	samples []history.Sample
}

// say writes a line. Where it cannot be written nobody reads it.
func (s *soak) say(format string, args ...any) { _, _ = fmt.Fprintf(s.opt.Out, format+"\n", args...) }

func (s *soak) run(ctx context.Context) {
	opt := s.opt
	s.say("soak of %v: %d links with %d devices each, %g uplinks/s a link, %d ThingsBoards, seed %d", opt.Duration, opt.Links, opt.Devices, opt.Rate, opt.Sandboxes, opt.Seed)
	random, jitter := rand.New(rand.NewPCG(opt.Seed, 3)), sync.Mutex{}
	draw := func() float64 { jitter.Lock(); defer jitter.Unlock(); return random.Float64() }
	w := New(s.runner, Options{Links: opt.Links, Devices: opt.Devices, Sandboxes: opt.Sandboxes, Seed: opt.Seed, Own: true, Look: time.Second, Random: draw,
		Sandbox: sandbox.Options{History: 200}, History: history.Options{Slack: 20 * time.Second}})
	s.world = w
	w.Start()
	begun := time.Now()
	feeder := w.Feed(opt.Rate)

	trouble := func(string, ...any) {}
	if opt.Verbose {
		trouble = s.say
	}
	n := newNemesis(w, opt.Duration >= 5*time.Minute, trouble)
	feeding, stop := context.WithTimeout(ctx, opt.Duration)
	defer stop()
	var work sync.WaitGroup
	work.Go(func() { s.watch(feeding, begun) })
	n.run(feeding, opt.Act)
	work.Wait()
	feeder.Stop()
	s.report.Fed = time.Since(begun)
	s.report.Acts = n.done
	s.report.Failures = append(s.report.Failures, n.fails...)
	s.drain(begun)
	warm := s.samples[min(len(s.samples)/4, 8):] // caches fill at first
	s.report.RSS = history.Slope(warm, func(m history.Sample) int64 { return m.RSS })
	s.report.Heap = history.Slope(warm, func(m history.Sample) int64 { return m.Heap })
}

// watch tells how it goes, until ctx ends.
func (s *soak) watch(ctx context.Context, begun time.Time) {
	tick := time.NewTicker(s.opt.Progress)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		s.world.History.Forget(time.Now().Add(-2 * time.Minute))
		runtime.GC() // so that the heap is what lives
		m := history.Measure()
		s.samples = append(s.samples, m)
		s.progress(begun, m)
	}
}

func (s *soak) progress(begun time.Time, m history.Sample) {
	f := s.world.History.Figures()
	states := map[connection.State]int{}
	backlog := int64(0)
	for _, l := range s.world.Links {
		st := l.Status()
		states[cmp.Or(st.State, "down")]++
		backlog += st.Backlog
	}
	var by []string
	for _, state := range slices.Sorted(maps.Keys(states)) {
		by = append(by, fmt.Sprintf("%s %d", state, states[state]))
	}
	s.say("%8v  %d events, %d delivered, %d repeated, backlog %d; %s; RSS %d MB, heap %d MB, %d goroutines, %d files", time.Since(begun).Round(time.Second),
		f.Accepted, f.Arrived, f.Repeats, backlog, strings.Join(by, ", "), m.RSS>>20, m.Heap>>20, m.Goroutines, m.Files)
}

// drain heals and waits until everything has come to its end and every link is open.
func (s *soak) drain(begun time.Time) {
	w := s.world
	begin := time.Now()
	w.Start()
	w.Heal()
	for _, l := range w.Links {
		l.RetryParked()
	}
	pressed := map[connection.ID]time.Time{}
	told := time.Now()
	for time.Since(begin) < s.opt.Drain {
		w.press(pressed)
		s.report.Stuck = s.stuck()
		if len(s.report.Stuck) == 0 && w.settled() {
			break
		}
		if time.Since(told) > s.opt.Progress {
			told = time.Now()
			s.progress(begun, history.Measure())
		}
		time.Sleep(200 * time.Millisecond)
	}
	s.report.Drained, s.report.Retries = time.Since(begin), w.Presses()
	s.progress(begun, history.Measure())
}

func (s *soak) stuck() map[connection.ID]connection.Status {
	stuck := map[connection.ID]connection.Status{}
	for _, l := range s.world.Links {
		if st := l.Status(); st.State != connection.Opened {
			stuck[l.ID] = st
		}
	}
	return stuck
}

// runner is what a world needs of a test, where there is none.
type runner struct {
	out io.Writer

	mu       sync.Mutex
	failures []error
	cleanups []func()
	failed   atomic.Bool
}

// halt ends a runner's function; see [runner.Fatalf].
type halt struct{}

func (r *runner) do(f func()) {
	defer func() {
		if v := recover(); v != nil && v != (halt{}) {
			panic(v)
		}
	}()
	f()
}

func (r *runner) close() {
	for {
		r.mu.Lock()
		n := len(r.cleanups)
		if n == 0 {
			r.mu.Unlock()
			return
		}
		last := r.cleanups[n-1]
		r.cleanups = r.cleanups[:n-1]
		r.mu.Unlock()
		last()
	}
}

func (r *runner) errors() []error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failures
}

func (r *runner) Helper() {}

func (r *runner) Logf(format string, args ...any) { _, _ = fmt.Fprintf(r.out, format+"\n", args...) }

func (r *runner) Errorf(format string, args ...any) {
	r.failed.Store(true)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, fmt.Errorf(format, args...))
}

func (r *runner) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	panic(halt{})
}

func (r *runner) Cleanup(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cleanups = append(r.cleanups, f)
}

func (r *runner) TempDir() string {
	dir, err := os.MkdirTemp("", "boardlink-soak-")
	if err != nil {
		r.Fatalf("make a folder: %v", err)
	}
	r.Cleanup(func() { _ = os.RemoveAll(dir) }) // what is left lies in the system's own folder for such things
	return dir
}

func (r *runner) Failed() bool { return r.failed.Load() }
