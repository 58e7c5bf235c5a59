package queue

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
)

// abandon rolls a transaction back and makes sure that memory says what the file says. A connection that does not
// survive it is opened anew before the next transaction.
func (w *writer) abandon(ctx context.Context) {
	_, _ = w.stmt.rollback.ExecContext(ctx) // the engine may have rolled back by itself already
	if err := w.reload(ctx); err == nil {
		if _, err = w.stmt.begin.ExecContext(ctx); err == nil {
			_, err = w.stmt.rollback.ExecContext(ctx)
		}
		if err == nil {
			return
		}
	}
	w.stmt.close()
	w.stmt = nil
	_ = w.conn.Raw(func(any) error { return driver.ErrBadConn }) // tells the pool to close it
	_ = w.conn.Close()                                           // it is given up
	w.conn = nil
}

// reopen opens the file after an error. Frames that were written but never synced may then be taken for committed
// ones, and what is appended to them would be lost with them in a power cut. So everything is brought into the main
// file, and the log begun anew, before an event is accepted.
func (w *writer) reopen(ctx context.Context) error {
	if err := w.open(ctx); err != nil {
		if w.conn != nil {
			w.stmt.close()
			w.stmt = nil
			_ = w.conn.Raw(func(any) error { return driver.ErrBadConn }) // tells the pool to close it
			_ = w.conn.Close()                                           // it is given up
			w.conn = nil
		}
		return fmt.Errorf("reopen the queue: %w", err)
	}
	var busy, frames, moved int
	err := w.conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &frames, &moved)
	if err == nil && busy != 0 {
		err = errors.New("a reader holds the log")
	}
	if err != nil {
		w.stmt.close()
		w.stmt = nil
		_ = w.conn.Close() // opened anew at the next try
		w.conn = nil
		return fmt.Errorf("reopen the queue: %w", err)
	}
	return nil
}
