package operationtest

import (
	"context"
	"sync"

	"boardlink/connection"
	"boardlink/operation"
)

var (
	_ operation.Tries  = (*Store)(nil)
	_ operation.Prober = (*Prober)(nil)
)

// CredentialTries tells what was taken; every version of the credentials has the same.
func (s *Store) CredentialTries(id connection.ID) connection.CredentialTries {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.triesOf(id)
}

func (s *Store) triesOf(id connection.ID) connection.CredentialTries {
	t := connection.CredentialTries{Tries: s.tries[id]}
	for _, allowed := range s.allowed {
		if allowed == id {
			t.Allowance++
		}
	}
	return t
}

// TakeCredentialTry implements [operation.Tries].
func (s *Store) TakeCredentialTry(_ context.Context, id connection.ID, _ int64) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Fail != nil {
		return false, s.Fail
	}
	if !s.triesOf(id).Left() {
		return false, nil
	}
	if s.tries == nil {
		s.tries = map[connection.ID]int{}
	}
	s.tries[id]++
	return true, nil
}

// ResetCredentialTries implements [operation.Tries].
func (s *Store) ResetCredentialTries(_ context.Context, id connection.ID, _ int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.tries, id)
	return s.Fail
}

// Prober pretends to try connections: it asks for the password, and says what it was told to say.
type Prober struct {
	// Verdict is what becomes of passwords.
	Verdict connection.Verdict
	// Instead, where it is set, does it all.
	Instead operation.Prober
	// Before, where it is set, runs before the password is asked for.
	Before func(ctx context.Context)

	mu   sync.Mutex
	seen []connection.Connection
}

// Seen gives the connections that were tried, with the passwords that were presented; where the password was withheld
// there is none.
func (p *Prober) Seen() []connection.Connection {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]connection.Connection(nil), p.seen...)
}

// Probe implements [operation.Prober]. It tells an address that is well, and the sign-in.
func (p *Prober) Probe(ctx context.Context, c connection.Connection, present connection.Presenter, tell func(connection.StepResult)) error {
	if p.Instead != nil {
		return p.Instead.Probe(ctx, c, present, tell)
	}
	tell(connection.StepResult{Step: connection.TrialAddress, Outcome: connection.OutcomeOK})
	if p.Before != nil {
		p.Before(ctx)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	settle, err := present(ctx)
	if err != nil {
		c.Configuration.Password = ""
	}
	p.mu.Lock()
	p.seen = append(p.seen, c)
	p.mu.Unlock()
	if err != nil {
		tell(connection.StepResult{Step: connection.TrialSignIn, Outcome: connection.OutcomeSkipped, Reason: err.Error()})
		return nil
	}
	settle(ctx, p.Verdict)
	r := connection.StepResult{Step: connection.TrialSignIn, Outcome: connection.OutcomeOK}
	if p.Verdict != connection.Accepted {
		r.Outcome, r.ReasonCode = connection.OutcomeFailed, connection.ReasonAuthRefused
	}
	tell(r)
	return nil
}
