package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"boardlink/connection"
)

// errDamaged says that a file holds what cannot have been written there.
var errDamaged = errors.New("the queue's file is damaged")

// damage tells whether an error says that the file is not what was written. A constraint is one: nobody else writes, and
// the ids that are given out are new.
func damage(err error) bool {
	if errors.Is(err, errDamaged) {
		return true
	}
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return false
	}
	code := e.Code() & 0xff
	return code == lib.SQLITE_CORRUPT || code == lib.SQLITE_NOTADB || code == lib.SQLITE_CONSTRAINT
}

// unscannable adds to an error of Scan that the file is damaged, where it is the value that is at fault. database/sql has
// no name for that error.
func unscannable(err error) error {
	if err != nil && strings.HasPrefix(err.Error(), "sql: Scan error") {
		return fmt.Errorf("%w: %w", errDamaged, err)
	}
	return err
}

// rebuildPause is how long after a rebuild nobody begins another one, however damaged the file is: each reads all of it
// and keeps a copy.
const rebuildPause = 30 * time.Second

// Names beside the queue's file.
const (
	newSuffix     = ".new"     // a new file that is being made of a damaged one
	rebuiltSuffix = ".rebuilt" // one that is whole, and takes the place of the damaged one
	lostSuffix    = ".lost"    // what the damaged one did not give back, until somebody was told
)

// rebuild makes a new file of what can be read in the damaged one, which is kept beside it, and tells what is lost.
// Nobody reads meanwhile. The caller opens the file afterwards.
func (w *writer) rebuild(ctx context.Context) error {
	if time.Since(w.lastRebuild) < rebuildPause {
		return fmt.Errorf("%w, and the last try to rebuild it is not long ago", errDamaged)
	}
	w.lastRebuild = time.Now()
	w.q.log.Error("The queue's file is damaged; a new one is made of what can be read")
	r := w.q.reader
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := errors.Join(r.shut(), w.closeFile()); err != nil {
		w.q.log.Warn("The damaged file could not be closed in order", "error", err)
	}
	var err error
	if !exists(w.q.path + rebuiltSuffix) {
		err = w.salvage(ctx)
	}
	if err == nil {
		err = w.q.finishRebuild()
	}
	if err != nil {
		return fmt.Errorf("rebuild the queue: %w", err)
	}
	w.distrusted.Store(false) // nobody noticed anything since, for nobody could read
	for _, l := range w.q.consumers() {
		l.beginAnew()
	}
	return nil
}

// salvage writes the new file and what is lost, so that a crash leaves both or neither.
func (w *writer) salvage(ctx context.Context) error {
	path := w.q.path
	if wrong, err := headed(path); err != nil {
		return err
	} else if wrong > tolerable {
		return fmt.Errorf("%s holds something else than a queue", path)
	}
	if err := mendLog(path, w.q.log); err != nil {
		return err
	}
	losses, err := salvageFile(ctx, path, path+newSuffix, known{w.q.sequences(), w.settled()})
	if err != nil {
		return err
	}
	text, err := json.Marshal(losses)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+lostSuffix, text, 0o600); err != nil {
		return err
	}
	if err := errors.Join(syncFile(path+lostSuffix), syncFile(path+newSuffix), syncDir(filepath.Dir(path))); err != nil {
		return err
	}
	return os.Rename(path+newSuffix, path+rebuiltSuffix)
}

// finishRebuild puts a rebuilt file in its place, also where a crash interrupted that, and tells what is lost. The
// damaged file is kept.
func (q *Queue) finishRebuild() error {
	if exists(q.path + rebuiltSuffix) {
		aside := q.path + ".damaged-" + q.now().UTC().Format("20060102T150405.000")
		for _, step := range []func() error{
			func() error { return os.Rename(q.path+"-wal", aside+"-wal") },
			func() error { return os.Remove(q.path + "-shm") },
			func() error { return os.Rename(q.path, aside) },
		} {
			if err := step(); err != nil && !errors.Is(err, os.ErrNotExist) {
				return err
			}
		}
		if err := errors.Join(os.Rename(q.path+rebuiltSuffix, q.path), syncDir(filepath.Dir(q.path))); err != nil {
			return err
		}
		q.log.Error("The queue's file was made anew", "damaged", aside)
	}
	return q.tellLosses()
}

// tellLosses tells what the last rebuild could not save, unless that was done.
func (q *Queue) tellLosses() error {
	path := q.path + lostSuffix
	if !exists(path) {
		return nil
	}
	if !exists(q.path + newSuffix) { // else the rebuild itself was interrupted, and begins anew
		var losses []Loss
		text, err := os.ReadFile(path)
		if err == nil {
			err = json.Unmarshal(text, &losses)
		}
		if err != nil {
			q.log.Error("What was lost with the damaged file of the queue cannot be told", "error", err)
		}
		for _, l := range losses { // the ids stand in order
			q.log.Error("Events were lost with a damaged part of the queue's file", "connection_id", l.Connection, "events", l.Events, "ids", l.IDs[:min(len(l.IDs), 20)])
		}
		if q.lost != nil {
			if err := q.lost(losses); err != nil {
				q.log.Error("Nobody could be told of what was lost; the next start tells again", "error", err)
				return nil
			}
		}
	}
	return os.Remove(path)
}

// consumers gives the current consumers of all connections.
func (q *Queue) consumers() (all []*Lanes) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, a := range q.accounts {
		if a.lanes != nil {
			all = append(all, a.lanes)
		}
	}
	return all
}

// sequences gives what is known of the ids that were given out.
func (q *Queue) sequences() map[connection.ID]int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	all := map[connection.ID]int64{}
	for id, a := range q.accounts {
		if a.sequence > 0 {
			all[id] = a.sequence
		}
	}
	return all
}

// settled gives the events whose removal is not committed.
func (w *writer) settled() map[int64]bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := make(map[int64]bool, len(w.removals))
	for _, r := range w.removals {
		all[r.id] = true
	}
	return all
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, os.ErrNotExist)
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// headed tells how many bytes of a file's beginning are not what every file of ours begins with.
func headed(path string) (wrong int, err error) {
	const magic, fractions = "SQLite format 3\x00\x10\x00", "\x40\x20\x20"
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }() // only read
	head := make([]byte, 24)
	if n, err := f.ReadAt(head, 0); n == 0 {
		return 0, nil // it is new
	} else if n < len(head) {
		return 0, err
	}
	wrong = differing([]byte(magic), head) + differing([]byte(fractions), head[21:])
	for _, version := range head[18:20] { // of the format for writing and reading: 2 with a log, 1 before
		if version != 1 && version != 2 {
			wrong++
		}
	}
	return wrong, nil
}

// tolerable is how many bytes may be wrong in the beginning of a file that is held for one of ours all the same.
const tolerable = 2
