package thingsboard

import (
	"io"
	"net"
	"net/url"
	"os"
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

func TestTold_ends_the_sentence_of_the_peer(t *testing.T) {
	if got := told("No.", "Invalid username or password", nil); got != "No. ThingsBoard said: Invalid username or password." {
		t.Errorf("%q", got)
	}
}
