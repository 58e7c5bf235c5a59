package link

import (
	"context"
	"errors"
	"sync"
	"time"

	"boardlink/connection"
	"boardlink/queue"
	"boardlink/thingsboard"
)

const (
	// maxWorkers bounds the events of one link that are under way at once; the server's limit lowers it.
	maxWorkers = 64
	// takeAgain is the pause after the queue could not be read.
	takeAgain = time.Second
	// troubleFor is how long a refusal is shown beside OPENED, at least.
	troubleFor = time.Minute
)

// errHalted says that nothing is published any more.
var errHalted = errors.New("the link is ending")

// pump moves events and commands over one open session.
type pump struct {
	r       *run
	client  Client
	session *shared
	lanes   Lanes

	events  chan queue.Event // taken, for the workers
	notices chan noticesOf   // of devices renamed or deleted
	broken  chan error       // why the link must end, the first reason
	workers crew             // those who hold events
	crew    crew             // everybody else

	takeCtx context.Context // ends when nothing new may begin
	halt    context.CancelFunc
	workCtx context.Context // ends when nothing may go on
	cancel  context.CancelCauseFunc

	mu        sync.Mutex
	connected map[string]struct{} // devices connected in this session
	troubled  time.Time           // until when a refusal is shown; zero: none is
}

func newPump(r *run, client Client, session Session) *pump {
	p := &pump{r: r, client: client, session: &shared{Session: session, names: r.k.names}, lanes: r.m.opt.Queue.Lanes(r.k.id), events: make(chan queue.Event),
		notices: make(chan noticesOf, maxNotices), broken: make(chan error, 1), connected: map[string]struct{}{}}
	p.workCtx, p.cancel = context.WithCancelCause(context.Background())
	p.takeCtx, p.halt = context.WithCancel(p.workCtx)
	p.session.may = p.takeCtx
	return p
}

// start lets everybody work.
func (p *pump) start() {
	limits := p.session.Limits()
	width := maxWorkers
	if limits.MaxInflight > 0 {
		width = min(width, limits.MaxInflight)
	}
	p.r.k.pace.announced(limits)
	if p.r.k.pace.slowedWithin(troubleFor) {
		p.trouble(connection.ReasonThrottled, 0) // the session before ended by it
	}
	p.do(&p.crew, func() error { return p.take(width) })
	for range width {
		p.do(&p.workers, p.work)
	}
	p.do(&p.crew, newCommander(p).listen)
	p.do(&p.crew, p.followNotices)
	p.do(&p.crew, p.share)
	p.do(&p.crew, p.greet)
	p.do(&p.crew, p.label)
}

// do runs f in a crew, and ends the link where f fails or panics.
func (p *pump) do(c *crew, f func() error) {
	c.Go(func() {
		if err := guard(f); err != nil {
			p.fail(err)
		}
	})
}

// fail ends the link; the first reason counts.
func (p *pump) fail(err error) {
	select {
	case p.broken <- err:
	default:
	}
}

// take hands events from the queue to the workers until nothing new may begin.
func (p *pump) take(width int) error {
	defer close(p.events)
	if sleep(p.takeCtx, headStart) != nil {
		return nil
	}
	for {
		events, err := p.lanes.Take(p.takeCtx, width)
		switch {
		case err == nil:
		case p.takeCtx.Err() != nil:
			return nil
		case errors.Is(err, queue.ErrFenced), errors.Is(err, queue.ErrClosed):
			return &failure{code: connection.ReasonInternal, message: "The queue was taken away from the link.", err: err}
		default:
			p.r.log.Error("The queue could not be read", "error", err)
			if sleep(p.takeCtx, takeAgain) != nil {
				return nil
			}
			continue
		}
		for i, e := range events {
			select {
			case p.events <- e:
			case <-p.takeCtx.Done():
				for _, rest := range events[i:] {
					p.lanes.Return(rest)
				}
				return nil
			}
		}
	}
}

// work delivers events until there are no more.
func (p *pump) work() error {
	for e := range p.events {
		if err := guard(func() error { p.deliver(e); return nil }); err != nil {
			p.crashed(e, err)
			return err
		}
	}
	return nil
}

// crashed puts an event aside that our own code cannot handle, so that it does not bring the link down for ever.
func (p *pump) crashed(e queue.Event, err error) {
	v := verdict{do: retryLater, after: refusalPause(0), code: connection.ReasonInternal, reason: connection.ReasonInternal.Text().Sentence}
	if p.r.k.memory.refuse(e.ID) >= maxRefused {
		v.do = parkIt
	}
	p.settle(e, v, err)
}

