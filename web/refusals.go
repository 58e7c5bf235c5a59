package web

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"boardlink/connection"
)

const (
	// tellRefusalsEvery is the least time between two events about the same refusals.
	tellRefusalsEvery = 10 * time.Minute
	// maxRefusalKeys bounds what is told apart; beyond it, refusals are counted together.
	maxRefusalKeys = 200
)

// refusalKind says for what requests were refused.
type refusalKind int

const (
	refusedNot refusalKind = iota
	refusedCredential
	refusedRight
	refusedForeign
	refusedRate
)

var refusalWords = map[refusalKind]string{
	refusedCredential: "the key that came with it is not valid",
	refusedRight:      "neither role nor scope allows it",
	refusedForeign:    "another site sent it",
	refusedRate:       "there were too many",
}

type refusalKey struct {
	kind    refusalKind
	address string
	actor   string
}

// refusals counts refused requests until they are told. Strangers can make it count and nothing more: what it holds and
// tells is bounded whatever they send.
type refusals struct {
	mu   sync.Mutex
	each map[refusalKey]*refusalCount
}

type refusalCount struct {
	n     int64
	last  string // method and route, never the path: that is the stranger's text
	since time.Time
	told  time.Time
}

func (r *refusals) add(key refusalKey, what string, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.each == nil {
		r.each = map[refusalKey]*refusalCount{}
	}
	c := r.each[key]
	if c == nil && len(r.each) >= maxRefusalKeys {
		key = refusalKey{kind: key.kind, actor: connection.System}
		c = r.each[key]
	}
	if c == nil {
		c = &refusalCount{}
		r.each[key] = c
	}
	if c.n == 0 {
		c.since = at
	}
	c.n++
	c.last = what
}

// due gives the events that are to be told now, and forgets what was told long ago.
func (r *refusals) due(now time.Time) []connection.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []connection.Event
	for key, c := range r.each {
		switch quiet := now.Sub(c.told) < tellRefusalsEvery; {
		case quiet:
		case c.n == 0:
			delete(r.each, key)
		default:
			list = append(list, connection.Event{
				Time: now, Level: connection.LevelWarning, Kind: connection.KindAccess, Actor: key.actor, Address: key.address, Message: c.sentence(key),
			})
			*c = refusalCount{told: now}
		}
	}
	slices.SortFunc(list, func(a, b connection.Event) int { return cmp.Compare(a.Message+a.Address, b.Message+b.Address) })
	return list
}

func (c *refusalCount) sentence(key refusalKey) string {
	from := ""
	if key.address == "" {
		from = " from several addresses"
	}
	if c.n == 1 {
		return fmt.Sprintf("A request%s was refused, because %s: %s.", from, refusalWords[key.kind], c.last)
	}
	return fmt.Sprintf("%d requests%s were refused since %s, each because %s; the last was %s.",
		c.n, from, c.since.UTC().Format("2006-01-02 15:04:05 UTC"), refusalWords[key.kind], c.last)
}

// ReportRefusals gives tell an event for each sort of refused requests of each address: at most one in ten minutes, with
// their number. Call it now and then.
func (s *Server) ReportRefusals(ctx context.Context, tell func(connection.Event)) {
	for _, e := range s.refusals.due(s.now()) {
		if ctx.Err() != nil {
			return
		}
		tell(e)
	}
}
