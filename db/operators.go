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

func operatorColumns(o *access.Operator) []column {
	return []column{
		{"id", &o.ID},
		{"email", &o.Email},
		{"password_hash", &o.PasswordHash},
		{"role", &o.Role},
		{"created_at", timeColumn{&o.CreatedAt}},
		{"last_sign_in_at", timeColumn{&o.LastSignInAt}},
		{"disabled_at", timeColumn{&o.DisabledAt}},
		{"version", &o.Version},
	}
}

// linkUntil reads when the open link of an operator ends; it stands behind the columns.
const linkUntil = `, COALESCE((SELECT MAX(expires_at) FROM setup_tokens WHERE operator_id = operators.id AND used_at = 0), 0)`

func scanOperator(row interface{ Scan(...any) error }) (o access.Operator, err error) {
	return o, row.Scan(append(refs(operatorColumns(&o)), timeColumn{&o.LinkUntil})...)
}

const insertOperator = `INSERT INTO operators (email, password_hash, role, created_at, last_sign_in_at)`

func errNoOperator() error {
	return connection.Fail(connection.CodeNotFound, "There is no such person.")
}

// CreateOperator stores a new operator and gives out the ID. An e-mail that is taken is a Failure with CodeConflict.
func (d *DB) CreateOperator(ctx context.Context, o access.Operator) (access.Operator, error) {
	err := d.change(ctx, func(tx *sql.Tx) (err error) {
		o, err = d.createOperator(ctx, tx, o)
		return err
	})
	if err != nil {
		return access.Operator{}, fmt.Errorf("create operator: %w", err)
	}
	return o, nil
}

func (d *DB) createOperator(ctx context.Context, tx *sql.Tx, o access.Operator) (access.Operator, error) {
	o.CreatedAt, o.Version = fromMillis(d.now().UnixMilli()), 1
	err := tx.QueryRowContext(ctx, insertOperator+`
		VALUES ($1, $2, $3, $4, 0)
		ON CONFLICT (email) DO NOTHING
		RETURNING id`, o.Email, o.PasswordHash, o.Role, millis(o.CreatedAt)).Scan(&o.ID)
	if errors.Is(err, sql.ErrNoRows) {
		err = connection.Fail(connection.CodeConflict, "There is somebody with that e-mail address already.")
	}
	return o, err
}

// CreateFirstOperator stores an operator if there is none at all. However many ask at once, one is made; the others get a
// Failure with CodeConflict.
func (d *DB) CreateFirstOperator(ctx context.Context, o access.Operator) (access.Operator, error) {
	err := d.change(ctx, func(tx *sql.Tx) (err error) {
		o, err = d.createFirst(ctx, tx, o)
		return err
	})
	if err != nil {
		return access.Operator{}, fmt.Errorf("create first operator: %w", err)
	}
	return o, nil
}

func (d *DB) createFirst(ctx context.Context, tx *sql.Tx, o access.Operator) (access.Operator, error) {
	o.CreatedAt, o.Version = fromMillis(d.now().UnixMilli()), 1
	err := tx.QueryRowContext(ctx, insertOperator+`
		SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS TEXT), CAST($4 AS BIGINT), 0
		WHERE NOT EXISTS (SELECT 1 FROM operators)
		RETURNING id`, o.Email, o.PasswordHash, o.Role, millis(o.CreatedAt)).Scan(&o.ID)
	if errors.Is(err, sql.ErrNoRows) {
		return access.Operator{}, connection.Fail(connection.CodeConflict, "There is an operator already. Sign in instead.")
	}
	return o, err
}

// Operator reads one operator. It fails with CodeNotFound where there is none.
func (d *DB) Operator(ctx context.Context, id int64) (access.Operator, error) {
	return d.operatorWhere(ctx, `id = $1`, id)
}

// OperatorByEmail finds an operator by the normal form of the e-mail. It fails with CodeNotFound where there is none.
func (d *DB) OperatorByEmail(ctx context.Context, email string) (access.Operator, error) {
	return d.operatorWhere(ctx, `email = $1`, email)
}

func (d *DB) operatorWhere(ctx context.Context, condition string, arg any) (access.Operator, error) {
	o, err := readOperator(ctx, d.read, condition, arg)
	if err != nil {
		return access.Operator{}, fmt.Errorf("read operator: %w", err)
	}
	return o, nil
}

func readOperator(ctx context.Context, from interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}, condition string, arg any) (access.Operator, error) {
	o, err := scanOperator(from.QueryRowContext(ctx,
		`SELECT `+names(operatorColumns(&access.Operator{}), "")+linkUntil+` FROM operators WHERE `+condition, arg))
	if errors.Is(err, sql.ErrNoRows) {
		err = errNoOperator()
	}
	return o, err
}

// Operators lists at most limit operators whose id is above afterID, by their id.
func (d *DB) Operators(ctx context.Context, afterID int64, limit int) ([]access.Operator, error) {
	rows, err := d.read.QueryContext(ctx, `
		SELECT `+names(operatorColumns(&access.Operator{}), "")+linkUntil+`
		FROM operators
		WHERE id > $1
		ORDER BY id
		LIMIT $2`, afterID, limit)
	page, err := scan(rows, err, scanOperator)
	if err != nil {
		return nil, fmt.Errorf("list operators: %w", err)
	}
	return page, nil
}

// CountOperators counts the operators.
func (d *DB) CountOperators(ctx context.Context) (int, error) {
	var n int
	if err := d.read.QueryRowContext(ctx, `SELECT COUNT(*) FROM operators`).Scan(&n); err != nil {
		return 0, fmt.Errorf("count operators: %w", err)
	}
	return n, nil
}

// SetPasswordHash replaces the hash of an operator's password; sessions stay, and so does the version, for it is the same
// password.
func (d *DB) SetPasswordHash(ctx context.Context, id int64, hash string) error {
	return d.setOperator(ctx, "set password", id, `password_hash = $2`, hash)
}

// SetLastSignIn notes when an operator last signed in.
func (d *DB) SetLastSignIn(ctx context.Context, id int64, at time.Time) error {
	return d.setOperator(ctx, "note sign-in", id, `last_sign_in_at = $2`, millis(at))
}

func (d *DB) setOperator(ctx context.Context, what string, id int64, set string, arg any) error {
	result, err := d.write.ExecContext(ctx, `UPDATE operators SET `+set+` WHERE id = $1`, id, arg)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	n, err := result.RowsAffected()
	if err == nil && n == 0 {
		err = errNoOperator()
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}
