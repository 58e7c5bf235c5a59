package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"boardlink/connection"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// minSQLite has the fix of the fault by which two connections that write and checkpoint at once could harm the file
// (sqlite.org/wal.html#walresetbug, in 3.7.0 to 3.51.2).
const minSQLite = "3.51.3"

// pragmas stand in the DSN, so that every connection of a pool gets them. FULL: what was committed is on disk.
var pragmas = []string{"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "secure_delete(FAST)"}

// dsn names the file as a URI. A path is escaped: one with a ? or a % is still a path.
func dsn(path string, more ...string) string {
	query := url.Values{"_txlock": {"immediate"}, "_dqs": {"0"}}
	query["_pragma"] = append(append([]string{}, pragmas...), more...)
	return "file:" + (&url.URL{Path: filepath.Clean(path)}).EscapedPath() + "?" + query.Encode()
}

func openPool(path string, size int, more ...string) (*sql.DB, error) {
	pool, err := sql.Open("sqlite", dsn(path, more...))
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(size)
	pool.SetMaxIdleConns(size)
	return pool, nil
}

// prepare checks the engine and the file and brings the schema up to date, over a pool of its own.
func prepare(ctx context.Context, path string, opt Options) (err error) {
	if !opt.Beside {
		// SQLite would make the file as readable as the umask lets it; its companions (-wal, -shm) take the file's mode.
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
	} else if _, err := os.Stat(path); err != nil {
		return &connection.Failure{Code: connection.CodeNotFound, Message: "There is no database in this data folder yet; start Boardlink first.", Err: err}
	}
	// Foreign keys are off here, for a migration that builds a table anew; they are checked as a whole afterwards.
	pool, err := openPool(path, 2, "foreign_keys(0)")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	if err := checkSQLite(ctx, pool); err != nil {
		return err
	}
	return migrate(ctx, pool, path, opt)
}

func checkSQLite(ctx context.Context, pool *sql.DB) error {
	var version string
	if err := pool.QueryRowContext(ctx, `SELECT sqlite_version()`).Scan(&version); err != nil {
		return fmt.Errorf("ask for SQLite's version: %w", err)
	}
	if olderVersion(version, minSQLite) {
		return connection.Fail(connection.CodeUnavailable, "SQLite %s can harm a database; this program must be built with %s or newer.", version, minSQLite)
	}
	return nil
}

// olderVersion compares versions of numbers and dots.
func olderVersion(a, b string) bool {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := range max(len(x), len(y)) {
		var m, n int
		if i < len(x) {
			m, _ = strconv.Atoi(x[i]) // 0 for what is no number
		}
		if i < len(y) {
			n, _ = strconv.Atoi(y[i])
		}
		if m != n {
			return m < n
		}
	}
	return false
}

// backUp copies the database as it is into the folder, whole and on disk or not at all.
func backUp(ctx context.Context, pool *sql.DB, path, dir, name string) (string, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("make backup folder: %w", err)
	}
	to := filepath.Join(dir, name)
	partial := to + ".partial"
	if err := os.Remove(partial); err != nil && !os.IsNotExist(err) {
		return "", fmt.Errorf("remove an unfinished backup: %w", err)
	}
	// VACUUM INTO takes an empty file that is there already, and with it its mode. It does not sync what it wrote.
	f, err := os.OpenFile(partial, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", fmt.Errorf("make backup file: %w", err)
	}
	_, err = pool.ExecContext(ctx, `VACUUM INTO $1`, partial)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return "", fmt.Errorf("back up %s: %w", path, err)
	}
	if err := os.Rename(partial, to); err != nil {
		return "", fmt.Errorf("name backup file: %w", err)
	}
	return to, nil
}
