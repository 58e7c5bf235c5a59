package thingsboard

import (
	"errors"
	"slices"
	"strings"
	"time"

	"boardlink/connection"
)

// tell hands a step on, once, and notes whether anything may follow it. What holds a secret is left out: certificates and
// device names are a peer's own text.
func (p *probe) tell(r connection.StepResult) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.Index(p.left, r.Step)
	if i < 0 {
		return
	}
	p.left = slices.Delete(p.left, i, i+1)
	if r.Outcome == connection.OutcomeFailed || r.Outcome == connection.OutcomeSkipped {
		p.stopped = true
	}
	r.Took = max(r.Took, 0)
	p.redact(&r)
	if p.trial.Tell != nil {
		p.trial.Tell(r)
	}
}

func (p *probe) redact(r *connection.StepResult) {
	for _, secret := range p.secrets() {
		holds := func(text string) bool { return strings.Contains(text, secret.Reveal()) }
		if !secret.IsSet() {
			continue
		}
		if holds(r.Detail) {
			r.Detail = ""
		}
		if holds(r.Reason) {
			r.Reason = r.ReasonCode.Text().Sentence
		}
		if c := r.Certificate; c != nil && (holds(c.Issuer) || slices.ContainsFunc(c.Names, holds)) {
			r.Certificate = nil
		}
	}
}

func (p *probe) secrets() []connection.Secret {
	if p.client == nil {
		return nil
	}
	return append(p.client.secrets(), p.found.ClientID, p.found.Username, p.found.Password)
}

// ok tells a step that went well.
func (p *probe) ok(step connection.TrialStep, took time.Duration, detail string) {
	p.tell(connection.StepResult{Step: step, Outcome: connection.OutcomeOK, Took: took, Detail: detail})
}

// fail tells a step that failed, with the reason that the link would show.
func (p *probe) fail(step connection.TrialStep, took time.Duration, detail string, err error) {
	p.failAs(connection.StepResult{Detail: detail}, step, took, err)
}

func (p *probe) failAs(r connection.StepResult, step connection.TrialStep, took time.Duration, err error) {
	code := CodeOf(err)
	text := code.Text()
	r.Step, r.Outcome, r.Took = step, connection.OutcomeFailed, took
	r.ReasonCode, r.Reason, r.Hint = code, text.Sentence, text.Hint
	var e *Error
	if errors.As(err, &e) {
		r.Reason = e.Error()
	}
	p.tell(r)
}

// over reports whether a step failed or was not allowed.
func (p *probe) over() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stopped
}

// skipRest tells what was not tried.
func (p *probe) skipRest() {
	p.mu.Lock()
	rest := slices.Clone(p.left)
	p.mu.Unlock()
	for _, step := range rest {
		p.tell(connection.StepResult{Step: step, Outcome: connection.OutcomeSkipped, Detail: "Not tried, because a step before it did not succeed."})
	}
}
