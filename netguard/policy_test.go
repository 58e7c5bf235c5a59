package netguard

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
)

func TestPolicy_without_a_list(t *testing.T) {
	allowed := map[string]bool{
		"93.184.216.34":                      true, // public
		"10.1.2.3":                           true, // private
		"172.16.0.1":                         true,
		"192.168.1.10":                       true,
		"100.64.0.1":                         true, // carrier-grade NAT, also used by overlay networks
		"2606:2800::1":                       true,
		"fd12:3456::1":                       true,
		"127.0.0.1":                          false,
		"127.8.9.10":                         false,
		"::1":                                false,
		"::ffff:127.0.0.1":                   false, // IPv4-mapped
		"64:ff9b::7f00:1":                    false, // NAT64 of 127.0.0.1
		"64:ff9b::a9fe:a9fe":                 false,
		"64:ff9b::a00:1":                     true, // NAT64 of 10.0.0.1
		"64:ff9b::808:808":                   true,
		"64:ff9b:1::7f00:1":                  false, // NAT64 of local use, of 127.0.0.1 under each length of its prefix
		"64:ff9b:1:0:7f:0:100:0":             false,
		"64:ff9b:1:7f:0:1::":                 false,
		"64:ff9b:1:7f00:0:100::":             false,
		"64:ff9b:1::a9fe:a9fe":               false, // of 169.254.169.254
		"64:ff9b:1:0:a9:fea9:fe00:0":         false,
		"64:ff9b:1:a9:fe:a9fe::":             false,
		"64:ff9b:1:a9fe:a9:fe00::":           false,
		"64:ff9b:1::a00:1":                   true, // of 10.0.0.1
		"64:ff9b:1:a00:0:100::":              true,
		"64:ff9b:1::c000:221":                true,  // of 192.0.2.33
		"64:ff9b:1:ffff::c000:221":           false, // 255.255.192.0 under the shortest prefix; what cannot be told is refused
		"2002:7f00:1::":                      false, // 6to4 of 127.0.0.1
		"2002:a9fe:a9fe::1":                  false,
		"2002:c000:221::1":                   true,
		"2001::1":                            false, // Teredo; its server is 0.0.0.0
		"2001:0:7f00:1::f5ff:fffe":           false, // its server is 127.0.0.1
		"2001:0:c000:221:0:63bf:80ff:fffe":   false, // its client is 127.0.0.1
		"2001:0:c000:221:0:63bf:5601:5601":   false, // its client is 169.254.169.254
		"2001:0:c000:221:0:63bf:3fff:fdd2":   true,  // both are public
		"2001:db8::7f00:1":                   true,  // no network that carries IPv4
		"fe80::5efe:7f00:1":                  false, // ISATAP
		"2001:db8::5efe:127.0.0.1":           false,
		"2001:db8::200:5efe:169.254.169.254": false,
		"2001:db8::5efe:10.0.0.1":            true,
		"::127.0.0.1":                        false, // IPv4-compatible
		"::ffff:0:127.0.0.1":                 false, // IPv4-translated
		"::ffff:0:169.254.169.254":           false,
		"::1%lo":                             false,
		"fc00::1":                            true,
		"0.0.0.0":                            false,
		"0.1.2.3":                            false,
		"::":                                 false,
		"169.254.169.254":                    false,
		"169.254.1.1":                        false,
		"::ffff:169.254.169.254":             false,
		"fe80::1":                            false,
		"fe80::1%eth0":                       false,
		"fd00:ec2::254":                      false,
		"fd00:ec2::23":                       false, // credentials of pods
		"fd00:ec3::254":                      true,
		"fd00:42::42":                        false,
		"fd00:c1::a9fe:a9fe":                 false,
		"fe80::a9fe:a9fe":                    false,
		"192.0.0.192":                        false,
		"192.0.0.193":                        true,
		"100.100.100.200":                    false,
		"224.0.0.1":                          false,
		"239.255.255.250":                    false,
		"ff02::1":                            false,
		"255.255.255.255":                    false,
		"168.63.129.16":                      false,
	}
	for address, want := range allowed {
		err := Policy{}.Check("tb.example.com", netip.MustParseAddr(address), 443)
		if (err == nil) != want {
			t.Errorf("%s: got %v, want allowed %v", address, err, want)
		}
		if err != nil && !errors.Is(err, ErrNotAllowed) {
			t.Errorf("%s: error %v does not wrap ErrNotAllowed", address, err)
		}
	}
}

