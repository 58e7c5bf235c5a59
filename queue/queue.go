package queue

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"boardlink/connection"
)

// DefaultMaxBytes is the bound where [Options] names none.
const DefaultMaxBytes = 10 << 30

// Options of a queue. The zero value does.
type Options struct {
	MaxBytes int64            // most room that events may take; 0: [DefaultMaxBytes]
	Now      func() time.Time // for times that are stored; nil: time.Now
	Log      *slog.Logger     // nil: nothing is logged

	// Lost is told what a damaged file did not give back, nothing perhaps, after a new one was made of the rest: at Open, or
	// at any time from the writer's goroutine, in which nothing of the queue may be waited for. After an error, or a crash
	// before it returns, it is told again by the next Open. nil: it is only logged.
	Lost func([]Loss) error

	hook func(step string) error // for tests: fails a step of the writer; nil in earnest
}

// Queue is a durable queue of events. It is safe for concurrent use.
type Queue struct {
	path   string
	now    func() time.Time
	log    *slog.Logger
	lost   func([]Loss) error
	lock   *os.File
	writer *writer
	reader *reader
	puts   sync.Pool // of *putting

	mu         sync.Mutex
	accounts   map[connection.ID]*account
	charged    int64 // room that events take
	stampCount int64
	tokenCount int64
	maxBytes   int64 // what was asked for
	maxTokens  int64
	limit      int64 // what the disk allows of it
	closed     bool

	stop      chan struct{} // ends the housekeeping
	stopped   sync.WaitGroup
	closeOnce sync.Once
	closeErr  error
}

// Open opens the queue's file, or makes it. It refuses an SQLite that is too old, a file of a newer release and a file
// that is something else. Its time does not depend on how many events wait.
func Open(ctx context.Context, path string, opt Options) (*Queue, error) {
	if opt.MaxBytes <= 0 {
		opt.MaxBytes = DefaultMaxBytes
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open queue: %w", err)
	}
	q := &Queue{
		path: path, now: opt.Now, log: opt.Log, lost: opt.Lost,
		accounts: map[connection.ID]*account{},
		maxBytes: opt.MaxBytes, limit: opt.MaxBytes, maxTokens: maxTokens,
		stop: make(chan struct{}),
	}
	q.puts.New = func() any { return &putting{done: make(chan error, 1)} }
	if q.lock, err = hold(path + "-lock"); err != nil {
		return nil, fmt.Errorf("open queue: %w", err)
	}
	if err := q.open(ctx, opt); err != nil {
		_ = q.reader.close() // the first error is the one to tell
		_ = q.writer.closeFile()
		_ = q.lock.Close()
		return nil, fmt.Errorf("open queue: %w", err)
	}
	q.measureDisk()
	q.stopped.Go(q.writer.run)
	q.stopped.Go(q.keepHouse)
	return q, nil
}

