package thingsboard

import (
	"net"
	"net/url"
	"os"
	"syscall"
	"testing"

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
