package ui

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The bounds of a document on a page, in bytes. What is longer than maxIndented is not brought into order first.
const (
	maxDocument = 8 << 10
	maxIndented = 64 << 10
)

// Document writes a document of a peer's for people: JSON indented, without what would disturb the page, and not without
// end; cut tells that only the beginning is there.
func Document(raw []byte) (text string, cut bool) {
	if len(raw) <= maxIndented {
		var b bytes.Buffer
		if json.Indent(&b, raw, "", "  ") == nil {
			raw = b.Bytes()
		}
	}
	if len(raw) > maxDocument {
		end := maxDocument
		for end > maxDocument-utf8.UTFMax && !utf8.RuneStart(raw[end]) {
			end--
		}
		raw, cut = raw[:end], true
	}
	const replacement = unicode.ReplacementChar
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' || unicode.Is(unicode.Bidi_Control, r) {
			return replacement
		}
		return r
	}, strings.ToValidUTF8(string(raw), string(replacement))), cut
}
