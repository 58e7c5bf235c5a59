package config

import (
	"fmt"
	"net/netip"
	"strings"
)

// parseProxies reads a comma list of addresses and CIDRs. Whole families of addresses are refused: whoever trusts everybody
// lets everybody write his own address.
func parseProxies(v string) ([]netip.Prefix, error) {
	var list []netip.Prefix
	for part := range strings.SplitSeq(v, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		p, err := parsePrefix(part)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, nil
}

func parsePrefix(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil {
		a = a.Unmap().WithZone("")
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	switch {
	case err != nil || p.Addr().Is4In6():
		return netip.Prefix{}, fmt.Errorf("%.60q is no address and no CIDR: write them like 10.0.0.5, 192.168.0.0/16 or fd00::/8, parted by commas", text)
	case p.Bits() == 0:
		return netip.Prefix{}, fmt.Errorf("%s would trust everybody: name the proxies alone", text)
	case p != p.Masked():
		return netip.Prefix{}, fmt.Errorf("%s has bits behind its prefix: write %s, or the address alone", text, p.Masked())
	}
	return p, nil
}

func joinPrefixes(list []netip.Prefix) string {
	texts := make([]string, len(list))
	for i, p := range list {
		texts[i] = p.String()
	}
	return strings.Join(texts, ",")
}
