package sandbox

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
)

// Errors of the sandbox itself.
var (
	ErrClosed   = errors.New("sandbox is closed")
	ErrNoDevice = errors.New("no such device")
	ErrStopped  = errors.New("sandbox was paused or closed")
	ErrTimeout  = errors.New("no answer to the RPC in time") // what REST tells with status 504
)

// Sandbox is a running ThingsBoard. All its methods may be called from any goroutine.
type Sandbox struct {
	opt       Options
	log       *slog.Logger
	authority *authority
	restTLS   *tls.Config // nil without TLS
	mqttTLS   *tls.Config // likewise
	behaviour atomic.Pointer[Behaviour]
	changes   broadcast

	lifecycle sync.Mutex // one Pause, Resume or Close at a time
	closed    bool

	storing sync.Mutex // taken before mu, so that points are told in the order in which they were stored

	mu      sync.Mutex
	addrs   map[doorName]string
	late    []parcel
	turn    *turn // nil while paused
	people  people
	devices devices
	buckets buckets
	logs    logs
}

// A turn is the time between a start and a pause: what must end with it.
type turn struct {
	ctx   context.Context
	stop  context.CancelFunc
	work  sync.WaitGroup
	doors []*door
}

// Start makes a certificate authority, opens the listeners and serves until Close.
func Start(opt Options) (*Sandbox, error) {
	opt = opt.withDefaults()
	s := &Sandbox{opt: opt, log: opt.Log, people: newPeople(), devices: newDevices(), buckets: newBuckets(), logs: newLogs(opt.LogSize)}
	b := standardBehaviour()
	s.behaviour.Store(&b)
	authority, err := newAuthority(opt.Hosts)
	if err != nil {
		return nil, fmt.Errorf("make certificates: %w", err)
	}
	s.authority = authority
	s.addrs = map[doorName]string{doorREST: opt.HTTPAddr}
	if !opt.NoPlainMQTT {
		s.addrs[doorMQTT] = opt.MQTTAddr
	}
	if opt.TLS {
		s.restTLS = s.tlsConfig(func(b *Behaviour) TLSFault { return b.RESTTLS })
		s.mqttTLS = s.tlsConfig(func(b *Behaviour) TLSFault { return b.MQTTTLS })
		s.addrs[doorMQTTS] = opt.MQTTSAddr
		if opt.PlainHTTP {
			s.addrs[doorPlainREST] = opt.PlainHTTPAddr
		}
	}
	if err := s.open(); err != nil {
		return nil, err
	}
	return s, nil
}

// HTTPAddr is host:port of REST, with TLS where Options.TLS is set.
func (s *Sandbox) HTTPAddr() string { return s.addr(doorREST) }

// PlainHTTPAddr is host:port of REST without TLS; empty when there is none.
func (s *Sandbox) PlainHTTPAddr() string {
	if s.restTLS == nil {
		return s.addr(doorREST)
	}
	return s.addr(doorPlainREST)
}

// MQTTAddr is host:port of MQTT without TLS; empty when there is none.
func (s *Sandbox) MQTTAddr() string { return s.addr(doorMQTT) }

// MQTTSAddr is host:port of MQTT with TLS; empty when there is none.
func (s *Sandbox) MQTTSAddr() string { return s.addr(doorMQTTS) }

// URL is the base of the REST API, such as https://127.0.0.1:34567.
func (s *Sandbox) URL() string {
	if s.restTLS == nil {
		return "http://" + s.HTTPAddr()
	}
	return "https://" + s.HTTPAddr()
}

// CAPEM is the certificate of the throw-away authority that signed the server's certificate.
func (s *Sandbox) CAPEM() []byte { return s.authority.pem }

// Await returns when cond is true; it is asked again after everything that happens in the sandbox.
func (s *Sandbox) Await(ctx context.Context, cond func() bool) error {
	for {
		changed := s.changes.wait()
		if cond() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("await the sandbox: %w", ctx.Err())
		}
	}
}

// Pause takes the server away as a crash would: listeners close, every connection is reset, RPCs under way fail. Accounts,
// devices and telemetry stay. A paused sandbox stays paused.
func (s *Sandbox) Pause() {
	s.lifecycle.Lock()
	defer s.lifecycle.Unlock()
	s.shut()
}

// Resume brings a paused sandbox back on the ports it had. The error says that another program took one of them.
func (s *Sandbox) Resume() error {
	s.lifecycle.Lock()
	defer s.lifecycle.Unlock()
	if s.closed {
		return ErrClosed
	}
	if s.Running() {
		return nil
	}
	return s.open()
}

// Running tells whether the sandbox serves, that is, is neither paused nor closed.
func (s *Sandbox) Running() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.turn != nil
}

// Close ends the sandbox and all its goroutines. It may be called more than once.
func (s *Sandbox) Close() {
	s.lifecycle.Lock()
	defer s.lifecycle.Unlock()
	s.closed = true
	s.shut()
}

// open starts a turn; with s.lifecycle held, or before anyone else knows s.
func (s *Sandbox) open() error {
	t := &turn{}
	t.ctx, t.stop = context.WithCancel(context.Background())
	for _, name := range doorNames {
		addr, wanted := s.address(name)
		if !wanted {
			continue
		}
		d, err := s.openDoor(t, name, addr)
		if err != nil {
			for _, d := range t.doors {
				d.slam()
			}
			t.stop()
			return fmt.Errorf("listen for %s: %w", name, err)
		}
		t.doors = append(t.doors, d)
	}
	s.mu.Lock()
	for _, d := range t.doors {
		s.addrs[d.name] = d.Addr().String()
	}
	s.turn = t
	s.mu.Unlock()
	for _, d := range t.doors {
		t.work.Go(func() { s.serve(t, d) })
	}
	t.work.Go(func() { s.sweep(t.ctx) })
	s.changes.signal()
	return nil
}

// shut ends the turn, if there is one; with s.lifecycle held.
func (s *Sandbox) shut() {
	s.mu.Lock()
	t := s.turn
	s.turn = nil
	s.mu.Unlock()
	if t == nil {
		return
	}
	for _, d := range t.doors { // first of all: who is told to stop must not find a way to answer
		d.slam()
	}
	t.stop()
	t.work.Wait()
	s.forgetSessions()
	s.changes.signal()
}

func (s *Sandbox) serve(t *turn, d *door) {
	switch d.name {
	case doorREST, doorPlainREST:
		s.serveREST(t, d)
	default:
		s.serveMQTT(t, d)
	}
}

func (s *Sandbox) addr(name doorName) string {
	addr, _ := s.address(name)
	return addr
}

func (s *Sandbox) address(name doorName) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	addr, ok := s.addrs[name]
	return addr, ok
}
