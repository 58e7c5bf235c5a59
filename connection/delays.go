package connection

import "time"

// DelayClasses is how many classes [Delays] tells apart: one for each of their bounds, and one for what is beyond the last.
const DelayClasses = 17

// delayBounds are what a delivery of each class took at the most. They lie closer where a healthy link delivers.
var delayBounds = [DelayClasses - 1]time.Duration{
	10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second, 30 * time.Second,
	time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 6 * time.Hour,
}

// Delays counts deliveries by how long they took, from the acceptance of an event to ThingsBoard's acknowledgement. It is
// counts by class, not the times themselves: those of minutes and of connections can be added up, which no mean of
// percentiles can. Its zero value is ready, and two of them can be compared.
type Delays struct {
	Counts  [DelayClasses]int64
	Longest time.Duration
}

// Note counts one delivery.
func (d *Delays) Note(took time.Duration) {
	class := 0
	for class < len(delayBounds) && took > delayBounds[class] {
		class++
	}
	d.Counts[class]++
	d.Longest = max(d.Longest, took)
}

// Add adds the deliveries of others.
func (d *Delays) Add(others Delays) {
	for i, n := range others.Counts {
		d.Counts[i] += n
	}
	d.Longest = max(d.Longest, others.Longest)
}

// Count is how many deliveries there were.
func (d Delays) Count() int64 {
	var n int64
	for _, c := range d.Counts {
		n += c
	}
	return n
}

// Within says in what time at least the given share of the deliveries, above 0 and up to 1, was made. It is the bound of
// a class, or the longest of all where that is shorter: never less than the truth. Zero where there was no delivery.
func (d Delays) Within(share float64) time.Duration {
	var sum int64
	all := d.Count()
	for i, bound := range delayBounds {
		if sum += d.Counts[i]; all > 0 && float64(sum) >= share*float64(all) {
			return min(bound, d.Longest)
		}
	}
	return d.Longest
}
