package thingsboard

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"time"

	"boardlink/connection"
)

// maxBody bounds an answer of the REST API, in bytes.
const maxBody = 1 << 20

// request is one REST call. path begins with /api and is escaped already.
type request struct {
	base   *url.URL // nil: the one that Locate found
	method string
	path   string
	query  url.Values
	token  connection.Secret // empty: without an account
	body   any               // nil: none; otherwise JSON
	out    any               // nil: the answer's body does not matter
}

// answerError is an answer that is not a success, or not ThingsBoard's. It never leaves the package: callers make an
// [Error] of it, knowing what was asked for.
type answerError struct {
	status     int
	code       int    // ThingsBoard's errorCode (ThingsboardErrorCode.java), 0 where the body has none
	text       string // the peer's message, neither cleaned nor free of secrets
	foreign    bool   // not ThingsBoard's way to answer: HTML, a redirect, an unexpected type
	retryAfter time.Duration
}

func (e *answerError) Error() string {
	return fmt.Sprintf("HTTP status %d, ThingsBoard error code %d", e.status, e.code)
}

// cause is what an [Error] may carry of the answer: without the peer's text, which may hold what we sent.
func (e *answerError) cause() error { return errors.New(e.Error()) }

// asAnswer finds the answer in what send returned. One that was explained already is an [*Error] and no longer found.
func asAnswer(err error) (*answerError, bool) {
	var known *Error
	var answer *answerError
	if errors.As(err, &known) || !errors.As(err, &answer) {
		return nil, false
	}
	return answer, true
}

var errCallTimeout = fmt.Errorf("no complete answer within %v: %w", callTimeout, context.DeadlineExceeded)

// send makes one REST call. Errors are *answerError, an [*Error] of the network, or ctx's own when it was cancelled.
func (c *Client) send(ctx context.Context, r request) error {
	if r.base == nil {
		c.mu.Lock()
		r.base = c.base
		c.mu.Unlock()
	}
	if r.base == nil {
		return &Error{Code: connection.ReasonInternal, Kind: Config, Message: "ThingsBoard was asked before it was located."}
	}
	callCtx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var timer *time.Timer
	callCtx = httptrace.WithClientTrace(callCtx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) {
		if timer == nil { // a call on a connection that had gone stale gets a second one
			timer = time.AfterFunc(callTimeout, func() { cancel(errCallTimeout) })
		}
	}})
	defer func() {
		if timer != nil {
			timer.Stop()
		}
	}()
	req, err := newRequest(callCtx, r)
	if err != nil {
		return err
	}
	resp, err := c.http.Do(req)
	if err == nil {
		defer func() { _ = resp.Body.Close() }()
		err = readAnswer(resp, r.out)
	}
	if err == nil {
		return nil
	}
	if errors.Is(context.Cause(callCtx), errCallTimeout) {
		err = errCallTimeout
	} else if ctx.Err() != nil {
		err = ctx.Err()
		if errors.Is(err, context.Canceled) {
			return err
		}
	}
	if answer, ok := asAnswer(err); ok {
		return answer
	}
	e := networkError(place(r.base), err)
	if e.Code == connection.ReasonProtocol && e.Err != nil {
		// What is no HTTP is quoted by net/http, and it may be what we sent.
		e.Err = errors.New(withhold(e.Err.Error(), c.secrets()))
	}
	return e
}

func newRequest(ctx context.Context, r request) (*http.Request, error) {
	target := *r.base
	target.Path, target.RawPath = "", ""
	address := target.String() + r.base.EscapedPath() + r.path
	if len(r.query) > 0 {
		address += "?" + r.query.Encode()
	}
	var body io.Reader
	if r.body != nil {
		encoded, err := json.Marshal(r.body)
		if err != nil {
			return nil, fmt.Errorf("write a request for ThingsBoard: %w", err)
		}
		body = bytes.NewReader(encoded)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, address, body)
	if err != nil {
		return nil, fmt.Errorf("make a request for ThingsBoard: %w", err)
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "Boardlink")
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if r.token.IsSet() {
		req.Header.Set("X-Authorization", "Bearer "+r.token.Reveal())
	}
	return req, nil
}

