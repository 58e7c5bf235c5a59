package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strconv"
	"time"

	"boardlink/access"
	"boardlink/connection"
)

func sessionColumns(s *access.SessionRow) []column {
	return []column{
		{"hash", digestColumn{&s.Digest}},
		{"id", &s.ID},
		{"operator_id", operatorColumn{&s.OperatorID}},
		{"role", &s.Role},
		{"data", &s.Data},
		{"user_agent", &s.UserAgent},
		{"address", &s.Address},
		{"created_at", timeColumn{&s.CreatedAt}},
		{"last_seen_at", timeColumn{&s.LastSeenAt}},
		{"confirmed_at", timeColumn{&s.ConfirmedAt}},
		{"expires_at", timeColumn{&s.ExpiresAt}},
	}
}

func errNoSession() error {
	return connection.Fail(connection.CodeNotFound, "There is no such session.")
}

// SaveSession stores a new session.
func (d *DB) SaveSession(ctx context.Context, s access.SessionRow) error {
	columns := sessionColumns(&s)
	return d.exec(ctx, "save session", `INSERT INTO sessions (`+names(columns, "")+`) VALUES (`+placeholders(len(columns))+`)`, refs(columns)...)
}

// SessionByHash reads a session, also one whose time is over. It fails with CodeNotFound where there is none.
func (d *DB) SessionByHash(ctx context.Context, digest access.Digest) (access.SessionRow, error) {
	var s access.SessionRow
	columns := sessionColumns(&s)
	err := d.read.QueryRowContext(ctx, `SELECT `+names(columns, "")+` FROM sessions WHERE hash = $1`, digest[:]).Scan(refs(columns)...)
	if errors.Is(err, sql.ErrNoRows) {
		err = errNoSession()
	}
	if err != nil {
		return access.SessionRow{}, fmt.Errorf("read session: %w", err)
	}
	return s, nil
}

// SessionsOf lists an operator's sessions, also those whose time is over, the one that was seen last first.
func (d *DB) SessionsOf(ctx context.Context, operatorID int64) ([]access.SessionRow, error) {
	rows, err := d.read.QueryContext(ctx, `SELECT `+names(sessionColumns(&access.SessionRow{}), "")+` FROM sessions WHERE operator_id = $1 ORDER BY last_seen_at DESC, id`, operatorID)
	all, err := scan(rows, err, func(row interface{ Scan(...any) error }) (s access.SessionRow, err error) {
		return s, row.Scan(refs(sessionColumns(&s))...)
	})
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	return all, nil
}

// RenewSession puts a row in the place of the session with that digest. It fails with CodeNotFound where there is none any
// more.
func (d *DB) RenewSession(ctx context.Context, digest access.Digest, s access.SessionRow) error {
	columns := sessionColumns(&s)
	result, err := d.write.ExecContext(ctx, `UPDATE sessions SET `+assignments(columns)+` WHERE hash = $`+strconv.Itoa(len(columns)+1),
		append(refs(columns), digest[:])...)
	return oneSession("renew session", result, err)
}

// oneSession makes a change of no row a failure with CodeNotFound.
func oneSession(what string, result sql.Result, err error) error {
	var n int64
	if err == nil {
		n, err = result.RowsAffected()
	}
	if err == nil && n == 0 {
		err = errNoSession()
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
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

// DeleteSessionOf ends the operator's session of that public id. It fails with CodeNotFound where the operator has none.
func (d *DB) DeleteSessionOf(ctx context.Context, operatorID, id int64) error {
	result, err := d.write.ExecContext(ctx, `DELETE FROM sessions WHERE operator_id = $1 AND id = $2`, operatorID, id)
	return oneSession("delete session", result, err)
}

// DeleteOtherSessionsOf ends an operator's sessions but for the one with that digest, and says how many.
func (d *DB) DeleteOtherSessionsOf(ctx context.Context, operatorID int64, kept access.Digest) (int64, error) {
	result, err := d.write.ExecContext(ctx, `DELETE FROM sessions WHERE operator_id = $1 AND hash <> $2`, operatorID, kept[:])
	var n int64
	if err == nil {
		n, err = result.RowsAffected()
	}
	if err != nil {
		return 0, fmt.Errorf("delete other sessions: %w", err)
	}
	return n, nil
}

// PruneSessions removes sessions that expired by now or were not seen since idleSince, and says how many. Set-up tokens
// that expired go with them, and browsers that were not seen for [access.BrowserLife].
func (d *DB) PruneSessions(ctx context.Context, now, idleSince time.Time) (int64, error) {
	result, err := d.write.ExecContext(ctx, `DELETE FROM sessions WHERE expires_at <= $1 OR last_seen_at <= $2`, now.UnixMilli(), idleSince.UnixMilli())
	if err != nil {
		return 0, fmt.Errorf("prune sessions: %w", err)
	}
	if err := d.exec(ctx, "prune set-up tokens", `DELETE FROM setup_tokens WHERE expires_at <= $1`, now.UnixMilli()); err != nil {
		return 0, err
	}
	if err := d.exec(ctx, "prune known browsers", `DELETE FROM known_browsers WHERE seen_at < $1`, now.Add(-access.BrowserLife).UnixMilli()); err != nil {
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

// digestColumn is a digest as its bytes.
type digestColumn struct{ digest *access.Digest }

// Value implements [driver.Valuer].
func (c digestColumn) Value() (driver.Value, error) { return c.digest[:], nil }

// Scan implements [sql.Scanner].
func (c digestColumn) Scan(value any) error {
	b, ok := value.([]byte)
	if !ok || len(b) != len(c.digest) {
		return fmt.Errorf("a digest of %d bytes was expected", len(c.digest))
	}
	copy(c.digest[:], b)
	return nil
}

// operatorColumn is an operator's id, NULL where it is 0.
type operatorColumn struct{ id *int64 }

// Value implements [driver.Valuer].
func (c operatorColumn) Value() (driver.Value, error) { return operatorOrNull(*c.id).Value() }

// Scan implements [sql.Scanner].
func (c operatorColumn) Scan(value any) error {
	var id sql.NullInt64
	if err := id.Scan(value); err != nil {
		return err
	}
	*c.id = id.Int64
	return nil
}
