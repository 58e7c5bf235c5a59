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

	// What all connections together did in the last hour, and per minute over the last five. Devices are not counted.
	LastHour           connection.Totals
	UplinksPerMinute   float64
	DownlinksPerMinute float64
	Series             []Point // of the last hour, a point each minute, oldest first, without gaps

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
	if err := o.traffic(ctx, &v); err != nil {
		return Overview{}, err
	}
	if v.Latest, _, err = o.Events(ctx, EventFilter{Limit: latestEvents}); err != nil {
		return Overview{}, err
	}
	return v, nil
}

// traffic reads what all connections did in each minute of the last hour, and sums it.
func (o *Connections) traffic(ctx context.Context, v *Overview) error {
	now := o.now().UTC()
	step, points, _ := Hour.grid()
	to := now.Truncate(step).Add(step)
	from := to.Add(-time.Duration(points) * step)
	minutes, err := o.store.MinutesOfAll(ctx, from, to)
	if err != nil {
		return fmt.Errorf("read the minutes of all connections: %w", err)
	}
	v.Series = pointsFrom(from, step, points)
	var recent connection.Totals
	since := now.Add(-rateSpan).Truncate(step)
	for _, m := range minutes {
		p := at(v.Series, step, m.Start)
		if p == nil {
			continue
		}
		p.add(m)
		v.LastHour.Add(m)
		if !m.Start.Before(since) {
			recent.Add(m)
		}
	}
	v.UplinksPerMinute = float64(recent.Uplinks) / rateSpan.Minutes()
	v.DownlinksPerMinute = float64(recent.Downlinks) / rateSpan.Minutes()
	return nil
}
