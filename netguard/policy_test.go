package netguard

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
)

func TestPolicy_without_a_list(t *testing.T) {
	allowed := map[string]bool{
		"93.184.216.34":          true, // public
		"10.1.2.3":               true, // private
		"172.16.0.1":             true,
		"192.168.1.10":           true,
		"100.64.0.1":             true, // carrier-grade NAT, also used by overlay networks
		"2606:2800::1":           true,
		"fd12:3456::1":           true,
		"127.0.0.1":              false,
		"127.8.9.10":             false,
		"::1":                    false,
		"::ffff:127.0.0.1":       false, // IPv4-mapped
		"64:ff9b::7f00:1":        false, // NAT64 of 127.0.0.1
		"2002:7f00:1::":          false, // 6to4 of 127.0.0.1
		"::127.0.0.1":            false, // IPv4-compatible
		"0.0.0.0":                false,
		"0.1.2.3":                false,
		"::":                     false,
		"169.254.169.254":        false,
		"169.254.1.1":            false,
		"::ffff:169.254.169.254": false,
		"64:ff9b::a9fe:a9fe":     false,
		"fe80::1":                false,
		"fe80::1%eth0":           false,
		"fd00:ec2::254":          false,
		"100.100.100.200":        false,
		"224.0.0.1":              false,
		"239.255.255.250":        false,
		"ff02::1":                false,
		"255.255.255.255":        false,
		"168.63.129.16":          false,
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
