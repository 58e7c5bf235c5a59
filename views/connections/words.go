package connections

import (
	"context"
	"strings"

	"boardlink/connection"
	"boardlink/text"
)

// Label is what a setting is called in the language of ctx. The table of settings has the English, which is the API's too.
func Label(ctx context.Context, f connection.Field) string {
	return text.Or(ctx, "field."+f.Name+".label", f.Label)
}

func help(ctx context.Context, f connection.Field) string {
	return text.Or(ctx, "field."+f.Name+".help", f.Help)
}

func choice(ctx context.Context, f connection.Field, c connection.Choice) string {
	return text.Or(ctx, "field."+f.Name+".choice."+strings.ToLower(c.Value), c.Label)
}

// titled is the name of a group of settings.
func titled(ctx context.Context, group string) string {
	return text.Or(ctx, "field.group."+strings.ToLower(group), group)
}
