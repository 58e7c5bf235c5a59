package link

import (
	"context"
	"errors"
	"time"

	"boardlink/connection"
	"boardlink/queue"
	"boardlink/telemetry"
	"boardlink/thingpark"
	"boardlink/thingsboard"
)

// settleLimit is how long the queue may take to park or drop an event.
const settleLimit = 5 * time.Second

// deliver brings one event to ThingsBoard and settles it in the queue, whatever comes of it. The settings are those of
// the moment at which its turn came.
func (p *pump) deliver(e queue.Event) {
	c := p.r.k.config.Load()
	if p.halted() {
		p.lanes.Return(e)
		return
	}
	if !p.settleCommand(e) {
		return
	}
	if p.r.m.clock.witness(e) && p.r.m.alarm.over() {
		p.r.m.journal.event(agrees("The uplinks that come in bear the time of this machine's clock; their validity counts by it again."))
	}
	if expired(c.Configuration, p.r.m.clock.age(e)) {
		p.r.k.tally.add(occasionExpired(c.Configuration.UplinkTimeValidity), e.DevEUI)
		p.r.m.opt.Figures.Expired(p.r.k.id, 1)
		p.drop(e)
		return
	}
	message, err := mapped(c.Configuration, e)
	if err != nil {
		p.settle(e, verdict{do: parkIt, code: connection.ReasonBadPayload, reason: "The document cannot be read: " + connection.Clean(err.Error())}, err)
		return
	}
	if message.Skip != "" {
		p.drop(e)
		return
	}
	if !message.Gateway {
		name, done, err := p.r.k.names.use(p.takeCtx, message.Device)
		if err != nil {
			p.lanes.Return(e)
			return
		}
		defer done()
		message.Device = name
		known, err := p.known(p.workCtx, c, message.Device)
		switch {
		case err != nil:
			p.settle(e, judgeAsking(err), err)
			return
		case !known:
			p.r.k.tally.add(occasionSkipped(e.DevEUI), e.DevEUI)
			p.r.m.opt.Figures.Expired(p.r.k.id, 1)
			p.drop(e)
			return
		}
	}
	if p.r.k.memory.suspect(e.ID) {
		p.tryAlone(e, message)
		return
	}
	if err := p.send(p.session, message); err != nil {
		p.refused(e, err)
		return
	}
	p.delivered(e)
	p.noteSent(e, message)
	p.attributes(message)
	p.r.k.labels.want(message)
}

// mapped reads an event's document and says what becomes of it.
func mapped(cfg connection.Configuration, e queue.Event) (telemetry.Message, error) {
	doc, err := thingpark.Parse(e.Body)
	if err != nil {
		return telemetry.Message{}, err
	}
	return telemetry.Map(cfg, doc, e.TS)
}

// expired reports whether an event is older than the connection's validity when its turn has come.
func expired(cfg connection.Configuration, age time.Duration) bool {
	validity := cfg.UplinkTimeValidity.Span()
	return validity > 0 && age > validity
}

// send publishes a message and returns nil only when ThingsBoard said that it has it.
func (p *pump) send(session Session, m telemetry.Message) error {
	entries := make([]thingsboard.Entry, len(m.Entries))
	for i, entry := range m.Entries {
		entries[i] = thingsboard.Entry(entry)
	}
	if !m.Gateway {
		if err := p.connectDevice(p.workCtx, session, m.Device, m.Type); err != nil {
			return err
		}
	}
	parts, err := pieces(entries, p.r.k.pace.mostPoints())
	if err != nil {
		return &thingsboard.Error{Code: connection.ReasonInternal, Kind: thingsboard.Poison, Err: err}
	}
	for _, part := range parts {
		if err := p.publish(session, m, part); err != nil {
			return err
		}
	}
	return nil
}

// publish sends one part of a message, or all of it, when its turn has come.
func (p *pump) publish(session Session, m telemetry.Message, part piece) error {
	if err := p.r.k.pace.turn(p.takeCtx, cost{telemetry: 1, points: part.points}); err != nil {
		return errHalted
	}
	if m.Gateway {
		return session.GatewayTelemetry(p.workCtx, part.entries)
	}
	err := session.Telemetry(p.workCtx, m.Device, part.entries)
	if thingsboard.CodeOf(err) == connection.ReasonTooLarge {
		return p.sendLarge(m.Device, part.entries, err)
	}
	return err
}

