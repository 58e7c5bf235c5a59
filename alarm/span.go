package alarm

import "time"

const (
	// anHour is what uplinks are counted over.
	anHour = time.Hour
	// lateness is how long after its close a window may still be judged, for a round that came late.
	lateness = 10 * time.Minute
)

// span is what is compared at one moment: the uplinks of the minutes from from up to to.
type span struct{ from, to time.Time }

// due returns what is to be compared at now, false where nothing is. exists is when the connection was made: before, nothing
// could come in.
func (s schedule) due(now, exists time.Time) (span, bool) {
	now = now.Truncate(time.Minute)
	w, ok := s.before(now)
	if !ok || now.Sub(w.close) > lateness {
		return span{}, false
	}
	from, to := w.open, now
	if made := upToMinute(exists); made.After(from) {
		from = made
	}
	if to.After(w.close) {
		to = w.close
	}
	switch {
	case to.Sub(from) >= anHour:
		return span{to.Add(-anHour), to}, true
	case to.Equal(w.close) && from.Before(to):
		return span{from, to}, true
	}
	return span{}, false
}

// low reports whether so many uplinks in the span are less than minimum an hour.
func (s span) low(uplinks int64, minimum int) bool {
	return uplinks*int64(anHour/time.Second) < int64(minimum)*int64(s.to.Sub(s.from)/time.Second)
}
