package link

import (
	"sync"
	"sync/atomic"
	"time"

	"boardlink/connection"
)

// Deadlines by which a link leaves its transient states.
const (
	openingLimit        = 22 * time.Second
	authenticatingLimit = 45 * time.Second
	closingLimit        = 10 * time.Second
)

// leaveWithin returns how long a link may be in a state, 0 for as long as it likes.
func leaveWithin(s connection.State) time.Duration {
	switch s {
	case connection.Opening:
		return openingLimit
	case connection.Authenticating:
		return authenticatingLimit
	case connection.Closing:
		return closingLimit
	default:
		return 0
	}
}

// move is one step of the state machine, and how it is told.
type move struct {
	state  connection.State
	code   connection.ReasonCode
	reason string // empty: the code's sentence
	hint   string // empty: the code's hint
	next   time.Time

	level connection.Level
	event string // sentence of the event; empty: none is written
}

// board shows where one link stands. The keeper and the link that runs write it, everybody reads it.
type board struct {
	id      connection.ID
	journal *journal
	now     func() time.Time
	moved   chan struct{} // signals a change of state to the keeper

	delivered atomic.Int64 // last PUBACK with success, Unix milliseconds

	mu      sync.Mutex
	status  connection.Status
	leaveBy time.Time // when the state must be left; zero: never
	owner   *run      // the only run that may move; one left behind moves nothing
	rest    rest
}

// rest is the state that a link rests in between its tries. A try that fails leads back to it, and to people the link
// was down all the time.
type rest struct {
	state connection.State
	since time.Time
}

// entered takes in a change of state and returns since when, to people, the link is in it.
func (r *rest) entered(s connection.State, now time.Time) time.Time {
	switch s {
	case connection.Opening, connection.Authenticating:
		return now
	case connection.Closed, connection.AuthenticationFailed:
		if r.state != s {
			*r = rest{s, now}
		}
		return r.since
	}
	*r = rest{}
	return now
}

func newBoard(id connection.ID, j *journal, now func() time.Time, saved connection.Status) *board {
	b := &board{id: id, journal: j, now: now, moved: make(chan struct{}, 1), status: saved,
		rest: rest{saved.State, saved.Since}}
	if !saved.LastDeliveredAt.IsZero() {
		b.delivered.Store(saved.LastDeliveredAt.UnixMilli())
	}
	return b
}

// enter makes a move. by is the run that moves, nil for the keeper. It reports whether the move counted: one of a run
// that was left behind does not. change, where not nil, sets more of the status in the same step.
func (b *board) enter(by *run, m move, change func(*connection.Status)) bool {
	now := b.now()
	b.mu.Lock()
	if by != nil && b.owner != by {
		b.mu.Unlock()
		return false
	}
	s := &b.status
	edge := s.State != m.state
	if edge {
		s.Since = b.rest.entered(m.state, now)
		b.leaveBy = time.Time{}
		if limit := leaveWithin(m.state); limit > 0 {
			b.leaveBy = now.Add(limit)
		}
	}
	text := m.code.Text()
	s.State, s.ReasonCode, s.Reason, s.Hint, s.NextAttemptAt = m.state, m.code, m.reason, m.hint, m.next
	if s.Reason == "" {
		s.Reason = text.Sentence
	}
	if s.Hint == "" {
		s.Hint = text.Hint
	}
	if change != nil {
		change(s)
	}
	// The journal takes it before anybody else may move, or an older state could be written last.
	if m.event != "" {
		b.journal.event(connection.Event{Time: now, Level: m.level, Kind: connection.KindState, ConnectionID: b.id, Message: m.event})
	}
	b.journal.status(b.id, b.filled(), edge)
	b.mu.Unlock()
	select {
	case b.moved <- struct{}{}:
	default:
	}
	return true
}

// note changes what is said of a state without changing the state.
func (b *board) note(by *run, change func(*connection.Status)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if by != nil && b.owner != by {
		return
	}
	change(&b.status)
	b.journal.status(b.id, b.filled(), false)
}

// own makes r the only run that may move; nil leaves it to the keeper alone.
func (b *board) own(r *run) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.owner = r
}

// deadline returns the state and when it must be left, the zero time for never.
func (b *board) deadline() (connection.State, time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.status.State, b.leaveBy
}

func (b *board) read() connection.Status {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.filled()
}

// filled returns the status with what is counted beside it. b.mu is held.
func (b *board) filled() connection.Status {
	s := b.status
	if ms := b.delivered.Load(); ms > 0 {
		s.LastDeliveredAt = time.UnixMilli(ms).UTC()
	}
	return s
}
