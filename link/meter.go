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
	return []string{statusQueued, codeDisabled, codeNotConfigured, codeInvalid, codeTooMany, codeExpired, codeRefused, codeNotSent,
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

// measured returns the session with a meter at its telemetry.
func measured(s Session, opt Options) Session {
	if opt.Meter == nil {
		return s
	}
	return measuredSession{s, opt.Meter, opt.Now}
}

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
