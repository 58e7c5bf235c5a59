package alarm

import (
	"context"
	"log/slog"
	"time"

	"boardlink/connection"
)

const (
	// settled is how long after the end of a minute a round begins: what was counted in it is stored by then.
	settled = 5 * time.Second
	// lookBack is how far back it is read what was told: windows that recur each week open within it.
	lookBack = 8 * aDay
	// roundLimit bounds one round.
	roundLimit = 50 * time.Second
)

// Store is what alarms need of the database.
type Store interface {
	Connections(ctx context.Context) ([]connection.Connection, error)
	// Figures returns the minutes of a connection from from up to to, those without traffic left out.
	Figures(ctx context.Context, id connection.ID, from, to time.Time) ([]connection.Minute, error)
	// AlarmEvents returns the events of the kind [connection.KindAlarm] about a connection since a moment, the latest first.
	AlarmEvents(ctx context.Context, id connection.ID, since time.Time) ([]connection.Event, error)
}

// Options are what a [Runner] needs. Store and Tell are mandatory.
type Options struct {
	Store Store
	Tell  func(ctx context.Context, e connection.Event) bool // stores an event and reports whether it could
	Now   func() time.Time                                   // nil: time.Now
	Log   *slog.Logger                                       // nil: nothing is logged
}

// Runner compares the uplinks of all active connections with their alarms' minimums, once a minute.
type Runner struct {
	opt   Options
	zones map[string]*time.Location
	known map[connection.ID]*recollection
}

// recollection is what was told of the alarms of one connection, by their marks. What is not there is read from the events.
type recollection struct {
	version int64 // of the connection; after an edit it begins anew, so that it holds no alarm that is gone
	alarms  map[string]memory
}

// memory is what was told of one alarm.
type memory struct {
	low  bool      // that the rate is low was told, and not yet that it is back
	told time.Time // when the rate was last said to be low; zero: not lately
}

// New makes a runner. It reads nothing yet.
func New(opt Options) *Runner {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	return &Runner{opt: opt, zones: map[string]*time.Location{}, known: map[connection.ID]*recollection{}}
}

// Run makes a round shortly after the end of each minute until ctx ends. Run it once.
func (r *Runner) Run(ctx context.Context) {
	timer := time.NewTimer(r.pause())
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		round, cancel := context.WithTimeout(ctx, roundLimit)
		err := r.round(round)
		cancel()
		if err != nil && ctx.Err() == nil {
			r.opt.Log.Error("Uplink rates could not be compared with their alarms", "error", err)
		}
		timer.Reset(r.pause())
	}
}

// pause is the time to the next round.
func (r *Runner) pause() time.Duration {
	now := r.opt.Now()
	return now.Truncate(time.Minute).Add(time.Minute + settled).Sub(now)
}

// round looks at every connection. What fails for one is tried again in the next round, and the others go on.
func (r *Runner) round(ctx context.Context) error {
	all, err := r.opt.Store.Connections(ctx)
	if err != nil {
		return err
	}
	now := r.opt.Now()
	watched := map[connection.ID]bool{}
	for _, c := range all {
		if !c.Active || len(c.Alarms) == 0 {
			continue
		}
		watched[c.ID] = true
		if err := r.compare(ctx, c, now); err != nil {
			if ctx.Err() != nil {
				return err
			}
			r.opt.Log.Error("The uplink rate of a connection could not be compared with its alarms", "connection_id", c.ID, "error", err)
		}
	}
	for id := range r.known {
		if !watched[id] {
			delete(r.known, id)
		}
	}
	return nil
}

// compare looks at the alarms of one connection.
func (r *Runner) compare(ctx context.Context, c connection.Connection, now time.Time) error {
	known := r.known[c.ID]
	if known == nil || known.version != c.Version {
		known = &recollection{c.Version, map[string]memory{}}
		r.known[c.ID] = known
	}
	for _, a := range c.Alarms {
		zone, err := r.zone(a.Timezone)
		if err != nil {
			return err
		}
		s := newSchedule(a, zone)
		over, ok := s.due(now, c.CreatedAt)
		if !ok {
			continue
		}
		uplinks, err := r.uplinks(ctx, c.ID, over)
		if err != nil {
			return err
		}
		mark := mark(a, s)
		m, ok := known.alarms[mark]
		if !ok {
			if m, err = r.recall(ctx, c.ID, mark, now); err != nil {
				return err
			}
			known.alarms[mark] = m
		}
		e := connection.Event{Time: now, Kind: connection.KindAlarm, Actor: connection.System, ConnectionID: c.ID}
		switch low := over.low(uplinks, a.UplinkRateMinPerHour); {
		case low && m.mayTell(over.to):
			e.Level, e.Message = connection.LevelWarning, sentence(saysLow, uplinks, over, s, mark)
			m = memory{low: true, told: over.to}
		case !low && m.low:
			e.Level, e.Message = connection.LevelInfo, sentence(saysBack, uplinks, over, s, mark)
			m.low = false
		default:
			continue
		}
		if r.opt.Tell(ctx, e) {
			known.alarms[mark] = m
		}
	}
	return nil
}

// mayTell reports whether an hour has passed since it was told that the rate is low. Where the clock was put back since, what
// was told lies in the future and counts for nothing.
func (m memory) mayTell(at time.Time) bool {
	return at.Sub(m.told) >= anHour || m.told.Sub(at) > lateness
}

// uplinks counts what came in.
func (r *Runner) uplinks(ctx context.Context, id connection.ID, over span) (n int64, err error) {
	minutes, err := r.opt.Store.Figures(ctx, id, over.from, over.to)
	for _, m := range minutes {
		n += m.Uplinks
	}
	return n, err
}

// recall reads from the events what was told of an alarm.
func (r *Runner) recall(ctx context.Context, id connection.ID, mark string, now time.Time) (memory, error) {
	events, err := r.opt.Store.AlarmEvents(ctx, id, now.Add(-lookBack))
	if err != nil {
		return memory{}, err
	}
	var m memory
	first := true
	for _, e := range events {
		low, about := said(e.Message, mark)
		if !about {
			continue
		}
		if first {
			m.low, first = low, false
		}
		if low {
			m.told = e.Time.Truncate(time.Minute)
			break
		}
	}
	return m, nil
}

// zone loads a time zone once.
func (r *Runner) zone(name string) (*time.Location, error) {
	if z := r.zones[name]; z != nil {
		return z, nil
	}
	z, err := time.LoadLocation(name)
	if err == nil {
		r.zones[name] = z
	}
	return z, err
}
