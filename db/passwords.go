package db

import (
	"context"
	"database/sql"
	"fmt"

	"boardlink/access"
)

// ChangePassword replaces the hash of an operator's password. In the same transaction it ends the operator's sessions but for the
// one with that digest, links that would set the password, and what the operator's browsers are known by.
func (d *DB) ChangePassword(ctx context.Context, operatorID int64, hash string, kept access.Digest) error {
	err := d.change(ctx, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, `UPDATE operators SET password_hash = $2 WHERE id = $1`, operatorID, hash)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil {
			return err
		} else if n == 0 {
			return errNoOperator()
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM sessions WHERE operator_id = $1 AND hash <> $2`, operatorID, kept[:]); err != nil {
			return err
		}
		for _, table := range []string{"setup_tokens", "known_browsers"} {
			if _, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE operator_id = $1`, operatorID); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("change password: %w", err)
	}
	return nil
}
