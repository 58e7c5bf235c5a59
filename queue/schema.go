package queue

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	_ "modernc.org/sqlite" // the driver
)

// schemaVersion is what PRAGMA user_version holds in files of this release. It changes whenever the text of the schema does,
// and only then: a file in which only one of them is ours was damaged.
const schemaVersion = 2

// minSQLite is the first release without the WAL-reset corruption (sqlite.org/wal.html#walresetbug).
var minSQLite = [3]int{3, 51, 3}

// schema of this release. Each release's text stands as it was, for an older file is told by it.
const schema = firstSchema + tokensSchema

// firstSchema is version 1: connections holds the counters, so that nothing is ever counted by reading events. stamps
// remembers which event holds which millisecond of a device, also after the event was delivered.
const firstSchema = `
CREATE TABLE events (
	id          INTEGER PRIMARY KEY,
	lane        INTEGER NOT NULL,
	dev_eui     TEXT    NOT NULL,
	kind        TEXT    NOT NULL,
	fcnt_up     INTEGER NOT NULL,
	time        INTEGER NOT NULL,
	received_at INTEGER NOT NULL,
	ts          INTEGER NOT NULL,
	attempts    INTEGER NOT NULL,
	checksum    INTEGER NOT NULL,
	body        BLOB    NOT NULL
) STRICT;
CREATE INDEX events_lane ON events (lane);
CREATE TABLE parked (
	id          INTEGER PRIMARY KEY,
	lane        INTEGER NOT NULL,
	dev_eui     TEXT    NOT NULL,
	kind        TEXT    NOT NULL,
	fcnt_up     INTEGER NOT NULL,
	time        INTEGER NOT NULL,
	received_at INTEGER NOT NULL,
	ts          INTEGER NOT NULL,
	attempts    INTEGER NOT NULL,
	checksum    INTEGER NOT NULL,
	body        BLOB    NOT NULL,
	code        TEXT    NOT NULL,
	reason      TEXT    NOT NULL,
	parked_at   INTEGER NOT NULL
) STRICT;
CREATE TABLE connections (
	id           INTEGER PRIMARY KEY,
	sequence     INTEGER NOT NULL,
	waiting      INTEGER NOT NULL,
	bytes        INTEGER NOT NULL,
	parked       INTEGER NOT NULL,
	parked_bytes INTEGER NOT NULL
) STRICT;
CREATE TABLE stamps (
	key   INTEGER PRIMARY KEY,
	event INTEGER NOT NULL,
	seen  INTEGER NOT NULL
) STRICT;
CREATE TABLE totals (
	name  TEXT PRIMARY KEY,
	value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO totals VALUES ('stamps', 0);
`

// tokensSchema is what version 2 adds: the Tokens of signed documents that were stored, in the order of their time, so
// that new ones are appended and old ones are removed at the other end.
const tokensSchema = `
CREATE TABLE tokens (
	made       INTEGER NOT NULL,
	connection INTEGER NOT NULL,
	sum        BLOB    NOT NULL,
	PRIMARY KEY (made, connection, sum)
) STRICT, WITHOUT ROWID;
INSERT INTO totals VALUES ('tokens', 0);
`

// writerDSN opens the one connection that writes. auto_vacuum takes effect only while the file is still empty.
func writerDSN(path string) string {
	return dsn(path, url.Values{
		"_auto_vacuum":  {"INCREMENTAL"},
		"_busy_timeout": {"5000"},
		"_journal_mode": {"WAL"},
		"_synchronous":  {"FULL"},
		"_pragma":       {"cache_size(-4096)", "journal_size_limit(67108864)", "wal_autocheckpoint(1000)"},
	})
}

// readerDSN opens connections that only read.
func readerDSN(path string) string {
	return dsn(path, url.Values{
		"mode":          {"ro"},
		"_busy_timeout": {"5000"},
		"_query_only":   {"1"},
		"_pragma":       {"cache_size(-512)"},
	})
}

