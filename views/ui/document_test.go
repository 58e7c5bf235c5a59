package ui_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"boardlink/views/ui"
)

func TestDocument(t *testing.T) {
	for name, test := range map[string]struct{ raw, want string }{
		"JSON is indented":               {`{"a":{"b":1}}`, "{\n  \"a\": {\n    \"b\": 1\n  }\n}"},
		"what is no JSON stays":          {"<no> JSON", "<no> JSON"},
		"numbers stay as they are":       {`[12345678901234567890]`, "[\n  12345678901234567890\n]"},
		"control characters are blotted": {"a\x00\x1b[31m\tb\r", "a\uFFFD\uFFFD[31m\uFFFDb\uFFFD"},
		"the reading order stays":        {"a\u202eb\u2066c", "a\uFFFDb\uFFFDc"},
		"broken UTF-8 is blotted":        {"a\xff\xfeb", "a\uFFFDb"},
		"nothing is nothing":             {"", ""},
	} {
		if got, cut := ui.Document([]byte(test.raw)); got != test.want || cut {
			t.Errorf("%s: %q, cut %v", name, got, cut)
		}
	}
	for _, raw := range []string{`{"x":"` + strings.Repeat("é", 200_000) + `"}`, strings.Repeat("[", 50_000), strings.Repeat("界", 9000), `[` + strings.Repeat("1,", 20_000) + `1]`} {
		got, cut := ui.Document([]byte(raw))
		if !cut || len(got) > 8<<10 || !utf8.ValidString(got) || strings.Contains(got, "\uFFFD") {
			t.Errorf("%.10s… becomes %d bytes, cut %v", raw, len(got), cut)
		}
	}
}

func FuzzDocument(f *testing.F) {
	f.Add([]byte(`{"DevEUI_uplink":{"a":"\u202e"}}`))
	f.Add([]byte("\xff{"))
	f.Add([]byte(strings.Repeat("é", 5000)))
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, _ := ui.Document(raw)
		if !utf8.ValidString(got) || len(got) > 3*(8<<10) {
			t.Errorf("%d bytes, valid %v", len(got), utf8.ValidString(got))
		}
		for _, r := range got {
			if r < ' ' && r != '\n' {
				t.Errorf("the control character %U is left", r)
			}
		}
	})
}
