package sandbox

import (
	"encoding/json"
	"time"
)

// Point is one set of values of a device with one timestamp, as it was stored.
type Point struct {
	TS       int64                      `json:"ts"` // milliseconds
	Values   map[string]json.RawMessage `json:"values"`
	Received time.Time                  `json:"received"`
	Times    int                        `json:"times"` // how often this device has had this timestamp by then; above 1 it is a repeat
}

// Sample is the latest value of a key.
type Sample struct {
	TS    int64           `json:"ts"`
	Value json.RawMessage `json:"value"`
}

// series is the telemetry of a device: its points in the order of arrival, of which only so many are kept.
type series struct {
	keep       int
	points     []Point
	times      map[int64]int
	latest     map[string]Sample
	received   int
	duplicates int
	last       time.Time // when anything was last heard
}

func newSeries(keep int) series {
	return series{keep: keep, times: map[int64]int{}, latest: map[string]Sample{}}
}

func (s *series) add(ts int64, values map[string]json.RawMessage, at time.Time) Point {
	if len(s.points) >= s.keep+s.keep/4+1 { // cut seldom, not each time
		gone := s.points[:len(s.points)-s.keep]
		for _, p := range gone {
			if s.times[p.TS]--; s.times[p.TS] <= 0 {
				delete(s.times, p.TS)
			}
		}
		s.points = append([]Point(nil), s.points[len(gone):]...)
	}
	s.times[ts]++
	s.received++
	if s.times[ts] > 1 {
		s.duplicates++
	}
	p := Point{TS: ts, Values: values, Received: at, Times: s.times[ts]}
	s.points = append(s.points, p)
	for key, value := range values {
		if old, ok := s.latest[key]; !ok || ts >= old.TS {
			s.latest[key] = Sample{TS: ts, Value: value}
		}
	}
	return p
}
