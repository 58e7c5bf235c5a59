package link

import (
	"context"
	"errors"
	"sync"
	"time"

	"boardlink/connection"
	"boardlink/thingsboard"
)

// fakeBoard is a ThingsBoard that does what a test says.
type fakeBoard struct {
	mu       sync.Mutex
	locate   func(ctx context.Context) error
	signIn   func(ctx context.Context) error
	connect  func(ctx context.Context, ep thingsboard.MQTTEndpoint) error
	find     func(device string) (bool, error)
	large    func() error
	session  func(*fakeSession) // shapes new sessions
	located  []time.Time
	signIns  []time.Time
	sessions []*fakeSession
	closed   int // clients
	relogin  func(ctx context.Context) error
	opened   []connection.Connection // what clients were made for
	known    []string                // gateway ids asked for
	sentRest int
	label    func(device, label string) error // tries to label a device
	labels   []string                         // "device label" of each try
}

func (b *fakeBoard) open(c connection.Connection, relogin func(context.Context) error) (Client, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.opened = append(b.opened, c)
	b.relogin = relogin
	return &fakeClient{b: b}, nil
}

// set changes the behaviour.
func (b *fakeBoard) set(change func(*fakeBoard)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change(b)
}

func (b *fakeBoard) last() *fakeSession {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.sessions) == 0 {
		return nil
	}
	return b.sessions[len(b.sessions)-1]
}

func (b *fakeBoard) count() (located, signIns, sessions int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.located), len(b.signIns), len(b.sessions)
}

type fakeClient struct{ b *fakeBoard }

func (c *fakeClient) Locate(ctx context.Context) error {
	c.b.mu.Lock()
	c.b.located = append(c.b.located, time.Now())
	f := c.b.locate
	c.b.mu.Unlock()
	if f != nil {
		return f(ctx)
	}
	return nil
}

func (c *fakeClient) SignIn(ctx context.Context) (thingsboard.User, error) {
	c.b.mu.Lock()
	c.b.signIns = append(c.b.signIns, time.Now())
	f := c.b.signIn
	c.b.mu.Unlock()
	if f != nil {
		return thingsboard.User{}, f(ctx)
	}
	return thingsboard.User{}, nil
}

func (c *fakeClient) Gateway(_ context.Context, name, known string) (thingsboard.Gateway, error) {
	c.b.mu.Lock()
	defer c.b.mu.Unlock()
	c.b.known = append(c.b.known, known)
	return thingsboard.Gateway{ID: "gateway-1", Name: name}, nil
}

func (c *fakeClient) MQTTEndpoints(context.Context, thingsboard.Gateway) ([]thingsboard.MQTTEndpoint, error) {
	return []thingsboard.MQTTEndpoint{{Host: "mqtt.example.com", Port: 8883, TLS: true}, {Host: "mqtt.example.com", Port: 1883}}, nil
}

func (c *fakeClient) Connect(ctx context.Context, ep thingsboard.MQTTEndpoint, _ thingsboard.Gateway) (Session, error) {
	c.b.mu.Lock()
	f := c.b.connect
	c.b.mu.Unlock()
	if f != nil {
		if err := f(ctx, ep); err != nil {
			return nil, err
		}
	}
	s := &fakeSession{b: c.b, done: make(chan struct{}), commands: make(chan thingsboard.Command, 128), pushes: make(chan thingsboard.AttributePush, 128), alive: true, limit: 64}
	c.b.mu.Lock()
	defer c.b.mu.Unlock()
	if c.b.session != nil {
		c.b.session(s)
	}
	s.began = time.Now()
	c.b.sessions = append(c.b.sessions, s)
	return s, nil
}

func (c *fakeClient) FindDevice(_ context.Context, name string) (string, bool, error) {
	c.b.mu.Lock()
	defer c.b.mu.Unlock()
	if c.b.find == nil {
		return "id of " + name, true, nil
	}
	found, err := c.b.find(name)
	return "id of " + name, found, err
}

func (c *fakeClient) SendTelemetry(context.Context, string, []thingsboard.Entry) error {
	c.b.mu.Lock()
	defer c.b.mu.Unlock()
	c.b.sentRest++
	if c.b.large != nil {
		return c.b.large()
	}
	return nil
}

