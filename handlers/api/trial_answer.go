package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"mime"
	"net/http"
	"strings"
	"time"

	"boardlink/connection"
	"boardlink/operation"
	"boardlink/web"

	"github.com/danielgtaylor/huma/v2"
)

const (
	// trialAnswer bounds how long the answer to a test may take: the wait for a place, the test, and its sign-out.
	trialAnswer = 45 * time.Second
	eventStream = "text/event-stream"
)

// written is an answer that is written here: as JSON at once, or as a stream of events.
type written struct{ Body func(huma.Context) }

// tried is a test that only waits for who listens to its steps.
type tried func(ctx context.Context, tell func(connection.StepResult)) (operation.Report, error)

// answerTrial tests, and answers with the report, or with each step as it is over where the program asks for a stream.
func answerTrial(ctx context.Context, c *call, try tried) (*written, error) {
	rc := http.NewResponseController(c.echo.Response())
	// The server's deadlines are those of quick answers; the one for reading would end the request's context.
	if err := errors.Join(rc.SetReadDeadline(time.Time{}), rc.SetWriteDeadline(time.Now().Add(trialAnswer))); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return nil, fmt.Errorf("prepare a long answer: %w", err)
	}
	ctx, leave := web.UntilClosing(ctx)
	defer leave()
	if acceptsStream(c.echo.Request().Header.Values("Accept")) {
		return streamTrial(ctx, c, rc, try)
	}
	found, err := try(ctx, nil)
	if err != nil {
		return nil, unanswered(ctx, err)
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
	found, err := try(ctx, func(r connection.StepResult) { event("step", stepResultOf(r)) })
	switch {
	case err != nil && !begun:
		return nil, unanswered(ctx, err)
	case err != nil:
		event("problem", web.Tell(ctx, unanswered(ctx, err)))
	default:
		event("report", reportOf(found))
	}
	return &written{Body: func(huma.Context) {}}, nil
}

// unanswered says why there is no report: the server goes down, or there were too many tests.
func unanswered(ctx context.Context, err error) error {
	if closing, ok := errors.AsType[*connection.Failure](context.Cause(ctx)); ok {
		return closing
	}
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
