package alarm

import (
	"slices"
	"strings"
	"time"

	"boardlink/connection"
)

// window is a stretch of time in which an alarm compares: from open up to close, both whole minutes.
type window struct{ open, close time.Time }

// date is a day of the calendar, at midnight of UTC, so that days can be counted.
type date = time.Time

func dateOf(t time.Time) date {
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

const aDay = 24 * time.Hour

// schedule knows when an alarm's windows are open.
type schedule struct {
	zone       *time.Location
	start, end time.Time // of the first window, in zone, whole minutes inside of it
	daysOpen   int       // dates from the one of opening to the one of closing
	days       [7]bool   // on which windows open, by time.Weekday
	recurs     bool
}

func newSchedule(a connection.Alarm, zone *time.Location) schedule {
	s := schedule{zone: zone, start: upToMinute(a.StartTime).In(zone), end: a.EndTime.Truncate(time.Minute).In(zone)}
	s.daysOpen = int(dateOf(s.end).Sub(dateOf(s.start)) / aDay)
	for _, r := range a.Recurrence {
		s.recurs = true
		for day := range s.days {
			if slices.Contains(r.ByDays, strings.ToLower(time.Weekday(day).String())) {
				s.days[day] = true
			}
		}
	}
	return s
}

// upToMinute is the first whole minute from t on.
func upToMinute(t time.Time) time.Time {
	if whole := t.Truncate(time.Minute); whole.Before(t) {
		return whole.Add(time.Minute)
	}
	return t
}

// before returns the last window that opened before t, whether it is closed or not; false where none did lately. It is as
// long as windows that touch each other make it, though it reaches no further back than a day before the oldest that may be
// open still.
func (s schedule) before(t time.Time) (window, bool) {
	all := s.around(t)
	slices.SortFunc(all, func(a, b window) int { return a.open.Compare(b.open) })
	var last window
	found := false
	for _, w := range all {
		switch {
		case !w.open.Before(t):
			return last, found
		case found && !w.open.After(last.close):
			if w.close.After(last.close) {
				last.close = w.close
			}
		default:
			last, found = w, true
		}
	}
	return last, found
}

// around lists the windows that may be open at t or closed lately. Without a recurrence there is one; with one, windows open
// on the days that it names, from the date of the first window on.
func (s schedule) around(t time.Time) []window {
	if !s.recurs {
		return appendOpen(nil, window{s.start, s.end})
	}
	var all []window
	today := dateOf(t.In(s.zone))
	for back := s.daysOpen + 2; back >= 0; back-- {
		day := today.AddDate(0, 0, -back)
		if !s.days[day.Weekday()] || day.Before(dateOf(s.start)) {
			continue
		}
		first, _ := readings(s.zone, day, s.start)
		_, last := readings(s.zone, day.AddDate(0, 0, s.daysOpen), s.end)
		all = appendOpen(all, window{first, last})
	}
	return all
}

// appendOpen appends a window unless the clock leaves nothing of it.
func appendOpen(all []window, w window) []window {
	if w.open.Before(w.close) {
		return append(all, w)
	}
	return all
}

// readings returns the first and the last moment at which clocks of a zone show a time of day on a date. Mostly they are one.
// Where clocks are put back they may be two, and a window opens at the first and closes at the last. Where clocks are put
// forward over the time of day, both are the moment at which they are.
func readings(zone *time.Location, on date, clock time.Time) (first, last time.Time) {
	y, m, d := on.Date()
	hour, minute, _ := clock.Clock()
	wanted := time.Date(y, m, d, hour, minute, 0, 0, time.UTC)
	t := time.Date(y, m, d, hour, minute, 0, 0, zone)
	from, until := t.ZoneBounds()
	switch shown := wall(t); {
	case shown.After(wanted):
		return from, from
	case shown.Before(wanted):
		return until, until
	}
	first, last = t, t
	if !from.IsZero() {
		if earlier := t.Add(offset(t) - offset(from.Add(-time.Nanosecond))); earlier.Before(from) && wall(earlier).Equal(wanted) {
			first = earlier
		}
	}
	if !until.IsZero() {
		if later := t.Add(offset(t) - offset(until)); !later.Before(until) && wall(later).Equal(wanted) {
			last = later
		}
	}
	return first, last
}

// wall is what clocks show at t, as if it were UTC.
func wall(t time.Time) time.Time {
	y, m, d := t.Date()
	hour, minute, second := t.Clock()
	return time.Date(y, m, d, hour, minute, second, 0, time.UTC)
}

func offset(t time.Time) time.Duration {
	_, seconds := t.Zone()
	return time.Duration(seconds) * time.Second
}
