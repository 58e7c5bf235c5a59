package proxy

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// pair is a client's connection and the one to the server that belongs to it.
type pair struct {
	p      *Proxy
	client net.Conn

	mu     sync.Mutex
	server net.Conn // nil until it is there
	ended  bool
	over   chan struct{} // closed when the pair has ended
}

// serve is the whole life of a pair.
func (c *pair) serve() {
	defer c.forget()
	for s := c.p.current(); s.Silent; s = c.p.current() { // whoever connects now waits until that is over
		select {
		case <-s.changed:
		case <-c.over:
			return
		}
		if c.isClosed() {
			return
		}
	}
	c.p.mu.Lock()
	target := c.p.target
	c.p.mu.Unlock()
	server, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(context.Background(), "tcp", target)
	if err != nil {
		c.end(true)
		return
	}
	c.mu.Lock()
	if c.ended {
		c.mu.Unlock()
		_ = server.Close()
		return
	}
	c.server = server
	c.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { c.pass(c.client, server, func(s *setting) Way { return s.Up }) })
	both.Go(func() { c.pass(server, c.client, func(s *setting) Way { return s.Down }) })
	both.Wait()
}

func (c *pair) isClosed() bool {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	return c.p.closed
}

// pass carries bytes one way until either end is over.
func (c *pair) pass(from, to net.Conn, way func(*setting) Way) {
	buffer := make([]byte, 32<<10)
	var (
		under  *setting // the fault in force when moved began to count
		moved  int64
		budget = buffer
	)
	for {
		s, ok := c.flowing(way)
		if !ok {
			return
		}
		budget = buffer
		if rate := way(s).Rate; rate > 0 {
			budget = buffer[:max(1, min(len(buffer), rate/10))]
		}
		n, err := from.Read(budget)
		if n > 0 {
			if s, ok = c.flowing(way); !ok { // it may have been set while nothing came
				return
			}
			if s != under {
				under, moved = s, 0
			}
			if !c.carry(to, budget[:n], way(s), &moved) {
				return
			}
		}
		if err != nil {
			c.finish(to, err, way)
			return
		}
	}
}

// flowing waits as long as this way is held, and gives the fault in force; false where the pair has ended.
func (c *pair) flowing(way func(*setting) Way) (*setting, bool) {
	for {
		s := c.p.current()
		if !way(s).Hold {
			return s, true
		}
		select {
		case <-s.changed:
			if c.isClosed() {
				return s, false
			}
		case <-c.over:
			return s, false
		}
	}
}

// carry takes a piece on, as the fault says; false ends the pair.
func (c *pair) carry(to net.Conn, piece []byte, w Way, moved *int64) bool {
	wait := w.Latency
	if w.Rate > 0 {
		wait += time.Duration(float64(len(piece)) / float64(w.Rate) * float64(time.Second))
	}
	if wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-c.over:
			return false
		}
	}
	if w.Lose {
		return true
	}
	cut := false
	if w.CutAfter > 0 && *moved+int64(len(piece)) >= w.CutAfter {
		piece, cut = piece[:max(w.CutAfter-*moved, 0)], true
	}
	*moved += int64(len(piece))
	if _, err := to.Write(piece); err != nil {
		c.end(true)
		return false
	}
	if cut {
		c.end(true)
	}
	return !cut
}

// finish tells the other end that this one is over: in peace where it closed in peace, else with a reset. Where this way
// is lost, so is that word, until the fault is over.
func (c *pair) finish(to net.Conn, err error, way func(*setting) Way) {
	for s := c.p.current(); way(s).Lose; s = c.p.current() {
		select {
		case <-s.changed:
			if c.isClosed() {
				return
			}
		case <-c.over:
			return
		}
	}
	if half, ok := to.(*net.TCPConn); ok && errors.Is(err, io.EOF) {
		_ = half.CloseWrite() // one that is closed already has been told
		return
	}
	c.end(true)
}

// end closes both connections, with a reset where hard.
func (c *pair) end(hard bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return
	}
	c.ended = true
	close(c.over)
	for _, conn := range []net.Conn{c.client, c.server} {
		if conn == nil {
			continue
		}
		if tcp, ok := conn.(*net.TCPConn); ok && hard {
			_ = tcp.SetLinger(0) // a connection already closed needs none
		}
		_ = conn.Close()
	}
}

// forget takes the pair off the proxy's list.
func (c *pair) forget() {
	c.end(false)
	c.p.mu.Lock()
	delete(c.p.conns, c)
	c.p.mu.Unlock()
}
