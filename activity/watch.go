package activity

import "boardlink/connection"

// all stands for all connections together.
const all connection.ID = 0

// watch looks at how much waits, once a minute.
func (r *Recorder) watch() {
	now := r.now()
	if r.waiting == nil || minuteOf(now) == r.watched {
		return
	}
	r.watched = minuteOf(now)
	waiting := r.waiting()
	r.mu.Lock()
	defer r.mu.Unlock()
	sum := connection.Minute{Watched: true}
	for _, w := range waiting {
		r.tally(w.ConnectionID).minute(now).Add(connection.Minute{Backlog: w.Events, OldestAge: w.OldestAge})
		sum.Backlog += w.Events
		sum.OldestAge = max(sum.OldestAge, w.OldestAge)
	}
	r.tally(all).minute(now).Add(sum)
}
