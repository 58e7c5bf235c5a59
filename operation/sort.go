package operation

import (
	"cmp"
	"slices"
	"strings"

	"boardlink/connection"
)

// Sort is what a list of connections is ordered by; those that are equal in it are ordered by their ids. The zero value is
// the id.
type Sort string

// The orders of a list.
const (
	ByID            Sort = ""
	ByName          Sort = "name"  // letter case does not matter
	ByState         Sort = "state" // those that need a person first
	ByBacklog       Sort = "backlog"
	ByLastDelivered Sort = "lastDeliveredAt" // those that never delivered first
)

// Place is a place in a list that is ordered in some way: what the connection there was ordered by, and its id.
type Place struct {
	Text   string
	Number int64
	ID     connection.ID
}

// place says where a connection stands in the order. Orders by name and id do not look at the status.
func (s Sort) place(c *connection.Connection, status connection.Status) Place {
	p := Place{ID: c.ID}
	switch s {
	case ByName:
		p.Text = strings.ToLower(c.Name)
	case ByState:
		p.Number = int64(slices.Index(connection.States, status.State))
	case ByBacklog:
		p.Number = status.Backlog
	case ByLastDelivered:
		if at := status.LastDeliveredAt; !at.IsZero() {
			p.Number = at.UnixMilli()
		}
	}
	return p
}

func (f Filter) compare(a, b Place) int {
	n := cmp.Or(strings.Compare(a.Text, b.Text), cmp.Compare(a.Number, b.Number), cmp.Compare(a.ID, b.ID))
	if f.Desc {
		return -n
	}
	return n
}
