package link

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"boardlink/connection"
)

// want is what a row asks for.
type want int

const (
	wantRun  want = iota
	wantOff       // the connection is not active
	wantGone      // the connection was deleted
)

// pressGrace is how long a link that missed a deadline may take to end once it was told to.
const pressGrace = time.Second

// keeper keeps the link of one connection as its row says. Its loop is the only goroutine that starts and stops the
// link and the only one to touch the fields without a remark.
type keeper struct {
	id  connection.ID
	m   *Manager
	log *slog.Logger

	poke    chan struct{}                         // read the row anew; safe from everywhere
	nudge   chan struct{}                         // the host is back; safe from everywhere
	jumped  chan struct{}                         // the clock jumped; safe from everywhere
	board   *board                                // safe from everywhere
	config  atomic.Pointer[connection.Connection] // the row as it runs; safe from everywhere, never changed in place
	memory  *memory                               // of devices; outlives single links
	answers *answers                              // to commands; outlives single links
	reports *reports                              // of deliveries; outlives single links
	names   *names                                // of devices at ThingsBoard; outlives single links
	tally   *tally                                // of what happens often; outlives single links
	pace    *pace                                 // outlives single links
	labels  *labels                               // of devices; outlives single links
	ticket  atomic.Pointer[ticket]                // of the link that opens, nil where none ever did since the last ended

	row   connection.Connection // as last read
	known bool                  // row was read
	want  want
	saved connection.Status // as the database had it at the start

	run     *run        // the link that runs, nil where none does
	next    *time.Timer // the next try
	reread  *time.Timer // the database did not answer
	overdue *time.Timer // the link must have left its state

	schedule    schedule
	triedAt     time.Time             // when the link was last started
	workedUntil time.Time             // when a link with these settings was last open; zero: not known to have been
	taken       int64                 // the version of the credentials that ThingsBoard took last, 0 where it refused or nothing is known
	refusedWith connection.ReasonCode // the last refusal of the credentials
	refusedAt   time.Time             // when this keeper saw it; zero: it did not
	ran         bool                  // a link was started, by this keeper or before the program was
	urged       bool                  // somebody asked for a try now, whatever pause refused credentials have
	gone        bool                  // the keeper has nothing left to keep; read after the loop ended
}

func newKeeper(m *Manager, id connection.ID, saved connection.Status) *keeper {
	k := &keeper{id: id, m: m, log: m.log.With("connection_id", id.String()), saved: saved,
		poke: make(chan struct{}, 1), nudge: make(chan struct{}, 1), jumped: make(chan struct{}, 1), next: stoppedTimer(), reread: stoppedTimer(), overdue: stoppedTimer(),
		memory: newMemory(m.now), answers: newAnswers(m.now), reports: newReports(), pace: newPace(m.now), names: newNames(), labels: newLabels(m.now)}
	k.tally = newTally(m.now, func(e connection.Event) {
		e.ConnectionID = id
		m.journal.event(e)
	})
	k.board = newBoard(id, m.journal, m.now, atStart(saved, m.now(), m.opt.Node))
	k.schedule = scheduleFrom(saved, m.now())
	k.ran = saved.State != ""
	if saved.State == connection.AuthenticationFailed {
		k.refusedWith = saved.ReasonCode
	}
	return k
}

// atStart returns what is shown of a link before its row was read. What ran when the program ended runs no more.
func atStart(saved connection.Status, now time.Time, node string) connection.Status {
	switch saved.State {
	case connection.Closed, connection.AuthenticationFailed, connection.Deactivated:
	default:
		saved.State, saved.Since, saved.ReasonCode = connection.Closed, now, connection.ReasonStarting
		saved.Reason, saved.Hint = connection.ReasonStarting.Text().Sentence, ""
	}
	saved.Owner = node
	return saved
}

func stoppedTimer() *time.Timer {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return t
}

// loop keeps the connection until ctx ends or the connection is gone.
func (k *keeper) loop(ctx context.Context) {
	defer k.stopTimers()
	k.reconcile(ctx)
	for !k.gone {
		select {
		case <-ctx.Done():
			k.shutDown()
			return
		case <-k.poke:
			k.reconcile(ctx)
		case <-k.nudge:
			k.nudged()
		case <-k.jumped:
			k.clockJumped()
		case <-k.reread.C:
			k.reconcile(ctx)
		case <-k.next.C:
			k.start(ctx)
		case <-k.board.moved:
			k.watch()
		case <-k.overdue.C:
			k.tooLong(ctx)
		case err := <-k.ends():
			k.ended(ctx, err)
		}
	}
}

