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

// AddCredentialTry counts a sign-in. It is called before the sign-in is sent: a crash in between costs a try, which is
// better than an account that ThingsBoard locks.
func (d *DB) AddCredentialTry(ctx context.Context, id connection.ID, credentialVersion int64) error {
	return d.countTry(ctx, "count credential try", id, credentialVersion, 1, 0)
}

// AllowCredentialTry grants one more sign-in with this version of the credentials.
func (d *DB) AllowCredentialTry(ctx context.Context, id connection.ID, credentialVersion int64) error {
	return d.countTry(ctx, "allow credential try", id, credentialVersion, 0, 1)
}

func (d *DB) countTry(ctx context.Context, what string, id connection.ID, credentialVersion int64, tries, allowance int) error {
	err := d.change(ctx, func(tx *sql.Tx) error {
		if live, err := isLive(ctx, tx, id); err != nil {
			return err
		} else if !live {
			return errNoConnection()
		}
		var last int64 // an allowance is no try
		if tries > 0 {
			last = d.now().UnixMilli()
		}
		_, err := tx.ExecContext(ctx, `
			INSERT INTO credential_tries (connection_id, credential_version, tries, allowance, last_at)
			VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (connection_id, credential_version) DO UPDATE
			SET tries     = credential_tries.tries + excluded.tries,
			    allowance = credential_tries.allowance + excluded.allowance,
			    last_at   = CASE WHEN excluded.last_at > 0 THEN excluded.last_at ELSE credential_tries.last_at END`,
			id, credentialVersion, tries, allowance, last)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM credential_tries WHERE connection_id = $1 AND credential_version < $2`, id, credentialVersion)
		return err
	})
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// ResetCredentialTries forgets the tries, after a sign-in that went well.
func (d *DB) ResetCredentialTries(ctx context.Context, id connection.ID, credentialVersion int64) error {
	_, err := d.write.ExecContext(ctx, `DELETE FROM credential_tries WHERE connection_id = $1 AND credential_version = $2`, id, credentialVersion)
	if err != nil {
		return fmt.Errorf("reset credential tries: %w", err)
	}
	return nil
}
