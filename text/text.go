package text

import (
	"context"
	"strconv"

	"github.com/nicksnyder/go-i18n/v2/i18n"
)

// T gives a message in the language of ctx. args are pairs of a name and its value. A message that is missing, or one that
// names a value which was not given, comes out as its id.
func T(ctx context.Context, id string, args ...any) string {
	s := speakerOf(ctx)
	if len(args) > 0 {
		return s.say(id, nil, named(args))
	}
	if known, ok := s.plain.Load(id); ok {
		return known.(string)
	}
	said := s.say(id, nil, nil)
	s.plain.Store(id, said)
	return said
}

// N gives the form of a message that goes with a number; the message may show it as {{.n}}, grouped.
func N(ctx context.Context, id string, n int64, args ...any) string {
	values := named(args)
	values["n"] = Count(ctx, n)
	return speakerOf(ctx).say(id, n, values)
}

// Or gives a message where the language of ctx has it, and else the English that is already at hand.
func Or(ctx context.Context, id, english string) string {
	l := LanguageOf(ctx)
	if l == Accented {
		return accent(english)
	}
	if l == English || english == "" {
		return english
	}
	if said := T(ctx, id); said != id {
		return said
	}
	return english
}

// Count writes a number with its thousands grouped: "12,345".
func Count(_ context.Context, n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// ownKey is where tests of this package keep a catalogue of their own.
type ownKey struct{}

func speakerOf(ctx context.Context) *speaker {
	all, ok := ctx.Value(ownKey{}).(map[Language]*speaker) // of a test
	if !ok {
		all = catalogue()
	}
	if s, ok := all[LanguageOf(ctx)]; ok {
		return s
	}
	return all[English]
}

// say is one look into the catalogue; n is nil, or the number that chooses the plural form.
func (s *speaker) say(id string, n any, values map[string]any) string {
	said, err := s.localizer.Localize(&i18n.LocalizeConfig{MessageID: id, PluralCount: n, TemplateData: values, TemplateParser: parser})
	if err != nil {
		return id
	}
	return said
}

// named makes a map of pairs; what has no name or no value is left out, so that its message comes out as its id.
func named(args []any) map[string]any {
	values := make(map[string]any, len(args)/2+1)
	for i := 0; i+1 < len(args); i += 2 {
		if name, ok := args[i].(string); ok {
			values[name] = args[i+1]
		}
	}
	return values
}
