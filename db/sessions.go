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

// SaveSession stores a new session.
func (d *DB) SaveSession(ctx context.Context, s access.SessionRow) error {
	_, err := d.write.ExecContext(ctx, `
		INSERT INTO sessions (hash, operator_id, data, created_at, last_seen_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6)`,
		s.Digest[:], operatorOrNull(s.OperatorID), s.Data, millis(s.CreatedAt), millis(s.LastSeenAt), millis(s.ExpiresAt))
	if err != nil {
		return fmt.Errorf("save session: %w", err)
	}
	return nil
}

// SessionByHash reads a session, also one whose time is over. It fails with CodeNotFound where there is none.
func (d *DB) SessionByHash(ctx context.Context, digest access.Digest) (access.SessionRow, error) {
	s := access.SessionRow{Digest: digest}
	err := d.read.QueryRowContext(ctx, `
		SELECT COALESCE(operator_id, 0), data, created_at, last_seen_at, expires_at
		FROM sessions
		WHERE hash = $1`, digest[:]).Scan(&s.OperatorID, &s.Data, timeColumn{&s.CreatedAt}, timeColumn{&s.LastSeenAt}, timeColumn{&s.ExpiresAt})
	if errors.Is(err, sql.ErrNoRows) {
		err = connection.Fail(connection.CodeNotFound, "There is no such session.")
	}
	if err != nil {
		return access.SessionRow{}, fmt.Errorf("read session: %w", err)
	}
	return s, nil
}

// UpdateSession replaces the data of a session, if it is still there.
func (d *DB) UpdateSession(ctx context.Context, digest access.Digest, data []byte) error {
	return d.exec(ctx, "update session", `UPDATE sessions SET data = $1 WHERE hash = $2`, data, digest[:])
}

// TouchSession notes that a session was used.
func (d *DB) TouchSession(ctx context.Context, digest access.Digest, at time.Time) error {
	return d.exec(ctx, "touch session", `UPDATE sessions SET last_seen_at = $1 WHERE hash = $2 AND last_seen_at < $1`, millis(at), digest[:])
}

// DeleteSession ends a session; one that is not there is ended already.
func (d *DB) DeleteSession(ctx context.Context, digest access.Digest) error {
	return d.exec(ctx, "delete session", `DELETE FROM sessions WHERE hash = $1`, digest[:])
}

// DeleteSessionsOf ends every session of an operator.
func (d *DB) DeleteSessionsOf(ctx context.Context, operatorID int64) error {
	return d.exec(ctx, "delete sessions of an operator", `DELETE FROM sessions WHERE operator_id = $1`, operatorID)
}

// PruneSessions removes sessions that expired by now or were not seen since idleSince, and says how many. Set-up tokens
// that expired go with them.
func (d *DB) PruneSessions(ctx context.Context, now, idleSince time.Time) (int64, error) {
	result, err := d.write.ExecContext(ctx, `DELETE FROM sessions WHERE expires_at <= $1 OR last_seen_at <= $2`, now.UnixMilli(), idleSince.UnixMilli())
	if err != nil {
		return 0, fmt.Errorf("prune sessions: %w", err)
	}
	if err := d.exec(ctx, "prune set-up tokens", `DELETE FROM setup_tokens WHERE expires_at <= $1`, now.UnixMilli()); err != nil {
		return 0, err
	}
	n, err := result.RowsAffected()
	if err != nil {
		return 0, fmt.Errorf("prune sessions: %w", err)
	}
	return n, nil
}

func (d *DB) exec(ctx context.Context, what, query string, args ...any) error {
	if _, err := d.write.ExecContext(ctx, query, args...); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}