func (c *fakeClient) Close() {
	c.b.mu.Lock()
	defer c.b.mu.Unlock()
	c.b.closed++
}

// published is one publish that a session saw.
type published struct {
	at     time.Time
	kind   string // connect, telemetry, attributes, own, reply, prove
	device string
	id     int64
	ts     int64
	data   any
}

type fakeSession struct {
	b        *fakeBoard
	began    time.Time
	commands chan thingsboard.Command
	pushes   chan thingsboard.AttributePush
	limit    int
	limits   thingsboard.Limits // announced
	alive    bool               // answers pings

	publish func(ctx context.Context, p published) error // nil: success at once
	hang    chan struct{}                                // Close waits for it

	mu       sync.Mutex
	done     chan struct{}
	err      error
	ended    bool
	closedAt time.Time
	log      []published
}

// end ends the session as ThingsBoard would.
func (s *fakeSession) end(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	s.ended, s.err = true, err
	close(s.done)
}

func (s *fakeSession) do(ctx context.Context, p published) error {
	p.at = time.Now()
	s.mu.Lock()
	s.log = append(s.log, p)
	f := s.publish
	ended := s.ended
	s.mu.Unlock()
	if ended {
		return &thingsboard.Error{Code: connection.ReasonConnectionLost, Kind: thingsboard.Transient, SessionEnded: true, Unsent: true}
	}
	if f == nil {
		return nil
	}
	return f(ctx, p)
}

func (s *fakeSession) ConnectDevice(ctx context.Context, device, profile string) error {
	return s.do(ctx, published{kind: "connect", device: device, data: profile})
}

func (s *fakeSession) DisconnectDevice(ctx context.Context, device string) error {
	return s.do(ctx, published{kind: "disconnect", device: device})
}

func (s *fakeSession) Telemetry(ctx context.Context, device string, entries []thingsboard.Entry) error {
	return s.do(ctx, published{kind: "telemetry", device: device, ts: entries[0].TS, data: string(entries[0].Values)})
}

func (s *fakeSession) GatewayTelemetry(ctx context.Context, entries []thingsboard.Entry) error {
	return s.do(ctx, published{kind: "own", ts: entries[0].TS})
}

func (s *fakeSession) Attributes(ctx context.Context, device string, values map[string]any) error {
	return s.do(ctx, published{kind: "attributes", device: device, data: values})
}

func (s *fakeSession) Reply(ctx context.Context, device string, id int64, data any) error {
	return s.do(ctx, published{kind: "reply", device: device, id: id, data: data})
}

func (s *fakeSession) Prove(ctx context.Context) error { return s.do(ctx, published{kind: "prove"}) }

func (s *fakeSession) Commands() <-chan thingsboard.Command { return s.commands }

func (s *fakeSession) Limits() thingsboard.Limits {
	l := s.limits
	l.MaxInflight = s.limit
	return l
}

func (s *fakeSession) Done() <-chan struct{} { return s.done }

func (s *fakeSession) LastSeen() time.Time {
	if !s.alive {
		return s.began
	}
	return time.Now()
}

func (s *fakeSession) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

func (s *fakeSession) Close(context.Context) error {
	if s.hang != nil {
		<-s.hang
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closedAt = time.Now()
	if !s.ended {
		s.ended = true
		close(s.done)
	}
	return nil
}

// of lists what was published of a kind.
func (s *fakeSession) of(kind string) []published {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []published
	for _, p := range s.log {
		if p.kind == kind {
			found = append(found, p)
		}
	}
	return found
}

func (s *fakeSession) closed() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closedAt
}

// The errors of the peer.

func lost() error {
	return &thingsboard.Error{Code: connection.ReasonConnectionLost, Kind: thingsboard.Transient, SessionEnded: true}
}

func unreachable(context.Context) error {
	return &thingsboard.Error{Code: connection.ReasonTCPRefused, Kind: thingsboard.Transient, Err: errors.New("connection refused")}
}

func wrongPassword(context.Context) error {
	return &thingsboard.Error{Code: connection.ReasonAuthRefused, Kind: thingsboard.Auth}
}

// blackHole is a host that drops every packet.
func blackHole(ctx context.Context) error {
	timer := time.NewTimer(10 * time.Second)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return &thingsboard.Error{Code: connection.ReasonTCPTimeout, Kind: thingsboard.Transient}
}
