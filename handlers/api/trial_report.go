package api

import (
	"math"
	"time"

	"boardlink/connection"
	"boardlink/operation"

	"github.com/danielgtaylor/huma/v2"
)

// report is what a test found, as programs read it.
type report struct {
	OK    bool         `json:"ok" doc:"Every step went well; some may have brought a warning."`
	Steps []stepResult `json:"steps" nullable:"false" doc:"Each step, in the order in which they are taken."`
}

// stepResult is a step of a test.
type stepResult struct {
	Step         trialStep    `json:"step"`
	Outcome      outcome      `json:"outcome" doc:"warning: it works, but the detail has something to say about it. skipped: not tried."`
	Milliseconds int64        `json:"milliseconds" doc:"How long the step took."`
	Detail       string       `json:"detail" doc:"What was found, in a sentence; may be empty."`
	ReasonCode   string       `json:"reasonCode" doc:"Why the step failed, for programs; empty where it did not."`
	Reason       string       `json:"reason" doc:"Why the step failed, in a sentence."`
	Hint         string       `json:"hint" doc:"What to try."`
	Certificate  *certificate `json:"certificate,omitempty" doc:"What the server presented, where the step spoke TLS."`
}

type certificate struct {
	Names     []string `json:"names" nullable:"false" doc:"Names and addresses it was made for, ten at most."`
	Issuer    string   `json:"issuer"`
	NotBefore moment   `json:"notBefore"`
	NotAfter  moment   `json:"notAfter"`
}

// trialStep is the name of a step, of which the schema lists all.
type trialStep connection.TrialStep

// Schema implements [huma.SchemaProvider].
func (trialStep) Schema(huma.Registry) *huma.Schema {
	s := &huma.Schema{Type: huma.TypeString}
	for _, step := range connection.TrialSteps {
		s.Enum = append(s.Enum, string(step))
	}
	return s
}

type outcome connection.Outcome

// Schema implements [huma.SchemaProvider].
func (outcome) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Enum: []any{
		string(connection.OutcomeOK), string(connection.OutcomeWarning), string(connection.OutcomeFailed), string(connection.OutcomeSkipped),
	}}
}

func reportOf(r operation.Report) report {
	out := report{OK: r.OK, Steps: make([]stepResult, len(r.Steps))}
	for i, s := range r.Steps {
		out.Steps[i] = stepResultOf(s)
	}
	return out
}

func stepResultOf(r connection.StepResult) stepResult {
	out := stepResult{
		Step: trialStep(r.Step), Outcome: outcome(r.Outcome), Milliseconds: int64(math.Ceil(float64(r.Took) / float64(time.Millisecond))),
		Detail: r.Detail, ReasonCode: string(r.ReasonCode), Reason: r.Reason, Hint: r.Hint,
	}
	if c := r.Certificate; c != nil {
		out.Certificate = &certificate{Names: c.Names, Issuer: c.Issuer, NotBefore: moment(c.NotBefore), NotAfter: moment(c.NotAfter)}
	}
	return out
}
