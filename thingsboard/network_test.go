package thingsboard

import (
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"boardlink/connection"
)

// What a dial says depends on which clock runs out first, the context's or the socket's. Both are the same to a person.
func TestDialFailure_tells_a_timeout_whichever_clock_ran_out(t *testing.T) {
	for name, cause := range map[string]error{
		"the socket's":     os.ErrDeadlineExceeded,
		"the kernel's":     os.NewSyscallError("connect", syscall.ETIMEDOUT),
		"the user timeout": &net.OpError{Op: "dial", Err: syscall.ETIMEDOUT},
	} {
		t.Run(name, func(t *testing.T) {
			err := &url.Error{Op: "Get", URL: "https://tb.example.com", Err: &dialError{&net.OpError{Op: "dial", Net: "tcp", Err: cause}}}
			if got := networkError("https://tb.example.com", err).Code; got != connection.ReasonTCPTimeout {
				t.Errorf("the reason is %s", got)
			}
		})
	}
}

// A server that hangs, or a firewall that lets the first packets pass, keeps silent in the middle of the handshake. That
// says nothing about the TLS it speaks.
func TestTLS_handshake_without_an_answer_is_a_timeout(t *testing.T) {
	silent := func(t *testing.T, n *network, address string) {
		l := n.pipe(address)
		t.Cleanup(func() { _ = l.Close() })
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				go func() { _, _ = io.Copy(io.Discard, conn) }()
			}
		}()
	}
	t.Run("for REST", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			n := newNetwork()
			silent(t, n, "tb.example.com:443")
			c, err := NewClient(Account{HostName: "tb.example.com:443"}, Options{Dial: n.Dial})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			begin := time.Now()
			wantCode(t, c.Locate(t.Context()), connection.ReasonTimeout, Transient)
			if took := time.Since(begin); took != dialTimeout {
				t.Errorf("took %v", took)
			}
		})
	})
	for _, port := range []int{tlsMQTTPort, plainMQTTPort} {
		ep := MQTTEndpoint{Host: "tb.example.com", Port: port, TLS: true}
		t.Run("for "+ep.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNetwork()
				silent(t, n, ep.address())
				_, err := plainClient(t, n).Connect(t.Context(), ep, testGateway)
				wantCode(t, err, connection.ReasonTimeout, Transient)
			})
		})
	}
}

// A server of long ago answers the hello with its own version, where a newer one says by an alert that it cannot agree.
// Either speaks TLS, so the port is not taken for one of MQTT, and nothing passes by itself.
func TestTLS_older_than_ours_is_told_as_such(t *testing.T) {
	hello := append([]byte{0x03, 0x01}, make([]byte, 32)...) // TLS 1.0 and a random number
	hello = append(hello, 0x00, 0x00, 0x2f, 0x00)            // no session, TLS_RSA_WITH_AES_128_CBC_SHA, no compression
	for name, test := range map[string]struct {
		answer []byte
		says   string
	}{
		"by its own hello": {append([]byte{0x16, 0x03, 0x01, 0x00, byte(len(hello) + 4), 0x02, 0x00, 0x00, byte(len(hello))}, hello...), "unsupported protocol version."},
		"by an alert":      {[]byte{0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 70}, "protocol version not supported."},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNetwork()
			l := n.listen(t, "tb.example.com:8443")
			go func() {
				for {
					conn, err := l.Accept()
					if err != nil {
						return
					}
					_, _ = conn.Read(make([]byte, 2048))
					_, _ = conn.Write(test.answer)
					_, _ = io.Copy(io.Discard, conn)
					_ = conn.Close()
				}
			}()
			err := newTestClient(t, n, "tb.example.com:8443").Locate(t.Context())
			wantCode(t, err, connection.ReasonTLSFailed, Config)
			if !strings.Contains(err.Error(), test.says) {
				t.Errorf("%q does not say %q", err, test.says)
			}
			if dials := n.dials(); len(dials) != 1 {
				t.Errorf("dialled %v", dials)
			}
		})
	}
}

func TestDNS_trouble_is_told_apart_from_silence(t *testing.T) {
	for words, dns := range map[string]*net.DNSError{
		"The name server did not answer.":            {Err: "i/o timeout", IsTimeout: true, IsTemporary: true},
		"The name server answered with an error.":    {Err: "server misbehaving", IsTemporary: true},
		connection.ReasonDNSNotFound.Text().Sentence: {Err: "no such host", IsNotFound: true},
	} {
		err := networkError("https://tb.example.com", &dialError{&net.OpError{Op: "dial", Net: "tcp", Err: dns}})
		if err.Error() != "https://tb.example.com: "+words {
			t.Errorf("%q, want %q", err, words)
		}
	}
}

func TestTold_ends_the_sentence_of_the_peer(t *testing.T) {
	if got := told("No.", "Invalid username or password", nil); got != "No. ThingsBoard said: Invalid username or password." {
		t.Errorf("%q", got)
	}
}

func TestDialFailure_of_a_host_without_a_way_to_it_is_told_as_such(t *testing.T) {
	err := &dialError{&net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.EHOSTUNREACH)}}
	if got := networkError("https://tb.example.com", err).Code; got != connection.ReasonTCPFailed {
		t.Errorf("the reason is %s", got)
	}
}