// readAnswer reads at most maxBody bytes and decodes what a success brought. A success that should bring JSON and does
// not is no answer of ThingsBoard's: proxies and sign-in pages answer 200 with HTML.
func readAnswer(resp *http.Response, out any) error {
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err != nil {
		return err
	}
	e := &answerError{status: resp.StatusCode, retryAfter: retryAfter(resp.Header.Get("Retry-After"))}
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	isJSON := kind == "application/json" || kind == "application/problem+json"
	switch {
	case len(body) > maxBody:
		return &Error{Code: connection.ReasonProtocol, Kind: Config, Message: at(place(resp.Request.URL), "The answer is larger than 1 MiB.")}
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		e.foreign = true
		return e
	case resp.StatusCode >= 400:
		e.readError(isJSON, kind, body)
		return e
	case out == nil:
		return nil
	case !isJSON:
		e.foreign = true
		return e
	}
	if err := json.Unmarshal(body, out); err != nil {
		// The decoder's own error may quote the body.
		return &Error{Code: connection.ReasonProtocol, Kind: Config, Message: at(place(resp.Request.URL), "The answer is not the JSON that ThingsBoard sends.")}
	}
	return nil
}

// readError takes ThingsBoard's error object apart (ThingsboardErrorResponse.java); the timestamp's type changed over
// the releases and is not looked at. The telemetry controllers answer with bare text.
func (e *answerError) readError(isJSON bool, kind string, body []byte) {
	var object struct {
		Message   string `json:"message"`
		ErrorCode int    `json:"errorCode"`
	}
	switch {
	case isJSON && json.Unmarshal(body, &object) == nil:
		e.text, e.code = object.Message, object.ErrorCode
	case kind == "text/plain":
		e.text = string(body)
	default:
		e.foreign = len(body) > 0
	}
}

// fromAnybody leaves the words out unless they came in ThingsBoard's error object. Before a sign-in succeeded whoever
// answers may be any server in reach of this machine, and a test of a connection must not read to its author what it says.
func (e *answerError) fromAnybody() {
	if e.code == 0 {
		e.text = ""
	}
}

// retryAfter reads the header in its form of seconds; ThingsBoard itself sends none, proxies before it may.
func retryAfter(header string) time.Duration {
	seconds, err := strconv.Atoi(header)
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(min(seconds, 3600)) * time.Second
}

// place names a REST base in sentences: scheme, host and port.
func place(u *url.URL) string {
	if u.Scheme == "" || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// explain makes an [*Error] of what send returned, for calls whose statuses mean nothing special. what says what was
// being done: "find the gateway device". Cancelled contexts pass as they are.
func (c *Client) explain(what string, err error) error {
	if err == nil {
		return nil
	}
	answer, ok := asAnswer(err)
	if !ok {
		return fmt.Errorf("%s: %w", what, err)
	}
	return fmt.Errorf("%s: %w", what, c.answered(answer))
}

// answered classifies an answer by its status and ThingsBoard's error code.
func (c *Client) answered(a *answerError) *Error {
	code, kind := connection.ReasonProtocol, Config
	switch {
	case a.status == http.StatusTooManyRequests:
		code, kind = connection.ReasonRateLimited, Throttled
	case a.status >= 500:
		code, kind = connection.ReasonServerError, Transient
	case a.foreign:
		code, kind = connection.ReasonNotThingsBoard, Config
	case a.status == http.StatusUnauthorized:
		code, kind = unauthorized(a)
	case a.code == codeSubscription || a.code == codeEntitiesLimit:
		code, kind = connection.ReasonQuota, Config
	case a.status == http.StatusForbidden:
		code, kind = connection.ReasonPermission, Config
	}
	return &Error{
		Code: code, Kind: kind, RetryAfter: a.retryAfter, Err: a.cause(),
		Message: told(code.Text().Sentence, a.text, c.secrets()),
	}
}
