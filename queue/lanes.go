package queue

import (
	"context"
	"sync"
	"time"

	"boardlink/connection"
)

// maxPending is how many acknowledged events may wait for their commit before nothing more is handed out: it bounds
// memory while the disk refuses to commit.
const maxPending = 1 << 16

// Lanes hands out the events of one connection, oldest first, and never two events of one device at a time. One
// goroutine takes; any may settle what was taken. Every event taken must be settled once, by one of Ack, Retry, Return,
// Park and Drop.
//
// Memory is bounded however many events wait: some thousand events of a connection are in memory, and some hundred
// bytes for each device that waits for its time or was met while others were looked for.
type Lanes struct {
	q       *Queue
	id      connection.ID
	taking  chan struct{} // held by the goroutine in Take
	wake    chan struct{}
	barrier <-chan error // what must be committed before the next read; used in Take only

	mu       sync.Mutex
	err      error // why these lanes are not valid any more
	win      window
	search   search
	returned []returned
	again    bool // events may be read that were handed out before
	stopped  int  // Take gives nothing while it is not 0
	turn     int  // counts how often everything was begun anew: a read of an earlier turn is void
}

func newLanes(q *Queue, id connection.ID) *Lanes {
	return &Lanes{q: q, id: id, taking: make(chan struct{}, 1), wake: make(chan struct{}, 1), win: newWindow(floorOf(id))}
}

// Take returns up to most events, at least one, waiting for it as long as ctx allows. Its errors are ctx's,
// [ErrFenced], [ErrClosed], and what SQLite said; after the latter it can be called again.
func (l *Lanes) Take(ctx context.Context, most int) ([]Event, error) {
	select {
	case l.taking <- struct{}{}:
		defer func() { <-l.taking }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if err := l.passBarrier(ctx); err != nil {
		return nil, err
	}
	for reads := 0; ; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		events, read, wait, err := l.next(max(most, 1), reads < 2)
		switch {
		case err != nil:
			return nil, err
		case len(events) > 0:
			return events, nil
		case read != nil:
			if err := read(ctx); err != nil {
				return nil, err
			}
			reads++
		default:
			l.sleep(ctx, wait)
			reads = 0
		}
	}
}

// beginAnew forgets what was read: the file was replaced by one that may give more, or less, than could be read before.
// What is outstanding stays so, and who waits for his time goes on waiting.
func (l *Lanes) beginAnew() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return
	}
	l.turn++
	l.again = true
	old := l.win
	l.win, l.search, l.returned = newWindow(floorOf(l.id)), search{}, nil
	l.win.high, l.win.out = old.high, old.out
	for key, lane := range old.lanes {
		if lane.out.ID == 0 && lane.due.IsZero() {
			continue
		}
		fresh := l.win.laneFor(key, l.win.cursor)
		fresh.out, fresh.due = lane.out, lane.due
		l.win.settle(fresh)
	}
	l.signal()
}

// passBarrier waits until what was acknowledged before, by whatever consumer, has left the file.
func (l *Lanes) passBarrier(ctx context.Context) error {
	if l.barrier == nil {
		return nil
	}
	err := await(ctx, l.barrier)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	l.barrier = nil
	if err == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return l.err
	}
	l.barrier = l.q.writer.do(nothing)
	return err
}

// nothing is the task of somebody who only wants to wait for those before it.
func nothing(*tx) error { return nil }

// next decides what Take does: give events, read, or wait.
func (l *Lanes) next(most int, mayRead bool) (events []Event, read func(context.Context) error, wait time.Duration, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return nil, nil, 0, l.err
	}
	if l.stopped > 0 {
		return nil, nil, time.Minute, nil
	}
	l.readmit()
	if l.again { // and acknowledged since: it must have left the file
		l.again = false
		l.barrier = l.q.writer.do(nothing)
		return nil, l.passBarrier, 0, nil
	}
	wait = l.win.release(time.Now())
	if l.q.writer.pending.Load() > maxPending {
		return nil, nil, lazySpacing, nil
	}
	if ready := len(l.win.ready.lanes); ready < most && (ready == 0 || mayRead) {
		if read := l.plan(); read != nil {
			return nil, read, 0, nil
		}
	}
	for len(events) < most && len(l.win.ready.lanes) > 0 {
		events = append(events, l.win.takeHead(l.win.ready.lanes[0]))
	}
	return events, nil, wait, nil
}

func (l *Lanes) sleep(ctx context.Context, wait time.Duration) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-l.wake:
	case <-timer.C:
	case <-ctx.Done():
	}
}

func (l *Lanes) signal() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// offer tells of an event that was just committed. Where everything before it is accounted for it goes on from memory
// and is never read.
func (l *Lanes) offer(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := &l.win
	if l.err != nil || e.ID <= w.cursor {
		return
	}
	caughtUp := w.cursor == e.ID-1 && !l.search.on
	w.high = max(w.high, e.ID)
	if caughtUp && !w.full() {
		w.admit(laneOf(e.Connection, e.DevEUI), e)
		w.cursor = e.ID
	}
	l.signal()
}

// grown tells that there are events up to high.
func (l *Lanes) grown(high int64) {
	l.mu.Lock()
	l.win.high = max(l.win.high, high)
	l.mu.Unlock()
	l.signal()
}

// comeBack tells that an event that was parked waits again. A read may be under way that just missed it, so what to do
// is decided between reads.
func (l *Lanes) comeBack(id, key int64) {
	l.mu.Lock()
	if l.err == nil {
		l.returned = append(l.returned, returned{id, key})
	}
	l.mu.Unlock()
	l.signal()
}

// returned is an event that was parked and waits again.
type returned struct{ id, key int64 }

// readmit makes sure that returned events will be read. No read is under way when it is called. One that was read in
// passing before the word of it came, and settled since, must not be read again.
func (l *Lanes) readmit() {
	w := &l.win
	l.again = l.again || len(l.returned) > 0
	for _, r := range l.returned {
		if lane := w.lanes[r.key]; r.id > w.cursor && (lane == nil || r.id > lane.last) {
			if l.search.on { // nothing will be read in passing up to search.high
				lane = w.laneFor(r.key, w.cursor)
				lane.until = max(lane.until, l.search.high)
				w.settle(lane)
			}
			continue
		}
		w.reopen(r.key, r.id)
	}
	l.returned = nil
}

// end makes the lanes invalid for a reason. Events that are outstanding stay in the file.
func (l *Lanes) end(reason error) {
	l.mu.Lock()
	if l.err == nil {
		l.err = reason
		l.win, l.search, l.returned = newWindow(floorOf(l.id)), search{}, nil
	}
	l.mu.Unlock()
	l.signal()
}

// Close ends the consumption; what is outstanding will be handed out to the next consumer. All methods give
// [ErrClosed] from now on, unless the lanes were fenced before.
func (l *Lanes) Close() {
	l.end(ErrClosed)
	l.q.release(l)
}
