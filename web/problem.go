package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"boardlink/access"
	"boardlink/connection"

	"github.com/labstack/echo/v4"
)

// ProblemType is the content type of a problem document.
const ProblemType = "application/problem+json"

// Problem is an error as programs read it: a problem document of RFC 9457. No member ever repeats a value that was sent.
// It is an error itself, for refusals that are about HTTP and not about connections.
type Problem struct {
	Type   string         `json:"type" doc:"What kind of problem it is; about:blank says no more than the status." example:"about:blank"`
	Title  string         `json:"title" doc:"The status in words." example:"Unprocessable Entity"`
	Status int            `json:"status" doc:"The HTTP status." example:"422"`
	Detail string         `json:"detail,omitempty" doc:"What went wrong, in a sentence."`
	Errors []FieldProblem `json:"errors,omitempty" doc:"What is wrong with which field."`

	Code string `json:"code,omitempty" doc:"Why, for programs: of a downlink, and confirmation_required where the password must be given once more."`

	// Of a downlink that is not queued.
	Outcome       string `json:"outcome,omitempty" enum:"refused,not_sent,unknown" doc:"Of a downlink: what is known of it."`
	CorrelationID string `json:"correlationId,omitempty" doc:"Of a downlink: by which a delivery report may still settle it."`

	retryAfter int // seconds
}

// FieldProblem says what is wrong with one field.
type FieldProblem struct {
	Path    string `json:"path" doc:"Path of the field from the resource's root." example:"configuration.hostName"`
	Message string `json:"message" doc:"What is wrong, in a sentence."`
	Example string `json:"example" doc:"A value that would do; empty where none helps."`
}

// maxFields bounds what a problem tells: of a body in which everything is wrong, the answer must not be many times as long.
const maxFields = 200

// NewProblem makes a problem of a status and a sentence. It tells the first [maxFields] of the fields.
func NewProblem(status int, detail string, fields ...FieldProblem) *Problem {
	fields = fields[:min(len(fields), maxFields)]
	return &Problem{Type: "about:blank", Title: titleOf(status), Status: status, Detail: detail, Errors: fields}
}

// RetryAfter says in how many seconds the request may be made again.
func (p *Problem) RetryAfter(seconds int) *Problem {
	p.retryAfter = seconds
	return p
}

func (p *Problem) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %s: %s", p.Status, p.Title, p.Detail)
	for _, f := range p.Errors {
		fmt.Fprintf(&b, "; %s: %s", f.Path, f.Message)
	}
	return b.String()
}

// GetStatus gives the status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType gives the type of the document, whatever the encoder would take.
func (p *Problem) ContentType(string) string { return ProblemType }

// GetHeaders gives the header fields that belong to the problem.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", "Bearer")
	}
	if p.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(p.retryAfter))
	}
	return h
}

func titleOf(status int) string {
	if text := http.StatusText(status); text != "" {
		return text
	}
	return "Error"
}

// statuses is the one table from our codes to HTTP's.
var statuses = map[connection.Code]int{
	connection.CodeInvalid:      http.StatusUnprocessableEntity,
	connection.CodeNotFound:     http.StatusNotFound,
	connection.CodeConflict:     http.StatusConflict,
	connection.CodeUnauthorized: http.StatusUnauthorized,
	connection.CodeForbidden:    http.StatusForbidden,
	connection.CodeUnavailable:  http.StatusServiceUnavailable,
}

// retrySeconds is how long those are asked to wait who came at a bad moment.
const retrySeconds = 5

// ProblemOf tells an error to whoever asked. What is none of our refusals is internal: the asker learns no more than the
// request's id, by which the log tells the rest.
func ProblemOf(err error, requestID string) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	if f, ok := errors.AsType[*connection.Failure](err); ok {
		if status, known := statuses[f.Code]; known {
			return problemOfFailure(f, status)
		}
	}
	if t, ok := errors.AsType[*access.Throttled](err); ok {
		return NewProblem(http.StatusTooManyRequests, t.Error()).RetryAfter(t.Seconds())
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return NewProblem(http.StatusRequestEntityTooLarge, "The request's body is too large.")
	}
	if h, ok := errors.AsType[*echo.HTTPError](err); ok && h.Code >= 400 && h.Code < 500 {
		return NewProblem(h.Code, details[h.Code])
	}
	return NewProblem(http.StatusInternalServerError, "Something went wrong. The log tells more under the request id "+requestID+".")
}

func problemOfFailure(f *connection.Failure, status int) *Problem {
	fields := make([]FieldProblem, len(f.Fields))
	for i, e := range f.Fields {
		fields[i] = FieldProblem(e)
	}
	p := NewProblem(status, f.Message, fields...)
	if status == http.StatusServiceUnavailable {
		p.RetryAfter(retrySeconds)
	}
	return p
}

// details are the sentences for what the router refuses.
var details = map[int]string{
	http.StatusNotFound:             "There is nothing at this address.",
	http.StatusMethodNotAllowed:     "This address does not know the method; the header Allow names those it knows.",
	http.StatusUnsupportedMediaType: "This address does not take bodies of that type.",
	http.StatusBadRequest:           "The request cannot be read.",
}

// writeProblem answers with the document.
func writeProblem(c echo.Context, p *Problem) error {
	body, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("encode problem: %w", err)
	}
	for name, values := range p.GetHeaders() {
		c.Response().Header()[name] = values
	}
	return c.Blob(p.Status, ProblemType, body)
}
