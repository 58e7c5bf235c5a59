package netguard

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// nameServer answers every question for an A record with what it is told to say at that time, and nothing else.
type nameServer struct {
	mu      sync.Mutex
	answers [][]netip.Addr // one a question; the last one stays
	asked   atomic.Int32
}

func (s *nameServer) next() []netip.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked.Add(1)
	if len(s.answers) > 1 {
		first := s.answers[0]
		s.answers = s.answers[1:]
		return first
	}
	return s.answers[0]
}

// resolver serves the answers until the test ends.
func resolver(t *testing.T, answers ...[]netip.Addr) (*net.Resolver, *nameServer) {
	t.Helper()
	s := &nameServer{answers: answers}
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	go func() {
		question := make([]byte, 1500)
		for {
			n, from, err := socket.ReadFrom(question)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(question[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
			if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
				for _, a := range s.next() {
					m.Answers = append(m.Answers, dnsmessage.Resource{
						Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 0},
						Body:   &dnsmessage.AResource{A: a.As4()},
					})
				}
			}
			if answer, err := m.Pack(); err == nil {
				_, _ = socket.WriteTo(answer, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", socket.LocalAddr().String())
	}}, s
}

// trap listens on loopback and counts who comes.
func trap(t *testing.T) (port string, came *atomic.Int32) {
	t.Helper()
	came = &atomic.Int32{}
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
			came.Add(1)
			_ = conn.Close()
		}
	}()
	_, port, err = net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port, came
}

// A name that was harmless when it was looked at and is loopback when it is dialled is refused: each dial looks it up
// and checks what it connects to.
func TestDialer_checks_the_address_at_each_dial(t *testing.T) {
	port, came := trap(t)
	loopback, other := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.9")
	names, server := resolver(t, []netip.Addr{other}, []netip.Addr{loopback}, []netip.Addr{netip.MustParseAddr("169.254.169.254")}, []netip.Addr{loopback})
	d := policy(t, "127.0.0.9").Dialer(2 * time.Second).WithResolver(names)
	for n := range 5 {
		conn, err := d.DialContext(t.Context(), "tcp4", net.JoinHostPort("rebinding.example.com", port))
		if conn != nil {
			_ = conn.Close()
		}
		// At first the name is an allowed address, at which nobody listens.
		if refused := errors.Is(err, ErrNotAllowed); err == nil || refused != (n > 0) {
			t.Errorf("dial %d: %v", n+1, err)
		}
	}
	if server.asked.Load() < 5 {
		t.Errorf("the name was looked up %d times for 5 dials", server.asked.Load())
	}
	if n := came.Load(); n != 0 {
		t.Errorf("%d connections were made", n)
	}
}

func TestDialer_dials_only_the_allowed_addresses_of_a_name(t *testing.T) {
	port, came := trap(t)
	var answer []netip.Addr
	for _, a := range []string{"127.0.0.1", "169.254.169.254", "0.0.0.0", "127.0.0.9"} {
		answer = append(answer, netip.MustParseAddr(a))
	}
	names, _ := resolver(t, answer)
	d := policy(t, "127.0.0.9").Dialer(2 * time.Second).WithResolver(names)
	if conn, err := d.DialContext(t.Context(), "tcp4", net.JoinHostPort("several.example.com", port)); err == nil {
		_ = conn.Close()
		t.Error("it connected")
	}
	if n := came.Load(); n != 0 {
		t.Errorf("%d connections were made", n)
	}
}

// Forms of 127.0.0.1 that are names to Go and addresses to getaddrinfo. The resolver here says what getaddrinfo would.
func TestDialer_refuses_loopback_in_every_spelling(t *testing.T) {
	port, came := trap(t)
	names, _ := resolver(t, []netip.Addr{netip.MustParseAddr("127.0.0.1")})
	for _, host := range []string{
		"2130706433", "017700000001", "0x7f000001", "0x7F.0.0.1", "0177.0.0.1", "0177.0x0.0.1", "127.1", "127.0.1", "0x7f.1", "127.0.0.1.", "127.000.000.001",
		"1.0.0.127.in-addr.arpa", "localhost", "LOCALHOST", "localhost.", "localhost.localdomain", "loopback.example.com", "127.0.0.1.nip.example",
		"::1", "::1%lo", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1", "::ffff:7f00:1", "::127.0.0.1", "64:ff9b::127.0.0.1", "①②⑦.⓪.⓪.①", "127。0。0。1",
	} {
		for name, d := range map[string]*Dialer{
			"a resolver like the system's": Policy{}.Dialer(2 * time.Second).WithResolver(names),
			"the resolver of this machine": Policy{}.Dialer(300 * time.Millisecond),
		} {
			if name == "the resolver of this machine" && net.ParseIP(host) == nil && host != "localhost" {
				continue // it would ask a name server in earnest
			}
			conn, err := d.DialContext(t.Context(), "tcp", net.JoinHostPort(host, port))
			if conn != nil {
				_ = conn.Close()
			}
			var dns *net.DNSError
			if !errors.Is(err, ErrNotAllowed) && !errors.As(err, &dns) {
				t.Errorf("%s by %s: %v", host, name, err)
			}
		}
	}
	if n := came.Load(); n != 0 {
		t.Errorf("%d connections were made", n)
	}
}

// What the policy says names no address: who may not look round must not learn where a name points.
func TestDialer_tells_no_address_that_it_refused(t *testing.T) {
	err := fmt.Errorf("%w", Policy{}.Check("inside.example.com", netip.MustParseAddr("169.254.169.254"), 80))
	if got := err.Error(); got != "address not allowed: link-local, multicast, unspecified and metadata addresses are never dialled" {
		t.Error(got)
	}
}
