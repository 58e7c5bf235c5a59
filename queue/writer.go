package queue

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// How the writer gathers. Nothing of it is a promise.
const (
	maxPuts     = 512                   // events of one transaction
	maxPutBytes = 8 << 20               // their bodies
	maxRemovals = 4096                  // acknowledged events that one transaction deletes
	maxTasks    = 16                    // other work of one transaction
	many        = 16                    // so many waiting callers are served at once ...
	spacing     = 4 * time.Millisecond  // ... fewer only when the last commit began so long ago
	lazySpacing = 20 * time.Millisecond // acknowledgements alone wait so long for company
	lazyMany    = 256                   // ... or until there are so many
	maxPause    = 5 * time.Second       // between tries when the disk refuses acknowledgements
)

// putting is an event on its way to the disk.
type putting struct {
	event Event
	token *Token // remembered with the event; nil where it came without
	done  chan error
}

// removal is an event that has left the queue: delivered or dropped.
type removal struct {
	id     int64
	charge int64
}

// task is other work for the writer, done in a transaction of its own kind of company.
type task struct {
	run  func(*tx) error
	done chan error
	err  error
}

// writer owns the one connection that writes. Everybody else hands it work and waits.
type writer struct {
	q  *Queue
	db *sql.DB

	conn     *sql.Conn // nil after an error that it did not survive
	stmt     *statements
	stamps   *stamps
	lastErr  error // of the last commit
	lastFail time.Time
	hook     func(step string) error // for tests: fails a step; nil in earnest

	distrusted  atomic.Bool // somebody met damage: the file is rebuilt before the next transaction
	lastRebuild time.Time

	mu        sync.Mutex
	puts      []*putting
	removals  []removal
	attempts  map[int64]int
	tasks     []*task
	lazySince time.Time // when the oldest removal or attempt came
	closing   bool

	wake      chan struct{}
	pending   atomic.Int64 // removals that are not on disk yet
	traffic   atomic.Int64 // events that came and went
	lastStart time.Time
	pause     time.Duration // grows while commits fail
	pauseEnd  time.Time
	careful   bool // removals may have been committed before: look before counting
}

func newWriter(q *Queue) *writer {
	return &writer{q: q, attempts: map[int64]int{}, wake: make(chan struct{}, 1)}
}

// open opens the file and reads what must be known of it.
func (w *writer) open(ctx context.Context) error {
	if w.db == nil {
		db, err := sql.Open("sqlite", writerDSN(w.q.path))
		if err != nil {
			return err
		}
		db.SetMaxOpenConns(1)
		w.db = db
	}
	conn, err := w.db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("open %s: %w", w.q.path, err)
	}
	w.conn = conn
	if err := prepare(ctx, conn, w.q.path); err != nil {
		return err
	}
	if w.stmt, err = prepareStatements(ctx, conn); err != nil {
		return err
	}
	return w.reload(ctx)
}

// reload makes what is known in memory what the file says.
func (w *writer) reload(ctx context.Context) error {
	all, n, err := loadCounters(ctx, w.conn)
	if err != nil {
		return err
	}
	if w.stamps, err = loadStamps(ctx, w.conn, w.q.now()); err != nil {
		return err
	}
	w.q.setCounters(all, n)
	return nil
}

// distrust has the file rebuilt.
func (w *writer) distrust() {
	w.distrusted.Store(true)
	w.signal()
}

// put hands an event over. It fails only when the queue is closed or already full, or while its file is rebuilt.
func (w *writer) put(p *putting) error {
	if w.distrusted.Load() {
		return errDamaged
	}
	if w.q.full() {
		return ErrFull
	}
	w.mu.Lock()
	if w.closing {
		w.mu.Unlock()
		return ErrClosed
	}
	w.puts = append(w.puts, p)
	n := len(w.puts)
	w.mu.Unlock()
	if n == 1 || n == many {
		w.signal()
	}
	return nil
}

// remove hands over an event that is done with. Nobody waits for it.
func (w *writer) remove(r removal) {
	w.mu.Lock()
	w.lazyLocked()
	w.removals = append(w.removals, r)
	n := len(w.removals)
	w.mu.Unlock()
	w.pending.Add(1)
	if n == 1 || n == lazyMany {
		w.signal()
	}
}

// tried hands over how often an event was tried.
func (w *writer) tried(id int64, attempts int) {
	w.mu.Lock()
	w.lazyLocked()
	w.attempts[id] = attempts
	w.mu.Unlock()
	w.signal()
}

func (w *writer) lazyLocked() {
	if len(w.removals) == 0 && len(w.attempts) == 0 {
		w.lazySince = time.Now()
	}
}

// do hands over other work. It is done after every removal that was handed over before it. The channel gets the
// outcome of the commit.
func (w *writer) do(run func(*tx) error) <-chan error {
	t := &task{run: run, done: make(chan error, 1)}
	w.mu.Lock()
	if w.closing {
		w.mu.Unlock()
		t.done <- ErrClosed
		return t.done
	}
	w.tasks = append(w.tasks, t)
	w.mu.Unlock()
	w.signal()
	return t.done
}

func (w *writer) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// close lets the writer commit what has gathered and end.
func (w *writer) close() {
	w.mu.Lock()
	w.closing = true
	w.mu.Unlock()
	w.signal()
}

// run is the writer's goroutine.
func (w *writer) run() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		wait, ended := w.next()
		if ended {
			return
		}
		if wait == 0 {
			w.commit(w.take())
			continue
		}
		if wait < 0 {
			<-w.wake
			continue
		}
		timer.Reset(wait)
		select {
		case <-w.wake:
		case <-timer.C:
		}
	}
}

// next tells how long to gather still: 0 to commit now, negative until something comes.
func (w *writer) next() (wait time.Duration, ended bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	urgent, lazy := len(w.puts)+len(w.tasks), len(w.removals)+len(w.attempts)
	if w.closing {
		// One failed try at the end is enough: what was not acknowledged on disk is delivered again.
		if urgent+lazy == 0 || w.lastErr != nil && urgent == 0 {
			return 0, true
		}
		return 0, false
	}
	paused := time.Until(w.pauseEnd)
	switch {
	case w.distrusted.Load():
		return max(paused, 0), false
	case len(w.puts) >= many && paused <= 0:
		return 0, false
	case urgent > 0:
		return max(spacing-time.Since(w.lastStart), 0), false
	case lazy > 0 && paused > 0:
		return paused, false
	case lazy >= lazyMany:
		return 0, false
	case lazy > 0:
		return max(lazySpacing-time.Since(w.lazySince), 0), false
	}
	return -1, false
}

// closeFile closes what is open. Only the goroutine that ran, or never started, the writer may call it.
func (w *writer) closeFile() error {
	var errs []error
	w.stmt.close()
	if w.conn != nil {
		errs = append(errs, w.conn.Close())
		w.conn = nil
	}
	if w.db != nil {
		errs = append(errs, w.db.Close())
		w.db = nil
	}
	return errors.Join(errs...)
}
