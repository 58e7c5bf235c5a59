package db

import (
	"strconv"
	"strings"
)

// conditions gathers the parts of a WHERE and their arguments. Values only ever travel as arguments.
type conditions struct {
	parts []string
	args  []any
}

// arg adds an argument and gives its placeholder.
func (c *conditions) arg(v any) string {
	c.args = append(c.args, v)
	return "$" + strconv.Itoa(len(c.args))
}

// add adds a condition; each ? in it takes the next value.
func (c *conditions) add(part string, values ...any) {
	for _, v := range values {
		part = strings.Replace(part, "?", c.arg(v), 1)
	}
	c.parts = append(c.parts, part)
}

// addIn demands that an expression is one of the values.
func (c *conditions) addIn(expression string, values []any) {
	marks := make([]string, len(values))
	for i, v := range values {
		marks[i] = c.arg(v)
	}
	c.parts = append(c.parts, expression+" IN ("+strings.Join(marks, ", ")+")")
}

// sql gives the whole condition.
func (c *conditions) sql() string {
	if len(c.parts) == 0 {
		return "1 = 1"
	}
	return strings.Join(c.parts, " AND ")
}

// likeEscaper makes a text stand for itself in a LIKE with ESCAPE '\'.
var likeEscaper = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

func limitOr(limit int) int {
	if limit <= 0 {
		return defaultLimit
	}
	return limit
}

func anySlice[T any](values []T) []any {
	all := make([]any, len(values))
	for i, v := range values {
		all[i] = v
	}
	return all
}
