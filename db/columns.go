package db

import (
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// column ties a column to the variable that it is read into and written from.
type column struct {
	name string
	ref  any // pointer that Scan takes, or a type that is both sql.Scanner and driver.Valuer
}

func names(columns []column, prefix string) string {
	var b strings.Builder
	for i, c := range columns {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(prefix + c.name)
	}
	return b.String()
}

func refs(columns []column) []any {
	all := make([]any, len(columns))
	for i, c := range columns {
		all[i] = c.ref
	}
	return all
}

// placeholders gives "$1, $2, ..., $n".
func placeholders(n int) string { return placeholdersFrom(1, n) }

func placeholdersFrom(first, n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("$" + strconv.Itoa(first+i))
	}
	return b.String()
}

// assignments gives "a = $1, b = $2, ...".
func assignments(columns []column) string {
	var b strings.Builder
	for i, c := range columns {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(c.name + " = $" + strconv.Itoa(i+1))
	}
	return b.String()
}

// timeColumn keeps a time as milliseconds, the zero time as 0.
type timeColumn struct{ t *time.Time }

func (c timeColumn) Value() (driver.Value, error) { return millis(*c.t), nil }

func (c timeColumn) Scan(v any) error {
	n, ok := v.(int64)
	if !ok {
		return fmt.Errorf("a time is stored as %T", v)
	}
	*c.t = fromMillis(n)
	return nil
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMilli(n).UTC()
}

// spanColumn keeps a length of time as milliseconds, rounded up: what took less than one is not said to take none.
type spanColumn struct{ d *time.Duration }

func (c spanColumn) Value() (driver.Value, error) {
	return (*c.d + time.Millisecond - 1).Milliseconds(), nil
}

func (c spanColumn) Scan(v any) error {
	n, ok := v.(int64)
	if !ok {
		return fmt.Errorf("a length of time is stored as %T", v)
	}
	*c.d = time.Duration(n) * time.Millisecond
	return nil
}

// jsonColumn keeps a slice as JSON, nil as an empty list.
type jsonColumn[T any] struct{ list *[]T }

func (c jsonColumn[T]) Value() (driver.Value, error) {
	if *c.list == nil {
		return "[]", nil
	}
	b, err := json.Marshal(*c.list)
	return string(b), err
}

func (c jsonColumn[T]) Scan(v any) error {
	s, ok := v.(string)
	if !ok {
		return fmt.Errorf("a list is stored as %T", v)
	}
	*c.list = nil
	if s == "[]" {
		return nil
	}
	return json.Unmarshal([]byte(s), c.list)
}

// scan runs a query and reads its rows, one value each.
func scan[T any](rows *sql.Rows, err error, read func(row interface{ Scan(...any) error }) (T, error)) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // read to its end below, where Err tells
	var all []T
	for rows.Next() {
		one, err := read(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}
