package web

import (
	"net/netip"
	"strings"
)

// splitHops gives the members of a list that may have come in several headers, in their order.
func splitHops(values []string) []string {
	if len(values) == 0 {
		return nil
	}
	return splitList(strings.Join(values, ","))
}

// nthFromRight gives the member that the proxy at that hop added; the leftmost where there are fewer, as where only the
// outermost proxy tells. "" where there is none.
func nthFromRight(values []string, n int) string {
	list := splitHops(values)
	if len(list) == 0 {
		return ""
	}
	return list[max(len(list)-1-n, 0)]
}

// parseHop reads an address as proxies write it: 192.0.2.7, 192.0.2.7:4711, 2001:db8::1, [2001:db8::1] and
// [2001:db8::1]:4711. "unknown" and names (RFC 7239, section 6) are no addresses.
func parseHop(text string) (netip.Addr, bool) {
	if a, err := netip.ParseAddr(text); err == nil {
		return plain(a), true
	}
	if p, err := netip.ParseAddrPort(text); err == nil {
		return plain(p.Addr()), true
	}
	if inner, ok := strings.CutPrefix(text, "["); ok {
		if inner, ok = strings.CutSuffix(inner, "]"); ok {
			if a, err := netip.ParseAddr(inner); err == nil && a.Is6() {
				return plain(a), true
			}
		}
	}
	return netip.Addr{}, false
}

// element is one member of the header Forwarded.
type element struct{ from, proto, host string }

// parseForwarded reads the header Forwarded (RFC 7239, section 4): elements parted by commas, each of pairs parted by
// semicolons, values plain or in quotes. It reports false where it cannot be read as a whole: a quote that somebody left
// open would hide where the elements part.
func parseForwarded(values []string) ([]element, bool) {
	rest := strings.Join(values, ",")
	var list []element
	e, filled := element{}, false
	for {
		rest = strings.TrimLeft(rest, " \t")
		name, value, after, ok := parsePair(rest)
		if !ok {
			return nil, false
		}
		if name != "" {
			filled = true
			if !e.take(name, value) {
				return nil, false
			}
		}
		after = strings.TrimLeft(after, " \t")
		switch {
		case after == "":
			if filled {
				list = append(list, e)
			}
			return list, true
		case after[0] == ';':
		case after[0] == ',':
			if filled {
				list = append(list, e)
			}
			e, filled = element{}, false
		default:
			return nil, false
		}
		rest = after[1:]
	}
}

// take notes a pair; a name that comes twice in one element is a mistake (section 4). Unknown names are left out.
func (e *element) take(name, value string) bool {
	at := map[string]*string{"for": &e.from, "proto": &e.proto, "host": &e.host}[strings.ToLower(name)]
	if at == nil {
		return true
	}
	if *at != "" {
		return false
	}
	*at = value
	return true
}

// parsePair takes name=value from the beginning of s. An empty pair, as two commas in a row make it, has no name.
func parsePair(s string) (name, value, rest string, ok bool) {
	i := strings.IndexFunc(s, func(r rune) bool { return !tokenRune(r) })
	if i < 0 {
		return "", "", "", s == ""
	}
	name, rest = s[:i], s[i:]
	if name == "" {
		return "", "", rest, rest[0] == ',' || rest[0] == ';'
	}
	rest, ok = strings.CutPrefix(rest, "=")
	if !ok {
		return "", "", "", false
	}
	if strings.HasPrefix(rest, `"`) {
		value, rest, ok = parseQuoted(rest[1:])
		return name, value, rest, ok
	}
	i = strings.IndexFunc(rest, func(r rune) bool { return !tokenRune(r) && r != ':' && r != '[' && r != ']' }) // some leave the quotes out
	if i < 0 {
		i = len(rest)
	}
	return name, rest[:i], rest[i:], true
}

// parseQuoted reads up to the closing quote, which is not part of s's beginning.
func parseQuoted(s string) (value, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:], true
		case '\\':
			if i++; i == len(s) {
				return "", "", false
			}
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}

// tokenRune reports what a token is made of (RFC 9110, section 5.6.2).
func tokenRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("!#$%&'*+-.^_`|~", r)
}
