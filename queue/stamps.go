package queue

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"time"
)

// A stamp says that a millisecond of a device is held by an event. Its key is the millisecond, then 21 bits of a hash
// of connection and device, so that new stamps are appended and old ones are removed at the other end. Two devices
// that share a hash in the same millisecond shift each other by one, no more. The event is 64 bits of a hash of what
// makes a repeat: connection, kind, device, frame counter and Time.
const (
	stampDeviceBits = 21
	stampCharge     = 40 // room of one on disk, about
	stampAge        = 8 * 24 * time.Hour
	maxStamps       = 10_000_000 // beyond it the oldest go before their age: some 400 MB
	recentStamps    = 1 << 16    // kept in memory
	loadedStamps    = 1 << 14    // read at the start
	loadedAge       = 10 * time.Minute
	nearProbes      = 1024 // milliseconds that are tried one by one before what is known of a crowd is used
)

// latestTime bounds what is believed of an event's Time. A key holds milliseconds up to the year 2109.
var latestTime = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)

// stamps keeps the newest stamps in memory, all of those from floor on, so that the file need not be asked about events
// that come about when they were sent.
type stamps struct {
	recent map[int64]int64
	floor  int64
	crowds map[crowd]int64
}

// crowd is a millisecond of a device that very many events ask for, as from a device whose clock stands still. The
// next free one after it is remembered, so that not every event walks past all others. An event that far behind is not
// recognised as a repeat any more.
type crowd struct{ device, start int64 }

const maxCrowds = 1024

func (s *stamps) crowded(at crowd, next int64) {
	if len(s.crowds) >= maxCrowds {
		clear(s.crowds)
	}
	s.crowds[at] = max(s.crowds[at], next)
}

func loadStamps(ctx context.Context, c *sql.Conn, now time.Time) (*stamps, error) {
	s := &stamps{recent: map[int64]int64{}, crowds: map[crowd]int64{}, floor: max(now.Add(-loadedAge).UnixMilli(), 0) << stampDeviceBits}
	rows, err := c.QueryContext(ctx, "SELECT key, event FROM stamps WHERE key >= $1 ORDER BY key DESC LIMIT $2", s.floor, loadedStamps)
	if err != nil {
		return nil, fmt.Errorf("read stamps: %w", err)
	}
	defer func() { _ = rows.Close() }() // rows.Err tells
	var key, event int64
	for rows.Next() {
		if err := unscannable(rows.Scan(&key, &event)); err != nil {
			return nil, fmt.Errorf("read stamps: %w", err)
		}
		s.recent[key] = event
	}
	if len(s.recent) == loadedStamps {
		s.floor = key
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read stamps: %w", err)
	}
	return s, nil
}

// add remembers a stamp; when there are too many the older half is left to the file.
func (s *stamps) add(key, event int64) {
	if key < s.floor {
		return
	}
	s.recent[key] = event
	if len(s.recent) < recentStamps {
		return
	}
	keys := make([]int64, 0, len(s.recent))
	for k := range s.recent {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	s.floor = keys[len(keys)/2]
	for _, k := range keys[:len(keys)/2] {
		delete(s.recent, k)
	}
}

// holder tells which event holds a key.
func (t *tx) holder(key int64) (event int64, held bool, err error) {
	if key >= t.stamps.floor {
		event, held = t.stamps.recent[key]
		return event, held, nil
	}
	err = t.stmt.stampOf.QueryRowContext(t.ctx, key).Scan(&event)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	return event, err == nil, t.spoil(err)
}

// stampEvent sets e.TS.
func (t *tx) stampEvent(e *Event) error {
	device, event := stampHashes(e)
	start := startOf(e)
	at := crowd{device, start}
	for ts, probes := start, 1; ; ts, probes = ts+1, probes+1 {
		if probes == nearProbes {
			ts = max(ts, t.stamps.crowds[at])
		}
		key := ts<<stampDeviceBits | device
		by, held, err := t.holder(key)
		if err != nil {
			return err
		}
		if held && by != event {
			continue
		}
		e.TS = ts
		if probes >= nearProbes {
			t.stamps.crowded(at, ts+1)
		}
		if held {
			return nil
		}
		return t.hold(key, event)
	}
}

// hold writes a stamp down.
func (t *tx) hold(key, event int64) error {
	if err := t.exec(t.stmt.stamp, key, event, t.now.Unix()); err != nil {
		return err
	}
	t.stamped++
	t.stamps.add(key, event)
	return nil
}

// startOf is the millisecond that an event asks for.
func startOf(e *Event) int64 {
	if timely(e.Time) {
		return e.Time.UnixMilli()
	}
	return min(max(e.ReceivedAt.UnixMilli(), 0), latestTime.UnixMilli())
}

// timely tells whether an event's Time can be believed at all.
func timely(t time.Time) bool { return !t.IsZero() && t.UnixMilli() >= 0 && t.Before(latestTime) }

// stampHashes gives the device part of a key and the name of an event. An event without a Time repeats nothing: its
// name is made of its own id.
func stampHashes(e *Event) (device, event int64) {
	h := fnv.New64a()
	var b [8]byte
	number := func(n int64) {
		for i := range b {
			b[i] = byte(n >> (8 * i))
		}
		h.Write(b[:])
	}
	number(int64(e.Connection))
	h.Write([]byte(e.DevEUI))
	sum := h.Sum64()
	device = int64((sum ^ sum>>stampDeviceBits ^ sum>>(2*stampDeviceBits)) & (1<<stampDeviceBits - 1))
	h.Write([]byte("\x00" + e.Kind + "\x00"))
	number(e.FCntUp)
	if e.Time.IsZero() {
		number(noTime)
		number(e.ID)
	} else {
		number(micros(e.Time))
	}
	return device, int64(h.Sum64())
}
