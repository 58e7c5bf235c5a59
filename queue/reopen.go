package queue

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"os"
)

// abandon rolls a transaction back and makes sure that memory says what the file says. A connection that does not
// survive it is opened anew before the next transaction.
func (w *writer) abandon(ctx context.Context) {
	_, _ = w.stmt.rollback.ExecContext(ctx) // the engine may have rolled back by itself already
	if w.distrusted.Load() {                // what a damaged file says is worth less than what is known
		w.giveUp()
		return
	}
	err := w.reload(ctx)
	if err == nil {
		_, err = w.stmt.begin.ExecContext(ctx)
	}
	if err == nil {
		_, err = w.stmt.rollback.ExecContext(ctx)
	}
	if err != nil {
		w.giveUp()
	}
}

// reopen opens the file after an error.
func (w *writer) reopen(ctx context.Context) error {
	if err := w.start(ctx); err != nil {
		w.giveUp()
		return fmt.Errorf("reopen the queue: %w", err)
	}
	return nil
}

// giveUp closes a connection that did not survive an error.
func (w *writer) giveUp() {
	w.stmt.close()
	w.stmt = nil
	if w.conn == nil {
		return
	}
	_ = w.conn.Raw(func(any) error { return driver.ErrBadConn }) // tells the pool to close it
	_ = w.conn.Close()                                           // it is given up
	w.conn = nil
}

// start opens the file for writing and reading, and makes a new one of it first where it is damaged.
func (w *writer) start(ctx context.Context) error {
	if err := w.openSound(ctx); err != nil {
		return err
	}
	r := w.q.reader
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.db != nil {
		return nil
	}
	return r.open(ctx)
}

func (w *writer) openSound(ctx context.Context) error {
	if err := w.refresh(); err != nil {
		return err
	}
	if wrong, err := headed(w.q.path); err != nil {
		return err
	} else if wrong > 0 && wrong <= tolerable {
		w.distrusted.Store(true)
	}
	if !w.distrusted.Load() {
		err := w.open(ctx)
		if !damage(err) {
			return err
		}
		w.distrusted.Store(true)
		w.giveUp()
	}
	if err := w.rebuild(ctx); err != nil {
		return err
	}
	return w.open(ctx)
}

// refreshStep is how much of the log is written anew at once, in bytes.
const refreshStep = 1 << 20

// refresh writes SQLite's log over itself and syncs it, before SQLite reads it. After a sync that failed the system
// shows what never came to the disk, and holds it for written: a later sync goes well and does nothing about it. SQLite
// would take such frames for committed ones and build on them, and a power cut would take away what came after them, or
// tear the main file while they are brought into it. Once they are written anew a sync that goes well means what it says.
func (w *writer) refresh() error {
	return w.step("refresh", func() error {
		log, err := os.OpenFile(w.q.path+"-wal", os.O_RDWR, 0)
		if errors.Is(err, os.ErrNotExist) {
			return nil // it was closed as it should be, or is new
		}
		if err != nil {
			return fmt.Errorf("open the log: %w", err)
		}
		defer func() { _ = log.Close() }() // it was synced, or err tells
		buffer := make([]byte, refreshStep)
		for at := int64(0); ; {
			n, err := log.ReadAt(buffer, at)
			if err != nil && !errors.Is(err, io.EOF) {
				return fmt.Errorf("read the log: %w", err)
			}
			if n == 0 {
				break
			}
			if _, err := log.WriteAt(buffer[:n], at); err != nil {
				return fmt.Errorf("write the log anew: %w", err)
			}
			at += int64(n)
		}
		if err := log.Sync(); err != nil {
			return fmt.Errorf("sync the log: %w", err)
		}
		return nil
	})
}
