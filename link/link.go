package link

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"boardlink/connection"
	"boardlink/thingsboard"
)

const (
	// drainLimit is how long publishes that are under way may take for their PUBACK when a link is told to end in
	// peace. Without it each restart would send them twice.
	drainLimit = 2 * time.Second
	// goodbyeLimit is how long saying goodbye to ThingsBoard may take; abruptLimit the same where the socket must be
	// closed within a second of a deactivation.
	goodbyeLimit = 2 * time.Second
	abruptLimit  = 400 * time.Millisecond
	// checkEvery is how often an open link looks at itself.
	checkEvery = 5 * time.Second
	// neverDelivered is the span after which AGGRESSIVE restarts a link that delivered nothing of what came in.
	neverDelivered = time.Hour
)

// run is one link, from its first dial to the end of its session. It runs once.
type run struct {
	k   *keeper
	m   *Manager
	log *slog.Logger

	conn    *connection.Connection // the row it opens with; what is sent follows keeper.config
	attempt int
	urgent  bool // a person waits for it
	quiet   bool // opening again after a failure that was told: no event until something new happens
	began   time.Time
	wasAway bool      // the host could not be reached when it was last tried
	lossAt  time.Time // when the link before it was lost; zero: it was not, or what follows begins anew

	cancel  context.CancelCauseFunc
	done    chan error
	hurried chan struct{} // closed when nothing may be waited for any more
	hurry   func()        // closes it

	relogins atomic.Int32
	proven   atomic.Bool // delivery, or life at least, was proven for a minute
	accused  atomic.Bool // the end of the session may be the doing of an event that was under way
	cleared  atomic.Bool // a suspect was settled

	// Of the keeper's loop.
	told    *stop // why the link was told to end
	pressed bool  // it missed a deadline and was told to end

	mu       sync.Mutex
	openedAt time.Time // zero: never was open
	lostAt   time.Time
	lostBy   error
}

func newRun(k *keeper, cancel context.CancelCauseFunc) *run {
	hurried := make(chan struct{})
	var lossAt time.Time
	if k.schedule.opened {
		lossAt = k.schedule.lostAt
	}
	return &run{lossAt: lossAt, k: k, m: k.m, log: k.log, conn: k.config.Load(), attempt: k.schedule.attempt, urgent: k.urged, quiet: k.schedule.told != "",
		began: k.m.now(), wasAway: away(k.board.read().ReasonCode), cancel: cancel, done: make(chan error, 1),
		hurried: hurried, hurry: sync.OnceFunc(func() { close(hurried) })}
}

// history tells whether the link ever was open, whether delivery was proven, and when it was lost.
func (r *run) history(now time.Time) (opened, proven bool, lostAt time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if lostAt = r.lostAt; lostAt.IsZero() {
		lostAt = now
	}
	return !r.openedAt.IsZero(), r.proven.Load(), lostAt
}

// lost returns why the session ended, nil where it did not or never was.
func (r *run) lost() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lostBy
}

// link opens, pumps and closes. ctx ends with the reason why the link must end.
func (r *run) link(ctx context.Context) error {
	ticket, err := r.place(ctx)
	if err != nil {
		return err
	}
	defer ticket.leave()
	client, err := r.m.opt.Open(*r.conn, r.beforeRelogin)
	if err != nil {
		return err
	}
	// Signing out may take a while, and nobody need wait for it.
	defer func() { r.m.background.Go(client.Close) }()
	session, err := r.open(ctx, client)
	ticket.leave()
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return cause // what the step said is only that it was ended
		}
		return err
	}
	if ctx.Err() != nil { // the queue is another's now
		leave(session)
		return context.Cause(ctx)
	}
	return r.pump(ctx, client, session)
}

// pump forwards and answers until the session ends or the link is told to end. Then it closes: what was not
// acknowledged is back in the queue when it returns.
func (r *run) pump(ctx context.Context, client Client, session Session) error {
	p := newPump(r, client, session)
	err := guard(func() error { return p.watch(ctx) })
	r.mu.Lock()
	r.lostAt, r.lostBy = r.m.now(), err
	r.mu.Unlock()
	r.showClosing(err)
	r.drain(p, err)

	limit := goodbyeLimit
	if r.mustHurry() {
		limit = abruptLimit
	}
	bye, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	if closeErr := session.Close(bye); closeErr != nil {
		r.log.Debug("The session was not closed in peace", "error", closeErr)
	}
	p.workers.wait(0) // the keeper leaves a link behind that does not get further
	p.crew.wait(0)
	p.lanes.Close()
	r.k.tally.flush(true)
	return err
}

// drain ends the pump's workers: at once, or after their publishes had time to be acknowledged.
func (r *run) drain(p *pump, err error) {
	p.halt()
	var s *stop
	if errors.As(err, &s) && !r.mustHurry() {
		done := make(chan struct{})
		go func() {
			p.workers.wait(drainLimit)
			close(done)
		}()
		select {
		case <-done:
		case <-r.hurried:
		}
	}
	p.cancel(err)
}

func (r *run) mustHurry() bool {
	select {
	case <-r.hurried:
		return true
	default:
		return false
	}
}

func (r *run) showClosing(err error) {
	code, sentence := explain(err)
	m := move{state: connection.Closing, code: code, reason: sentence, level: connection.LevelWarning, event: connection.ToldClosing + sentence}
	var s *stop
	if errors.As(err, &s) {
		m.level = connection.LevelInfo
		if s.quiet() {
			m.event = ""
		}
	}
	r.k.board.enter(r, m, nil)
}

// watch looks after an open session until it must end, and returns why.
func (p *pump) watch(ctx context.Context) error {
	p.start()
	tick := time.NewTicker(checkEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case err := <-p.broken:
			return err
		case <-p.session.Done():
			return sessionEnd(p.session.Err())
		case <-tick.C:
			if err := p.check(); err != nil {
				return err
			}
		}
	}
}

// sessionEnd gives a reason to the end of a session that has none.
func sessionEnd(err error) error {
	if err != nil {
		return err
	}
	return &thingsboard.Error{Code: connection.ReasonConnectionLost, Kind: thingsboard.Transient, SessionEnded: true}
}

// check notes that delivery is proven, tells what happened often, and finds a link that delivers nothing.
func (p *pump) check() error {
	r, now := p.r, p.r.m.now()
	r.k.tally.flush(false)
	p.recover(now)
	r.mu.Lock()
	openedAt := r.openedAt
	r.mu.Unlock()
	if !r.proven.Load() && p.session.LastSeen().Sub(openedAt) >= connection.ProvenAfter {
		r.proven.Store(true)
		r.k.board.note(r, func(s *connection.Status) { s.LostAt = time.Time{} })
	}
	config := r.k.config.Load()
	if config.Configuration.ReconnectStrategy != connection.StrategyAggressive || now.Sub(openedAt) < neverDelivered {
		return nil
	}
	figures, id := r.m.opt.Figures, r.k.id
	// What came in must wait for a while: one that came in a moment ago after a quiet hour is not late, and the figures
	// are of minutes by the wall clock, which may have jumped.
	waiting, oldest, _ := r.m.opt.Queue.Depth(id)
	if waiting == 0 || r.m.clock.since(oldest) < connection.ProvenAfter {
		return nil
	}
	if accepted := figures.AcceptedSince(id, neverDelivered); accepted > 0 && figures.DeliveredSince(id, neverDelivered) == 0 {
		return &failure{code: connection.ReasonNotDelivered,
			message: fmt.Sprintf("%s came in during the last hour and none was delivered, so the link restarts.", plural(accepted, "uplink"))}
	}
	return nil
}
