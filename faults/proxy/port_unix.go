//go:build unix

package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// port is a port of 127.0.0.1 that is the proxy's from the first listener to the last, so that no other program gets it
// while the proxy refuses. A socket that is bound and never listens holds it.
type port struct {
	addr string
	held int // the socket that holds it; -1: released
}

func holdPort() (*port, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		return nil, fmt.Errorf("hold a port for a proxy: %w", os.NewSyscallError("socket", err))
	}
	unix.CloseOnExec(fd)
	number, err := bind(fd)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("hold a port for a proxy: %w", err), unix.Close(fd))
	}
	return &port{addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(number)), held: fd}, nil
}

// bind takes a free port for itself alone. Only then it allows others to share the port: those that ask for sharing too,
// as the proxy's listeners do and hardly anybody else.
func bind(fd int) (number int, err error) {
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return 0, os.NewSyscallError("bind", err)
	}
	if err := share(fd); err != nil {
		return 0, err
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		return 0, os.NewSyscallError("getsockname", err)
	}
	return name.(*unix.SockaddrInet4).Port, nil
}

func share(fd int) error {
	return os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1))
}

// listen listens on the port, which nobody may do at the time.
func (p *port) listen() (net.Listener, error) {
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var shared error
		return errors.Join(c.Control(func(fd uintptr) { shared = share(int(fd)) }), shared)
	}}
	listener, err := config.Listen(context.Background(), "tcp", p.addr)
	if err != nil {
		return nil, fmt.Errorf("listen for a proxy: %w", err)
	}
	return listener, nil
}

// release gives the port back. It may be called more than once.
func (p *port) release() {
	if p.held >= 0 {
		_ = unix.Close(p.held) // nothing was written to it
		p.held = -1
	}
}
