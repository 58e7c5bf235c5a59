package access

import (
	"context"
	"fmt"
	"strconv"

	"boardlink/connection"
)

// Confirm checks the password of an operator who is signed in, before something that an unattended browser must not be
// good for. A wrong one is a Failure with CodeInvalid that names the field "password"; after some of them the next is not
// read for a while: a [*Throttled].
func (p *People) Confirm(ctx context.Context, from Origin, operatorID int64, password connection.Secret) error {
	o, err := p.store.Operator(ctx, operatorID)
	if err != nil {
		return fmt.Errorf("confirm a password: %w", err)
	}
	match, err := p.tries(ctx, true, o, password, placeOf(laneConfirm, strconv.FormatInt(o.ID, 10)))
	if err != nil {
		return fmt.Errorf("confirm a password: %w", err)
	}
	if !match {
		p.log.WarnContext(ctx, "Password not confirmed", "operator_id", o.ID, "address", from.Address)
		p.tell(ctx, connection.LevelWarning, o.Email, "A wrong password was given in a session of "+o.Email+".")
		return invalid(connection.FieldError{Path: "password", Message: "The password is wrong."})
	}
	return nil
}
