package netguard

import (
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestDialer_bounds_unacknowledged_data(t *testing.T) {
	port := listen(t)
	conn, err := policy(t, "127.0.0.1").Dialer(time.Second).DialContext(t.Context(), "tcp", net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	read := func(level, option int) (value int) {
		if err := raw.Control(func(fd uintptr) { value, err = unix.GetsockoptInt(int(fd), level, option) }); err != nil {
			t.Fatal(err)
		}
		return value
	}
	if got := read(unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT); got != 10_000 {
		t.Errorf("TCP_USER_TIMEOUT: got %d ms, want 10000", got)
	}
	if got := read(unix.SOL_SOCKET, unix.SO_KEEPALIVE); got == 0 {
		t.Error("keep-alive is off")
	}
	if got := read(unix.IPPROTO_TCP, unix.TCP_KEEPIDLE); got != 10 {
		t.Errorf("TCP_KEEPIDLE: got %d s, want 10", got)
	}
}
