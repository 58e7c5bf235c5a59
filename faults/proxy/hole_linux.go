package proxy

import (
	"errors"
	"net"
	"syscall"
)

// shortenQueue makes the queue of connections that nobody has accepted as short as it gets: listening anew on a socket
// sets it.
func shortenQueue(l net.Listener) error {
	tcp, ok := l.(*net.TCPListener)
	if !ok {
		return errors.ErrUnsupported
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return err
	}
	var failure error
	if err := raw.Control(func(fd uintptr) { failure = syscall.Listen(int(fd), 0) }); err != nil {
		return err
	}
	return failure
}
