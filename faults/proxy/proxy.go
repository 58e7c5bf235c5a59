// Package proxy is a TCP proxy on loopback that breaks on purpose: it refuses, keeps silent, reads slowly or not at all,
// loses what goes one way, cuts after so many bytes, resets. What it does is changed at any moment and holds for the
// connections that are open too.
package proxy

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"boardlink/thingsboard/sandbox"
)

// Fault is what a proxy does to its connections. The zero value passes everything on.
type Fault struct {
	// Refuse closes the listener: whoever connects is refused. Open connections go on.
	Refuse bool
	// Silent accepts connections and does nothing with them: nothing is read and nothing said.
	Silent bool
	// Up is what happens to the bytes that the client sends, Down to those that the server sends.
	Up, Down Way
}

// Way is what happens to the bytes that go one way.
type Way struct {
	// Hold stops reading. What was read stays where it is, and goes on when Hold ends.
	Hold bool
	// Lose reads and throws away: to both ends the connection is open, and what is sent is gone. A half-open connection
	// loses both ways.
	Lose bool
	// Rate is how many bytes pass in a second; 0: as many as there are.
	Rate int
	// Latency is how long each piece waits before it goes on.
	Latency time.Duration
	// CutAfter ends a connection with a reset when so many bytes have gone this way since the fault was set; the rest of
	// the piece is lost. 0: never.
	CutAfter int64
}

// HalfOpen loses what goes either way and leaves the sockets open.
var HalfOpen = Fault{Up: Way{Lose: true}, Down: Way{Lose: true}}

// Proxy is a running proxy. It is safe for concurrent use; make it with [Listen].
type Proxy struct {
	port     *port
	accepted atomic.Int64

	lifecycle sync.Mutex // one change of the listener at a time

	mu       sync.Mutex
	target   string
	set      *setting
	listener net.Listener // nil while it refuses or is closed
	hole     bool         // the listener is one that nobody accepts from
	filling  []net.Conn   // fill its queue
	conns    map[*pair]struct{}
	closed   bool
	work     sync.WaitGroup
}

// setting is a fault in force; changed is closed when another one is.
type setting struct {
	Fault
	changed chan struct{}
}

// Listen makes a proxy to target, host:port, on a free port of 127.0.0.1.
func Listen(target string) (*Proxy, error) {
	port, err := holdPort()
	if err != nil {
		return nil, err
	}
	listener, err := port.listen()
	if err != nil {
		port.release()
		return nil, err
	}
	p := &Proxy{port: port, target: target, set: &setting{changed: make(chan struct{})}, conns: map[*pair]struct{}{}}
	p.hear(listener)
	return p, nil
}

// Addr is the proxy's host:port.
func (p *Proxy) Addr() string { return p.port.addr }

// Aim sends new connections to another target.
func (p *Proxy) Aim(target string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = target
}

// Accepted counts the connections that came in since the start.
func (p *Proxy) Accepted() int64 { return p.accepted.Load() }

// Open counts the connections that are open.
func (p *Proxy) Open() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.conns)
}

// Set changes what happens, from now on, to open connections and to new ones. The error says that the port could not be
// listened on again after a refusal or a black hole.
func (p *Proxy) Set(f Fault) error {
	p.lifecycle.Lock()
	defer p.lifecycle.Unlock()
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return net.ErrClosed
	}
	old := p.set
	p.set = &setting{f, make(chan struct{})}
	hole := p.hole
	listening := p.listener != nil
	p.mu.Unlock()
	close(old.changed)
	if hole || f.Refuse && listening {
		p.deafen()
		listening = false
	}
	if f.Refuse || listening {
		return nil
	}
	listener, err := p.port.listen()
	if err != nil {
		return err
	}
	p.hear(listener)
	return nil
}

// Pass ends every fault.
func (p *Proxy) Pass() error { return p.Set(Fault{}) }

// BlackHole makes attempts to connect run into their time-out, as where a firewall drops the packets: the queue of
// connections that nobody accepted is full. Open connections go on. It needs Linux, where such attempts are dropped;
// elsewhere the error is [errors.ErrUnsupported]. Set ends it.
func (p *Proxy) BlackHole() error {
	p.lifecycle.Lock()
	defer p.lifecycle.Unlock()
	p.deafen()
	listener, err := p.port.listen()
	if err != nil {
		return err
	}
	filling, err := sandbox.Swallow(listener)
	if err != nil {
		_ = listener.Close() // err tells
		return fmt.Errorf("make a black hole: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.listener, p.filling, p.hole = listener, filling, true
	return nil
}

// Reset ends every open connection with a reset, as a host does that has forgotten them.
func (p *Proxy) Reset() {
	for _, c := range p.pairs() {
		c.end(true)
	}
}

// Cut ends every open connection in peace.
func (p *Proxy) Cut() {
	for _, c := range p.pairs() {
		c.end(false)
	}
}

// Close ends the proxy, its connections and its goroutines. It may be called more than once.
func (p *Proxy) Close() {
	p.lifecycle.Lock()
	defer p.lifecycle.Unlock()
	p.mu.Lock()
	first := !p.closed
	p.closed = true
	p.mu.Unlock()
	p.deafen()
	p.port.release()
	p.Reset()
	if first {
		p.mu.Lock()
		close(p.set.changed)
		p.mu.Unlock()
	}
	p.work.Wait()
}

// hear accepts from a listener.
func (p *Proxy) hear(listener net.Listener) {
	p.mu.Lock()
	p.listener = listener
	p.mu.Unlock()
	p.work.Go(func() { p.accept(listener) })
}

// deafen closes the listener, and what fills a black hole.
func (p *Proxy) deafen() {
	p.mu.Lock()
	listener, filling := p.listener, p.filling
	p.listener, p.filling, p.hole = nil, nil, false
	p.mu.Unlock()
	if listener != nil {
		_ = listener.Close() // closed twice is closed
	}
	for _, c := range filling {
		_ = c.Close()
	}
}

func (p *Proxy) accept(listener net.Listener) {
	for {
		client, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // too many open files, say
			time.Sleep(20 * time.Millisecond)
			continue
		}
		p.accepted.Add(1)
		c := &pair{p: p, client: client, over: make(chan struct{})}
		p.mu.Lock()
		if p.closed {
			p.mu.Unlock()
			_ = client.Close()
			return
		}
		p.conns[c] = struct{}{}
		p.work.Go(c.serve)
		p.mu.Unlock()
	}
}

func (p *Proxy) current() *setting {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.set
}

func (p *Proxy) pairs() []*pair {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]*pair, 0, len(p.conns))
	for c := range p.conns {
		all = append(all, c)
	}
	return all
}
