package link

import (
	"context"
	"errors"
	"time"

	"boardlink/connection"
	"boardlink/queue"
	"boardlink/thingsboard"
)

const (
	// maxRefused is how often an event that ThingsBoard refuses is tried, alone, before it is parked.
	maxRefused = 3
	// limitPause is how long a device waits that ThingsBoard has no room for; the server remembers its refusal about as
	// long (GatewaySessionHandler.java, deviceCreation cache).
	limitPause = 5 * time.Minute
	// askPause is how long an event waits whose device could not be asked for.
	askPause = 30 * time.Second
)

// action is what becomes of an event that was not delivered.
type action int

const (
	giveBack   action = iota // to the head of its lane, nothing counted: the link is at fault
	retryLater               // to the head of its lane, which waits
	parkIt                   // put aside for a person
)

// verdict is what a refusal means for the event and for the link.
type verdict struct {
	do     action
	after  time.Duration // for retryLater
	code   connection.ReasonCode
	reason string
	slow   bool // the link is too fast
	ends   bool // the link must end: its session is of no use any more
}

// refusalPause is the pause after the nth refusal of an event; together they leave its lane free well
// within half a minute.
func refusalPause(n int) time.Duration {
	if n <= 1 {
		return time.Second
	}
	return 5 * time.Second
}

// judge says what a refusal means. refusals counts one more of the event's own refusals and returns how many there were;
// it is called only where this one is of the event's doing.
func judge(err error, refusals func() int) verdict {
	var (
		rest *restFailure
		e    *thingsboard.Error
	)
	if errors.As(err, &rest) {
		return judgeAsking(err)
	}
	if !errors.As(err, &e) {
		// Ours: the link is ending, or a deadline of the link's own has passed.
		return verdict{do: giveBack, ends: !errors.Is(err, errHalted) && !errors.Is(err, context.Canceled)}
	}
	v := verdict{code: e.Code, reason: connection.Clean(e.Error())}
	switch e.Kind {
	case thingsboard.Poison, thingsboard.Device:
		switch {
		case e.Code == connection.ReasonTooLarge:
			v.do = parkIt
		case e.Code == connection.ReasonDeviceLimit:
			v.do, v.after = retryLater, limitPause
		default:
			n := refusals()
			v.do, v.after = retryLater, refusalPause(n)
			if n >= maxRefused {
				v.do = parkIt
			}
		}
	case thingsboard.Throttled:
		v.do, v.slow = giveBack, true
	default:
		v.do, v.ends = giveBack, !e.SessionEnded
	}
	return v
}

// judgeAsking says what it means that ThingsBoard could not be asked over REST. The MQTT session is not at fault, so it
// stays.
func judgeAsking(err error) verdict {
	if errors.Is(err, context.Canceled) {
		return verdict{do: giveBack}
	}
	v := verdict{do: retryLater, after: askPause, code: connection.ReasonDegraded}
	if thingsboard.KindOf(err) == thingsboard.Auth {
		v.code, v.reason = thingsboard.CodeOf(err), connection.Clean(err.Error())
	}
	return v
}

// refused settles an event that ThingsBoard did not take.
func (p *pump) refused(e queue.Event, err error) {
	p.accuse(e, err)
	p.settle(e, judge(err, func() int { return p.r.k.memory.refuse(e.ID) }), err)
}

// settle does with an event, and with the link, what a verdict says.
func (p *pump) settle(e queue.Event, v verdict, err error) {
	k := p.r.k
	if v.slow {
		k.pace.slow()
		p.trouble(connection.ReasonThrottled, 0)
	}
	switch v.do {
	case giveBack:
		p.lanes.Return(e)
	case retryLater:
		p.r.log.Debug("An event is tried again later", "dev_eui", e.DevEUI, "reason", v.code, "after", v.after, "error", err)
		switch {
		case v.code == connection.ReasonDeviceLimit:
			k.tally.add(occasionDeviceLimit, e.DevEUI)
			p.trouble(connection.ReasonDeviceLimit, v.after)
		case thingsboard.KindOf(err) == thingsboard.Auth:
			k.tally.add(occasionNotSignedIn(v.code), e.DevEUI)
			p.trouble(v.code, v.after)
		default:
			p.trouble(connection.ReasonDegraded, v.after)
		}
		p.lanes.Retry(e, v.after)
	case parkIt:
		p.park(e, v)
	}
	if v.ends {
		p.fail(err)
	}
}

// park puts an event aside. Where there is no room its device waits, so that nothing is lost.
func (p *pump) park(e queue.Event, v verdict) {
	k := p.r.k
	ctx, cancel := settling()
	defer cancel()
	err := p.lanes.Park(ctx, e, v.code, v.reason)
	p.trouble(connection.ReasonDegraded, 0)
	switch {
	case err == nil:
		k.memory.forgive(e.ID)
		p.r.m.opt.Figures.Parked(k.id)
		k.tally.add(occasionParked(v.code, v.reason), e.DevEUI)
	case errors.Is(err, queue.ErrParkedFull):
		k.tally.add(occasionParkedFull, e.DevEUI)
		p.trouble(connection.ReasonDegraded, limitPause)
		p.lanes.Retry(e, limitPause)
	case errors.Is(err, queue.ErrFenced), errors.Is(err, queue.ErrClosed):
		p.settled(err)
	default:
		p.r.log.Error("An event could not be parked", "error", err)
		p.lanes.Retry(e, takeAgain)
	}
}
