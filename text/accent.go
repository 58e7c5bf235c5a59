package text

import (
	"strings"
	"unicode/utf8"

	"github.com/nicksnyder/go-i18n/v2/i18n"
)

var accents = strings.NewReplacer(
	"a", "á", "c", "ç", "d", "ð", "e", "é", "g", "ğ", "i", "í", "l", "ł", "n", "ñ", "o", "ö", "r", "ř", "s", "š", "t", "ţ", "u", "ú", "y", "ý", "z", "ž",
	"A", "Å", "C", "Č", "D", "Ð", "E", "É", "G", "Ğ", "I", "Í", "L", "Ł", "N", "Ñ", "O", "Ö", "R", "Ř", "S", "Š", "T", "Ţ", "U", "Ú", "Y", "Ý", "Z", "Ž")

func accentAll(messages []*i18n.Message) []*i18n.Message {
	all := make([]*i18n.Message, len(messages))
	for i, m := range messages {
		all[i] = &i18n.Message{ID: m.ID, Zero: accent(m.Zero), One: accent(m.One), Two: accent(m.Two), Few: accent(m.Few), Many: accent(m.Many), Other: accent(m.Other)}
	}
	return all
}

// accent makes the accented words of an English message; values and tags stay as they are.
func accent(english string) string {
	if english == "" {
		return ""
	}
	var b strings.Builder
	b.WriteString("⟦")
	letters := 0
	for rest := english; rest != ""; {
		opening := strings.IndexAny(rest, "{<")
		if opening < 0 {
			opening = len(rest)
		}
		words := rest[:opening]
		letters += utf8.RuneCountInString(words)
		b.WriteString(accents.Replace(words))
		rest = rest[opening:]
		n := min(1, len(rest)) // a brace or a sign that opens nothing
		if i := strings.Index(rest, closes(rest)); i > 0 {
			n = i + len(closes(rest))
		}
		b.WriteString(rest[:n])
		rest = rest[n:]
	}
	for n := 0; n < letters*2/5; n++ {
		if n%6 == 0 {
			b.WriteByte(' ')
		}
		b.WriteString("ō")
	}
	b.WriteString("⟧")
	return b.String()
}

// closes says what ends the value or the tag that s begins with.
func closes(s string) string {
	if strings.HasPrefix(s, "{{") {
		return "}}"
	}
	if strings.HasPrefix(s, "<") {
		return ">"
	}
	return "\x00"
}
