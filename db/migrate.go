package db

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"boardlink/connection"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// keyNeeds names the row of the installation that holds the version of the program that brought the schema up to date.
const keyNeeds = "needs"

// migrate brings the schema up to date. A database that had a schema before is copied first.
func migrate(ctx context.Context, pool *sql.DB, path string, opt Options) error {
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	return migrateWith(ctx, pool, path, files, opt)
}

func migrateWith(ctx context.Context, pool *sql.DB, path string, files fs.FS, opt Options) error {
	provider, err := goose.NewProvider(goose.DialectSQLite3, pool, files)
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	sources := provider.ListSources()
	known := sources[len(sources)-1].Version
	current, err := schemaVersion(ctx, pool)
	if err != nil {
		return err
	}
	switch {
	case current > known:
		return newerDatabase(ctx, pool, current, known, opt.Version)
	case current == known:
		return nil
	case opt.Beside:
		return connection.Fail(connection.CodeUnavailable, "The database is of an older Boardlink. Start this version once to bring it up to date.")
	}
	if current > 0 && opt.BackupDir != "" {
		name := fmt.Sprintf("boardlink-schema-%d-%s.db", current, opt.Now().UTC().Format("20060102T150405Z"))
		copied, err := backUp(ctx, pool, path, opt.BackupDir, name)
		if err != nil {
			return err
		}
		opt.Log.InfoContext(ctx, "Database copied before migration", "path", copied, "schema", current)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate database: %w", err)
	}
	if err := checkForeignKeys(ctx, pool); err != nil {
		return err
	}
	_, err = pool.ExecContext(ctx, `
		INSERT INTO installation (name, value) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value`, keyNeeds, opt.Version)
	if err != nil {
		return fmt.Errorf("note the program's version: %w", err)
	}
	opt.Log.InfoContext(ctx, "Database migrated", "from_schema", current, "to_schema", known)
	return nil
}

// schemaVersion reads goose's table without making it; 0 for a database that has none.
func schemaVersion(ctx context.Context, pool *sql.DB) (int64, error) {
	var tables, version int64
	err := pool.QueryRowContext(ctx, `SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table' AND name = $1`, goose.DefaultTablename).Scan(&tables)
	if err == nil && tables > 0 {
		err = pool.QueryRowContext(ctx, `SELECT COALESCE(MAX(version_id), 0) FROM `+goose.DefaultTablename).Scan(&version)
	}
	if err != nil {
		return 0, fmt.Errorf("read the schema's version: %w", err)
	}
	return version, nil
}

func newerDatabase(ctx context.Context, pool *sql.DB, current, known int64, own string) error {
	var needs string
	err := pool.QueryRowContext(ctx, `SELECT value FROM installation WHERE name = $1`, keyNeeds).Scan(&needs)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("read which version the database needs: %w", err)
	}
	if needs == "" {
		needs = "a newer version"
	} else {
		needs = "version " + connection.Clean(needs) + " or newer"
	}
	if own == "" {
		own = "this program"
	} else {
		own = "this is " + own + ", which"
	}
	return connection.Fail(connection.CodeUnavailable,
		"The database was made by a newer Boardlink: it needs %s (schema %d); %s knows schema %d.", needs, current, own, known)
}

func checkForeignKeys(ctx context.Context, pool *sql.DB) error {
	rows, err := pool.QueryContext(ctx, `PRAGMA foreign_key_check`)
	if err != nil {
		return fmt.Errorf("check references: %w", err)
	}
	defer func() { _ = rows.Close() }() // read to its end below
	if rows.Next() {
		return errors.New("check references: a row refers to one that is not there")
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("check references: %w", err)
	}
	return nil
}
