package operation

import (
	"slices"

	"boardlink/connection"
)

// listed is a connection with its place. The status is filled in where the filter looks at it.
type listed struct {
	connection *connection.Connection
	status     connection.Status
	place      Place
}

// page gathers the first connections of an order, and holds few more than are asked for, however many are looked at.
type page struct {
	filter Filter
	limit  int
	found  []listed
	more   bool // some were left out behind those that are found
}

// add takes a connection if it comes after the cursor and may be among the first. It reports false where no later one in
// the order of the ids can be.
func (p *page) add(l listed) bool {
	if p.filter.After != (Place{}) && p.filter.compare(l.place, p.filter.After) <= 0 {
		return true
	}
	p.found = append(p.found, l)
	if p.filter.Sort == ByID && !p.filter.Desc {
		return len(p.found) <= p.limit
	}
	if len(p.found) >= 2*p.limit+64 {
		p.cut()
	}
	return true
}

// cut keeps the first ones.
func (p *page) cut() {
	slices.SortFunc(p.found, func(a, b listed) int { return p.filter.compare(a.place, b.place) })
	if len(p.found) > p.limit {
		clear(p.found[p.limit:]) // so that what is left out is not kept alive
		p.found, p.more = p.found[:p.limit], true
	}
}

// first gives the page, and whether there is more behind it.
func (p *page) first() ([]listed, bool) {
	p.cut()
	return p.found, p.more
}
