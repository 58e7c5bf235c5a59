package text

import (
	"context"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/a-h/templ"
)

// Rich gives a message in which components stand: <name/> is replaced by the component of that name, and the words between
// <name> and </name> become the component's children. Other arguments are values as for [T]; what they hold is shown as
// it is, however it looks.
func Rich(ctx context.Context, id string, args ...any) templ.Component {
	return rich(id, args, func(values ...any) string { return T(ctx, id, values...) })
}

// RichN is [Rich] for a message with plural forms.
func RichN(ctx context.Context, id string, n int64, args ...any) templ.Component {
	return rich(id, args, func(values ...any) string { return N(ctx, id, n, values...) })
}

// stands in for a value until the message has been taken apart, so that a value is never taken for a tag.
func placeholder(i int) string { return "\x02" + strconv.Itoa(i) + "\x03" }

var errUnbalanced = errors.New("a tag of the message is not closed, or has no component")

func rich(id string, args []any, say func(...any) string) templ.Component {
	parts := map[string]templ.Component{}
	var values []any
	var back []string
	for i := 0; i+1 < len(args); i += 2 {
		name, _ := args[i].(string)
		switch v := args[i+1].(type) {
		case templ.Component:
			parts[name] = v
		case string:
			values = append(values, name, placeholder(i))
			back = append(back, placeholder(i), v)
		default:
			values = append(values, name, v)
		}
	}
	said := say(values...)
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		return write(ctx, w, said, parts, strings.NewReplacer(back...))
	})
}

// write writes words and components in turn.
func write(ctx context.Context, w io.Writer, words string, parts map[string]templ.Component, values *strings.Replacer) error {
	for words != "" {
		before, rest, found := strings.Cut(words, "<")
		if _, err := io.WriteString(w, templ.EscapeString(values.Replace(before))); err != nil {
			return err
		}
		if !found {
			return nil
		}
		tag, after, ok := strings.Cut(rest, ">")
		name, alone := strings.CutSuffix(tag, "/")
		part := parts[name]
		if !ok || part == nil {
			return errUnbalanced
		}
		inner := templ.NopComponent
		if !alone {
			var between string
			if between, after, ok = strings.Cut(after, "</"+name+">"); !ok {
				return errUnbalanced
			}
			inner = templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
				return write(ctx, w, between, parts, values)
			})
		}
		if err := part.Render(templ.WithChildren(ctx, inner), w); err != nil {
			return err
		}
		words = after
	}
	return nil
}
