package netguard

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"syscall"
	"time"
)

// How a dead peer is found by the kernel: unacknowledged data for userTimeout, or an idle connection whose probes go
// unanswered. Both stay under the limits promised for a link (10 s with data under way, 30 s idle).
const (
	userTimeout       = 10 * time.Second
	keepAliveIdle     = 10 * time.Second
	keepAliveInterval = 5 * time.Second
	keepAliveProbes   = 3
)

// Dialer dials TCP by a [Policy]. It is safe for concurrent use.
type Dialer struct {
	policy   Policy
	timeout  time.Duration
	resolver *net.Resolver // nil: the system's
}

// Dialer returns a dialer that keeps to the policy. timeout bounds name look-up and connect together; 0 leaves that to
// the context.
func (p Policy) Dialer(timeout time.Duration) *Dialer {
	return &Dialer{policy: p, timeout: timeout}
}

// WithResolver returns a dialer that looks names up with r instead of the system's resolver.
func (d *Dialer) WithResolver(r *net.Resolver) *Dialer {
	other := *d
	other.resolver = r
	return &other
}

// DialContext connects to address, host:port. network is tcp, tcp4 or tcp6. Each address that the host resolves to is
// checked right before the connect call; errors.Is(err, [ErrNotAllowed]) tells a refusal of the policy from a refusal
// of the network. A name with allowed and refused addresses is dialled at the allowed ones.
//
// The connection has TCP keep-alive, and on Linux TCP_USER_TIMEOUT, so that a peer that vanished is noticed within
// seconds. Deadlines for reads and writes are the caller's.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	switch network {
	case "tcp", "tcp4", "tcp6":
	default:
		return nil, fmt.Errorf("dial %s: %w: only TCP is dialled", network, ErrNotAllowed)
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	dialer := net.Dialer{
		Timeout:  d.timeout,
		Resolver: d.resolver,
		KeepAliveConfig: net.KeepAliveConfig{
			Enable: true, Idle: keepAliveIdle, Interval: keepAliveInterval, Count: keepAliveProbes,
		},
		ControlContext: func(_ context.Context, _, resolved string, raw syscall.RawConn) error {
			if err := d.check(host, resolved); err != nil {
				return err
			}
			return setUserTimeout(raw, userTimeout)
		},
	}
	return dialer.DialContext(ctx, network, address)
}

// check applies the policy to a resolved "address:port" as the net package writes it.
func (d *Dialer) check(host, resolved string) error {
	literal, digits, err := net.SplitHostPort(resolved)
	if err != nil {
		return fmt.Errorf("%w: unreadable address", ErrNotAllowed)
	}
	address, err := netip.ParseAddr(literal)
	if err != nil {
		return fmt.Errorf("%w: unreadable address", ErrNotAllowed)
	}
	port, err := strconv.ParseUint(digits, 10, 16)
	if err != nil {
		return fmt.Errorf("%w: unreadable port", ErrNotAllowed)
	}
	return d.policy.Check(host, address, uint16(port))
}
