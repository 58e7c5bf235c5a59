package thingsboard

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"
)

// dial opens a TCP connection within dialTimeout. It ends with the client, also where the HTTP transport dials on after
// its request was given up.
func (c *Client) dial(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	defer context.AfterFunc(c.dials, cancel)()
	conn, err := c.options.Dial(ctx, network, address)
	if err != nil {
		return nil, &dialError{err}
	}
	return conn, nil
}

// dialTLS opens a TCP connection and proves who the peer is. It returns the socket too, because closing a TLS
// connection waits for its peer and closing the socket does not.
func (c *Client) dialTLS(ctx context.Context, network, address string) (conn *tls.Conn, socket net.Conn, err error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, nil, &dialError{err}
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	defer context.AfterFunc(c.dials, cancel)()
	socket, err = c.dial(ctx, network, address)
	if err != nil {
		return nil, nil, err
	}
	conn = tls.Client(socket, &tls.Config{RootCAs: c.roots, ServerName: host, MinVersion: tls.VersionTLS12})
	err = conn.HandshakeContext(ctx)
	c.watch.shook(socket, conn, err)
	if err != nil {
		_ = socket.Close()
		return nil, nil, &tlsError{err}
	}
	return conn, socket, nil
}

// newHTTPClient makes the REST client: every connection through our dialer, no proxy (the address policy would see
// only the proxy), no redirects (they could lead the password elsewhere), no transparent decompression (bodies are
// bounded as they arrive), HTTP/1.1.
func (c *Client) newHTTPClient() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext: c.dial,
			DialTLSContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				conn, _, err := c.dialTLS(ctx, network, address)
				if err != nil {
					return nil, err
				}
				return conn, nil
			},
			DisableCompression:     true,
			MaxIdleConnsPerHost:    2,
			MaxResponseHeaderBytes: 64 << 10,
			IdleConnTimeout:        30 * time.Second,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
