package thingsboard

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/eclipse/paho.golang/packets"
	"github.com/eclipse/paho.golang/paho"

	"boardlink/connection"
)

// Session is one MQTT 5 session of the gateway. It is safe for concurrent use.
//
// It ends when ThingsBoard or the network ends it, when a publish stays without a PUBACK for 10 s, when the peer is
// silent for 20 s, or with [Session.Close]. It is not opened again: ask [Client.Connect] for another.
type Session struct {
	endpoint MQTTEndpoint
	client   *paho.Client
	wire     *wire
	log      *slog.Logger
	now      func() time.Time
	secrets  []connection.Secret // of account and gateway, for what the peer says

	limits  Limits
	ours    int           // how many publishes may wait for their PUBACK, by our own settings
	data    chan struct{} // a token per publish that may wait for its PUBACK
	replies chan struct{} // likewise, for answers to commands, which must not wait behind telemetry

	commands     chan Command
	refusals     chan overflow // commands to be refused because the queue is full
	pushes       chan AttributePush
	pushesLost   atomic.Int64    // that found the queue full
	limitsAnswer chan []byte     // what the server says of its limits
	life         context.Context // ends with the session
	expire       context.CancelFunc
	background   sync.WaitGroup // the goroutine that refuses
	began        time.Time
	quotaAt      atomic.Int64 // when a PUBACK last said 0x97, see mark
	failedAt     atomic.Int64 // likewise 0x80
	opening      atomic.Int64 // devices whose sessions are being opened
	lastSeen     atomic.Int64 // nanoseconds since the session began
	done         chan struct{}

	mu      sync.Mutex
	err     *Error // why it ended; nil while it is open and after Close
	ended   bool   // err is settled, the connection is being closed
	closing bool   // by us
	once    sync.Once
}

const (
	commandQueue = 128
	refusalQueue = 1024
	pushQueue    = 128
	// quotaWindow is how long after a PUBACK 0x97 a close without a word still means "too fast", and after a PUBACK 0x80
	// that the server's queue failed.
	quotaWindow = 2 * time.Second
)

func newSession(c *Client, ep MQTTEndpoint, g Gateway, w *wire) *Session {
	s := &Session{
		endpoint: ep, wire: w, log: c.log, now: c.now, began: c.now(),
		secrets: append(c.secrets(), g.ClientID, g.Username, g.Password),
		limits:  defaultLimits(), ours: c.options.MaxInflight,
		commands:     make(chan Command, commandQueue),
		refusals:     make(chan overflow, refusalQueue),
		pushes:       make(chan AttributePush, pushQueue),
		limitsAnswer: make(chan []byte, 1),
		done:         make(chan struct{}),
	}
	w.guard.refused = func(reason byte) {
		switch reason {
		case packets.PubackQuotaExceeded:
			s.mark(&s.quotaAt)
		case packets.PubackUnspecifiedError:
			s.mark(&s.failedAt)
		}
	}
	s.life, s.expire = context.WithCancel(context.Background())
	s.client = paho.NewClient(paho.ClientConfig{
		Conn:               w,
		PacketTimeout:      ackTimeout,
		PingHandler:        &pinger{answered: s.seen, dead: s.silent},
		AuthHandler:        noAuth{},
		OnPublishReceived:  []func(paho.PublishReceived) (bool, error){s.received},
		OnServerDisconnect: s.disconnected,
		OnClientError:      s.lost,
	})
	return s
}

// adopt takes what CONNACK said.
func (s *Session) adopt(answer *paho.Connack) {
	if p := answer.Properties; p != nil {
		if p.ReceiveMaximum != nil {
			s.limits.MaxInflight = min(s.limits.MaxInflight, int(*p.ReceiveMaximum))
		}
		if p.MaximumPacketSize != nil {
			s.limits.MaxPayload = min(s.limits.MaxPayload, int(*p.MaximumPacketSize)-topicRoom)
		}
	}
	s.seen()
}

// begin subscribes, asks for the limits and makes the session ready. A session that fails to begin is closed.
func (s *Session) begin(ctx context.Context) error {
	err := s.subscribe(ctx)
	if err == nil {
		err = s.askLimits(ctx)
	}
	if err == nil {
		s.open()
		return nil
	}
	err = s.beginError(ctx, err)
	closeCtx, cancelClose := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancelClose()
	_ = s.Close(closeCtx)
	return err
}

func (s *Session) beginError(ctx context.Context, err error) error {
	if ended := s.endedSoon(); ended != nil {
		return ended
	}
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return err
	}
	return networkError(s.endpoint.String(), err)
}

// open sets the windows once the limits are known, and starts refusing what overflows.
func (s *Session) open() {
	replies := max(1, min(8, s.limits.MaxInflight/8))
	s.replies = make(chan struct{}, replies)
	s.data = make(chan struct{}, max(1, min(s.ours, s.limits.MaxInflight-replies)))
	s.background.Go(s.refuseOverflow)
}

// Done is closed when the session has ended; [Session.Err] then says why.
func (s *Session) Done() <-chan struct{} { return s.done }

// Err says why the session ended: an [*Error] with SessionEnded, or nil while it is open and after [Session.Close].
func (s *Session) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		return nil
	}
	return s.err
}

