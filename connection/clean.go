package connection

import (
	"strings"
	"unicode"
)

// maxRemote bounds what is kept of a text that came from a peer, in characters.
const maxRemote = 512

// Clean makes a text that came from a peer fit to be shown: control characters and those that turn the reading order
// become spaces, and it ends after 512 characters.
func Clean(s string) string {
	var b strings.Builder
	n := 0
	for _, r := range s {
		if n == maxRemote {
			b.WriteString("…")
			break
		}
		if unicode.IsControl(r) || bidiControl(r) || r == unicode.ReplacementChar {
			r = ' '
		}
		b.WriteRune(r)
		n++
	}
	return strings.TrimSpace(b.String())
}

// EndSentence adds the full stop that a text from a peer lacks, so that another sentence may follow.
func EndSentence(s string) string {
	if s == "" || strings.HasSuffix(s, "…") || strings.ContainsRune(".!?", rune(s[len(s)-1])) {
		return s
	}
	return s + "."
}
