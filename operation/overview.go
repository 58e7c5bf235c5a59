package operation

import (
	"context"
	"fmt"
	"time"

	"boardlink/connection"
)

// Overview is what the dashboard shows.
type Overview struct {
	Total      int
	States     []StateCount // states that occur, in the order of [connection.States]
	NeedPerson []View       // whose state asks somebody to look, worst first; then those with parked events or refused uplinks

	// What all connections together did in the last hour, and per minute over the last five.
	LastHour           connection.Totals
	UplinksPerMinute   float64
	DownlinksPerMinute float64

	Backlog   int64 // events waiting
	Parked    int64
	OldestAge time.Duration // of the event that waits longest

	Latest []connection.Event // newest first
}

// StateCount says how many connections are in a state.
type StateCount struct {
	State connection.State
	Count int
}

const (
	rateSpan     = 5 * time.Minute
	latestEvents = 10
)

// Overview reads what the dashboard shows.
func (o *Connections) Overview(ctx context.Context) (Overview, error) {
	all, err := o.store.Listed(ctx)
	if err != nil {
		return Overview{}, fmt.Errorf("list connections: %w", err)
	}
	v := Overview{Total: len(all)}
	count, needs := map[connection.State]int{}, map[connection.State][]View{}
	for _, c := range all {
		s := statusOf(c, o.links.Status(c.ID))
		count[s.State]++
		v.Backlog += s.Backlog
		v.Parked += s.Parked
		v.OldestAge = max(v.OldestAge, s.OldestAge)
		if s.State.NeedsPerson() || s.Parked > 0 || o.refused(c.ID).Count > 0 {
			needs[s.State] = append(needs[s.State], o.viewOf(c, s))
		}
	}
	var others []View // whose state is right
	for _, s := range connection.States {
		if n := count[s]; n > 0 {
			v.States = append(v.States, StateCount{s, n})
		}
		if s.NeedsPerson() {
			v.NeedPerson = append(v.NeedPerson, needs[s]...)
		} else {
			others = append(others, needs[s]...)
		}
	}
	v.NeedPerson = append(v.NeedPerson, others...)
	now := o.now()
	if v.LastHour, err = o.store.FiguresOfAll(ctx, now.Add(-time.Hour)); err != nil {
		return Overview{}, fmt.Errorf("read figures of the last hour: %w", err)
	}
	recent, err := o.store.FiguresOfAll(ctx, now.Add(-rateSpan))
	if err != nil {
		return Overview{}, fmt.Errorf("read figures of the last minutes: %w", err)
	}
	v.UplinksPerMinute = float64(recent.Uplinks) / rateSpan.Minutes()
	v.DownlinksPerMinute = float64(recent.Downlinks) / rateSpan.Minutes()
	if v.Latest, _, err = o.Events(ctx, EventFilter{Limit: latestEvents}); err != nil {
		return Overview{}, err
	}
	return v, nil
}
