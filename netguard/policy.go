// Package netguard decides where outgoing connections may go.
//
// Operators type host names that this program then connects to, so each dial is checked twice: the name that was
// dialled, and every address it resolved to, at the moment of the connect call. Checking the address there and not
// before defeats names that change between a check and its use (DNS rebinding).
//
// Without further settings public and private networks are open and loopback is closed, because this machine's own
// listeners trust it. BOARDLINK_ALLOW_HOSTS opens loopback by name, address or network. Link-local, multicast,
// unspecified and cloud metadata addresses stay closed whatever is listed, and so do this program's own listeners.
//
// What a person types is never read as an address here: decimal, octal and shortened forms (2130706433, 0177.0.0.1,
// 127.1) are names to Go's resolver and addresses to some systems' resolvers. Whatever they resolve to is checked.
package netguard

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// ErrNotAllowed is in the chain of every error that the policy caused.
var ErrNotAllowed = errors.New("address not allowed")

// Policy says where connections may go. The zero value is the policy without BOARDLINK_ALLOW_HOSTS.
type Policy struct {
	names    []nameRule
	networks []networkRule
	own      []netip.AddrPort
}

type nameRule struct {
	name string // lower case, without a dot at its end
	port uint16 // 0: every port
}

type networkRule struct {
	network netip.Prefix
	port    uint16 // 0: every port
}

// ParsePolicy reads BOARDLINK_ALLOW_HOSTS: a comma list of host, address or network in CIDR form, each with an optional
// :port (1 to 65535). IPv6 stands in brackets where a port follows: [::1]:8080, [fd00::/8]:443. Blanks around entries
// and empty entries do no harm. The error names the entry that cannot be read.
func ParsePolicy(allow string) (Policy, error) {
	var p Policy
	for _, entry := range strings.Split(allow, ",") {
		if entry = strings.TrimSpace(entry); entry == "" {
			continue
		}
		place, port, err := splitEntry(entry)
		if err != nil {
			return Policy{}, fmt.Errorf("%.100q: %w", entry, err)
		}
		if network, ok := parseNetwork(place); ok {
			p.networks = append(p.networks, networkRule{network, port})
			continue
		}
		if !validName(place) {
			return Policy{}, fmt.Errorf("%.100q: neither a host name nor an address nor a network", entry)
		}
		p.names = append(p.names, nameRule{canonicalName(place), port})
	}
	return p, nil
}

// splitEntry takes the port off an entry; brackets are removed.
func splitEntry(entry string) (place string, port uint16, err error) {
	if rest, ok := strings.CutPrefix(entry, "["); ok {
		inner, after, closed := strings.Cut(rest, "]")
		if !closed {
			return "", 0, errors.New("a bracket is not closed")
		}
		after, digits, ported := strings.Cut(after, ":")
		if inner += after; after != "" && after[0] != '/' { // [fd00::]/8 is written as often as [fd00::/8]
			return "", 0, errors.New("only a port may follow the bracket")
		}
		if _, ok := parseNetwork(inner); !ok {
			return "", 0, errors.New("only IPv6 addresses and networks stand in brackets")
		}
		if !ported {
			return inner, 0, nil
		}
		port, err = parsePort(digits)
		return inner, port, err
	}
	if strings.Count(entry, ":") != 1 {
		return entry, 0, nil // no port, or an IPv6 address without brackets
	}
	place, digits, _ := strings.Cut(entry, ":")
	port, err = parsePort(digits)
	return place, port, err
}

func parsePort(s string) (uint16, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n == 0 {
		return 0, errors.New("a port is a whole number from 1 to 65535")
	}
	return uint16(n), nil
}

// parseNetwork reads an address as the network that holds it alone.
func parseNetwork(s string) (netip.Prefix, bool) {
	if network, err := netip.ParsePrefix(s); err == nil {
		if network.Addr().Is4In6() {
			if network.Bits() < 96 {
				return netip.Prefix{}, false
			}
			network = netip.PrefixFrom(network.Addr().Unmap(), network.Bits()-96)
		}
		return network.Masked(), true
	}
	address, err := netip.ParseAddr(s)
	if err != nil || address.Zone() != "" {
		return netip.Prefix{}, false
	}
	address = address.Unmap()
	return netip.PrefixFrom(address, address.BitLen()), true
}

func validName(s string) bool {
	s = canonicalName(s)
	if s == "" || len(s) > 253 {
		return false
	}
	for _, label := range strings.Split(s, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
		for _, r := range label {
			if !(r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z') {
				return false
			}
		}
	}
	last := s[strings.LastIndexByte(s, '.')+1:]
	return strings.Trim(last, "0123456789") != "" // 127.0.0.256 is a mistyped address, not a name
}

func canonicalName(s string) string { return strings.ToLower(strings.TrimSuffix(s, ".")) }

// listedName reports whether the name dialled is on the list for the port.
func (p Policy) listedName(name string, port uint16) bool {
	name = canonicalName(name)
	for _, r := range p.names {
		if r.name == name && (r.port == 0 || r.port == port) {
			return true
		}
	}
	return false
}

// listedAddress reports whether the resolved address is on the list for the port.
func (p Policy) listedAddress(address netip.Addr, port uint16) bool {
	for _, r := range p.networks {
		if r.network.Contains(address) && (r.port == 0 || r.port == port) {
			return true
		}
	}
	return false
}

// Check reports whether a connection to the resolved address and port may be made when name was dialled. The error
// wraps [ErrNotAllowed].
func (p Policy) Check(name string, address netip.Addr, port uint16) error {
	address = address.Unmap().WithZone("")
	loopback := address.IsLoopback()
	for _, a := range append(embedded(address), address) {
		if never(a) {
			return fmt.Errorf("%w: link-local, multicast, unspecified and metadata addresses are never dialled", ErrNotAllowed)
		}
		if p.isOwn(a, port) {
			return fmt.Errorf("%w: this program's own listeners are never dialled", ErrNotAllowed)
		}
		loopback = loopback || a.IsLoopback()
	}
	if !loopback {
		return nil
	}
	if p.listedName(name, port) || p.listedAddress(address, port) {
		return nil
	}
	return fmt.Errorf("%w: this machine's own addresses are dialled only when they are listed", ErrNotAllowed)
}
