package link

import (
	"slices"
	"sync"
	"time"

	"boardlink/queue"
)

// A wall clock may jump, by a correction or a mistake, and no event must expire by that. So the clock is compared with
// the steady one, which only counts on. While the two disagree, nothing is taken for older than either of them says:
// an event expires too late then, never too early. That ends when they agree again, or when uplinks that come in now
// bear the time that the wall clock shows.
const (
	// slewMost is how far the clocks may part between two looks by the daily work of time synchronisation; more is a
	// step. Steps up to jumpFrom are believed as well, each for itself. One that takes the clocks further apart is told,
	// and expiry goes by both.
	slewMost = time.Second
	jumpFrom = 5 * time.Minute
	// tellJumpEvery is the least time between two alarms about the clock; what jumps more often is in the log.
	tellJumpEvery = 10 * time.Minute
	// agreeWithin is how far an uplink's time may be from its reception to speak for the wall clock, agreeTimes how many
	// uplinks in a row must.
	agreeWithin = time.Minute
	agreeTimes  = 3
	// maxSteps is how many steps are remembered.
	maxSteps = 64
)

// firstYear is later than the years, 1970 and 1980, in which clocks begin that were never set.
var firstYear = time.Date(1990, time.January, 1, 0, 0, 0, 0, time.UTC)

// clocks know how old events are. They are safe for concurrent use.
type clocks struct {
	wall   func() time.Time
	steady func() time.Duration // only counts on

	mu     sync.Mutex
	begin  time.Time     // the true time when steady was 0, as far as is known
	ahead  time.Duration // of the wall clock, as last seen
	apart  bool          // they disagree by more than jumpFrom
	agreed int           // uplinks in a row that speak for the wall clock
	setAt  time.Time     // wall clock right after the last step
	spans  []span        // between steps, the latest last; never empty
	forgot bool          // the first of them is not the first that there was
	untold time.Duration // jumped since look was last called
}

// span is a stretch in which the wall clock made no step.
type span struct {
	from time.Duration // steady clock at its beginning; of the first: nobody knows
	zero time.Time     // wall clock when steady would have been 0
}

func newClocks(wall func() time.Time, steady func() time.Duration) *clocks {
	begin := wall().Round(0).Add(-steady())
	return &clocks{wall: wall, steady: steady, begin: begin, spans: []span{{zero: begin}}}
}

// look compares the clocks and returns by how much the wall clock jumped since it was last called, 0 where it did not.
func (c *clocks) look() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.compare()
	by := c.untold
	c.untold = 0
	return by
}

// doubtful reports whether the clocks disagree.
func (c *clocks) doubtful() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.compare()
	return c.apart
}

// compare finds a step. c.mu is held.
func (c *clocks) compare() (wall time.Time, steady time.Duration) {
	wall, steady = c.wall().Round(0), c.steady()
	ahead := wall.Sub(c.begin.Add(steady))
	by := ahead - c.ahead
	now := &c.spans[len(c.spans)-1]
	if by.Abs() <= slewMost {
		c.begin, now.zero = c.begin.Add(by), wall.Add(-steady)
		return wall, steady
	}
	wasApart := c.apart
	c.ahead, c.apart, c.setAt, c.agreed = ahead, ahead.Abs() > jumpFrom, wall, 0
	if !c.apart {
		c.begin, c.ahead = c.begin.Add(ahead), 0
	}
	if by.Abs() > jumpFrom || c.apart != wasApart {
		c.untold += by
	}
	if c.spans = append(c.spans, span{steady, wall.Add(-steady)}); len(c.spans) > maxSteps {
		c.spans = slices.Delete(c.spans, 0, 1)
		c.forgot = true
	}
	return wall, steady
}

// witness takes in an uplink: one that came after the last step and bears the time of its reception speaks for the wall
// clock. It reports whether that ended a disagreement.
func (c *clocks) witness(e queue.Event) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	wall, steady := c.compare()
	if !c.apart || e.Time.IsZero() || e.ReceivedAt.Before(c.setAt) {
		return false
	}
	if e.ReceivedAt.Sub(e.Time).Abs() > agreeWithin {
		c.agreed = 0
		return false
	}
	if c.agreed++; c.agreed < agreeTimes {
		return false
	}
	c.begin, c.ahead, c.apart, c.agreed = wall.Add(-steady), 0, false, 0
	return true
}

// age returns how old an event is, from the document's own time, which may be much earlier than its reception, or else
// from its reception. It may be less than the truth where a clock jumped, and is never more.
func (c *clocks) age(e queue.Event) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	wall, steady := c.compare()
	if e.Time.Before(firstYear) {
		return c.sinceReception(e.ReceivedAt, steady)
	}
	if c.apart && c.ahead > 0 {
		wall = wall.Add(-c.ahead)
	}
	return wall.Sub(e.Time)
}

// since returns how long ago something was received, likewise.
func (c *clocks) since(at time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, steady := c.compare()
	return max(c.sinceReception(at, steady), 0)
}

// sinceReception returns how long ago the wall clock showed a time: the last time that it did, where it did several
// times. c.mu is held.
func (c *clocks) sinceReception(at time.Time, steady time.Duration) time.Duration {
	for i, s := range slices.Backward(c.spans) {
		then := at.Sub(s.zero)
		if i == 0 && then < 0 && at.Before(firstYear) && !s.zero.Before(firstYear) {
			return steady // by a clock that was not set, before the program was started
		}
		if (i > 0 || c.forgot) && then < s.from-slewMost || i+1 < len(c.spans) && then > c.spans[i+1].from+slewMost {
			continue
		}
		return steady - then
	}
	// No clock showed it that is remembered: it was before those.
	if c.forgot {
		return steady - c.spans[0].from
	}
	return 0
}

// slow returns the earliest time that it may be now.
func (c *clocks) slow() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	wall, _ := c.compare()
	if c.apart && c.ahead > 0 {
		return wall.Add(-c.ahead)
	}
	return wall
}
