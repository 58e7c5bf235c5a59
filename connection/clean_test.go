package connection

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestClean_takes_out_what_nobody_can_see(t *testing.T) {
	for dirty, want := range map[string]string{
		"Cold room 3":             "Cold room 3",
		"":                        "",
		" \t\n ":                  "",
		"a\x00b\x07c\x1b[31md":    "a b c [31md",
		"a\u0085b\u009b31mc":      "a b 31mc", // C1: some terminals take one for an escape
		"line\r\nline":            "line  line",
		"a\u2028b\u2029c":         "a b c",
		"invoice\u202efdp.exe":    "invoice fdp.exe",
		"\u2066a\u2069\u061cb":    "a  b",
		"a\u200bb\u2060c\ufeffd":  "a b c d",
		"so\u00adft":              "so ft",
		"tag\U000e0041\U000e007f": "tag",
		"a\ufff9b\ufffac":         "a b c",
		"a\u3164\uffa0\u115fb":    "a   b",
		"a\u00a0b\u3000c":         "a b c",
		"\xff\xfe\xc3(":           "(",
		"\xed\xa0\x80x":           "x", // half a surrogate
		"<b>&amp;\"'":             "<b>&amp;\"'",
		"Kühlraum 冷蔵室 غرفة":       "Kühlraum 冷蔵室 غرفة",
		"👩\u200d🔬 ❤️":             "👩\u200d🔬 ❤️",
		"می\u200cخواهم":           "می\u200cخواهم",
		"ad\u200dmin":             "ad min",
		"é\u200d\u200d\u200dx":    "é\u200d  x",
		"pass\u200cword":          "pass word",
	} {
		if got := Clean(dirty); got != want {
			t.Errorf("%q became %q, want %q", dirty, got, want)
		}
	}
}

func TestClean_bounds_by_characters_and_not_by_bytes(t *testing.T) {
	for _, r := range []string{"x", "é", "冷", "😀", "\x1b", "\xff"} {
		got := Clean("a" + strings.Repeat(r, 100_000) + "b")
		if n := utf8.RuneCountInString(got); n > maxRemote+1 || !strings.HasSuffix(got, "…") || !utf8.ValidString(got) {
			t.Errorf("%q: %d characters", r, n)
		}
	}
	for _, n := range []int{maxRemote - 1, maxRemote} {
		if s := strings.Repeat("x", n); Clean(s) != s {
			t.Errorf("%d characters do not stay", n)
		}
	}
}

func FuzzClean(f *testing.F) {
	for _, seed := range []string{"Cold room 3", "a\x1b[31m\u202eb", "\xff\u200b\u200d", "é\u200d\u200c", "👩\u200d🔬", strings.Repeat("é\u200d", 300), "\u2028\u3164", "\u200dx"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := Clean(s)
		if !utf8.ValidString(got) || utf8.RuneCountInString(got) > maxRemote+1 {
			t.Fatalf("%q: no UTF-8, or too long", got)
		}
		before := ' '
		for _, r := range got {
			seen := r == ' ' || unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S) || r >= 0x600 && unicode.Is(unicode.Cf, r) && !bidiControl(r) && r < 0x200b ||
				r > 0xffff && unicode.Is(unicode.Cf, r) && r < 0x1bca0
			if joiner := r == '\u200c' || r == '\u200d'; !seen && (!joiner || before < utf8.RuneSelf) || bidiControl(r) || unicode.IsControl(r) {
				t.Fatalf("%q holds %U", got, r)
			}
			before = r
		}
		if again := Clean(got); again != got {
			t.Fatalf("%q becomes %q when it is cleaned again", got, again)
		}
		if strings.TrimSpace(got) != got {
			t.Fatalf("%q has blanks around it", got)
		}
	})
}
