package db

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"boardlink/access"
)

// KnownBrowser reports whether that operator has signed in with that browser since then.
func (d *DB) KnownBrowser(ctx context.Context, digest access.Digest, operatorID int64, since time.Time) (known bool, err error) {
	err = d.read.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM known_browsers WHERE hash = $1 AND operator_id = $2 AND seen_at >= $3)`,
		digest[:], operatorID, millis(since)).Scan(&known)
	if err != nil {
		return false, fmt.Errorf("look for a browser: %w", err)
	}
	return known, nil
}

// KeepBrowser notes that an operator has signed in with a browser, and forgets all but the latest most browsers of that
// operator.
func (d *DB) KeepBrowser(ctx context.Context, digest access.Digest, operatorID int64, at time.Time, most int) error {
	err := d.change(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO known_browsers (hash, operator_id, seen_at)
			VALUES ($1, $2, $3)
			ON CONFLICT (hash) DO UPDATE
			SET operator_id = excluded.operator_id, seen_at = excluded.seen_at`, digest[:], operatorID, millis(at))
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `
			DELETE FROM known_browsers
			WHERE operator_id = $1 AND hash NOT IN (
				SELECT hash FROM known_browsers WHERE operator_id = $1 ORDER BY seen_at DESC, hash LIMIT $2)`, operatorID, most)
		return err
	})
	if err != nil {
		return fmt.Errorf("keep a browser: %w", err)
	}
	return nil
}
