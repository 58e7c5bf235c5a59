// Package db keeps what must last in one SQLite file: connections with their sealed secrets, how links stood, events,
// figures, operators and sessions. The uplink queue has a file of its own, elsewhere.
//
// SQL is plain and kept to what PostgreSQL reads as well ($1, RETURNING, ON CONFLICT). One file a noun; each public method
// is one transaction. What a caller should tell somebody is a [connection.Failure]: not_found, conflict.
package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// readers is how many reads may run side by side.
const readers = 4

// Options are what [Open] needs.
type Options struct {
	Sealer    *Sealer          // mandatory
	Now       func() time.Time // nil: time.Now
	Log       *slog.Logger     // nil: nothing is logged
	BackupDir string           // where a copy goes before a migration; empty: no copy
	Version   string           // of the program, as in "1.4.0"; an older program that meets this database names it
	// Beside opens a database that another program may be working on: it must be there and have this program's schema, for
	// nothing is made and nothing migrated.
	Beside bool
}

// DB is an open database. It is safe for concurrent use.
type DB struct {
	// One connection writes, so that writers queue up here instead of polling SQLite's lock; readers see the last commit.
	write, read *sql.DB
	listing     listing
	seal        *Sealer
	now         func() time.Time
	log         *slog.Logger
}

// Open opens the database at path, makes it where there is none, and brings its schema up to date.
//
// It refuses, with a [connection.Failure] whose sentence says what to do, a SQLite with known faults, a database that a
// newer program made, and a key that does not open its secrets.
func Open(ctx context.Context, path string, opt Options) (*DB, error) {
	if opt.Sealer == nil {
		return nil, errors.New("open database: no key to seal secrets with")
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if err := prepare(ctx, path, opt); err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	d := &DB{seal: opt.Sealer, now: opt.Now, log: opt.Log}
	var err error
	if d.write, err = openPool(path, 1); err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	if d.read, err = openPool(path, readers, "query_only(1)"); err != nil {
		return nil, errors.Join(fmt.Errorf("open database: %w", err), d.write.Close())
	}
	if err := d.checkKey(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open database: %w", err), d.Close())
	}
	return d, nil
}

// Close ends all use of the database. The last one to close it brings the write-ahead log into the file.
func (d *DB) Close() error {
	if err := errors.Join(d.read.Close(), d.write.Close()); err != nil {
		return fmt.Errorf("close database: %w", err)
	}
	return nil
}

// Ping reports whether the database answers.
func (d *DB) Ping(ctx context.Context) error {
	var one int
	if err := d.read.QueryRowContext(ctx, `SELECT 1`).Scan(&one); err != nil {
		return fmt.Errorf("ping database: %w", err)
	}
	return nil
}

// change runs f in a transaction that holds the write lock from its first statement on.
func (d *DB) change(ctx context.Context, f func(tx *sql.Tx) error) error {
	tx, err := d.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // does nothing after a commit
	if err := f(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}