func TestPolicy_opens_loopback_only_as_listed(t *testing.T) {
	for _, test := range []struct {
		list, name, address string
		port                uint16
		want                bool
	}{
		{"localhost", "localhost", "127.0.0.1", 8080, true},
		{"LocalHost.", "localhost", "::1", 8080, true},
		{"localhost", "LOCALHOST.", "127.0.0.1", 8080, true},
		{"localhost", "other.example.com", "127.0.0.1", 8080, false},
		{"localhost:9090", "localhost", "127.0.0.1", 9090, true},
		{"localhost:9090", "localhost", "127.0.0.1", 9091, false},
		{"127.0.0.1", "other.example.com", "127.0.0.1", 1, true},
		{"127.0.0.1", "other.example.com", "::ffff:127.0.0.1", 1, true},
		{"127.0.0.1", "other.example.com", "127.0.0.2", 1, false},
		{"127.0.0.0/8:443", "other.example.com", "127.0.0.2", 443, true},
		{"127.0.0.0/8:443", "other.example.com", "127.0.0.2", 444, false},
		{"::1", "localhost", "::1", 80, true},
		{"[::1]:80", "localhost", "::1", 80, true},
		{"[::1]:80", "localhost", "::1", 81, false},
		{"[::1/128]:80", "localhost", "::1", 80, true},
		{"[::]/1:80", "localhost", "::1", 80, true},
		{"[::]/1:80", "localhost", "::1", 81, false},
		{"::ffff:127.0.0.0/104", "localhost", "127.3.4.5", 81, true},
		{" , localhost ,, ", "localhost", "127.0.0.1", 1, true},
	} {
		p, err := ParsePolicy(test.list)
		if err != nil {
			t.Errorf("%q: %v", test.list, err)
			continue
		}
		if err := p.Check(test.name, netip.MustParseAddr(test.address), test.port); (err == nil) != test.want {
			t.Errorf("%q, %s at %s:%d: got %v, want allowed %v", test.list, test.name, test.address, test.port, err, test.want)
		}
	}
}

func TestPolicy_never_opens_what_is_never_dialled(t *testing.T) {
	p, err := ParsePolicy("metadata.example.com, 169.254.169.254, 0.0.0.0/0, ::/0, fd00:ec2::254, 100.100.100.200:80")
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{"169.254.169.254", "fd00:ec2::254", "100.100.100.200", "0.0.0.0", "::", "ff02::1", "fe80::1"} {
		if err := p.Check("metadata.example.com", netip.MustParseAddr(address), 80); !errors.Is(err, ErrNotAllowed) {
			t.Errorf("%s: got %v, want ErrNotAllowed", address, err)
		}
	}
}

func TestPolicy_never_opens_its_own_listeners(t *testing.T) {
	machine, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	tcp := func(address string) net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(address)) }
	p := policy(t, "127.0.0.0/8, ::1, localhost, 0.0.0.0/0").Except(tcp("127.0.0.1:8080"), tcp("[::]:9090"), &net.UnixAddr{Name: "x"})
	for address, want := range map[string]bool{
		"127.0.0.1:8080":          false,
		"[::ffff:127.0.0.1]:8080": false,
		"[64:ff9b::7f00:1]:8080":  false,
		"127.0.0.1:8081":          true,
		"127.0.0.2:8080":          true, // it does not listen there
		"127.0.0.1:9090":          false,
		"127.9.9.9:9090":          false,
		"[::1]:9090":              false,
		"192.0.2.1:9090":          true, // another machine
		"192.0.2.1:8080":          true,
	} {
		at := netip.MustParseAddrPort(address)
		if err := p.Check("localhost", at.Addr(), at.Port()); (err == nil) != want || err != nil && !errors.Is(err, ErrNotAllowed) {
			t.Errorf("%s: got %v, want allowed %v", address, err, want)
		}
	}
	for _, a := range machine {
		if network, ok := a.(*net.IPNet); ok {
			ip, _ := netip.AddrFromSlice(network.IP)
			if err := p.Check("localhost", ip, 9090); !errors.Is(err, ErrNotAllowed) {
				t.Errorf("%s of this machine: got %v", ip, err)
			}
		}
	}
	if err := policy(t, "127.0.0.1").Check("", netip.MustParseAddr("127.0.0.1"), 8080); err != nil {
		t.Errorf("a policy of before is another now: %v", err)
	}
}

