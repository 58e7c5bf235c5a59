package connection

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxRemote bounds what is kept of a text that came from a peer, in characters.
const maxRemote = 512

// Clean makes a text that came from a peer fit to be shown. Everything that nobody can see becomes a space: control
// characters, those that turn the reading order or join words without a trace, line ends, letters that are blank, what is
// no UTF-8. The text ends after 512 characters, with a mark that there was more. It is the same when it is cleaned again.
//
// Markup stays what it is, text: pages escape it.
func Clean(s string) string {
	if plain(s) {
		return strings.TrimSpace(s)
	}
	var b strings.Builder
	n, before := 0, ' '
	for _, r := range s {
		if n == maxRemote {
			b.WriteString("…")
			break
		}
		if !shows(r) && !joins(before, r) {
			r = ' '
		}
		b.WriteRune(r)
		before = r
		n++
	}
	return strings.TrimSpace(b.String())
}

// plain reports a text of printable ASCII that is short enough, as most are.
func plain(s string) bool {
	if len(s) > maxRemote {
		return false
	}
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// shows reports whether a character can be seen.
func shows(r rune) bool {
	switch r {
	case utf8.RuneError, '\u115f', '\u1160', '\u3164', '\uffa0', '\u2800': // letters without ink
		return false
	}
	return unicode.IsPrint(r) || unicode.Is(unicode.Prepended_Concatenation_Mark, r)
}

// joins reports the two joiners where scripts and emoji need them: after a letter beyond ASCII. Anywhere else they only
// make two texts look the same.
func joins(before, r rune) bool {
	return (r == '\u200c' || r == '\u200d') && before >= utf8.RuneSelf && before != '\u200c' && before != '\u200d'
}

// EndSentence adds the full stop that a text from a peer lacks, so that another sentence may follow.
func EndSentence(s string) string {
	if s == "" || strings.HasSuffix(s, "…") || strings.ContainsRune(".!?", rune(s[len(s)-1])) {
		return s
	}
	return s + "."
}