func dsn(path string, options url.Values) string {
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: options.Encode()}
	return u.String()
}

// create makes the file for nobody but us to read; SQLite gives its companions the same mode.
func create(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// prepare checks the engine and the file, writes the schema into an empty one and brings an older one up to date. That
// needs no copy of the file: a table is added, and nothing that is there is touched.
func prepare(ctx context.Context, c *sql.Conn, path string) error {
	var engine string
	if err := c.QueryRowContext(ctx, "SELECT sqlite_version()").Scan(&engine); err != nil {
		return fmt.Errorf("ask for SQLite's version: %w", err)
	}
	if !atLeast(engine, minSQLite) {
		return fmt.Errorf("SQLite %s can corrupt its write-ahead log; this program needs %d.%d.%d or newer",
			engine, minSQLite[0], minSQLite[1], minSQLite[2])
	}
	var version, tables int
	if err := c.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return fmt.Errorf("read the schema version: %w", err)
	}
	written, err := writtenSchema(ctx, c)
	switch {
	case err != nil:
		return err
	case written == schemaVersion && version == schemaVersion:
		return nil
	case written == 1 && version == 1:
		return migrate(ctx, c, tokensSchema)
	case written > 0 || version >= 1 && version <= schemaVersion: // the tables or their version were changed, and not by a release
		return errDamaged
	case version > schemaVersion:
		return fmt.Errorf("%s was written by a newer release (its schema is %d, this release knows %d); start that release or a newer one",
			path, version, schemaVersion)
	}
	if err := c.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil {
		return fmt.Errorf("read the schema: %w", err)
	}
	if tables > 0 {
		return fmt.Errorf("%s holds something else than a queue", path)
	}
	return migrate(ctx, c, schema)
}

// migrate brings a file to the schema of this release.
func migrate(ctx context.Context, c *sql.Conn, by string) error {
	if _, err := c.ExecContext(ctx, fmt.Sprintf("BEGIN IMMEDIATE; %s; PRAGMA user_version = %d; COMMIT", by, schemaVersion)); err != nil {
		_, _ = c.ExecContext(ctx, "ROLLBACK") // there may be nothing to roll back
		return fmt.Errorf("write the schema: %w", err)
	}
	return nil
}

// writtenSchema tells of which release the tables are, 0 for none, for SQLite believes whatever stands there.
func writtenSchema(ctx context.Context, c *sql.Conn) (version int, err error) {
	rows, err := c.QueryContext(ctx, "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid")
	if err != nil {
		return 0, fmt.Errorf("read the schema: %w", err)
	}
	defer func() { _ = rows.Close() }() // rows.Err tells
	var got strings.Builder
	for rows.Next() {
		var text string
		if err := unscannable(rows.Scan(&text)); err != nil {
			return 0, fmt.Errorf("read the schema: %w", err)
		}
		got.WriteString("\n" + text + ";")
	}
	if err := rows.Err(); err != nil {
		return 0, fmt.Errorf("read the schema: %w", err)
	}
	switch got.String() {
	case tablesOf(firstSchema):
		return 1, nil
	case tablesOf(schema):
		return schemaVersion, nil
	}
	return 0, nil
}

// tablesOf is a schema without the rows that it begins with, as SQLite keeps it.
func tablesOf(schema string) string {
	var tables strings.Builder
	for line := range strings.Lines(schema) {
		if line != "\n" && !strings.HasPrefix(line, "INSERT") {
			tables.WriteString("\n" + strings.TrimSuffix(line, "\n"))
		}
	}
	return tables.String()
}

// atLeast compares a version of three numbers. What cannot be read is too old.
func atLeast(version string, least [3]int) bool {
	parts := strings.SplitN(version, ".", 4)
	for i, want := range least {
		if i >= len(parts) {
			return false
		}
		got, err := strconv.Atoi(parts[i])
		if err != nil {
			return false
		}
		if got != want {
			return got > want
		}
	}
	return true
}
