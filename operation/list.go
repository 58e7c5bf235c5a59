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
// In place of each secret that is set stands [connection.Mask].
//
// States are the live ones, which no query can know; so all connections are sifted here, from memory.
func (o *Connections) List(ctx context.Context, f Filter) (views []View, next Place, err error) {
	limit, err := limitOf(f.Limit)
	if err != nil {
		return nil, Place{}, err
	}
	all, err := o.store.Listed(ctx)
	if err != nil {
		return nil, Place{}, fmt.Errorf("list connections: %w", err)
	}
	search := strings.ToLower(strings.TrimSpace(f.Search))
	found := page{filter: f, limit: limit}
	for _, c := range all {
		if f.Active != nil && c.Active != *f.Active || search != "" && !matches(c, search) {
			continue
		}
		l := listed{connection: c}
		if f.looksAtStatus() {
			l.status = statusOf(c, o.links.Status(c.ID))
			if len(f.States) > 0 && !slices.Contains(f.States, l.status.State) {
				continue
			}
		}
		l.place = f.Sort.place(c, l.status)
		if !found.add(l) {
			break
		}
	}
	first, more := found.first()
	views = make([]View, 0, len(first))
	for _, l := range first {
		if !f.looksAtStatus() {
			l.status = statusOf(l.connection, o.links.Status(l.connection.ID))
		}
		views = append(views, o.viewOf(l.connection, l.status))
	}
	if more {
		next = first[len(first)-1].place
	}
	return views, next, nil
}

// looksAtStatus reports whether a connection's place, or whether it has one, depends on how its link is.
func (f Filter) looksAtStatus() bool {
	return len(f.States) > 0 || f.Sort == ByState || f.Sort == ByBacklog || f.Sort == ByLastDelivered
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

// matches looks for a text in lower case.
func matches(c *connection.Connection, search string) bool {
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
