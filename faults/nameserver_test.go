package faults_test

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// nameServer is a name server on loopback that says what a test has it say.
type nameServer struct {
	conn net.PacketConn

	mu    sync.Mutex
	says  func(name string) reply
	asked map[string]int // questions for IPv4 addresses, by name
}

// reply is what a name server says of a name.
type reply struct {
	address string // an IPv4 address
	code    dnsmessage.RCode
	silent  bool
}

func newNameServer(t *testing.T, says func(name string) reply) *nameServer {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &nameServer{conn: conn, says: says, asked: map[string]int{}}
	done := make(chan struct{})
	go func() { defer close(done); s.serve() }()
	t.Cleanup(func() { _ = conn.Close(); <-done })
	return s
}

// resolver asks this server, whichever the system would ask.
func (s *nameServer) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", s.conn.LocalAddr().String())
	}}
}

func (s *nameServer) set(says func(name string) reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.says = says
}

func (s *nameServer) questions(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[name]
}

func (s *nameServer) serve() {
	b := make([]byte, 1500)
	for {
		n, from, err := s.conn.ReadFrom(b)
		if err != nil {
			return
		}
		var m dnsmessage.Message
		if m.Unpack(b[:n]) != nil || len(m.Questions) != 1 {
			continue
		}
		if out := s.answer(m); out != nil {
			_, _ = s.conn.WriteTo(out, from) // whoever asked may be gone
		}
	}
}

// answer packs the answer to a question; nil is silence.
func (s *nameServer) answer(m dnsmessage.Message) []byte {
	q := m.Questions[0]
	name := strings.TrimSuffix(q.Name.String(), ".")
	s.mu.Lock()
	said := s.says(name)
	if q.Type == dnsmessage.TypeA {
		s.asked[name]++
	}
	s.mu.Unlock()
	if said.silent {
		return nil
	}
	m.Response, m.RecursionAvailable, m.RCode, m.Additionals = true, true, said.code, nil
	if said.code == dnsmessage.RCodeSuccess && q.Type == dnsmessage.TypeA {
		var a dnsmessage.AResource
		copy(a.A[:], net.ParseIP(said.address).To4())
		m.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Name, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET, TTL: 3600}, Body: &a}}
	}
	out, err := m.Pack()
	if err != nil {
		return nil
	}
	return out
}