// hold takes the lock of a queue's file, so that no second process gives out the same ids. The file of the lock stays.
func hold(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := lockFile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// open opens the file for writing and reading.
func (q *Queue) open(ctx context.Context, opt Options) error {
	q.writer = newWriter(q)
	q.writer.hook = opt.hook
	q.reader = &reader{path: q.path, noticed: q.writer.distrust}
	if err := q.finishRebuild(); err != nil {
		return err
	}
	if err := create(q.path); err != nil {
		return err
	}
	if err := mendLog(q.path, q.log); err != nil {
		return err
	}
	return q.writer.start(ctx)
}

// Put stores an event and returns it with its ID and TS. When the error is nil the event is on disk: the commit that
// holds it was synced. The body must not be changed afterwards, it is handed on from memory where possible.
//
// TS is the event's Time in milliseconds, or the reception where Time is zero or outside 1970 to 2100. Where another
// event of that device holds the millisecond it is the next free one. An event with the Connection, Kind, DevEUI,
// FCntUp and Time of an earlier one is a repeat and gets the same TS, for at least some days also after delivery.
//
// The errors are [ErrFull], [ErrClosed], [ErrTooLarge], what SQLite said, or ctx's; only after ctx's may the event have
// been stored.
func (q *Queue) Put(ctx context.Context, e Event) (Event, error) { return q.put(ctx, e, nil) }

// PutOnce is [Queue.Put] for an event that came with a Token. In the same commit the Token is remembered for its
// connection, for [TokenAge] after its Time: while it is, another event with it is not stored, and the error is
// [ErrReplayed]. So an event that was not stored can come again with its Token, and one that was stored cannot,
// wherever a crash falls.
func (q *Queue) PutOnce(ctx context.Context, e Event, token Token) (Event, error) {
	return q.put(ctx, e, &token)
}

func (q *Queue) put(ctx context.Context, e Event, token *Token) (Event, error) {
	if err := ctx.Err(); err != nil {
		return Event{}, err
	}
	if e.Connection < 1 || e.Connection > maxID {
		return Event{}, fmt.Errorf("put event: connection id %d is out of range", e.Connection)
	}
	if len(e.Body) > MaxBody {
		return Event{}, ErrTooLarge
	}
	if e.ReceivedAt.IsZero() {
		e.ReceivedAt = q.now()
	}
	e.ReceivedAt = fromMicros(micros(e.ReceivedAt))
	e.Time = fromMicros(micros(e.Time))
	e.Attempts = 0
	if e.Body == nil {
		e.Body = []byte{}
	}
	p := q.puts.Get().(*putting)
	p.event, p.token = e, token
	if err := q.writer.put(p); err != nil {
		q.puts.Put(p)
		return Event{}, err
	}
	select {
	case err := <-p.done:
		e = p.event
		p.event, p.token = Event{}, nil
		q.puts.Put(p)
		if err != nil {
			return Event{}, err
		}
		return e, nil
	case <-ctx.Done():
		return Event{}, ctx.Err() // p is still the writer's; it is left to the collector
	}
}

// Lanes makes the caller the one consumer of a connection. Whoever consumed it before is fenced: its methods give
// [ErrFenced] from now on, and what it had outstanding is handed out again.
func (q *Queue) Lanes(id connection.ID) *Lanes {
	l := newLanes(q, id)
	q.mu.Lock()
	a := q.accountLocked(id)
	old := a.lanes
	a.lanes = l
	l.win.high = floorOf(id) + a.sequence
	closed := q.closed
	q.mu.Unlock()
	if old != nil {
		old.end(ErrFenced)
	}
	if closed {
		l.end(ErrClosed)
		return l
	}
	// What the one before acknowledged must have left the file before this one reads it.
	l.barrier = q.writer.do(nothing)
	return l
}

// release forgets lanes that were closed.
func (q *Queue) release(l *Lanes) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if a := q.accounts[l.id]; a != nil && a.lanes == l {
		a.lanes = nil
	}
}

// lanesOf returns the consumer of a connection, nil where there is none.
func (q *Queue) lanesOf(id connection.ID) *Lanes {
	q.mu.Lock()
	defer q.mu.Unlock()
	if a := q.accounts[id]; a != nil {
		return a.lanes
	}
	return nil
}

// Close refuses new events, commits what has gathered and closes the file. Consumers get [ErrClosed].
func (q *Queue) Close() error {
	q.closeOnce.Do(func() {
		q.mu.Lock()
		q.closed = true
		var open []*Lanes
		for _, a := range q.accounts {
			if a.lanes != nil {
				open = append(open, a.lanes)
			}
		}
		q.mu.Unlock()
		for _, l := range open {
			l.end(ErrClosed)
		}
		close(q.stop)
		q.writer.close()
		q.stopped.Wait()
		q.closeErr = errors.Join(q.writer.lastErr, q.reader.close(), q.writer.closeFile(), q.lock.Close())
	})
	return q.closeErr
}

// await waits for a task's outcome.
func await(ctx context.Context, done <-chan error) error {
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// quote reads one number off a connection; for PRAGMAs, which take no arguments.
func quote(ctx context.Context, c *sql.Conn, query string) (int64, error) {
	var n int64
	if err := c.QueryRowContext(ctx, query).Scan(&n); err != nil {
		return 0, fmt.Errorf("%s: %w", query, err)
	}
	return n, nil
}
