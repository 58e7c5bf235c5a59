package access

import (
	"context"
	"fmt"

	"boardlink/connection"
)

// Confirm checks the password of an operator who is signed in, before something that an unattended browser must not be
// good for. A wrong one is a Failure with CodeInvalid that names the field "password".
func (p *People) Confirm(ctx context.Context, operatorID int64, password connection.Secret) error {
	o, err := p.store.Operator(ctx, operatorID)
	if err != nil {
		return fmt.Errorf("confirm a password: %w", err)
	}
	match, err := p.matches(ctx, o, password)
	if err != nil {
		return fmt.Errorf("confirm a password: %w", err)
	}
	if !match {
		p.log.WarnContext(ctx, "Password not confirmed", "operator_id", o.ID)
		return invalid(connection.FieldError{Path: "password", Message: "The password is wrong."})
	}
	return nil
}
