package text

import (
	"context"

	"golang.org/x/text/language"
)

// Language is one in which the console speaks.
type Language string

// The languages. Accented is for development, see the package's comment.
const (
	English  Language = "en"
	Accented Language = "en-XA"
)

type key struct{}

// With returns a context in which the words are those of l.
func With(ctx context.Context, l Language) context.Context { return context.WithValue(ctx, key{}, l) }

// LanguageOf returns the language of a context: English where none was set.
func LanguageOf(ctx context.Context) Language {
	if l, ok := ctx.Value(key{}).(Language); ok {
		return l
	}
	return English
}

// spoken are the languages that a browser may ask for, the first where it asks for none of them.
var spoken = []Language{English}

// Match returns the language that suits an Accept-Language header best. Accented is among them only in development, and
// only where the header names it.
func Match(accept string, development bool) Language {
	wanted, _, err := language.ParseAcceptLanguage(accept)
	if err != nil || len(wanted) == 0 {
		return spoken[0]
	}
	if development && wanted[0].String() == string(Accented) {
		return Accented
	}
	tags := make([]language.Tag, len(spoken))
	for i, l := range spoken {
		tags[i] = language.Make(string(l))
	}
	_, i, _ := language.NewMatcher(tags).Match(wanted...)
	return spoken[i]
}
