package netguard

import (
	"net"
	"net/netip"
	"slices"
)

// Except returns the policy without this program's own listeners: the console, which trusts nobody, and the metrics, which
// trust whoever reaches them. They stay closed whatever is listed, on each address of this machine that they listen on.
func (p Policy) Except(listeners ...net.Addr) Policy {
	p.own = slices.Clone(p.own)
	for _, l := range listeners {
		if tcp, ok := l.(*net.TCPAddr); ok {
			at := tcp.AddrPort()
			p.own = append(p.own, netip.AddrPortFrom(at.Addr().Unmap().WithZone(""), at.Port()))
		}
	}
	return p
}

// isOwn reports whether one of the listeners answers at the address. One that listens on every address does so on this
// machine's: which these are is asked anew each time, for they change.
func (p Policy) isOwn(address netip.Addr, port uint16) bool {
	for _, own := range p.own {
		if own.Port() != port {
			continue
		}
		if own.Addr() == address || own.Addr().IsUnspecified() && (address.IsLoopback() || ofThisMachine(address)) {
			return true
		}
	}
	return false
}

// ofThisMachine reports whether an interface of this machine has the address. Where that cannot be known it may have.
func ofThisMachine(address netip.Addr) bool {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return true
	}
	for _, a := range all {
		if network, ok := a.(*net.IPNet); ok {
			if ip, ok := netip.AddrFromSlice(network.IP); ok && ip.Unmap() == address {
				return true
			}
		}
	}
	return false
}
