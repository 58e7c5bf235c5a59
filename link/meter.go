package link

import (
	"context"
	"time"

	"boardlink/connection"
	"boardlink/thingsboard"
)

// Meter measures all links together.
type Meter interface {
	// Published takes in how long a telemetry message took from its publish to ThingsBoard's answer; result is one of
	// [Results].
	Published(result string, took time.Duration)
	// Answered counts a command once, by what became of it; outcome is one of [Outcomes].
	Answered(outcome string)
}

// What may come of a publish.
const (
	resultDelivered  = "delivered"
	resultRefused    = "refused"    // the PUBACK refused the message or its device
	resultThrottled  = "throttled"  // the PUBACK asked to slow down
	resultUnanswered = "unanswered" // no PUBACK: the session or the time ended first
)

// Results lists what a [Meter] may be told of a publish.
func Results() []string {
	return []string{resultDelivered, resultRefused, resultThrottled, resultUnanswered}
}

// Outcomes lists what a [Meter] may be told of a command: that ThingPark queued it, or the code of the answer.
func Outcomes() []string {
	return []string{statusQueued, codeDisabled, codeNotConfigured, codeInvalid, codeTooMany, codeExpired, codeNotRecorded, codeRefused, codeNotSent,
		codeUnknown, codeInternal, string(connection.ReasonAddress)}
}

const statusQueued = "queued"

func (o Options) answered(said answer) {
	if o.Meter == nil {
		return
	}
	outcome := said.Code
	if said.Status == statusQueued {
		outcome = statusQueued
	}
	o.Meter.Answered(outcome)
}

// measured returns the opener with a meter at every session that comes of it.
func (o Options) measured() Opener {
	if o.Meter == nil {
		return o.Open
	}
	return func(c connection.Connection, beforeRelogin func(ctx context.Context) error) (Client, error) {
		client, err := o.Open(c, beforeRelogin)
		if err != nil {
			return nil, err
		}
		return measuredClient{client, o}, nil
	}
}

// measuredClient is a client whose sessions are measured.
type measuredClient struct {
	Client
	opt Options
}

func (c measuredClient) Connect(ctx context.Context, ep thingsboard.MQTTEndpoint, g thingsboard.Gateway) (Session, error) {
	session, err := c.Client.Connect(ctx, ep, g)
	if err != nil {
		return nil, err
	}
	return measuredSession{session, c.opt.Meter, c.opt.Now}, nil
}

// measuredSession is a session that tells how long its telemetry takes.
type measuredSession struct {
	Session
	meter Meter
	now   func() time.Time
}

func (s measuredSession) Telemetry(ctx context.Context, device string, entries []thingsboard.Entry) error {
	began := s.now()
	err := s.Session.Telemetry(ctx, device, entries)
	s.published(began, err)
	return err
}

func (s measuredSession) GatewayTelemetry(ctx context.Context, entries []thingsboard.Entry) error {
	began := s.now()
	err := s.Session.GatewayTelemetry(ctx, entries)
	s.published(began, err)
	return err
}

func (s measuredSession) published(began time.Time, err error) {
	result := resultUnanswered
	switch kind := thingsboard.KindOf(err); {
	case err == nil:
		result = resultDelivered
	case thingsboard.CodeOf(err) == connection.ReasonTooLarge:
		return // nothing was published: it goes over REST
	case kind == thingsboard.Poison, kind == thingsboard.Device:
		result = resultRefused
	case kind == thingsboard.Throttled:
		result = resultThrottled
	}
	s.meter.Published(result, s.now().Sub(began))
}
