package api

import (
	"context"
	"reflect"
	"strings"
	"time"

	"boardlink/connection"
	"boardlink/operation"

	"github.com/danielgtaylor/huma/v2"
)

const (
	trialPath       = "/connections/test"
	storedTrialPath = "/connections/{id}/test"
)

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
	return answerTrial(ctx, c, func(ctx context.Context, tell func(connection.StepResult)) (operation.Report, error) {
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
	return answerTrial(ctx, c, func(ctx context.Context, tell func(connection.StepResult)) (operation.Report, error) {
		return a.operations.TryStored(ctx, c.actor(), s.connection, s.keep, tell)
	})
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
