package thingsboard

import (
	"bufio"
	"net"
	"sync"
	"time"
)

// writeTimeout bounds how long a peer that reads nothing may hold a packet up.
const writeTimeout = 10 * time.Second

// wire is the connection that the MQTT library reads and writes.
//
// It writes each packet at once, in one TLS record and one system call, although the library writes it in pieces; no
// write outlasts its deadline, and one that fails closes the connection, so that the reading side notices. Reading is
// buffered and guarded, see [guard].
//
// The library takes it as a sync.Locker around each packet (packets.ControlPacket.WriteTo). The lock is a channel, so
// that tests can run in a bubble of fake time while somebody waits for it.
type wire struct {
	net.Conn          // TLS or not
	socket   net.Conn // beneath TLS; closing it does not wait for the peer
	reader   *bufio.Reader
	guard    guard

	lock   chan struct{}
	packet []byte // gathered between Lock and Unlock

	once   sync.Once
	mu     sync.Mutex
	broken error // why it was closed, where we know
}

func newWire(conn, socket net.Conn) *wire {
	return &wire{Conn: conn, socket: socket, reader: bufio.NewReaderSize(conn, 4096), lock: make(chan struct{}, 1)}
}

func (w *wire) Read(b []byte) (int, error) {
	n, err := w.reader.Read(b)
	if guardErr := w.guard.check(b[:n]); guardErr != nil {
		w.abort(guardErr)
		return 0, guardErr
	}
	if err != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.broken != nil {
			return n, w.broken
		}
	}
	return n, err
}

// Lock begins a packet.
func (w *wire) Lock() { w.lock <- struct{}{} }

// Write adds to the packet that was begun.
func (w *wire) Write(b []byte) (int, error) {
	w.packet = append(w.packet, b...)
	return len(b), nil
}

// Unlock sends the packet.
func (w *wire) Unlock() {
	defer func() { <-w.lock }()
	packet := w.packet
	w.packet = w.packet[:0]
	err := w.socket.SetWriteDeadline(time.Now().Add(writeTimeout))
	if err == nil {
		_, err = w.Conn.Write(packet)
	}
	if err != nil {
		w.abort(err)
	}
}

// Close closes the socket without a word to the peer.
func (w *wire) Close() error {
	w.abort(nil)
	return nil
}

// abort closes the socket; the first reason given is the one that reading reports.
func (w *wire) abort(reason error) {
	w.once.Do(func() {
		w.mu.Lock()
		w.broken = reason
		w.mu.Unlock()
		_ = w.socket.Close()
	})
}
