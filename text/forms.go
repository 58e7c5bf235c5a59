package text

import (
	"context"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

// Forms gives the plural forms of a message, each under the name that browsers have for it in Intl.PluralRules ("one",
// "other"), with {n} where the number goes. It is for scripts, which choose by the same rules.
func Forms(ctx context.Context, id string) map[string]string {
	s := speakerOf(ctx)
	if known, ok := s.forms.Load(id); ok {
		return known.(map[string]string)
	}
	tag, forms := language.Make(string(LanguageOf(ctx))), map[string]string{}
	for n := range 101 { // whole numbers show all their forms by then, but for those that some languages keep for millions
		name := formName(plural.Cardinal.MatchPlural(tag, n, 0, 0, 0, 0))
		if forms[name] == "" {
			forms[name] = s.say(id, n, map[string]any{"n": "{n}"})
		}
	}
	s.forms.Store(id, forms)
	return forms
}

func formName(f plural.Form) string {
	switch f {
	case plural.Zero:
		return "zero"
	case plural.One:
		return "one"
	case plural.Two:
		return "two"
	case plural.Few:
		return "few"
	case plural.Many:
		return "many"
	}
	return "other"
}