// sendLarge sends over REST what is too large for MQTT. Where ThingsBoard refuses that, tooLarge is the reason to give.
func (p *pump) sendLarge(device string, entries []thingsboard.Entry, tooLarge error) error {
	ctx, cancel := context.WithTimeout(p.workCtx, askLimit)
	defer cancel()
	id, found, err := p.client.FindDevice(ctx, device)
	if err == nil && found {
		err = p.client.SendTelemetry(ctx, id, entries)
		if err == nil {
			return nil
		}
	}
	switch kind := thingsboard.KindOf(err); {
	case err != nil && (kind == thingsboard.Transient || kind == thingsboard.Throttled):
		return &restFailure{err}
	case kind == thingsboard.Poison && err != nil:
		return err
	}
	return tooLarge
}

// restFailure is a failure of the way over REST, which says nothing of the MQTT session.
type restFailure struct{ err error }

func (f *restFailure) Error() string { return f.err.Error() }
func (f *restFailure) Unwrap() error { return f.err }

// delivered takes an event out of the queue.
func (p *pump) delivered(e queue.Event) {
	now := p.r.m.now()
	p.r.k.board.delivered.Store(now.UnixMilli())
	p.r.k.memory.forgive(e.ID)
	p.r.k.memory.heard()
	p.r.m.opt.Figures.Delivered(p.r.k.id, p.r.m.clock.since(e.ReceivedAt))
	ctx, cancel := settling()
	defer cancel()
	p.settled(p.lanes.Ack(ctx, e))
}

// noteSent remembers what ThingsBoard has of a device now, for people to look at.
func (p *pump) noteSent(e queue.Event, m telemetry.Message) {
	if m.Gateway || len(m.Entries) == 0 {
		return
	}
	last := m.Entries[len(m.Entries)-1]
	p.r.m.opt.Figures.Sent(p.r.k.id, e.DevEUI, last.TS, last.Values)
}

func (p *pump) drop(e queue.Event) {
	ctx, cancel := settling()
	defer cancel()
	p.settled(p.lanes.Drop(ctx, e))
}

// settling is the context of what must be told to the queue even while the link ends.
func settling() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), settleLimit)
}

// settled looks at what the queue said. That it was taken away ends the link; the event is handed out again there.
func (p *pump) settled(err error) {
	switch {
	case err == nil:
	case errors.Is(err, queue.ErrFenced), errors.Is(err, queue.ErrClosed):
		p.fail(&failure{code: connection.ReasonInternal, message: "The queue was taken away from the link.", err: err})
	default:
		p.r.log.Error("An event could not be settled", "error", err)
	}
}

// attributes sends a device's client attributes where they are not what was sent last. They are a comfort: what goes
// wrong is tried again with the device's next uplink that changes them.
func (p *pump) attributes(m telemetry.Message) {
	if m.Gateway || len(m.Attributes) == 0 || p.halted() {
		return
	}
	memory := p.r.k.memory
	sum, changed := memory.attributesChanged(m.Device, m.Attributes)
	if !changed {
		return
	}
	if p.r.k.pace.turn(p.takeCtx, cost{telemetry: 1, points: len(m.Attributes)}) != nil {
		return
	}
	if err := p.session.Attributes(p.workCtx, m.Device, m.Attributes); err != nil && thingsboard.KindOf(err) != thingsboard.Poison {
		p.r.log.Debug("Attributes were not taken", "dev_eui", m.Device, "error", err)
		return
	}
	memory.attributesSent(m.Device, sum)
}

// known reports whether a device may be named to ThingsBoard: naming one that does not exist creates it.
func (p *pump) known(ctx context.Context, c *connection.Connection, device string) (bool, error) {
	if c.Configuration.CreateDevices {
		return true, nil
	}
	if known, fresh := p.r.k.memory.known(device); fresh {
		return known, nil
	}
	ask, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	_, known, err := p.client.FindDevice(ask, device)
	if err != nil {
		return false, err
	}
	p.r.k.memory.remember(device, known)
	return known, nil
}

const askLimit = 10 * time.Second
