package sandbox

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Errors of the sandbox itself.
var (
	ErrClosed   = errors.New("sandbox is closed")
	ErrNoDevice = errors.New("no such device")
	ErrStopped  = errors.New("sandbox was paused or closed")
	ErrTimeout  = errors.New("no answer to the RPC in time") // what REST tells with status 504
)

// Options says what a sandbox is like for its whole life. The zero value serves plain HTTP and plain MQTT.
type Options struct {
	// TLS serves REST over https and opens the MQTT listener with TLS (mqtts).
	TLS bool
	// PlainHTTP opens, where TLS is set, one more REST listener without it.
	PlainHTTP bool
	// NoPlainMQTT leaves the MQTT listener without TLS closed.
	NoPlainMQTT bool
	// Hosts are names and addresses that the server's certificate bears besides localhost, 127.0.0.1 and ::1.
	Hosts []string

	// Addresses to listen on; by default a free port of 127.0.0.1 each.
	HTTPAddr, PlainHTTPAddr, MQTTAddr, MQTTSAddr string

	Log *slog.Logger     // nil: nothing is logged
	Now func() time.Time // nil: time.Now. It stamps what is stored and judges tokens; time-outs run on the real clock

	// SessionInactivity ends an MQTT session without a packet (ThingsBoard: 600 s), SubDeviceInactivity forgets a sub-device
	// without traffic of its own (600 s), ScanInterval is how often both are looked for (3 s).
	SessionInactivity, SubDeviceInactivity, ScanInterval time.Duration
	// DeviceLimitMemory is how long a creation refused by the device limit is remembered (5 s).
	DeviceLimitMemory time.Duration
	// RPCFloor is what shorter time-outs of RPCs over REST are raised to (5 s).
	RPCFloor time.Duration

	// MaxPayload is the largest remaining length of a packet, in bytes (65536).
	MaxPayload int
	// PacketIDs is how many packet ids the downlinks of a session use, counting from 1 and wrapping through 0 (65536).
	PacketIDs int

	// History is how many points are kept for each device (100,000), LogSize how many lines of each log (1,000).
	History, LogSize int

	// OnTelemetry is called after each stored point, in the order of storing and outside of all locks. It must not block long.
	OnTelemetry func(device string, p Point)
}

func (o Options) withDefaults() Options {
	o.HTTPAddr = cmp.Or(o.HTTPAddr, "127.0.0.1:0")
	o.PlainHTTPAddr = cmp.Or(o.PlainHTTPAddr, "127.0.0.1:0")
	o.MQTTAddr = cmp.Or(o.MQTTAddr, "127.0.0.1:0")
	o.MQTTSAddr = cmp.Or(o.MQTTSAddr, "127.0.0.1:0")
	o.SessionInactivity = cmp.Or(o.SessionInactivity, 600*time.Second)
	o.SubDeviceInactivity = cmp.Or(o.SubDeviceInactivity, 600*time.Second)
	o.ScanInterval = cmp.Or(o.ScanInterval, 3*time.Second)
	o.DeviceLimitMemory = cmp.Or(o.DeviceLimitMemory, 5*time.Second)
	o.RPCFloor = cmp.Or(o.RPCFloor, 5*time.Second)
	o.MaxPayload = cmp.Or(o.MaxPayload, 65536)
	o.PacketIDs = cmp.Or(o.PacketIDs, 65536)
	o.History = cmp.Or(o.History, 100_000)
	o.LogSize = cmp.Or(o.LogSize, 1000)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Sandbox is a running ThingsBoard. All its methods may be called from any goroutine.
type Sandbox struct {
	opt       Options
	log       *slog.Logger
	authority *authority
	tls       *tls.Config // nil without TLS
	behaviour atomic.Pointer[Behaviour]
	changes   broadcast

	lifecycle sync.Mutex // one Pause, Resume or Close at a time
	closed    bool       // under lifecycle
	addrs     map[doorName]string

	storing sync.Mutex // taken before mu

	mu      sync.Mutex
	late    []func() // what is acknowledged and not yet stored
	turn    *turn    // nil while paused
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
		s.tls = authority.serverConfig()
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
	if s.tls == nil {
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
	if s.tls == nil {
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
	t.stop()
	for _, d := range t.doors {
		d.slam()
	}
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

// serveREST answers requests until the door is slammed, and returns when the last handler has.
func (s *Sandbox) serveREST(t *turn, d *door) {
	var handlers sync.WaitGroup
	handler := s.restHandler()
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			handlers.Add(1)
			defer handlers.Done()
			handler.ServeHTTP(w, r)
		}),
		ReadHeaderTimeout: 30 * time.Second,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		BaseContext:       func(net.Listener) context.Context { return t.ctx },
	}
	var listener net.Listener = d
	if s.tls != nil && d.name == doorREST {
		listener = tls.NewListener(d, s.tls)
	}
	if err := server.Serve(listener); err != nil && !errors.Is(err, net.ErrClosed) {
		s.log.Warn("REST listener ended", "error", err)
	}
	<-t.ctx.Done()
	if err := server.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		s.log.Debug("REST server closed with an error", "error", err)
	}
	handlers.Wait()
}
