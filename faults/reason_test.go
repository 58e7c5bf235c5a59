package faults_test

import (
	"bytes"
	"context"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"boardlink/connection"
	"boardlink/faults"
	"boardlink/netguard"
)

// closed waits until a link is CLOSED for a reason, and returns what it shows then. A next try must be named, and what to
// do about it.
func closed(t *testing.T, w *faults.World, l *faults.Link, code connection.ReasonCode, limit time.Duration) connection.Status {
	t.Helper()
	var s connection.Status
	w.Until("the link to be CLOSED by "+string(code), limit, func() bool {
		s = l.Status()
		return s.State == connection.Closed && s.ReasonCode == code
	})
	if s.NextAttemptAt.IsZero() || s.Reason == "" || s.Hint == "" {
		t.Errorf("the status says too little: %+v", s)
	}
	return s
}

// retry chooses Retry now, so that a test need not wait for the next try.
func retry(t *testing.T, links ...*faults.Link) {
	t.Helper()
	for _, l := range links {
		if err := l.Retry(); err != nil {
			t.Errorf("retry %s: %v", l, err)
		}
	}
}

// never fails the test where what is told of a link holds a text.
func never(t *testing.T, w *faults.World, l *faults.Link, texts ...string) {
	t.Helper()
	s := l.Status()
	told := []string{s.Reason, s.Hint}
	for _, e := range w.Events() {
		told = append(told, e.Message)
	}
	for _, said := range told {
		for _, text := range texts {
			if strings.Contains(said, text) {
				t.Errorf("%q is told: %q", text, said)
			}
		}
	}
}

// wiretap hears what is sent over each connection, beneath TLS where there is some.
type wiretap struct {
	dial func(ctx context.Context, network, address string) (net.Conn, error)

	mu    sync.Mutex
	names map[string]string
	heard []*tapped
}

type tapped struct {
	net.Conn
	tap     *wiretap
	address string // that was dialled
	sent    []byte
}

func (t *tapped) Write(b []byte) (int, error) {
	t.tap.mu.Lock()
	t.sent = append(t.sent, b...)
	t.tap.mu.Unlock()
	return t.Conn.Write(b)
}

// tap makes a dialer that is heard. names leads from what is dialled to where it is; what is not in it is dialled as it
// is.
func tap(names map[string]string) *wiretap {
	policy, err := netguard.ParsePolicy("127.0.0.1")
	if err != nil {
		panic(err) // the policy is a constant
	}
	dial := policy.Dialer(10 * time.Second).DialContext
	t := &wiretap{names: names}
	t.dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		to := address
		t.mu.Lock()
		if there, ok := t.names[address]; ok {
			to = there
		}
		t.mu.Unlock()
		conn, err := dial(ctx, network, to)
		if err != nil {
			return nil, err
		}
		heard := &tapped{Conn: conn, tap: t, address: address}
		t.mu.Lock()
		t.heard = append(t.heard, heard)
		t.mu.Unlock()
		return heard, nil
	}
	return t
}

// name has a name lead to an address from now on.
func (t *wiretap) name(from, to string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.names[from] = to
}

// spokeTo reports whether something was sent over a connection to an address.
func (t *wiretap) spokeTo(address string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.ContainsFunc(t.heard, func(c *tapped) bool { return c.address == address && len(c.sent) > 0 })
}

// wantNoneOf fails the test where a secret was sent in clear.
func (t *wiretap) wantNoneOf(tb *testing.T, secrets ...string) {
	tb.Helper()
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range t.heard {
		for _, secret := range secrets {
			if bytes.Contains(c.sent, []byte(secret)) {
				tb.Errorf("a secret went to %s in clear", c.address)
			}
		}
	}
}

// wantTLSOnly fails the test where a connection began with anything but a TLS record of a handshake.
func (t *wiretap) wantTLSOnly(tb *testing.T) {
	tb.Helper()
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.heard) == 0 {
		tb.Error("nothing was dialled")
	}
	for _, c := range t.heard {
		if len(c.sent) > 0 && c.sent[0] != 0x16 {
			tb.Errorf("the connection to %s begins with %q", c.address, c.sent[:min(len(c.sent), 16)])
		}
	}
}
