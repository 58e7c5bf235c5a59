package web

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// client is what is known of the far end of a request.
type client struct {
	address netip.Addr // without zone; IPv4 as IPv4. The zero Addr where even the connection tells none, as in some tests.
	scheme  string     // "http" or "https" as a trusted proxy tells it; "" where none does
	host    string     // what the client asked for, as a trusted proxy tells it; "" where none does
}

// maxHops bounds how many forwarded addresses are looked at, from the nearest on.
const maxHops = 32

// clientOf finds out who is at the far end. Forwarded headers are believed only where the connection comes from a trusted
// proxy. Each proxy adds whom it was asked by at the right: going left from there, the first address that is no trusted
// proxy is the client, for what stands left of it, the client itself may have written. An address that cannot be read ends
// the walk at the proxy that passed it on.
//
// Forwarded (RFC 7239) and X-Forwarded-For say the same; a proxy sets one of them and may pass the other on as a client
// wrote it. Where both come and differ, neither is believed.
func (s *Server) clientOf(r *http.Request) client {
	peer := client{address: peerAddress(r.RemoteAddr)}
	if !s.trusts(peer.address) {
		return peer
	}
	standard, usual := r.Header.Values("Forwarded"), r.Header.Values("X-Forwarded-For")
	switch {
	case len(standard) == 0:
		c, at := s.walk(peer.address, splitHops(usual))
		return c.told(nthFromRight(r.Header.Values("X-Forwarded-Proto"), at), nthFromRight(r.Header.Values("X-Forwarded-Host"), at))
	case len(usual) == 0:
		return s.walkStandard(peer.address, standard)
	}
	one := s.walkStandard(peer.address, standard)
	if other, _ := s.walk(peer.address, splitHops(usual)); other.address != one.address {
		return peer
	}
	return one
}

// walk goes from the proxy at hand towards the client; at tells which hop from the right the client is.
func (s *Server) walk(peer netip.Addr, hops []string) (c client, at int) {
	c.address = peer
	for i := range min(len(hops), maxHops) {
		address, ok := parseHop(hops[len(hops)-1-i])
		if !ok {
			return c, max(i-1, 0)
		}
		c.address, at = address, i
		if !s.trusts(address) {
			break
		}
	}
	return c, at
}

// walkStandard is walk over the header of RFC 7239, whose elements tell scheme and host beside the address.
func (s *Server) walkStandard(peer netip.Addr, values []string) client {
	elements, ok := parseForwarded(values)
	if !ok {
		return client{address: peer}
	}
	hops := make([]string, len(elements))
	for i, e := range elements {
		hops[i] = e.from
	}
	c, at := s.walk(peer, hops)
	if len(elements) == 0 {
		return c
	}
	e := elements[len(elements)-1-at]
	return c.told(e.proto, e.host)
}

// told adds what a proxy says of scheme and host, where it makes sense.
func (c client) told(scheme, host string) client {
	if scheme = strings.ToLower(scheme); scheme == "http" || scheme == "https" {
		c.scheme = scheme
	}
	if host != "" && len(host) <= 260 && !strings.ContainsFunc(host, func(r rune) bool { return !hostRune(r) }) {
		c.host = host
	}
	return c
}

// hostRune reports what a host with its port is made of, IPv6 in brackets too.
func hostRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(".-_:[]", r)
}

// trusts reports whether an address is a proxy's whose forwarded headers are believed.
func (s *Server) trusts(address netip.Addr) bool {
	return address.IsValid() && slices.ContainsFunc(s.proxies, func(p netip.Prefix) bool { return p.Contains(address) })
}

// peerAddress reads the far end of a connection, "192.0.2.7:4711".
func peerAddress(remote string) netip.Addr {
	if p, err := netip.ParseAddrPort(remote); err == nil {
		return plain(p.Addr())
	}
	return netip.Addr{}
}

// plain takes off what tells two writings of one address apart.
func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }
