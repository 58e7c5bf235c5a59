package link

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"boardlink/connection"
	"boardlink/queue"
	"boardlink/telemetry"
	"boardlink/thingsboard"
)

// Where ThingsBoard ends a session without a word about any event, or leaves one without an answer, each event under
// way may be why. One that was under way at several such ends is a suspect. It is sent alone, after the session proved
// to be alive, and what ThingsBoard does then is the event's own doing. A bad network ends sessions as well, but not time
// and again within the few milliseconds in which one event is alone on its way; so it makes suspects and parks nothing.
const (
	// suspectAfter is how many sessions must have ended with an event under way until it is a suspect.
	suspectAfter = 3
	// maxUnheard is how many suspects in a row may be parked while ThingsBoard takes nothing else: where it takes nothing
	// at all, it is at fault and not what it is sent.
	maxUnheard = 3
	// proveEvery is how often the session is asked for a sign of life while a suspect waits for its PUBACK.
	proveEvery = 4 * time.Second
	// proveLimit is how long the session may take to prove that it is alive.
	proveLimit = 5 * time.Second
)

// suspicious reports whether the end of a session may be the doing of what was under way: ThingsBoard, or the network,
// gave no other reason.
func suspicious(err error) bool {
	var e *thingsboard.Error
	if !errors.As(err, &e) || !e.SessionEnded || e.Unsent {
		return false
	}
	switch e.Code {
	case connection.ReasonConnectionLost, connection.ReasonNoAck, connection.ReasonProtocol, connection.ReasonTimeout:
		return true
	}
	return false
}

// accuse counts the end of a session against an event that was under way. It counts nothing where we ended it.
func (p *pump) accuse(e queue.Event, err error) {
	if suspicious(err) && p.session.Err() != nil {
		p.r.k.memory.accuse(e.ID)
		p.r.accused.Store(true)
	}
}

// tryAlone sends a suspect while nothing else of the link is under way, and settles it.
func (p *pump) tryAlone(e queue.Event, m telemetry.Message) {
	own, err := p.alone(m)
	memory := p.r.k.memory
	switch {
	case err == nil:
		p.delivered(e)
		p.noteSent(e, m)
		p.attributes(m)
		return
	case !own:
		p.accuse(e, err)
		// A PUBACK that names a suspect says what was missing; nothing more is to be found out.
		p.settle(e, judge(err, func() int { return maxRefused }), err)
		return
	}
	p.r.accused.Store(true)
	v := verdict{do: giveBack}
	if memory.unheard() < maxUnheard && memory.refuse(e.ID) >= maxRefused {
		v = verdict{do: parkIt, code: connection.ReasonRefused, reason: lonely(err)}
		memory.notHeard()
		p.r.cleared.Store(true)
	}
	p.settle(e, v, err)
}

// lonely says why a suspect is parked.
func lonely(err error) string {
	var e *thingsboard.Error
	if errors.As(err, &e) && e.Code == connection.ReasonNoAck {
		return fmt.Sprintf("ThingsBoard never acknowledged this event, each of %d times that it was sent alone, though it answered other questions meanwhile.", maxRefused)
	}
	reason := fmt.Sprintf("ThingsBoard closed the connection each of %d times that this event was sent alone.", maxRefused)
	if e != nil && e.Reason != 0 {
		reason += " " + connection.Clean(e.Error())
	}
	return reason
}

// alone sends a message alone. own says that its error is of the message's doing.
func (p *pump) alone(m telemetry.Message) (own bool, err error) {
	leave, err := p.session.gate.enter(p.takeCtx, true)
	if err != nil {
		return false, errHalted
	}
	defer leave()
	session := p.session.Session
	if err := prove(p.workCtx, session); err != nil {
		return false, err
	}
	undisturbed := p.session.undisturbed()
	signs := watchLife(p.workCtx, session)
	err = p.send(session, m)
	alive := signs()
	return ownDoing(err, alive) && undisturbed(), err
}

func prove(ctx context.Context, s Session) error {
	ctx, cancel := context.WithTimeout(ctx, proveLimit)
	defer cancel()
	return s.Prove(ctx)
}

// watchLife asks the session for signs of life. The function it returns ends that, and reports whether there was one
// to a question that was asked lately.
func watchLife(ctx context.Context, s Session) (signs func() bool) {
	ctx, cancel := context.WithCancel(ctx)
	var answered atomic.Bool
	done := make(chan struct{})
	go func() {
		defer close(done)
		for sleep(ctx, proveEvery) == nil {
			asked, end := context.WithTimeout(ctx, proveEvery/2)
			answered.Store(s.Prove(asked) == nil)
			end()
		}
	}()
	return func() bool {
		alive := answered.Load()
		cancel()
		<-done
		return alive
	}
}

// ownDoing reports whether an error is the doing of a message that was under way alone, on a session that was alive
// before. alive says that it still answered while the message waited.
func ownDoing(err error, alive bool) bool {
	var e *thingsboard.Error
	if !suspicious(err) || !errors.As(err, &e) {
		return false
	}
	if e.Code == connection.ReasonNoAck {
		return alive
	}
	return e.ByPeer
}
