package access

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"boardlink/connection"
)

// The bounds of API keys.
const (
	maxKeys        = 1000 // that work at one time
	maxKeyName     = 100  // characters
	maxKeyNetworks = 20
	// DefaultKeyLife is how long a key lives where its maker does not say.
	DefaultKeyLife = 90 * 24 * time.Hour
)

// Least is the lowest role that may do as a person what the scope lets a key do; "" for what is no scope.
func (s Scope) Least() Role {
	switch s {
	case ScopeRead:
		return RoleViewer
	case ScopeConnections, ScopeUplinks, ScopeCommands:
		return RoleOperator
	case ScopeAdmin:
		return RoleAdmin
	}
	return ""
}

// Sentence says to people what a key with the scope may do.
func (s Scope) Sentence() string {
	switch s {
	case ScopeRead:
		return "Read connections, devices, events and figures. No passwords and keys are shown."
	case ScopeConnections:
		return "Create, change, test, restart and delete connections, renew their uplink keys, and settle parked events."
	case ScopeUplinks:
		return "Hand in uplinks for every connection. For ThingPark the uplink key of one connection is enough."
	case ScopeCommands:
		return "Send commands to devices in the field, for every connection."
	case ScopeAdmin:
		return "Manage people and API keys. Whoever has such a key can let others in."
	}
	return ""
}

// checkKeyName gives a key's name without spaces around it, and what is wrong with it, "" where nothing is. The actor of
// events is known by it, so it must not look like somebody else's.
func checkKeyName(name string) (clean, wrong string) {
	name = strings.TrimSpace(name)
	switch {
	case name == "":
		return "", "Give a name that says what uses the key."
	case utf8.RuneCountInString(name) > maxKeyName:
		return "", fmt.Sprintf("Use at most %d characters.", maxKeyName)
	case !utf8.ValidString(name) || connection.Clean(name) != name:
		return "", "Use letters, digits and signs that can be seen."
	case strings.Contains(name, "@"):
		return "", "Leave out the @: a name like an e-mail address would be taken for a person."
	case slices.ContainsFunc([]string{EnvironmentKey, connection.System, "command line"}, func(taken string) bool { return strings.EqualFold(taken, name) }):
		return "", "This name has a meaning of its own. Choose another."
	}
	return name, ""
}

// checkScopes gives the scopes in their usual order, each once.
func checkScopes(scopes []Scope) (sorted []Scope, wrong string) {
	for _, s := range scopes {
		if !s.Valid() {
			return nil, "Choose among read, connections, uplinks, commands and admin."
		}
	}
	for _, s := range Scopes {
		if slices.Contains(scopes, s) {
			sorted = append(sorted, s)
		}
	}
	if len(sorted) == 0 {
		return nil, "Choose at least one scope."
	}
	return sorted, ""
}

// ParseNetwork reads a network as people write it: 192.0.2.0/24, 2001:db8::/32, or one address. IPv4 written as IPv6
// (::ffff:192.0.2.0/120) is taken for the IPv4 that it is. wrong is a sentence, "" where nothing is wrong.
func ParseNetwork(text string) (network netip.Prefix, wrong string) {
	const example = "Write an address or a network, like 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32."
	text = strings.TrimSpace(text)
	if !strings.Contains(text, "/") {
		a, err := netip.ParseAddr(text)
		if err != nil || a.Zone() != "" {
			return netip.Prefix{}, example
		}
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), ""
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, example
	}
	if p.Addr().Is4In6() {
		if p.Bits() < 96 {
			return netip.Prefix{}, example
		}
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	if p != p.Masked() {
		return netip.Prefix{}, "The address goes on behind the length of the network. Write the network's first address, or the one address that is meant."
	}
	return p, ""
}

// checkNetworks reads networks, each once. The error names the first that is wrong by its place.
func checkNetworks(texts []string) ([]netip.Prefix, *connection.FieldError) {
	if len(texts) > maxKeyNetworks {
		return nil, &connection.FieldError{Path: "networks", Message: fmt.Sprintf("Give at most %d networks.", maxKeyNetworks)}
	}
	var list []netip.Prefix
	for i, text := range texts {
		p, wrong := ParseNetwork(text)
		if wrong != "" {
			return nil, &connection.FieldError{Path: fmt.Sprintf("networks[%d]", i), Message: wrong, Example: "192.0.2.0/24"}
		}
		if !slices.Contains(list, p) {
			list = append(list, p)
		}
	}
	return list, nil
}

// within reports whether each network lies in one of those outer.
func within(networks, outer []netip.Prefix) bool {
	return !slices.ContainsFunc(networks, func(n netip.Prefix) bool {
		return !slices.ContainsFunc(outer, func(o netip.Prefix) bool { return o.Bits() <= n.Bits() && o.Contains(n.Addr()) })
	})
}

// checkExpiry tells what is wrong with a key's end, "" where nothing is. The zero time is never.
func checkExpiry(at, now time.Time) string {
	switch {
	case at.IsZero():
		return ""
	case !at.After(now):
		return "Choose a moment to come."
	case at.Year() > 9999:
		return "Choose a moment before the year 10000."
	}
	return ""
}