func TestParsePolicy_names_the_entry_it_cannot_read(t *testing.T) {
	for _, entry := range []string{
		"host:0", "host:65536", "host:", "host:http", "http://host", "a b", "[::1", "[::1]x", "[::1]:", "[host]:80", "10.0.0.0/33",
		"127.0.0.256", "::1%eth0", "host/path", "*.example.com", "[::]/1/2:80", "::ffff:0:0/64",
	} {
		_, err := ParsePolicy("example.com," + entry)
		if err == nil {
			t.Errorf("%q was accepted", entry)
		} else if !strings.Contains(err.Error(), `"`+entry+`"`) {
			t.Errorf("%q is not named in %q", entry, err)
		}
	}
}

func FuzzParsePolicy(f *testing.F) {
	for _, seed := range []string{"localhost:1", "[::1]:80", "10.0.0.0/8:443", "[fd00::]/8:443", "a,b,,c", "[", "]", "[]/:"} {
		f.Add(seed)
	}
	metadata := netip.MustParseAddr("169.254.169.254")
	f.Fuzz(func(t *testing.T, list string) {
		p, err := ParsePolicy(list)
		if err != nil {
			return
		}
		if p.Check("localhost", metadata, 80) == nil {
			t.Errorf("%q opens the metadata address", list)
		}
	})
}

// Whatever text an address is written in, and whatever stands for another one: nothing that is allowed is, or carries,
// loopback, link-local or metadata addresses.
func FuzzCheck(f *testing.F) {
	for _, seed := range []string{
		"127.0.0.1", "::ffff:7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1:7f00:0:100::", "2002:7f00:1::", "2001:0:7f00:1::", "fe80::1%eth0", "::1%1",
		"2001:db8::200:5efe:7f00:1", "0177.0.0.1", "2130706433", "0x7f.1", "127.1", "1.2.3.4", "[::1]", "::ffff:127.0.0.1%x",
	} {
		f.Add(seed, uint16(80))
	}
	p, err := ParsePolicy("0.0.0.0/0:1, [::]/0:1")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string, port uint16) {
		address, err := netip.ParseAddr(text)
		if err != nil {
			return // a name, and what it resolves to is checked
		}
		allowed := p.Check(text, address, port) == nil
		if allowed && port != 1 && address.Unmap().IsLoopback() {
			t.Fatalf("%s is loopback", text)
		}
		ip := net.IP(address.AsSlice())
		if allowed && (ip.IsUnspecified() || ip.IsMulticast() || ip.IsLinkLocalUnicast() || strings.HasSuffix(ip.String(), "169.254.169.254")) {
			t.Fatalf("%s is allowed", text)
		}
		if b := address.As16(); allowed && !address.Is4() { // the forms that are read most, found another way
			last, first := binary.BigEndian.Uint32(b[12:]), binary.BigEndian.Uint64(b[:8])
			carried := first == 0x64ff9b<<32 || first>>48 == 0x2002 && binary.BigEndian.Uint32(b[2:6]) == 0xa9fea9fe
			if carried && (last == 0xa9fea9fe && binary.BigEndian.Uint32(b[8:12]) == 0 || first>>48 == 0x2002) {
				t.Fatalf("%s carries the metadata address", text)
			}
		}
		if p.Check(text, address.WithZone(""), port) == nil != allowed {
			t.Fatalf("a zone changes the answer for %s", text)
		}
	})
}
