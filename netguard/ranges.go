package netguard

import "net/netip"

// neverDialled are the networks that no list can open, beside link-local, multicast and unspecified addresses.
// 169.254.169.254, the metadata service of most clouds, is link-local.
var neverDialled = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),              // "this network"; Linux takes 0.0.0.0 for loopback (RFC 1122, 3.2.1.3)
	netip.MustParsePrefix("240.0.0.0/4"),            // reserved, and the limited broadcast address (RFC 1112, 4)
	netip.MustParsePrefix("100.100.100.200/32"),     // metadata, Alibaba Cloud
	netip.MustParsePrefix("168.63.129.16/32"),       // WireServer, Azure
	netip.MustParsePrefix("192.0.0.192/32"),         // metadata, Oracle Cloud Classic
	netip.MustParsePrefix("fd00:ec2::/32"),          // metadata, credentials, time and names, AWS
	netip.MustParsePrefix("fd20:ce::254/128"),       // metadata, Google Cloud
	netip.MustParsePrefix("fd00:42::42/128"),        // metadata, Scaleway
	netip.MustParsePrefix("fd00:c1::a9fe:a9fe/128"), // metadata, Oracle Cloud
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

// carriers are the IPv6 networks whose addresses stand for an IPv4 address, and where its four bytes stand.
var carriers = []struct {
	network netip.Prefix
	at      [4]int
}{
	{netip.MustParsePrefix("::/96"), [4]int{12, 13, 14, 15}},           // IPv4-compatible (RFC 4291, 2.5.5.1)
	{netip.MustParsePrefix("::ffff:0:0:0/96"), [4]int{12, 13, 14, 15}}, // IPv4-translated (RFC 2765, 2.1)
	{netip.MustParsePrefix("64:ff9b::/96"), [4]int{12, 13, 14, 15}},    // NAT64 (RFC 6052, 2.1)
	{netip.MustParsePrefix("2002::/16"), [4]int{2, 3, 4, 5}},           // 6to4 (RFC 3056, 2)
	{netip.MustParsePrefix("2001::/32"), [4]int{4, 5, 6, 7}},           // Teredo, its server (RFC 4380, 4)

	// NAT64 of local use (RFC 8215). Its operator chooses the length of the prefix, and with it one of four places
	// (RFC 6052, 2.2), which cannot be known here: all of them are looked at.
	{localNAT64, [4]int{6, 7, 9, 10}},
	{localNAT64, [4]int{7, 9, 10, 11}},
	{localNAT64, [4]int{9, 10, 11, 12}},
	{localNAT64, [4]int{12, 13, 14, 15}},
}

var (
	localNAT64 = netip.MustParsePrefix("64:ff9b:1::/48")
	teredo     = netip.MustParsePrefix("2001::/32")
)

// embedded returns the IPv4 addresses that an IPv6 address may stand for. A translator or a tunnel on the way would
// connect to that one, so the policy holds for it too. ::1 and :: are themselves and carry nothing.
func embedded(address netip.Addr) (all []netip.Addr) {
	if !address.Is6() || address.IsLoopback() || address.IsUnspecified() {
		return nil
	}
	b := address.As16()
	for _, c := range carriers {
		if !c.network.Contains(address) {
			continue
		}
		inner := netip.AddrFrom4([4]byte{b[c.at[0]], b[c.at[1]], b[c.at[2]], b[c.at[3]]})
		if c.network == localNAT64 && b[c.at[0]] == 0 {
			continue // the bytes of another place: zeros of a prefix are no "this network"
		}
		all = append(all, inner)
	}
	if teredo.Contains(address) { // its client, each bit turned round
		all = append(all, netip.AddrFrom4([4]byte{^b[12], ^b[13], ^b[14], ^b[15]}))
	}
	if b[8]&^2 == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe { // ISATAP, in any network (RFC 5214, 6.1)
		all = append(all, netip.AddrFrom4([4]byte(b[12:])))
	}
	return all
}
