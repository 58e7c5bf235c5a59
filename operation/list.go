package operation

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"boardlink/connection"
)

// The bounds of a page of a list.
const (
	DefaultLimit = 100
	MaxLimit     = 1000
)

// Filter chooses connections. Its zero value chooses the first [DefaultLimit] of all.
type Filter struct {
	Search string             // part of the name, the host, the user name or the id; letter case does not matter
	States []connection.State // none: any
	After  connection.ID      // cursor: connections with a higher id
	Limit  int                // 1 to [MaxLimit]; 0 takes [DefaultLimit]
}

// List reads a page of connections in the order of their ids. next is the cursor of the page after it, 0 where there is
// none.
//
// States are the live ones, which no query can know; so all rows are read and sifted here.
func (o *Connections) List(ctx context.Context, f Filter) (page []View, next connection.ID, err error) {
	limit, err := limitOf(f.Limit)
	if err != nil {
		return nil, 0, err
	}
	all, err := o.store.Connections(ctx)
	if err != nil {
		return nil, 0, fmt.Errorf("list connections: %w", err)
	}
	statuses := o.links.Statuses()
	for _, c := range all {
		if c.ID <= f.After || !matches(c, f.Search) {
			continue
		}
		v := o.view(c, statuses[c.ID])
		if len(f.States) > 0 && !slices.Contains(f.States, v.Status.State) {
			continue
		}
		if len(page) == limit {
			return page, page[limit-1].Connection.ID, nil
		}
		page = append(page, v)
	}
	return page, 0, nil
}

func limitOf(n int) (int, error) {
	if n == 0 {
		return DefaultLimit, nil
	}
	if n < 1 || n > MaxLimit {
		return 0, wrong("limit", "Give a whole number from 1 to 1000.", "100")
	}
	return n, nil
}

func matches(c connection.Connection, search string) bool {
	search = strings.ToLower(strings.TrimSpace(search))
	for _, text := range []string{c.Name, c.Configuration.HostName, c.Configuration.Username} {
		if strings.Contains(strings.ToLower(text), search) {
			return true
		}
	}
	return c.ID.String() == search
}

// wrong makes the failure of one field.
func wrong(path, message, example string) error {
	return invalid([]connection.FieldError{{Path: path, Message: message, Example: example}})
}

func invalid(fields []connection.FieldError) error {
	return &connection.Failure{Code: connection.CodeInvalid, Message: "Some fields are not right.", Fields: fields}
}
