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
	Active *bool              // nil: any
	Sort   Sort
	Desc   bool  // the other way round
	After  Place // cursor: what comes after it in that order
	Limit  int   // 1 to [MaxLimit]; 0 takes [DefaultLimit]
}

// List reads a page of connections. next is the place of its last one, the zero [Place] where there is no other page. A
// place stays good whatever is made or deleted meanwhile; a connection that moves in the order may come twice, or not.
//
// States are the live ones, which no query can know; so all rows are read and sifted here.
func (o *Connections) List(ctx context.Context, f Filter) (page []View, next Place, err error) {
	limit, err := limitOf(f.Limit)
	if err != nil {
		return nil, Place{}, err
	}
	all, err := o.store.Connections(ctx)
	if err != nil {
		return nil, Place{}, fmt.Errorf("list connections: %w", err)
	}
	statuses := o.links.Statuses()
	var found []listed
	for _, c := range all {
		if f.Active != nil && c.Active != *f.Active || !matches(c, f.Search) {
			continue
		}
		v := o.view(c, statuses[c.ID])
		if len(f.States) > 0 && !slices.Contains(f.States, v.Status.State) {
			continue
		}
		if l := (listed{v, f.Sort.place(v)}); f.After == (Place{}) || f.compare(l.place, f.After) > 0 {
			found = append(found, l)
		}
	}
	slices.SortFunc(found, func(a, b listed) int { return f.compare(a.place, b.place) })
	if len(found) > limit {
		found = found[:limit]
		next = found[limit-1].place
	}
	for _, l := range found {
		page = append(page, l.View)
	}
	return page, next, nil
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
