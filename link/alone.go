package link

import (
	"context"
	"sync"
	"sync/atomic"

	"boardlink/thingsboard"
)

// gate lets many in side by side, or one alone. Whoever wants to be alone goes before those that come later. Its zero
// value is ready.
type gate struct {
	mu      sync.Mutex
	inside  int           // side by side
	alone   bool          // somebody is in alone
	wanting int           // how many wait to be alone
	changed chan struct{} // closed when somebody left; nil while nobody waits
}

// enter waits until the caller may go in, alone or beside others, and returns how to leave. Its error is ctx's.
func (g *gate) enter(ctx context.Context, alone bool) (leave func(), err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if alone {
		g.wanting++
		defer func() {
			g.wanting--
			g.wake() // one that gave up is not in the way any more
		}()
	}
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if !g.alone && (alone && g.inside == 0 || !alone && g.wanting == 0) {
			break
		}
		if g.changed == nil {
			g.changed = make(chan struct{})
		}
		changed := g.changed
		g.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
		}
		g.mu.Lock()
	}
	if alone {
		g.alone = true
	} else {
		g.inside++
	}
	return sync.OnceFunc(func() { g.leave(alone) }), nil
}

func (g *gate) leave(alone bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if alone {
		g.alone = false
	} else {
		g.inside--
	}
	g.wake()
}

// wake lets those that wait look again. g.mu is held.
func (g *gate) wake() {
	if g.changed != nil {
		close(g.changed)
		g.changed = nil
	}
}

// shared is a session over which publishes go side by side, or one of them alone over the [Session] within. Answers to
// commands wait for nobody, since they must be in time; they are counted, so that one that was under way is not
// overlooked.
type shared struct {
	Session
	names   *names
	gate    gate
	replies atomic.Int64 // begun
	open    atomic.Int64 // begun and not acknowledged
}

func (s *shared) beside(ctx context.Context, publish func() error) error {
	leave, err := s.gate.enter(ctx, false)
	if err != nil {
		return err
	}
	defer leave()
	return publish()
}

func (s *shared) ConnectDevice(ctx context.Context, device, profile string) error {
	return s.beside(ctx, func() error { return s.Session.ConnectDevice(ctx, device, profile) })
}

func (s *shared) DisconnectDevice(ctx context.Context, device string) error {
	return s.beside(ctx, func() error { return s.Session.DisconnectDevice(ctx, device) })
}

func (s *shared) Telemetry(ctx context.Context, device string, entries []thingsboard.Entry) error {
	return s.beside(ctx, func() error { return s.Session.Telemetry(ctx, device, entries) })
}

func (s *shared) GatewayTelemetry(ctx context.Context, entries []thingsboard.Entry) error {
	return s.beside(ctx, func() error { return s.Session.GatewayTelemetry(ctx, entries) })
}

func (s *shared) Attributes(ctx context.Context, device string, values map[string]any) error {
	return s.beside(ctx, func() error { return s.Session.Attributes(ctx, device, values) })
}

// Reply answers under the name that the device has now. A device that was deleted is not answered: that would make it
// anew.
func (s *shared) Reply(ctx context.Context, device string, id int64, data any) error {
	if device != "" {
		name, there := s.names.now(device)
		if !there {
			return nil
		}
		device = name
	}
	s.replies.Add(1)
	s.open.Add(1)
	defer s.open.Add(-1)
	return s.Session.Reply(ctx, device, id, data)
}

// undisturbed returns a function that reports whether no answer to a command was under way since.
func (s *shared) undisturbed() func() bool {
	before, open := s.replies.Load(), s.open.Load()
	return func() bool { return open == 0 && s.replies.Load() == before }
}
