package web

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	// tellHandshakesEvery is the least time between two lines of the log about handshakes that failed.
	tellHandshakesEvery = time.Minute
	// lingering is how long a client that spoke plain HTTP has to read the answer.
	lingering = time.Second
)

// handshakes is a listener that gives connections away once their TLS handshake is done, each a [textConn] that knows its
// TLS. A handshake that takes long holds up no other.
type handshakes struct {
	net.Listener
	config *tls.Config
	within time.Duration // a handshake must be done
	plain  []byte        // the answer to who speaks plain HTTP
	log    *slog.Logger

	ready  chan accepted
	ctx    context.Context // ends when the listener is closed
	cancel context.CancelFunc
	all    sync.WaitGroup

	mu     sync.Mutex
	failed int       // since it was told last
	told   time.Time // zero: never
}

type accepted struct {
	net.Conn
	err error
}

// shakeHands begins to accept on l.
func shakeHands(l net.Listener, config *tls.Config, within time.Duration, origin string, log *slog.Logger) *handshakes {
	h := &handshakes{Listener: l, config: config, within: within, log: log, ready: make(chan accepted)}
	// A client that came without TLS was told nothing that it could trust, so also not to come by https for a year.
	h.plain = unreadAnswer("HTTP/1.1 400 Bad Request", "400 Bad Request: this port speaks https. Ask for "+origin+"/ instead.", false)
	h.ctx, h.cancel = context.WithCancel(context.Background())
	h.all.Go(h.accept)
	return h
}

// accept takes connections in until the listener is closed. An error goes to the caller of Accept, who knows whether to wait.
func (h *handshakes) accept() {
	for h.ctx.Err() == nil {
		c, err := h.Listener.Accept()
		if err != nil {
			h.give(accepted{err: err})
			continue
		}
		h.all.Go(func() { h.shake(c) })
	}
}

// give hands over what was accepted; it reports whether somebody took it.
func (h *handshakes) give(a accepted) bool {
	select {
	case h.ready <- a:
		return true
	case <-h.ctx.Done():
		return false
	}
}

func (h *handshakes) shake(c net.Conn) {
	ctx, cancel := context.WithTimeout(h.ctx, h.within)
	defer cancel()
	secured := tls.Server(c, h.config)
	if err := secured.HandshakeContext(ctx); err != nil {
		h.refuse(c, err)
		_ = c.Close()
		return
	}
	if !h.give(accepted{Conn: &securedTextConn{textConn: &textConn{Conn: secured, secure: true}, tls: secured}}) {
		_ = c.Close()
	}
}

// Accept implements [net.Listener].
func (h *handshakes) Accept() (net.Conn, error) {
	select {
	case a := <-h.ready:
		return a.Conn, a.err
	case <-h.ctx.Done():
		return nil, net.ErrClosed
	}
}

// Close ends handshakes that are under way too.
func (h *handshakes) Close() error {
	h.cancel()
	return h.Listener.Close()
}

// refuse ends a handshake that failed. Who spoke plain HTTP is told where to ask.
func (h *handshakes) refuse(c net.Conn, err error) {
	if record, ok := errors.AsType[tls.RecordHeaderError](err); ok && record.Conn != nil && beginsLikeHTTP(record.RecordHeader) {
		h.answerPlain(c)
		return
	}
	h.tell(c, err)
}

// beginsLikeHTTP looks at the five bytes that were read where a record of TLS should begin.
func beginsLikeHTTP(begin [5]byte) bool {
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions} {
		if strings.HasPrefix(method+" /", string(begin[:])) {
			return true
		}
	}
	return false
}

// answerPlain writes the answer, and reads on for a while: a connection that is closed with something unread takes the answer
// back from a client that has not read it yet.
func (h *handshakes) answerPlain(c net.Conn) {
	defer context.AfterFunc(h.ctx, func() { _ = c.Close() })()
	_ = c.SetDeadline(time.Now().Add(lingering))
	if _, err := c.Write(h.plain); err != nil {
		return
	}
	_ = closeWrite(c)
	for rest, left := make([]byte, 4<<10), maxHeaderBytes+maxBody; left > 0; {
		n, err := c.Read(rest)
		if err != nil {
			return
		}
		left -= n
	}
}

// tell writes a line at most once a minute: strangers decide how often handshakes fail. A connection that ends without a word
// is somebody who looks whether the port is open.
func (h *handshakes) tell(c net.Conn, err error) {
	h.log.Debug("TLS handshake failed", "remote", c.RemoteAddr().String(), "error", err)
	if h.ctx.Err() != nil || errors.Is(err, io.EOF) {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failed++
	if now := time.Now(); now.Sub(h.told) >= tellHandshakesEvery {
		h.log.Warn("TLS handshakes failed", "times", h.failed, "remote", c.RemoteAddr().String(), "error", err)
		h.failed, h.told = 0, now
	}
}
