package operation

import (
	"context"
	"fmt"
	"time"

	"boardlink/connection"
)

// Window names a span that figures are shown for.
type Window string

// The windows.
const (
	Hour Window = "1h" // a point each minute
	Day  Window = "1d" // a point each quarter of an hour
)

// Metrics are the figures of one connection over a window that ends now.
type Metrics struct {
	Window                                                       Window
	ActiveDevices, Uplinks, Downlinks, Rejected, Parked, Expired int64
	Delivered                                                    int64 // acknowledged by ThingsBoard
	Delays                                                       connection.Delays
	Series                                                       []Point // oldest first, without gaps
}

// Point sums what happened from T on until the next point.
type Point struct {
	T                   time.Time // UTC
	Uplinks, Delivered  int64
	Downlinks, Rejected int64
	Delays              connection.Delays // of one connection alone

	// The most that waited when that was looked at; not known where nobody did, because the program did not run.
	Watched   bool
	Backlog   int64
	OldestAge time.Duration
}

// grid says how a window is cut into points.
func (w Window) grid() (step time.Duration, points int, ok bool) {
	switch w {
	case Hour:
		return time.Minute, 60, true
	case Day:
		return 15 * time.Minute, 96, true
	}
	return 0, 0, false
}

// Metrics reads the figures of a connection.
func (o *Connections) Metrics(ctx context.Context, id connection.ID, window Window) (Metrics, error) {
	step, points, ok := window.grid()
	if !ok {
		return Metrics{}, wrong("window", "Choose 1h or 1d.", string(Hour))
	}
	if _, err := o.store.Connection(ctx, id); err != nil {
		return Metrics{}, fmt.Errorf("read connection %s: %w", id, err)
	}
	to := o.now().UTC().Truncate(step).Add(step)
	from := to.Add(-time.Duration(points) * step)
	minutes, err := o.store.Figures(ctx, id, from, to)
	if err != nil {
		return Metrics{}, fmt.Errorf("read figures of connection %s: %w", id, err)
	}
	watched, err := o.store.MinutesOfAll(ctx, from, to)
	if err != nil {
		return Metrics{}, fmt.Errorf("read when the backlog was looked at: %w", err)
	}
	active, err := o.store.ActiveDevices(ctx, id, from)
	if err != nil {
		return Metrics{}, fmt.Errorf("count devices of connection %s: %w", id, err)
	}
	m := Metrics{Window: window, ActiveDevices: int64(active), Series: pointsFrom(from, step, points)}
	var total connection.Totals
	for _, minute := range minutes {
		if p := at(m.Series, step, minute.Start); p != nil {
			p.add(minute)
			total.Add(minute)
			m.Delays.Add(minute.Delays)
		}
	}
	for _, minute := range watched {
		if p := at(m.Series, step, minute.Start); p != nil {
			p.Watched = p.Watched || minute.Watched
		}
	}
	m.Uplinks, m.Downlinks, m.Rejected = total.Uplinks, total.Downlinks, total.Rejected
	m.Delivered, m.Parked, m.Expired = total.Delivered, total.Parked, total.Expired
	return m, nil
}

func (p *Point) add(m connection.Minute) {
	p.Uplinks += m.Uplinks
	p.Delivered += m.Delivered
	p.Downlinks += m.Downlinks
	p.Rejected += m.Rejected
	p.Delays.Add(m.Delays)
	p.Watched = p.Watched || m.Watched
	p.Backlog = max(p.Backlog, m.Backlog)
	p.OldestAge = max(p.OldestAge, m.OldestAge)
}

// pointsFrom makes the points of a window, empty.
func pointsFrom(from time.Time, step time.Duration, n int) []Point {
	series := make([]Point, n)
	for i := range series {
		series[i].T = from.Add(time.Duration(i) * step)
	}
	return series
}

// at gives the point that a time belongs to; nil where it lies outside.
func at(series []Point, step time.Duration, t time.Time) *Point {
	from := series[0].T
	if t.Before(from) {
		return nil
	}
	i := t.Sub(from) / step
	if int(i) >= len(series) {
		return nil
	}
	return &series[i]
}

// Activity holds what happened on one connection lately, for a row of the list.
type Activity struct{ Hour, Day connection.Totals }

// Activities reads what happened lately on these connections, as far as they had any traffic.
func (o *Connections) Activities(ctx context.Context, ids ...connection.ID) (map[connection.ID]Activity, error) {
	now := o.now()
	hours, err := o.store.FiguresOf(ctx, now.Add(-time.Hour), ids...)
	if err != nil {
		return nil, fmt.Errorf("read figures of the last hour: %w", err)
	}
	days, err := o.store.FiguresOf(ctx, now.Add(-24*time.Hour), ids...)
	if err != nil {
		return nil, fmt.Errorf("read figures of the last day: %w", err)
	}
	all := make(map[connection.ID]Activity, len(days))
	for id, day := range days {
		all[id] = Activity{Hour: hours[id], Day: day}
	}
	return all, nil
}
