package web

import (
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"
)

// The bounds of connections that are open at once. One address has many behind it, so its bound keeps a single one from
// taking all places and no more; trusted proxies, which carry everybody, have no bound of their own.
const (
	maxConnections           = 8192
	maxConnectionsPerAddress = 4096
)

// boundedListener closes connections that are too many as soon as they come: to let them wait would let them pile up.
type boundedListener struct {
	net.Listener
	max, perNetwork int
	exempt          func(netip.Addr) bool
	log             *slog.Logger

	mu     sync.Mutex
	open   int
	each   map[netip.Prefix]int
	warned time.Time
}

// Accept gives the next connection that has a place.
func (l *boundedListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from := peerAddress(c.RemoteAddr().String())
		if l.enter(from) {
			return &boundedConn{Conn: c, leave: sync.OnceFunc(func() { l.leave(from) })}, nil
		}
		_ = c.Close()
	}
}

func (l *boundedListener) enter(from netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	own := network(from)
	if l.open >= l.max || !l.exempt(from) && l.each[own] >= l.perNetwork {
		if now := time.Now(); now.Sub(l.warned) >= time.Minute {
			l.warned = now
			l.log.Warn("Connections are refused: too many are open", "open", l.open, "remote", from.String(), "of_this_address", l.each[own])
		}
		return false
	}
	l.open++
	l.each[own]++
	return true
}

func (l *boundedListener) leave(from netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
	own := network(from)
	if l.each[own]--; l.each[own] == 0 {
		delete(l.each, own)
	}
}

// boundedConn gives its place back when it is closed.
type boundedConn struct {
	net.Conn
	leave func()
}

func (c *boundedConn) Close() error {
	c.leave()
	return c.Conn.Close()
}

// CloseWrite implements what net/http looks for, see [textConn.CloseWrite].
func (c *boundedConn) CloseWrite() error { return closeWrite(c.Conn) }
