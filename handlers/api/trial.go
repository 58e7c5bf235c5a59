package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"mime"
	"net/http"
	"reflect"
	"strings"
	"time"

	"boardlink/connection"
	"boardlink/operation"
	"boardlink/web"

	"github.com/danielgtaylor/huma/v2"
)

const (
	trialPath       = "/connections/test"
	storedTrialPath = "/connections/{id}/test"

	// trialAnswer bounds how long the answer to a test may take: the wait for a place, the test, and its sign-out.
	trialAnswer = 45 * time.Second
	eventStream = "text/event-stream"
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

// written is an answer that is written here: as JSON at once, or as a stream of events.
type written struct{ Body func(huma.Context) }

// tried is a test that only waits for who listens to its steps.
type tried func(tell func(connection.StepResult)) (operation.Report, error)

// try serves the test of a connection that is not stored.
func (a *api) try(ctx context.Context, c *call) (*written, error) {
	body, err := c.body()
	if err != nil {
		return nil, err
	}
	s, err := decode(body)
	if err != nil {
		return nil, err
	}
	s.keep = operation.Secrets{} // there is nothing to keep
	// What is not stored needs no name.
	if s.connection.Name == "" {
		s.connection.Name = "Test"
	}
	if s.connection.ConnectorID == "" {
		s.connection.ConnectorID = connection.ConnectorID
	}
	if err := s.check(connection.Configuration{}); err != nil {
		return nil, err
	}
	return answerTrial(ctx, c, func(tell func(connection.StepResult)) (operation.Report, error) {
		return a.operations.Try(ctx, c.actor(), s.connection, tell)
	})
}

// tryStored serves the test of a stored connection, changed by the body where there is one.
func (a *api) tryStored(ctx context.Context, c *call) (*written, error) {
	id, err := c.id()
	if err != nil {
		return nil, err
	}
	now, err := a.operations.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	body, err := c.patchBody()
	if err != nil {
		return nil, err
	}
	if len(strings.TrimSpace(string(body))) == 0 {
		body = []byte("{}")
	}
	s, err := decodePatch(body, now.Connection)
	if err != nil {
		return nil, err
	}
	return answerTrial(ctx, c, func(tell func(connection.StepResult)) (operation.Report, error) {
		return a.operations.TryStored(ctx, c.actor(), s.connection, s.keep, tell)
	})
}

// answerTrial tests, and answers with the report, or with each step as it is over where the program asks for a stream.
func answerTrial(ctx context.Context, c *call, try tried) (*written, error) {
	rc := http.NewResponseController(c.echo.Response())
	// The server's deadlines are those of quick answers; the one for reading would end the request's context.
	if err := errors.Join(rc.SetReadDeadline(time.Time{}), rc.SetWriteDeadline(time.Now().Add(trialAnswer))); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return nil, fmt.Errorf("prepare a long answer: %w", err)
	}
	if acceptsStream(c.echo.Request().Header.Values("Accept")) {
		return streamTrial(ctx, c, rc, try)
	}
	found, err := try(nil)
	if err != nil {
		return nil, busyProblem(err)
	}
	encoded, err := json.Marshal(reportOf(found))
	if err != nil {
		return nil, fmt.Errorf("write a report: %w", err)
	}
	return &written{Body: func(h huma.Context) {
		h.SetHeader("Content-Type", "application/json")
		h.SetStatus(http.StatusOK)
		_, _ = h.BodyWriter().Write(encoded) // who left needs no answer
	}}, nil
}

// streamTrial writes the events "step", one for each, and at the end "report". Until the first step is over an error is
// answered as everywhere.
func streamTrial(ctx context.Context, c *call, rc *http.ResponseController, try tried) (*written, error) {
	w := c.echo.Response()
	begun := false
	event := func(name string, content any) {
		if !begun {
			begun = true
			w.Header().Set("Content-Type", eventStream+"; charset=utf-8")
			w.Header().Set("X-Accel-Buffering", "no")
			w.WriteHeader(http.StatusOK)
		}
		encoded, err := json.Marshal(content)
		if err == nil {
			_, err = fmt.Fprintf(w, "event: %s\ndata: %s\n\n", name, encoded)
		}
		if err == nil {
			err = rc.Flush()
		}
		if err != nil {
			web.Log(ctx).Debug("A step was not told", "error", err) // the request's context ends the test
		}
	}
	found, err := try(func(r connection.StepResult) { event("step", stepResultOf(r)) })
	switch {
	case err != nil && !begun:
		return nil, busyProblem(err)
	case err != nil:
		event("problem", web.Tell(ctx, err))
	default:
		event("report", reportOf(found))
	}
	return &written{Body: func(huma.Context) {}}, nil
}

// busyProblem tells those who test too often when to come back.
func busyProblem(err error) error {
	if b, ok := errors.AsType[*operation.Busy](err); ok {
		return web.NewProblem(http.StatusTooManyRequests, b.Error()).RetryAfter(int(math.Ceil(b.Wait.Seconds())))
	}
	return err
}

// acceptsStream reports whether a program asks for a stream of events by name.
func acceptsStream(accept []string) bool {
	for part := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		if media, params, err := mime.ParseMediaType(part); err == nil && media == eventStream && params["q"] != "0" {
			return true
		}
	}
	return false
}

// describeTrial tells what the two tests answer with.
func (a *api) describeTrial(op huma.Operation) huma.Operation {
	op.Description = "Takes the way that a link takes and tells each step: address, name, port, certificate, ThingsBoard, sign-in, authority, " +
		"gateway device, MQTT port. Nothing is stored, and nothing is changed at ThingsBoard. A step that fails is part of the answer, which is 200. " +
		"Sign-ins with stored credentials count as the link's do; 429 says that there were too many tests. " +
		"With Accept: text/event-stream each step is sent as the event \"step\" when it is over, and the whole as \"report\"."
	schema := a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[report](), true, "Report")
	op.Responses["200"] = &huma.Response{
		Description: "What was found.",
		Content: map[string]*huma.MediaType{
			"application/json": {Schema: schema, Example: exampleReport()},
			eventStream:        {Schema: text()},
		},
	}
	return op
}

func exampleReport() report {
	var found operation.Report
	for i, step := range connection.TrialSteps {
		r := connection.StepResult{Step: step, Outcome: connection.OutcomeOK, Took: time.Duration(3*i) * time.Millisecond}
		switch step {
		case connection.TrialTCP:
			code := connection.ReasonTCPRefused
			r.Outcome, r.ReasonCode, r.Reason, r.Hint = connection.OutcomeFailed, code, "https://thingsboard.cloud:443: "+code.Text().Sentence, code.Text().Hint
		case connection.TrialDNS:
			r.Detail = "The name leads to 203.0.113.7."
		case connection.TrialAddress:
			r.Detail = "ThingsBoard's web address is looked for at thingsboard.cloud:443."
		default:
			r.Outcome, r.Took, r.Detail = connection.OutcomeSkipped, 0, "Not tried, because a step before it did not succeed."
		}
		found.Steps = append(found.Steps, r)
	}
	return reportOf(found)
}
