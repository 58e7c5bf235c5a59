package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"boardlink/access"
	"boardlink/connection"
)

func errNoToken() error {
	return connection.Fail(connection.CodeNotFound, "This link is not valid any more.")
}

// SaveSetupToken stores a token and ends those that were made before for the same operator (or for the first one).
func (d *DB) SaveSetupToken(ctx context.Context, t access.SetupToken) error {
	err := d.change(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM setup_tokens WHERE COALESCE(operator_id, 0) = $1`, t.OperatorID)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO setup_tokens (hash, operator_id, expires_at, used_at) VALUES ($1, $2, $3, 0)`,
			t.Digest[:], operatorOrNull(t.OperatorID), millis(t.ExpiresAt))
		return err
	})
	if err != nil {
		return fmt.Errorf("save set-up token: %w", err)
	}
	return nil
}

// SetupToken finds a token that is neither used nor expired; else it fails with CodeNotFound.
func (d *DB) SetupToken(ctx context.Context, digest access.Digest, now time.Time) (access.SetupToken, error) {
	t := access.SetupToken{Digest: digest}
	err := d.read.QueryRowContext(ctx, `
		SELECT COALESCE(t.operator_id, 0), COALESCE(o.email, ''), t.expires_at
		FROM setup_tokens t
		LEFT JOIN operators o ON o.id = t.operator_id
		WHERE t.hash = $1 AND t.used_at = 0 AND t.expires_at > $2`, digest[:], now.UnixMilli()).Scan(&t.OperatorID, &t.Email, timeColumn{&t.ExpiresAt})
	if errors.Is(err, sql.ErrNoRows) {
		err = errNoToken()
	}
	if err != nil {
		return access.SetupToken{}, fmt.Errorf("read set-up token: %w", err)
	}
	return t, nil
}

// UseSetupToken uses a token up and does what it is for, in one transaction: it makes o the first operator, or gives the
// token's operator o's password hash and ends that operator's sessions. A token that is used, expired or unknown fails
// with CodeNotFound, a first operator where there is one with CodeConflict.
func (d *DB) UseSetupToken(ctx context.Context, digest access.Digest, now time.Time, o access.Operator) (access.Operator, error) {
	err := d.change(ctx, func(tx *sql.Tx) error {
		var operatorID int64
		err := tx.QueryRowContext(ctx, `
			UPDATE setup_tokens
			SET used_at = $1
			WHERE hash = $2 AND used_at = 0 AND expires_at > $1
			RETURNING COALESCE(operator_id, 0)`, now.UnixMilli(), digest[:]).Scan(&operatorID)
		if errors.Is(err, sql.ErrNoRows) {
			return errNoToken()
		}
		if err != nil {
			return err
		}
		if operatorID == 0 {
			o, err = d.createFirst(ctx, tx, o)
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM sessions WHERE operator_id = $1`, operatorID); err != nil {
			return err
		}
		hash := o.PasswordHash
		columns := operatorColumns(&o)
		return tx.QueryRowContext(ctx, `UPDATE operators SET password_hash = $1 WHERE id = $2 RETURNING `+names(columns, ""),
			hash, operatorID).Scan(refs(columns)...)
	})
	if err != nil {
		return access.Operator{}, fmt.Errorf("use set-up token: %w", err)
	}
	return o, nil
}

func operatorOrNull(id int64) sql.NullInt64 { return sql.NullInt64{Int64: id, Valid: id != 0} }
