package queue

import (
	"os"
	"path/filepath"
	"strconv"
	"time"

	"boardlink/connection"
)

// Housekeeping: what nobody waits for, in steps that nobody notices.
const (
	houseTick  = time.Second
	pruneEvery = time.Hour
	tokenEvery = 30 * time.Second
	auditEvery = 5 * time.Second
	pruneStep  = 500
	stepPause  = 10 * time.Millisecond
	idleAfter  = 3 * time.Second
	keepFree   = 1024 // free pages that stay in the file for what comes next: 4 MB
	vacuumBusy = 256  // pages given back in a tick while events come and go
	vacuumIdle = 4096 // while none do
	vacuumStep = 256
)

// keepHouse is the housekeeping goroutine.
func (q *Queue) keepHouse() {
	tick := time.NewTicker(houseTick)
	defer tick.Stop()
	var lastPrune, lastTokens, lastUse, lastAudit time.Time
	wrong := map[connection.ID]suspicion{}
	seen, dirty := int64(-1), true
	for {
		select {
		case <-q.stop:
			return
		case <-tick.C:
		}
		now := time.Now()
		if traffic := q.writer.traffic.Load(); traffic != seen {
			seen, lastUse, dirty = traffic, now, true
			q.measureDisk()
		}
		if dirty {
			pages := int64(vacuumBusy)
			idle := now.Sub(lastUse) > idleAfter
			if idle {
				pages = vacuumIdle
			}
			left := q.giveBack(pages)
			dirty = left || !idle
		}
		if now.Sub(lastAudit) > auditEvery {
			lastAudit = now
			_ = q.audit(wrong) // what fails is told by the writer
		}
		if now.Sub(lastPrune) > pruneEvery || q.tooManyStamps() {
			lastPrune = now
			q.pruneStamps()
		}
		if now.Sub(lastTokens) > tokenEvery || q.tooManyTokens() {
			lastTokens = now
			q.pruneTokens()
		}
	}
}

// pause waits a moment between steps; false when the queue is closing.
func (q *Queue) pause() bool {
	select {
	case <-q.stop:
		return false
	case <-time.After(stepPause):
		return true
	}
}

// giveBack returns free pages of the file to the disk, and tells whether there are more.
func (q *Queue) giveBack(pages int64) (more bool) {
	for pages > 0 {
		var free int64
		err := <-q.writer.do(func(t *tx) (err error) {
			if free, err = quote(t.ctx, t.conn, "PRAGMA freelist_count"); err != nil || free <= keepFree {
				return t.spoil(err)
			}
			if _, err = t.execText("PRAGMA incremental_vacuum(" + strconv.Itoa(vacuumStep) + ")"); err != nil {
				return err
			}
			if free-vacuumStep <= keepFree { // the file itself shrinks when the log is brought into it
				t.after = append(t.after, func() {
					_, _ = t.conn.ExecContext(t.ctx, "PRAGMA wal_checkpoint(PASSIVE)") // the next commit tells
				})
			}
			return nil
		})
		if err != nil || free <= keepFree {
			return false
		}
		if pages -= vacuumStep; !q.pause() {
			return false
		}
	}
	return true
}

// measureDisk sets the bound: what was asked for, and at most 90 % of what the disk has room for, counting the room
// that the queue takes already.
func (q *Queue) measureDisk() {
	room, ok := diskRoom(filepath.Dir(q.path))
	if !ok {
		return
	}
	for _, name := range []string{q.path, q.path + "-wal"} {
		if info, err := os.Stat(name); err == nil {
			room += info.Size()
		}
	}
	q.mu.Lock()
	q.limit = min(q.maxBytes, room/10*9)
	q.mu.Unlock()
}

// full tells whether an event would be refused as things are.
func (q *Queue) full() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.usedLocked() >= q.limit
}

func (q *Queue) tooManyStamps() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.stampCount > maxStamps
}

// pruneStamps forgets stamps that are old: by the millisecond they hold and by when they were made, for an event may
// come in long after its Time. Beyond maxStamps the oldest go at any age.
func (q *Queue) pruneStamps() {
	cutoff := q.now().Add(-stampAge)
	below := max(cutoff.UnixMilli(), 0) << stampDeviceBits
	for at, more := int64(-1), true; more; {
		err := <-q.writer.do(func(t *tx) (err error) {
			at, more, err = t.pruneStamps(at, below, cutoff.Unix())
			return err
		})
		if err != nil || !q.pause() {
			return
		}
	}
}

// pruneStamps looks at some stamps above a key and removes the old ones. It gives the last key that it looked at.
func (t *tx) pruneStamps(after, below, cutoff int64) (last int64, more bool, err error) {
	crowded := t.q.stampCount > maxStamps
	if crowded {
		below = 1<<63 - 1
	}
	rows, err := t.conn.QueryContext(t.ctx, "SELECT key, seen FROM stamps WHERE key > $1 AND key < $2 ORDER BY key LIMIT $3", after, below, pruneStep)
	if err != nil {
		return 0, false, t.spoil(err)
	}
	defer func() { _ = rows.Close() }() // rows.Err tells
	var old []int64
	looked := 0
	for rows.Next() {
		var seen int64
		if err := unscannable(rows.Scan(&last, &seen)); err != nil {
			return 0, false, t.spoil(err)
		}
		looked++
		if crowded || seen < cutoff {
			old = append(old, last)
		}
	}
	if err := rows.Err(); err != nil {
		return 0, false, t.spoil(err)
	}
	for _, key := range old {
		if _, err := t.execText("DELETE FROM stamps WHERE key = $1", key); err != nil {
			return 0, false, err
		}
		delete(t.stamps.recent, key)
	}
	t.stamped -= int64(len(old))
	return last, looked == pruneStep, nil
}
