package queue

import (
	"cmp"
	"fmt"
	"slices"

	"boardlink/connection"
)

// store gives an event its id and its time stamp and inserts it.
func (t *tx) store(p *putting) error {
	e := &p.event
	room := chargeOf(e)
	if t.used+t.charged+t.stamped*stampCharge+t.noted*tokenCharge+room > t.limit {
		t.refuse(p, ErrFull)
		return nil
	}
	n := t.counters(e.Connection)
	e.ID = floorOf(e.Connection) + n.sequence + 1
	if e.ID >= ceilingOf(e.Connection) {
		t.refuse(p, fmt.Errorf("connection %d has used up its event ids", e.Connection))
		return nil
	}
	if p.token != nil { // from here on nothing but an error of the engine keeps the event out, and that keeps the Token out too
		if fresh, err := t.note(e.Connection, p.token); err != nil {
			return err
		} else if !fresh {
			t.refuse(p, ErrReplayed)
			return nil
		}
	}
	if err := t.stampEvent(e); err != nil {
		return err
	}
	if err := t.exec(t.stmt.insert, e.ID, laneOf(e.Connection, e.DevEUI), e.DevEUI, e.Kind, e.FCntUp,
		micros(e.Time), micros(e.ReceivedAt), e.TS, checksum(e), e.Body); err != nil {
		return err
	}
	n.sequence++
	n.waiting++
	n.bytes += room
	t.charged += room
	t.accepted = append(t.accepted, p)
	return nil
}

// refuse does not store an event, by its own fault.
func (t *tx) refuse(p *putting, why error) {
	t.refused, t.reasons = append(t.refused, p), append(t.reasons, why)
}

// removeAll deletes events. Ids that follow each other are deleted by one statement.
func (t *tx) removeAll(all []removal) error {
	slices.SortFunc(all, func(a, b removal) int { return cmp.Compare(a.id, b.id) })
	for i := 0; i < len(all); {
		j := i + 1
		if !t.careful {
			for j < len(all) && all[j].id == all[j-1].id+1 && connectionOf(all[j].id) == connectionOf(all[i].id) {
				j++
			}
		}
		rows, err := t.execCount(t.stmt.removeRun, all[i].id, all[j-1].id)
		if err != nil {
			return err
		}
		var room int64
		for _, r := range all[i:j] {
			room += r.charge
		}
		if n := int64(j - i); rows == n {
			t.left(connectionOf(all[i].id), all[i].id, n, room)
		} else if rows > 0 || !t.careful { // not by us; the counters follow what is there
			t.q.log.Error("Events were missing from the queue", "connection_id", connectionOf(all[i].id), "event_id", all[i].id, "missing", n-rows)
			t.left(connectionOf(all[i].id), all[i].id, rows, room*rows/n)
		}
		i = j
	}
	return nil
}

// left counts waiting events that left the queue, the lowest id among them being first.
func (t *tx) left(id connection.ID, first, events, room int64) {
	n := t.counters(id)
	n.waiting -= events
	n.bytes -= room
	t.charged -= room
	t.touch(id, first)
}

func (t *tx) touch(id connection.ID, event int64) {
	if low, ok := t.touched[id]; !ok || event < low {
		t.touched[id] = event
	}
}
