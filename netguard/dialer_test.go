package netguard

import (
	"context"
	"errors"
	"net"
	"syscall"
	"testing"
	"time"
)

// listen opens a port of this machine that accepts and closes.
func listen(t *testing.T) (port string) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
	_, port, err = net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func policy(t *testing.T, list string) Policy {
	t.Helper()
	p, err := ParsePolicy(list)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestDialer_refuses_loopback_before_a_packet_leaves(t *testing.T) {
	port := listen(t)
	for _, host := range []string{"127.0.0.1", "localhost", "::ffff:127.0.0.1"} {
		conn, err := Policy{}.Dialer(time.Second).DialContext(t.Context(), "tcp", net.JoinHostPort(host, port))
		if conn != nil {
			_ = conn.Close()
		}
		if !errors.Is(err, ErrNotAllowed) {
			t.Errorf("%s: got %v, want ErrNotAllowed", host, err)
		}
	}
}

func TestDialer_dials_a_listed_name_and_no_other(t *testing.T) {
	port := listen(t)
	d := policy(t, "localhost:"+port).Dialer(time.Second)
	conn, err := d.DialContext(t.Context(), "tcp", net.JoinHostPort("localhost", port))
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	if _, err := d.DialContext(t.Context(), "tcp", net.JoinHostPort("127.0.0.1", port)); !errors.Is(err, ErrNotAllowed) {
		t.Errorf("the address behind the listed name: got %v, want ErrNotAllowed", err)
	}
}

func TestDialer_tells_a_refusal_of_the_network_from_its_own(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	_, err = policy(t, "127.0.0.1").Dialer(time.Second).DialContext(t.Context(), "tcp", address)
	if errors.Is(err, ErrNotAllowed) || !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("got %v, want ECONNREFUSED", err)
	}
}

func TestDialer_dials_only_TCP(t *testing.T) {
	_, err := policy(t, "127.0.0.1").Dialer(time.Second).DialContext(t.Context(), "udp", "127.0.0.1:53")
	if !errors.Is(err, ErrNotAllowed) {
		t.Errorf("got %v, want ErrNotAllowed", err)
	}
}

func TestDialer_bounds_the_look_up_of_a_name_too(t *testing.T) {
	silent, err := net.ListenPacket("udp", "127.0.0.1:0") // a name server that answers nothing
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", silent.LocalAddr().String())
	}}
	begun := time.Now()
	_, err = Policy{}.Dialer(100*time.Millisecond).WithResolver(resolver).DialContext(t.Context(), "tcp", "tb.example.test:443")
	var dns *net.DNSError
	if !errors.As(err, &dns) || !dns.IsTimeout || dns.IsNotFound {
		t.Errorf("got %v, want a look-up that ran out of time", err)
	}
	if took := time.Since(begun); took > 4*time.Second { // the resolver's own first time-out is 5 s
		t.Errorf("took %v", took)
	}
}

func TestDialer_ends_with_its_context(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (Policy{}).Dialer(time.Minute).DialContext(ctx, "tcp", "192.0.2.1:443"); err == nil {
		t.Error("dialled with a context that had ended")
	}
}
