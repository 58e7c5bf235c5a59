//go:build !unix

package proxy

import (
	"context"
	"fmt"
	"net"
)

// port is a port of 127.0.0.1. Here another program may get it while the proxy refuses.
type port struct{ addr string }

func holdPort() (*port, error) {
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("find a port for a proxy: %w", err)
	}
	return &port{addr: listener.Addr().String()}, listener.Close()
}

func (p *port) listen() (net.Listener, error) {
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", p.addr)
	if err != nil {
		return nil, fmt.Errorf("listen for a proxy: %w", err)
	}
	return listener, nil
}

func (*port) release() {}
