package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"boardlink/connection"
)

// CredentialTries returns how often this version of a connection's credentials was presented since the last success.
func (d *DB) CredentialTries(ctx context.Context, id connection.ID, credentialVersion int64) (connection.CredentialTries, error) {
	var t connection.CredentialTries
	err := d.read.QueryRowContext(ctx, `
		SELECT tries, allowance, last_at
		FROM credential_tries
		WHERE connection_id = $1 AND credential_version = $2`, id, credentialVersion).Scan(&t.Tries, &t.Allowance, timeColumn{&t.Last})
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return connection.CredentialTries{}, fmt.Errorf("read credential tries: %w", err)
	}
	return t, nil
}

// TakeCredentialTry counts a sign-in that is about to be made, if one is left, and reports whether it was: that it looks
// and counts in one transaction keeps a link and a test that sign in at the same moment from both taking the last one. It
// is called before the sign-in is sent: a crash in between costs a try, which is better than an account that ThingsBoard
// locks.
func (d *DB) TakeCredentialTry(ctx context.Context, id connection.ID, credentialVersion int64) (taken bool, err error) {
	err = d.withTries(ctx, id, credentialVersion, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, `
			INSERT INTO credential_tries (connection_id, credential_version, tries, allowance, last_at)
			VALUES ($1, $2, 1, 0, $3)
			ON CONFLICT (connection_id, credential_version) DO UPDATE
			SET tries   = credential_tries.tries + 1,
			    last_at = excluded.last_at
			WHERE credential_tries.tries < $4 + credential_tries.allowance`,
			id, credentialVersion, d.now().UnixMilli(), connection.MaxCredentialTries)
		if err != nil {
			return err
		}
		n, err := result.RowsAffected()
		taken = n > 0
		return err
	})
	if err != nil {
		return false, fmt.Errorf("take credential try: %w", err)
	}
	return taken, nil
}

// AllowCredentialTry grants one more sign-in with this version of the credentials.
func (d *DB) AllowCredentialTry(ctx context.Context, id connection.ID, credentialVersion int64) error {
	err := d.withTries(ctx, id, credentialVersion, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO credential_tries (connection_id, credential_version, tries, allowance, last_at)
			VALUES ($1, $2, 0, 1, 0)
			ON CONFLICT (connection_id, credential_version) DO UPDATE
			SET allowance = credential_tries.allowance + 1`, id, credentialVersion)
		return err
	})
	if err != nil {
		return fmt.Errorf("allow credential try: %w", err)
	}
	return nil
}

// withTries changes the tries of a connection that is there, and forgets those of older credentials.
func (d *DB) withTries(ctx context.Context, id connection.ID, credentialVersion int64, f func(tx *sql.Tx) error) error {
	return d.change(ctx, func(tx *sql.Tx) error {
		if live, err := isLive(ctx, tx, id); err != nil {
			return err
		} else if !live {
			return errNoConnection()
		}
		if err := f(tx); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM credential_tries WHERE connection_id = $1 AND credential_version < $2`, id, credentialVersion)
		return err
	})
}

// ResetCredentialTries forgets the tries, after a sign-in that went well.
func (d *DB) ResetCredentialTries(ctx context.Context, id connection.ID, credentialVersion int64) error {
	_, err := d.write.ExecContext(ctx, `DELETE FROM credential_tries WHERE connection_id = $1 AND credential_version = $2`, id, credentialVersion)
	if err != nil {
		return fmt.Errorf("reset credential tries: %w", err)
	}
	return nil
}
