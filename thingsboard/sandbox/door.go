package sandbox

import (
	"errors"
	"net"
	"sync"
	"time"
)

// A doorName is one of the ways in.
type doorName string

const (
	doorREST      doorName = "REST"
	doorPlainREST doorName = "REST without TLS"
	doorMQTT      doorName = "MQTT"
	doorMQTTS     doorName = "MQTT with TLS"
)

// doorNames in the order in which they open.
var doorNames = [...]doorName{doorREST, doorPlainREST, doorMQTT, doorMQTTS}

// A door is a TCP listener that knows its connections, so that they can be reset, and that can accept them without anyone
// ever answering.
type door struct {
	net.Listener
	name doorName
	mute func() bool // while true, what is accepted goes to nobody

	mu    sync.Mutex
	conns map[*doorConn]struct{}
	shut  bool
}

// openDoor listens on addr. After a pause the port may be held for a moment by an outgoing connection of some program, so
// it is tried for a few seconds.
func (s *Sandbox) openDoor(t *turn, name doorName, addr string) (*door, error) {
	var config net.ListenConfig
	listener, err := config.Listen(t.ctx, "tcp", addr)
	for end := time.Now().Add(5 * time.Second); err != nil && time.Now().Before(end); {
		time.Sleep(20 * time.Millisecond)
		listener, err = config.Listen(t.ctx, "tcp", addr)
	}
	if err != nil {
		return nil, err
	}
	mute := func() bool { return s.current().MQTTHang }
	if name == doorREST || name == doorPlainREST {
		mute = func() bool { return s.current().RESTHang }
	}
	return &door{Listener: listener, name: name, mute: mute, conns: map[*doorConn]struct{}{}}, nil
}

// Accept gives the next connection that is to be answered.
func (d *door) Accept() (net.Conn, error) {
	for {
		raw, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := &doorConn{Conn: raw, door: d}
		d.mu.Lock()
		if d.shut {
			d.mu.Unlock()
			_ = raw.Close() // the listener is about to say so itself
			continue
		}
		d.conns[c] = struct{}{}
		d.mu.Unlock()
		if !d.mute() {
			return c, nil
		}
	}
}

// slam closes the listener and resets every connection, also those that were never answered.
func (d *door) slam() {
	d.mu.Lock()
	d.shut = true
	d.mu.Unlock()
	_ = d.Listener.Close() // closed twice is closed
	d.cut()
}

// cut resets every connection and leaves the listener open.
func (d *door) cut() {
	d.mu.Lock()
	open := make([]*doorConn, 0, len(d.conns))
	for c := range d.conns {
		open = append(open, c)
	}
	d.mu.Unlock()
	for _, c := range open {
		c.reset()
	}
}

// A doorConn is a connection that came through a door.
type doorConn struct {
	net.Conn
	door *door
}

// Close closes the connection and takes it off the door's list.
func (c *doorConn) Close() error {
	c.door.mu.Lock()
	delete(c.door.conns, c)
	c.door.mu.Unlock()
	return c.Conn.Close()
}

// CloseWrite sends the end of the stream and leaves reading open.
func (c *doorConn) CloseWrite() error {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		return tcp.CloseWrite()
	}
	return errors.ErrUnsupported
}

// reset ends the connection with a TCP reset, as a host does that has forgotten it.
func (c *doorConn) reset() {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // a connection already closed needs none
	}
	_ = c.Close()
}
