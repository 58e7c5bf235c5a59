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
	err := d.change(ctx, func(tx *sql.Tx) error { return saveToken(ctx, tx, t) })
	if err != nil {
		return fmt.Errorf("save set-up token: %w", err)
	}
	return nil
}

func saveToken(ctx context.Context, tx *sql.Tx, t access.SetupToken) error {
	if err := endTokens(ctx, tx, t.OperatorID); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO setup_tokens (hash, operator_id, expires_at, used_at, enables) VALUES ($1, $2, $3, 0, $4)`,
		t.Digest[:], operatorOrNull(t.OperatorID), millis(t.ExpiresAt), t.Enables)
	return err
}

func endTokens(ctx context.Context, tx *sql.Tx, operatorID int64) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM setup_tokens WHERE COALESCE(operator_id, 0) = $1`, operatorID)
	return err
}

// SetupToken finds a token that is neither used nor expired, and whose operator is not disabled unless it enables; else it
// fails with CodeNotFound.
func (d *DB) SetupToken(ctx context.Context, digest access.Digest, now time.Time) (access.SetupToken, error) {
	t := access.SetupToken{Digest: digest}
	err := d.read.QueryRowContext(ctx, `
		SELECT COALESCE(t.operator_id, 0), t.enables, t.expires_at, COALESCE(o.email, ''), COALESCE(o.password_hash, 'first') = ''
		FROM setup_tokens t
		LEFT JOIN operators o ON o.id = t.operator_id
		WHERE t.hash = $1 AND t.used_at = 0 AND t.expires_at > $2 AND (t.enables = 1 OR COALESCE(o.disabled_at, 0) = 0)`,
		digest[:], now.UnixMilli()).Scan(&t.OperatorID, &t.Enables, timeColumn{&t.ExpiresAt}, &t.Email, &t.Invited)
	if errors.Is(err, sql.ErrNoRows) {
		err = errNoToken()
	}
	if err != nil {
		return access.SetupToken{}, fmt.Errorf("read set-up token: %w", err)
	}
	return t, nil
}

// UseSetupToken uses a token up and does what it is for, in one transaction: it makes o the first operator, or gives the
// token's operator o's password hash, enables it where the token does, and ends that operator's sessions and what its
// browsers are known by. A token that is
// used, expired, unknown or of somebody who was disabled since fails with CodeNotFound, a first operator where there is one
// with CodeConflict.
func (d *DB) UseSetupToken(ctx context.Context, digest access.Digest, now time.Time, o access.Operator) (access.Operator, error) {
	err := d.change(ctx, func(tx *sql.Tx) error {
		var operatorID int64
		var enables bool
		err := tx.QueryRowContext(ctx, `
			UPDATE setup_tokens
			SET used_at = $1
			WHERE hash = $2 AND used_at = 0 AND expires_at > $1
			RETURNING COALESCE(operator_id, 0), enables`, now.UnixMilli(), digest[:]).Scan(&operatorID, &enables)
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
		o, err = setPassword(ctx, tx, operatorID, o.PasswordHash, enables)
		return err
	})
	if err != nil {
		return access.Operator{}, fmt.Errorf("use set-up token: %w", err)
	}
	return o, nil
}

func setPassword(ctx context.Context, tx *sql.Tx, operatorID int64, hash string, enables bool) (access.Operator, error) {
	if err := endSessions(ctx, tx, operatorID); err != nil {
		return access.Operator{}, err
	}
	// What browsers are known by ends with the password that was given in them.
	if _, err := tx.ExecContext(ctx, `DELETE FROM known_browsers WHERE operator_id = $1`, operatorID); err != nil {
		return access.Operator{}, err
	}
	var o access.Operator
	columns := operatorColumns(&o)
	err := tx.QueryRowContext(ctx, `
		UPDATE operators
		SET password_hash = $1, disabled_at = 0, version = version + 1
		WHERE id = $2 AND (disabled_at = 0 OR $3 = 1)
		RETURNING `+names(columns, ""), hash, operatorID, enables).Scan(refs(columns)...)
	if errors.Is(err, sql.ErrNoRows) {
		return access.Operator{}, errNoToken()
	}
	return o, err
}

func operatorOrNull(id int64) sql.NullInt64 { return sql.NullInt64{Int64: id, Valid: id != 0} }
