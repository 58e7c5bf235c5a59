package sandbox

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"
)

// A Trap is an address that no client gets anything from.
type Trap struct {
	listener net.Listener
	work     sync.WaitGroup
	mu       sync.Mutex
	conns    []net.Conn
}

// Mute listens on a free port of 127.0.0.1, accepts connections and never says anything. What clients send is not read.
func Mute() (*Trap, error) {
	t, err := newTrap()
	if err != nil {
		return nil, err
	}
	t.work.Go(func() {
		for {
			conn, err := t.listener.Accept()
			if err != nil {
				return
			}
			t.keep(conn)
		}
	})
	return t, nil
}

// BlackHole listens on a free port of 127.0.0.1 with a full queue, so that attempts to connect get no answer and run into
// their time-out. It needs Linux, where such attempts are dropped; elsewhere the error says so.
func BlackHole() (*Trap, error) {
	t, err := newTrap()
	if err != nil {
		return nil, err
	}
	if t.conns, err = Swallow(t.listener); err != nil {
		t.Close()
		return nil, fmt.Errorf("make a black hole: %w", err)
	}
	return t, nil
}

// Swallow fills the queue of a listener that nobody accepts from, so that attempts to connect get no answer, as where a
// firewall drops the packets. It returns the connections that fill it, which are to be closed with the listener. It needs
// Linux, where such attempts are dropped; elsewhere the error is [errors.ErrUnsupported].
func Swallow(l net.Listener) (filling []net.Conn, err error) {
	if err := shortenQueue(l); err != nil {
		return nil, err
	}
	dialer := net.Dialer{Timeout: 150 * time.Millisecond}
	for range 16 { // the queue takes one or two, whatever its length says
		conn, err := dialer.DialContext(context.Background(), "tcp", l.Addr().String())
		if err != nil {
			return filling, nil
		}
		filling = append(filling, conn)
	}
	for _, conn := range filling {
		_ = conn.Close()
	}
	return nil, fmt.Errorf("%s still accepts connections", l.Addr())
}

// Addr is the trap's host:port.
func (t *Trap) Addr() string { return t.listener.Addr().String() }

// Close ends the trap and every connection in it.
func (t *Trap) Close() {
	_ = t.listener.Close() // closed twice is closed
	t.work.Wait()
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, conn := range t.conns {
		_ = conn.Close()
	}
	t.conns = nil
}

func newTrap() (*Trap, error) {
	var config net.ListenConfig
	listener, err := config.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for a trap: %w", err)
	}
	return &Trap{listener: listener}, nil
}

func (t *Trap) keep(conn net.Conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.conns = append(t.conns, conn)
}