func (k *keeper) stopTimers() {
	k.next.Stop()
	k.reread.Stop()
	k.overdue.Stop()
}

// ends is ready when the link that runs has ended; without one it never is.
func (k *keeper) ends() <-chan error {
	if k.run == nil {
		return nil
	}
	return k.run.done
}

// start runs the link, unless one runs already or none should.
func (k *keeper) start(ctx context.Context) {
	k.next.Stop()
	if k.run != nil || k.want != wantRun || ctx.Err() != nil {
		return
	}
	k.schedule.attempt++
	k.ran, k.triedAt = true, k.m.now()
	// The link is stopped by its keeper, in order, and not by the end of ctx.
	linkCtx, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	r := newRun(k, cancel)
	k.run, k.urged = r, false
	k.board.own(r)
	go func() { r.done <- guard(func() error { return r.link(linkCtx) }) }()
}

// stop tells the link that runs to end.
func (k *keeper) stop(s *stop) {
	k.next.Stop()
	if k.run == nil {
		return
	}
	if k.run.told == nil {
		k.run.told = s
		k.run.cancel(s)
	}
	if s.abrupt() {
		k.run.hurry()
	}
}

// watch sets the alarm for the state's deadline.
func (k *keeper) watch() {
	_, leaveBy := k.board.deadline()
	if k.run == nil || leaveBy.IsZero() {
		k.overdue.Stop()
		return
	}
	k.overdue.Reset(leaveBy.Sub(k.m.now()))
}

// tooLong ends a link that missed the deadline of its state; one that does not end even then is left behind: it moves
// no state any more, publishes nothing, and the queue takes nothing from it.
func (k *keeper) tooLong(ctx context.Context) {
	state, leaveBy := k.board.deadline()
	if k.run == nil || leaveBy.IsZero() {
		return
	}
	if left := leaveBy.Sub(k.m.now()); left > 0 {
		k.overdue.Reset(left)
		return
	}
	if state != connection.Closing && !k.run.pressed {
		k.run.pressed = true
		k.run.cancel(&failure{code: connection.ReasonTimeout})
		k.overdue.Reset(pressGrace)
		return
	}
	k.log.Error("A link did not end in time and was left behind", "state", state)
	err := &failure{code: connection.ReasonTimeout}
	k.run.hurry()
	k.run.cancel(err)
	if lost := k.run.lost(); lost != nil {
		k.ended(ctx, lost)
		return
	}
	k.ended(ctx, err)
}

// ended takes in that the link is over and decides what is next.
func (k *keeper) ended(ctx context.Context, err error) {
	r := k.run
	k.run = nil
	k.board.own(nil)
	k.overdue.Stop()
	r.cancel(nil)
	k.ticket.Swap(nil).leave() // one that was left behind keeps no other from opening
	var p *panicked
	if errors.As(err, &p) {
		k.log.Error("A link panicked", "panic", p.value, "stack", string(p.stack))
	}
	var no *refused
	if opened, _, _ := r.history(k.m.now()); errors.As(err, &no) {
		k.taken = 0
	} else if opened {
		k.taken, k.refusedAt = r.conn.CredentialVersion, time.Time{}
	}
	switch k.want {
	case wantGone:
		k.leave(ctx)
	case wantOff:
		k.showDeactivated(ctx)
	case wantRun:
		if r.told != nil {
			k.schedule = schedule{}
			k.board.enter(nil, move{state: connection.Closed, code: r.told.code, reason: r.told.sentence}, k.schedule.show)
			k.begin(ctx)
			return
		}
		k.failed(ctx, r, err)
	}
}

// shutDown ends the link because the program goes down. That is no loss: what the schedule counts stays as it was, and
// no event is written for each link.
func (k *keeper) shutDown() {
	if k.run == nil {
		return
	}
	k.stop(&stop{code: connection.ReasonStopped, sentence: connection.ReasonStopped.Text().Sentence})
	timer := time.NewTimer(stopLimit)
	defer timer.Stop()
	select {
	case err := <-k.run.done:
		k.log.Debug("The link ended", "reason", err)
	case <-timer.C:
		k.log.Error("A link did not end in time when the program went down")
	}
	proven := k.run.proven.Load()
	k.run.cancel(nil)
	k.run = nil
	k.board.own(nil)
	if k.want != wantRun {
		return
	}
	if proven {
		k.schedule = schedule{}
	}
	k.board.enter(nil, move{state: connection.Closed, code: connection.ReasonStopped}, k.schedule.show)
}
