package db

import (
	"context"
	"database/sql"
	"fmt"

	"boardlink/access"
	"boardlink/connection"
)

// InviteOperator stores an operator without a password, the token by which it sets one, and the event that tells of it. An
// e-mail that is taken is a Failure with CodeConflict.
func (d *DB) InviteOperator(ctx context.Context, o access.Operator, t access.SetupToken, e connection.Event) (access.Operator, error) {
	o.PasswordHash = ""
	err := d.change(ctx, func(tx *sql.Tx) (err error) {
		if o, err = d.createOperator(ctx, tx, o); err != nil {
			return err
		}
		t.OperatorID, o.LinkUntil = o.ID, fromMillis(millis(t.ExpiresAt))
		if err := saveToken(ctx, tx, t); err != nil {
			return err
		}
		_, err = d.addEvent(ctx, tx, e)
		return err
	})
	if err != nil {
		return access.Operator{}, fmt.Errorf("invite operator: %w", err)
	}
	return o, nil
}

// AlterOperator reads an operator, lets decide say what becomes of it, and does that, all in one transaction, so that of
// several changes at once each is decided by what the one before it left. What would leave no admin who can sign in is a
// Failure with CodeConflict. Where nothing changes nothing is written.
func (d *DB) AlterOperator(ctx context.Context, id int64, decide func(now access.Operator) (access.Alteration, error)) (access.Operator, error) {
	var o access.Operator
	err := d.change(ctx, func(tx *sql.Tx) error {
		now, err := readOperator(ctx, tx, `id = $1`, id)
		if err != nil {
			return err
		}
		a, err := decide(now)
		if err != nil {
			return err
		}
		if o = now; !a.Changes(now) {
			return nil
		}
		if err := keepAnAdmin(ctx, tx, now, a); err != nil {
			return err
		}
		if _, err := d.addEvent(ctx, tx, a.Event); err != nil {
			return err
		}
		if a.Remove {
			_, err := tx.ExecContext(ctx, `DELETE FROM operators WHERE id = $1`, id) // sessions and tokens go with it
			return err
		}
		o, err = alter(ctx, tx, now, a)
		return err
	})
	if err != nil {
		return access.Operator{}, fmt.Errorf("alter operator: %w", err)
	}
	return o, nil
}

// keepAnAdmin refuses what takes away the last admin who can sign in.
func keepAnAdmin(ctx context.Context, tx *sql.Tx, now access.Operator, a access.Alteration) error {
	looksAfter := func(o access.Operator) bool { return o.Role == access.RoleAdmin && o.CanSignIn() }
	if !looksAfter(now) || !a.Remove && looksAfter(a.Operator) {
		return nil
	}
	var others int
	err := tx.QueryRowContext(ctx, `
		SELECT COUNT(*)
		FROM operators
		WHERE id <> $1 AND role = $2 AND password_hash <> '' AND disabled_at = 0`, now.ID, access.RoleAdmin).Scan(&others)
	if err != nil {
		return err
	}
	if others == 0 {
		return access.ErrLastAdmin()
	}
	return nil
}

func alter(ctx context.Context, tx *sql.Tx, now access.Operator, a access.Alteration) (access.Operator, error) {
	to := a.Operator
	if to.Role != now.Role || to.Disabled() != now.Disabled() {
		if err := endSessions(ctx, tx, now.ID); err != nil {
			return access.Operator{}, err
		}
	}
	if to.Disabled() {
		if err := endTokens(ctx, tx, now.ID); err != nil {
			return access.Operator{}, err
		}
	}
	if a.Link != nil {
		link := *a.Link
		link.OperatorID = now.ID
		if err := saveToken(ctx, tx, link); err != nil {
			return access.Operator{}, err
		}
	}
	_, err := tx.ExecContext(ctx, `UPDATE operators SET role = $1, disabled_at = $2, version = version + 1 WHERE id = $3`,
		to.Role, millis(to.DisabledAt), now.ID)
	if err != nil {
		return access.Operator{}, err
	}
	return readOperator(ctx, tx, `id = $1`, now.ID)
}

func endSessions(ctx context.Context, tx *sql.Tx, operatorID int64) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM sessions WHERE operator_id = $1`, operatorID)
	return err
}
