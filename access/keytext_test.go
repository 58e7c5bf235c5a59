package access

import (
	"math/big"
	"regexp"
	"strings"
	"testing"
)

func TestNewKeyText_gives_what_scanners_look_for(t *testing.T) {
	pattern := regexp.MustCompile("^" + KeyPattern + "$")
	seen := map[string]bool{}
	for range 200 {
		key, id := newKeyText()
		text := key.Reveal()
		if !pattern.MatchString(text) || len(text) != 64 || text[6:14] != id || seen[text] || seen[id] {
			t.Fatalf("key %q with the id %q", text, id)
		}
		seen[text], seen[id] = true, true
		if got, ok := publicIDOf(text); !ok || got != id {
			t.Fatalf("%q is not recognised", text)
		}
	}
}

func TestKeyText_bears_256_random_bits(t *testing.T) {
	most := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 256), big.NewInt(1))
	if n := new(big.Int).Exp(big.NewInt(62), big.NewInt(secretLength), nil); n.Cmp(most) <= 0 {
		t.Error("the digits do not hold 256 bits")
	}
	if got := inBase62(most, secretLength); len(got) != secretLength || !isBase62(got) {
		t.Errorf("the largest secret is %q", got)
	}
}

// The vector is worked out by hand with Python's zlib.crc32, so that scanners may rely on the format.
func TestChecksum_is_the_CRC_32_in_base62(t *testing.T) {
	const text = "bl_ak_00000000_0000000000000000000000000000000000000000000"
	if got, want := checksum(text), "3GL3Ap"; got != want {
		t.Errorf("the checksum is %q, want %q", got, want)
	}
}

func TestPublicIDOf_tells_a_mistyped_key_without_looking_it_up(t *testing.T) {
	key, _ := newKeyText()
	text := key.Reveal()
	for i := range len(text) {
		for _, other := range []byte{'0', 'Z', 'a', '_', ' '} {
			if text[i] == other {
				continue
			}
			if _, ok := publicIDOf(text[:i] + string(other) + text[i+1:]); ok {
				t.Errorf("%q in place of %q at %d goes unnoticed", other, text[i], i)
			}
		}
		if i+1 < len(text) && text[i] != text[i+1] {
			if _, ok := publicIDOf(text[:i] + text[i+1:i+2] + text[i:i+1] + text[i+2:]); ok {
				t.Errorf("two signs that changed places at %d go unnoticed", i)
			}
		}
	}
	for _, wrong := range []string{"", "bl_ak_", text[:63], text + "0", " " + text, strings.ToUpper(text), "bl_uk_" + text[6:], strings.Repeat("é", 32)} {
		if _, ok := publicIDOf(wrong); ok {
			t.Errorf("%q is taken for a key", wrong)
		}
	}
}

func FuzzPublicIDOf(f *testing.F) {
	key, _ := newKeyText()
	f.Add(key.Reveal())
	f.Add("bl_ak_00000000_" + strings.Repeat("0", 49))
	f.Add("bl_ak_")
	f.Fuzz(func(t *testing.T, presented string) {
		id, ok := publicIDOf(presented)
		if !ok {
			return
		}
		end := keyLength - checkLength
		if !regexp.MustCompile("^"+KeyPattern+"$").MatchString(presented) || presented[end:] != checksum(presented[:end]) || id != presented[6:14] {
			t.Errorf("%q is taken for a key with the id %q", presented, id)
		}
	})
}

func FuzzParseNetwork(f *testing.F) {
	for _, s := range []string{"192.0.2.7", "192.0.2.0/24", "2001:db8::/32", "::ffff:192.0.2.0/120", "fe80::1%eth0", "0.0.0.0/0", "1.2.3.4/33"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, wrong := ParseNetwork(text)
		if wrong != "" {
			return
		}
		if !p.IsValid() || p != p.Masked() || p.Addr().Is4In6() || p.Addr().Zone() != "" {
			t.Errorf("%q became %v", text, p)
		}
		if again, wrong := ParseNetwork(p.String()); wrong != "" || again != p {
			t.Errorf("%q became %v, then %v", text, p, again)
		}
	})
}
