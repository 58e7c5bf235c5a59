package netguard

import "net/netip"

// neverDialled are the networks that no list can open, beside link-local, multicast and unspecified addresses.
// 169.254.169.254, the metadata service of most clouds, is link-local.
var neverDialled = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),          // "this network"; Linux takes 0.0.0.0 for loopback (RFC 1122, 3.2.1.3)
	netip.MustParsePrefix("240.0.0.0/4"),        // reserved, and the limited broadcast address (RFC 1112, 4)
	netip.MustParsePrefix("100.100.100.200/32"), // metadata, Alibaba Cloud
	netip.MustParsePrefix("168.63.129.16/32"),   // WireServer, Azure
	netip.MustParsePrefix("192.0.0.192/32"),     // metadata, Oracle Cloud Classic
	netip.MustParsePrefix("fd00:ec2::254/128"),  // metadata, AWS
	netip.MustParsePrefix("fd20:ce::254/128"),   // metadata, Google Cloud
}

// never reports whether no list can open the address. The invalid address, "there is none", is no reason to refuse.
func never(address netip.Addr) bool {
	if !address.IsValid() {
		return false
	}
	if address.IsUnspecified() || address.IsMulticast() || address.IsLinkLocalUnicast() {
		return true
	}
	for _, network := range neverDialled {
		if network.Contains(address) {
			return true
		}
	}
	return false
}

// carriers are the IPv6 networks whose addresses stand for an IPv4 address, and the byte at which it begins.
var carriers = []struct {
	network netip.Prefix
	at      int
}{
	{netip.MustParsePrefix("::/96"), 12},           // IPv4-compatible (RFC 4291, 2.5.5.1)
	{netip.MustParsePrefix("::ffff:0:0:0/96"), 12}, // IPv4-translated (RFC 2765, 2.1)
	{netip.MustParsePrefix("64:ff9b::/96"), 12},    // NAT64 (RFC 6052, 2.1)
	{netip.MustParsePrefix("64:ff9b:1::/96"), 12},  // NAT64, local use (RFC 8215)
	{netip.MustParsePrefix("2002::/16"), 2},        // 6to4 (RFC 3056, 2)
}

// embedded returns the IPv4 address that an IPv6 address stands for, or the invalid address. A translator on the way
// would connect to that one, so the policy holds for it too. ::1 and :: are themselves and carry nothing.
func embedded(address netip.Addr) netip.Addr {
	if !address.Is6() || address.IsLoopback() || address.IsUnspecified() {
		return netip.Addr{}
	}
	bytes := address.As16()
	for _, c := range carriers {
		if c.network.Contains(address) {
			return netip.AddrFrom4([4]byte(bytes[c.at : c.at+4]))
		}
	}
	return netip.Addr{}
}