// halted reports whether nothing new may be published.
func (p *pump) halted() bool { return p.takeCtx.Err() != nil }

// greet connects the devices that were seen lately: ThingsBoard sends a device's commands only to a session that
// connected it or that it spoke over (GatewaySessionHandler.java, onDeviceConnect). It goes slowly and lets telemetry
// pass, because each costs the gateway some of its rate limit.
func (p *pump) greet() error {
	recent := p.r.m.opt.RecentDevices
	if recent == nil || !p.r.k.config.Load().Configuration.DownlinkEnabled {
		return nil
	}
	if sleep(p.takeCtx, headStart) != nil {
		return nil
	}
	devices, err := recent(p.takeCtx, p.r.k.id, p.r.m.clock.slow().Add(-greetSince), greetMost)
	if err != nil {
		if !p.halted() {
			p.r.log.Warn("Devices seen lately could not be listed", "error", err)
		}
		return nil
	}
	for _, d := range devices {
		c := p.r.k.config.Load()
		pause := greetEvery
		if !c.Configuration.CreateDevices {
			pause = greetAskEvery
		}
		if sleep(p.takeCtx, pause) != nil {
			return nil
		}
		if err := p.greetOne(c, d.DevEUI); err != nil {
			if thingsboard.SessionEnded(err) || p.halted() {
				return nil
			}
			p.r.log.Debug("A device could not be connected", "dev_eui", d.DevEUI, "error", err)
		}
	}
	return nil
}

// greetOne connects a device, unless its telemetry did or it may not be named.
func (p *pump) greetOne(c *connection.Connection, devEUI string) error {
	if name, there := p.r.k.names.now(devEUI); !there || p.isConnected(name) {
		return nil
	}
	if err := p.r.k.pace.spare(p.takeCtx, costOpening); err != nil {
		return err
	}
	name, done, err := p.r.k.names.use(p.takeCtx, devEUI)
	if err != nil {
		return err
	}
	defer done()
	if p.isConnected(name) {
		return nil
	}
	if known, err := p.known(p.takeCtx, c, name); err != nil || !known {
		return err
	}
	return p.openDevice(p.takeCtx, p.session, name, c.Configuration.DeviceType)
}

const (
	greetSince    = 24 * time.Hour
	greetMost     = 10_000
	greetEvery    = 20 * time.Millisecond
	greetAskEvery = 200 * time.Millisecond // where each device costs a REST call too
)

// connectDevice opens a device's session at ThingsBoard, once for each of ours. It keeps the pace as telemetry does,
// since it costs the gateway messages too.
func (p *pump) connectDevice(ctx context.Context, session Session, device, profile string) error {
	if p.isConnected(device) {
		return nil
	}
	if err := p.r.k.pace.turn(p.takeCtx, costOpening); err != nil {
		return errHalted
	}
	return p.openDevice(ctx, session, device, profile)
}

func (p *pump) isConnected(device string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, there := p.connected[device]
	return there
}

func (p *pump) openDevice(ctx context.Context, session Session, device, profile string) error {
	if err := session.ConnectDevice(ctx, device, profile); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.connected) >= maxRemembered {
		clear(p.connected)
	}
	p.connected[device] = struct{}{}
	p.r.k.names.connected(p.r.k.names.devEUI(device))
	return nil
}

// forget makes a device be connected anew before its next telemetry.
func (p *pump) forget(device string) {
	p.mu.Lock()
	delete(p.connected, device)
	p.mu.Unlock()
	p.r.k.memory.forget(device)
	p.r.k.labels.forget(device)
}

// trouble shows beside OPENED what ThingsBoard does not take: for a while, and as long as a device waits because of it.
func (p *pump) trouble(code connection.ReasonCode, waits time.Duration) {
	until := p.r.m.now().Add(max(troubleFor, waits))
	p.mu.Lock()
	if until.After(p.troubled) {
		p.troubled = until
	}
	p.mu.Unlock()
	p.showReason(code)
}

// recover takes that away again when nothing was refused for a while and nothing waits.
func (p *pump) recover(now time.Time) {
	p.mu.Lock()
	over := !p.troubled.IsZero() && !now.Before(p.troubled)
	if over {
		p.troubled = time.Time{}
	}
	p.mu.Unlock()
	if over {
		p.showReason(connection.ReasonConnected)
	}
}

func (p *pump) showReason(code connection.ReasonCode) {
	text := code.Text()
	p.r.k.board.note(p.r, func(s *connection.Status) {
		if s.State == connection.Opened {
			s.ReasonCode, s.Reason, s.Hint = code, text.Sentence, text.Hint
		}
	})
}