// LastSeen is when ThingsBoard last acknowledged a publish or answered a ping. It keeps the reading of the steady clock,
// so that its distance from another time does not change when the wall clock is set.
func (s *Session) LastSeen() time.Time { return s.began.Add(time.Duration(s.lastSeen.Load())) }

func (s *Session) seen() { s.lastSeen.Store(int64(s.now().Sub(s.began))) }

// Close says goodbye and closes the connection, by ctx's deadline but within 500 ms at most; a peer that hangs is left
// without a word. Publishes under way return an error: their outcome is unknown. It may be called twice.
func (s *Session) Close(ctx context.Context) error {
	s.mu.Lock()
	first := !s.closing && !s.ended
	s.closing, s.ended = true, true
	s.mu.Unlock()
	deadline := time.Now().Add(goodbyeTimeout)
	if d, ok := ctx.Deadline(); ok && d.Before(deadline) {
		deadline = d
	}
	if !first || ctx.Err() != nil {
		s.wire.abort(nil)
	} else {
		hangUp := time.AfterFunc(time.Until(deadline), func() { s.wire.abort(nil) })
		defer hangUp.Stop()
		// Its error is of no use: the connection is closed either way.
		_ = s.client.Disconnect(&paho.Disconnect{ReasonCode: packets.DisconnectNormalDisconnection})
	}
	s.finish()
	s.background.Wait()
	return nil
}

const goodbyeTimeout = 500 * time.Millisecond

// end settles why the session ended and cuts the connection; the first reason counts.
func (s *Session) end(e *Error) {
	s.mu.Lock()
	if !s.ended {
		s.ended = true
		e.SessionEnded = true
		s.err = e
	}
	s.mu.Unlock()
	s.wire.abort(nil)
}

// silent is called by the pinger. The library tells of a lost connection in any order, so the reason is settled before.
func (s *Session) silent() {
	s.end(fail(connection.ReasonTimeout, Transient, s.endpoint.String(), errNoPong))
}

// disconnected is called by the library after the server's DISCONNECT, when its goroutines have ended.
func (s *Session) disconnected(d *paho.Disconnect) {
	words := ""
	if d.Properties != nil {
		words = d.Properties.ReasonString
	}
	v := disconnectVerdict(d.ReasonCode)
	if d.ReasonCode == packets.DisconnectServerShuttingDown && s.opening.Load() > 0 {
		// A rate limit that is hit while a device's session opens has no PUBACK (AbstractGatewaySessionHandler.java).
		v = verdict{connection.ReasonThrottled, Throttled}
	}
	e := mqttError(s.endpoint.String(), v, "DISCONNECT", d.ReasonCode, words, s.secrets)
	e.ByPeer = true
	s.end(e)
	s.finish()
}

// lost is called by the library when the connection failed, when its goroutines have ended; perhaps several times, and
// after a Close of ours too.
func (s *Session) lost(err error) {
	e := networkError(s.endpoint.String(), err)
	switch {
	case s.within(&s.quotaAt, quotaWindow):
		// A rate limit: PUBACK 0x97, then the connection closes without a DISCONNECT.
		e = fail(connection.ReasonThrottled, Throttled, s.endpoint.String(), err)
	case isClosed(err) && s.within(&s.failedAt, settleTime):
		// The server's queue failed: PUBACK 0x80, then the same. It says nothing against what else was under way.
		e = fail(connection.ReasonServerError, Transient, s.endpoint.String(), err)
	case isClosed(err) || isTimeout(err):
		e = fail(connection.ReasonConnectionLost, Transient, s.endpoint.String(), err)
	}
	e.ByPeer = closedByPeer(err)
	s.end(e)
	s.finish()
}

// mark notes by the steady clock that something happens now; 0 is kept for never.
func (s *Session) mark(at *atomic.Int64) { at.Store(int64(s.now().Sub(s.began)) + 1) }

// within reports whether something was marked less than d ago.
func (s *Session) within(at *atomic.Int64, d time.Duration) bool {
	then := at.Load()
	return then > 0 && s.now().Sub(s.began)-time.Duration(then-1) < d
}

// finish lets go of what waits for the session, once the library's goroutines have ended.
//
// The library leaves publishes without an answer when the connection is lost (state.State.clean forgets who waits), so
// they wait for s.life too. It ends a moment later than the session: a caller whose PUBACK has come just before shall
// see the PUBACK and not the end.
func (s *Session) finish() {
	<-s.client.Done()
	s.once.Do(func() {
		close(s.commands)
		close(s.pushes)
		close(s.done)
		time.AfterFunc(answerGrace, s.expire)
	})
}

const answerGrace = 20 * time.Millisecond

// whileOpen returns a context that also ends with the session.
func (s *Session) whileOpen(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(s.life, cancel)
	return ctx, func() { stop(); cancel() }
}

// endedSoon waits a moment for the session to end, and returns the reason; nil where it goes on.
func (s *Session) endedSoon() *Error {
	timer := time.NewTimer(settleTime)
	defer timer.Stop()
	select {
	case <-s.done:
	case <-timer.C:
		return nil
	}
	return s.endError()
}

// over reports whether the session has ended.
func (s *Session) over() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// endError is what a call gets on a session that has ended.
func (s *Session) endError() *Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		copied := *s.err
		return &copied
	}
	return &Error{
		Code: connection.ReasonConnectionLost, Kind: Transient, SessionEnded: true,
		Message: "The MQTT session was closed.", Err: fmt.Errorf("session closed by its owner"),
	}
}
