package thingsboard

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http/httptrace"
	"sync"
	"time"

	"boardlink/connection"
)

// watch notes how the dials of a probe's client go. The client tells it of handshakes; of names and connections it
// learns by standing before the dialer. A nil watch notes nothing.
type watch struct {
	dial func(ctx context.Context, network, address string) (net.Conn, error)
	now  func() time.Time
	// reached is told of every connection that came to be, while others may still be under way.
	reached func(*dialed)

	mu    sync.Mutex
	dials []*dialed // in the order in which they began
	taken time.Time // when the password was taken
}

// dialed is one dial. Its members are guarded by the watch.
type dialed struct {
	address   string // host:port, as asked for
	began     time.Time
	resolving time.Time // zero where nothing was looked up: an address, or a dialer that does not tell
	resolved  time.Time
	found     []string // addresses of the name
	ended     time.Time
	remote    string // of the connection; empty where none came to be
	err       error  // of the dial or of the handshake

	handshake   time.Time // when the handshake ended; zero where there was none
	version     uint16
	certificate *x509.Certificate // what the peer presented, verified or not
}

// Dial opens a connection with the dialer proper and notes how that went.
func (w *watch) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	d := &dialed{address: address, began: w.now()}
	w.mu.Lock()
	w.dials = append(w.dials, d)
	w.mu.Unlock()
	conn, err := w.dial(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		DNSStart: func(httptrace.DNSStartInfo) { w.note(func() { d.resolving = w.now() }) },
		DNSDone: func(info httptrace.DNSDoneInfo) {
			w.note(func() {
				d.resolved = w.now()
				for _, a := range info.Addrs {
					d.found = append(d.found, a.String())
				}
			})
		},
	}), network, address)
	if err != nil {
		w.note(func() { d.ended, d.err = w.now(), &dialError{err} })
		return nil, err
	}
	w.note(func() {
		d.ended = w.now()
		if a := conn.RemoteAddr(); a != nil {
			d.remote = a.String()
		}
	})
	w.reached(d)
	return &watchedConn{conn, d}, nil
}

func (w *watch) note(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

// watchedConn is a connection that knows its dial.
type watchedConn struct {
	net.Conn
	dialed *dialed
}

// shook notes how a handshake ended.
func (w *watch) shook(socket net.Conn, conn *tls.Conn, err error) {
	watched, ok := socket.(*watchedConn)
	if w == nil || !ok {
		return
	}
	w.note(func() {
		d := watched.dialed
		d.handshake = w.now()
		state := conn.ConnectionState()
		d.version = state.Version
		if len(state.PeerCertificates) > 0 {
			d.certificate = state.PeerCertificates[0]
		}
		if err == nil {
			return
		}
		d.err = &tlsError{err}
		var unverified *tls.CertificateVerificationError
		if errors.As(err, &unverified) && len(unverified.UnverifiedCertificates) > 0 {
			d.certificate = unverified.UnverifiedCertificates[0]
		}
	})
}

// accepted notes that the password was taken.
func (w *watch) accepted() {
	if w != nil {
		w.note(func() { w.taken = w.now() })
	}
}

// tookPassword tells when the password was taken; the zero time where it was not.
func (w *watch) tookPassword() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.taken
}

// all gives copies of what is known of the dials.
func (w *watch) all() []dialed {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := make([]dialed, len(w.dials))
	for i, d := range w.dials {
		list[i] = *d
	}
	return list
}

// copyOf gives a copy of what is known of one dial.
func (w *watch) copyOf(d *dialed) dialed {
	w.mu.Lock()
	defer w.mu.Unlock()
	return *d
}

// connected reports whether a connection came to be.
func (d dialed) connected() bool { return d.remote != "" }

// secure reports whether a handshake succeeded.
func (d dialed) secure() bool { return !d.handshake.IsZero() && d.err == nil }

// lookup is how long the name took.
func (d dialed) lookup() time.Duration {
	if d.resolving.IsZero() || d.resolved.IsZero() {
		return 0
	}
	return d.resolved.Sub(d.resolving)
}

// causes reports whether this dial is why code was told.
func (d dialed) causes(code connection.ReasonCode) bool {
	return d.err != nil && networkError("", d.err).Code == code
}
