package web

import (
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
)

// textConn is a connection that HTTP/1 is spoken on. What cannot be read as a request never comes to a handler: net/http
// writes such an answer itself, in one piece, and closes. textConn puts the headers that every answer bears into it.
//
// From the moment a request is handed to [Server.ServeHTTP] until the connection waits for the next one, what is written is
// the handler's answer; whatever begins like an answer at any other time is net/http's own.
type textConn struct {
	net.Conn
	secure    bool
	answering atomic.Bool
}

// Write implements [net.Conn].
func (c *textConn) Write(p []byte) (int, error) {
	if c.answering.Load() {
		return c.Conn.Write(p)
	}
	whole, ok := completeUnread(p, c.secure)
	if !ok {
		return c.Conn.Write(p)
	}
	if _, err := c.Conn.Write(whole); err != nil {
		return 0, err
	}
	return len(p), nil
}

// CloseWrite says that nothing more comes, which net/http does before it waits for the far end to read an answer.
func (c *textConn) CloseWrite() error { return closeWrite(c.Conn) }

func closeWrite(c net.Conn) error {
	if half, ok := c.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// completeUnread gives an answer that net/http made by itself the headers of the house, and a body that says what was wrong;
// ok is false where answer is none.
func completeUnread(answer []byte, secure bool) (whole []byte, ok bool) {
	line, rest, ok := bytes.Cut(answer, []byte("\r\n"))
	version, reason, _ := strings.Cut(string(line), " ")
	status, err := strconv.Atoi(reason[:min(3, len(reason))])
	if !ok || err != nil || !strings.HasPrefix(version, "HTTP/1.") {
		return nil, false
	}
	_, body, _ := bytes.Cut(append([]byte("\r\n"), rest...), []byte("\r\n\r\n"))
	text := string(body)
	if text == "" || text == strconv.Itoa(status)+" "+http.StatusText(status) {
		text = reason + why(status)
	}
	return unreadAnswer(string(line), text, secure), true
}

// why says what net/http leaves out.
func why(status int) string {
	switch status {
	case http.StatusBadRequest:
		return ": this cannot be read as a request of HTTP/1.1."
	case http.StatusExpectationFailed:
		return ": no other expectation than 100-continue is met."
	case http.StatusRequestHeaderFieldsTooLarge:
		return ": all headers together may have " + strconv.Itoa(maxHeaderBytes>>10) + " KiB."
	}
	return "."
}

// unreadAnswer is an answer to what never became a request, after which the connection is closed.
func unreadAnswer(line, text string, secure bool) []byte {
	h := http.Header{}
	setSecurityHeaders(h, secure)
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(text)+1))
	h.Set("Connection", "close")
	var b bytes.Buffer
	b.WriteString(line + "\r\n")
	_ = h.Write(&b) // a buffer takes everything
	b.WriteString("\r\n" + text + "\n")
	return b.Bytes()
}

func (c *textConn) text() *textConn { return c }

// securedTextConn is a textConn over TLS. net/http asks it for what it puts into [http.Request.TLS].
type securedTextConn struct {
	*textConn
	tls *tls.Conn
}

// ConnectionState tells of the handshake, which is done.
func (c *securedTextConn) ConnectionState() tls.ConnectionState { return c.tls.ConnectionState() }

// textListener makes each connection one of HTTP/1.
type textListener struct {
	net.Listener
	secure bool
}

// Accept implements [net.Listener].
func (l *textListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &textConn{Conn: c, secure: l.secure}, nil
}

type connKey struct{}

// rememberConn lets a request find the connection that it came on.
func rememberConn(ctx context.Context, c net.Conn) context.Context {
	if c, ok := c.(interface{ text() *textConn }); ok {
		return context.WithValue(ctx, connKey{}, c.text())
	}
	return ctx
}

// beginAnswer is called with a request's context before anything is written for it.
func beginAnswer(ctx context.Context) {
	if c, ok := ctx.Value(connKey{}).(*textConn); ok {
		c.answering.Store(true)
	}
}

// endAnswer is told of the states of connections: one that waits for its next request has answered the one before.
func endAnswer(c net.Conn, state http.ConnState) {
	if c, ok := c.(interface{ text() *textConn }); ok && state == http.StateIdle {
		c.text().answering.Store(false)
	}
}
