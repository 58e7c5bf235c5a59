package thingsboard

import (
	"context"
	"errors"
	"time"

	"boardlink/connection"
)

// signIn presents the password, where that is allowed, and tells who the account is.
func (p *probe) signIn(ctx context.Context) error {
	if ctx.Err() != nil { // nothing is sent that nobody would wait for
		if givenUp(ctx) {
			return ctx.Err()
		}
		p.fail(connection.TrialSignIn, 0, "", ctx.Err())
		return nil
	}
	settle := func(context.Context, connection.Verdict) {}
	if p.trial.Present != nil {
		var err error
		if settle, err = p.trial.Present(ctx); err != nil {
			return p.withheld(ctx, err)
		}
	}
	// Whoever leaves now does not make the verdict go by unseen: an account is disabled after too many refusals.
	book := context.WithoutCancel(ctx)
	limited, cancel := context.WithTimeout(book, p.remaining(ctx, probeSignInLimit))
	defer cancel()
	began := p.watch.now()
	user, err := p.client.SignIn(limited)
	ended, taken := p.watch.now(), p.watch.tookPassword()
	settle(book, verdictOn(err, !taken.IsZero()))
	switch {
	case givenUp(ctx):
		return ctx.Err()
	case err != nil && taken.IsZero():
		p.fail(connection.TrialSignIn, ended.Sub(began), "", err)
		return nil
	}
	p.ok(connection.TrialSignIn, taken.Sub(began), "ThingsBoard took the e-mail and the password.")
	if err != nil {
		p.fail(connection.TrialAuthority, ended.Sub(taken), "", err)
		return nil
	}
	p.user = user
	detail := "The account is a tenant administrator."
	if user.Authority == CustomerUser {
		detail = "The account is a customer user: it makes no devices, so a gateway device must be assigned to its customer."
	}
	p.ok(connection.TrialAuthority, ended.Sub(taken), detail)
	return nil
}

// withheld tells that the password was not presented.
func (p *probe) withheld(ctx context.Context, err error) error {
	if givenUp(ctx) {
		return ctx.Err()
	}
	var why *connection.Withheld
	if !errors.As(err, &why) {
		p.client.log.Error("A password could not be guarded, so it was not presented", "error", err)
		p.fail(connection.TrialSignIn, 0, "", &Error{Code: connection.ReasonInternal, Err: err})
		return nil
	}
	text := why.Code.Text()
	p.tell(connection.StepResult{
		Step: connection.TrialSignIn, Outcome: connection.OutcomeSkipped, ReasonCode: why.Code, Reason: text.Sentence, Hint: text.Hint,
	})
	return nil
}

// verdictOn tells what became of the password. taken says that ThingsBoard gave a token for it; an account that cannot
// run a link counts as refused all the same, as it does for a link.
func verdictOn(err error, taken bool) connection.Verdict {
	switch {
	case KindOf(err) == Auth:
		return connection.Refused
	case err == nil, taken:
		return connection.Accepted
	}
	return connection.NoVerdict
}

// remaining is how long a step that outlives its caller may take.
func (p *probe) remaining(ctx context.Context, limit time.Duration) time.Duration {
	if end, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(end))
	}
	return limit
}
