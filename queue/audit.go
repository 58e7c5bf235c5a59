package queue

import "boardlink/connection"

// auditsThatAgree is how often in a row the counters and what a consumer sees must differ by the same before the file is
// held for damaged: an event on its way to the parked ones is counted on both sides for a moment.
const auditsThatAgree = 3

// audit looks whether each connection's counters agree with what its consumer can find. SQLite does not notice every
// changed byte: a page that claims to have fewer rows, or an index without an entry, just hides events. So they are looked
// for where everything that is counted should be in sight. wrong holds by how much, and how often in a row, for the
// next call.
func (q *Queue) audit(wrong map[connection.ID]suspicion) error {
	return <-q.writer.do(func(t *tx) error {
		for id, n := range t.q.counted() {
			if now := t.changed[id]; now != nil { // by what left the queue with this transaction
				n = *now
			}
			if !n.plausible() {
				return t.spoil(errDamaged)
			}
			l := t.q.lanesOf(id)
			if l == nil {
				continue
			}
			by, ok := l.inSight(n.waiting)
			s := wrong[id]
			switch {
			case !ok:
			case by == 0:
				delete(wrong, id)
			case by != s.by:
				wrong[id] = suspicion{by, 1}
			case s.times+1 >= auditsThatAgree:
				delete(wrong, id)
				return t.spoil(errDamaged)
			default:
				wrong[id] = suspicion{by, s.times + 1}
			}
		}
		return nil
	})
}

// suspicion is by how much counters and events differ.
type suspicion struct {
	by    int64
	times int
}

// counted gives the counters of all connections as of the last commit.
func (q *Queue) counted() map[connection.ID]counters {
	q.mu.Lock()
	defer q.mu.Unlock()
	all := make(map[connection.ID]counters, len(q.accounts))
	for id, a := range q.accounts {
		all[id] = a.counters
	}
	return all
}

// plausible tells whether counters can be what they say: nothing takes no room, and anything takes some.
func (c counters) plausible() bool {
	fits := func(events, room int64) bool {
		return events >= 0 && room >= events*charge(0) && (events > 0 || room == 0)
	}
	return c.sequence >= 0 && c.sequence <= sequenceMask && c.waiting+c.parked <= c.sequence &&
		fits(c.waiting, c.bytes) && fits(c.parked, c.parkedBytes)
}

// inSight tells by how much the number of waiting events differs from those that are in memory, handed out, or on their way
// out of the file. ok is false where some may still have to be read, so that nothing can be said. It is called by the
// writer, between commits, so the number is the one of this moment.
func (l *Lanes) inSight(waiting int64) (by int64, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := &l.win
	if l.err != nil || w.cursor < w.high || l.search.on || len(l.returned) > 0 {
		return 0, false
	}
	for _, lane := range w.lanes {
		if lane.inFile() {
			return 0, false
		}
	}
	return waiting - int64(w.loaded+w.out) - l.q.writer.leaving(l.id), true
}

// leaving counts the removals of a connection that are not committed and not in the batch at hand.
func (w *writer) leaving(id connection.ID) (n int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.removals {
		if connectionOf(r.id) == id {
			n++
		}
	}
	return n
}
