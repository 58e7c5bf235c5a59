package activity

import (
	"maps"
	"slices"
	"time"

	"boardlink/connection"
)

// tally is what is known of one connection.
type tally struct {
	id            connection.ID
	minutes       map[int64]*connection.Minute // not stored yet, by minutes since 1970
	history       history
	lastUplink    time.Time
	lastDelivered time.Time
}

// minute gives the counters of the minute that holds a time.
func (t *tally) minute(at time.Time) *connection.Minute {
	n := minuteOf(at)
	m := t.minutes[n]
	if m == nil {
		m = &connection.Minute{ConnectionID: t.id, Start: time.Unix(n*60, 0).UTC()}
		t.minutes[n] = m
	}
	return m
}

// restore puts back minutes that could not be stored. It returns how many there was no room for.
func (t *tally) restore(minutes []connection.Minute) (lost int64) {
	for _, old := range minutes {
		t.minute(old.Start).Add(old)
	}
	over := len(t.minutes) - maxMinutes
	if over <= 0 {
		return 0
	}
	for _, n := range slices.Sorted(maps.Keys(t.minutes))[:over] {
		delete(t.minutes, n)
	}
	return int64(over)
}

// remembered is how many minutes a history looks back.
const remembered = 121

// history holds what came and went in the last two hours, a slot a minute.
type history struct {
	slots [remembered]slot
}

type slot struct {
	minute              int64 // since 1970
	accepted, delivered int64
}

// minuteOf counts minutes since 1970.
func minuteOf(t time.Time) int64 { return t.Unix() / 60 }

// at gives the slot of a time, emptied where it held a minute of two hours ago.
func (h *history) at(t time.Time) *slot {
	minute := minuteOf(t)
	s := &h.slots[(minute%remembered+remembered)%remembered]
	if s.minute != minute {
		*s = slot{minute: minute}
	}
	return s
}

// since sums the minutes from the one that holds from up to the one that holds to.
func (h *history) since(from, to time.Time) (accepted, delivered int64) {
	first, last := minuteOf(from), minuteOf(to)
	for _, s := range h.slots {
		if s.minute >= first && s.minute <= last {
			accepted += s.accepted
			delivered += s.delivered
		}
	}
	return accepted, delivered
}
