package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"boardlink/connection"
	"boardlink/web"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
	"github.com/labstack/echo/v4"
)

// onceHeader names a request, so that it can be sent again when its answer was lost and is carried out once.
const onceHeader = "Idempotency-Key"

const (
	maxOnceKey = 255             // characters
	onceWrite  = 5 * time.Second // for keeping an answer
)

// Once remembers requests that must be carried out once, as [boardlink/db.DB].
type Once interface {
	BeginOnce(ctx context.Context, id, request string) (answer connection.OnceAnswer, same, begun bool, err error)
	EndOnce(ctx context.Context, id string, answer connection.OnceAnswer) error
	ForgetOnce(ctx context.Context, id string) error
}

// onces knows which of them this program is carrying out: one that was begun and is not among them was interrupted.
type onces struct {
	store Once

	mu    sync.Mutex
	going map[string]struct{}
}

// enter begins a request, and reports whether it is not under way already.
func (o *onces) enter(id string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, there := o.going[id]; there {
		return false
	}
	if o.going == nil {
		o.going = map[string]struct{}{}
	}
	o.going[id] = struct{}{}
	return true
}

func (o *onces) leave(id string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.going, id)
}

// once lets an operation honour the header. It reads the body ahead of the operation.
func (a *api) once(op huma.Operation) huma.Operation {
	op.Parameters = append(op.Parameters, &huma.Param{Name: onceHeader, In: "header", Example: "0f8fad5b-d9cb-469f-a165-70867728950e",
		Description: "Names the request: sent again within 24 hours with the same body, it is not carried out again and gets the same answer. " +
			"With another body it is refused (422), while it is under way too (409). What was refused without effect is forgotten, and can be sent again. " +
			"A secret that the first answer tells is ***** in a repeat.",
		Schema: &huma.Schema{Type: huma.TypeString, Pattern: `^[\x21-\x7e]{1,255}$`}})
	op.Middlewares = append(op.Middlewares, func(h huma.Context, next func(huma.Context)) {
		c := humaecho.Unwrap(h)
		if len(c.Request().Header.Values(onceHeader)) == 0 {
			next(h)
			return
		}
		if err := a.carryOutOnce(c, func() { next(h) }); err != nil {
			tellProblem(h, web.Tell(h.Context(), err))
		}
	})
	return op
}

// carryOutOnce does what is asked, or answers as before. Its error is the answer; where it is nil the request is answered.
func (a *api) carryOutOnce(c echo.Context, do func()) error {
	id, request, err := nameOnce(c)
	if err != nil {
		return err
	}
	if a.onces.store == nil {
		return connection.Fail(connection.CodeUnavailable, "Requests cannot be remembered here; send this one without "+onceHeader+".")
	}
	if !a.onces.enter(id) {
		return connection.Fail(connection.CodeConflict, "A request with this "+onceHeader+" is under way.")
	}
	defer a.onces.leave(id)
	before, same, begun, err := a.onces.store.BeginOnce(c.Request().Context(), id, request)
	switch {
	case err != nil:
		return fmt.Errorf("remember a request: %w", err)
	case !same:
		return wrong(onceHeader, "This key was used for another request. Take a new one.", "")
	case !begun && before.Status == 0:
		return connection.Fail(connection.CodeConflict, "A request with this "+onceHeader+" was interrupted; whether it was carried out is not known. Look, and take a new key.")
	case !begun:
		for name, value := range before.Header {
			c.Response().Header().Set(name, value)
		}
		c.Response().WriteHeader(before.Status)
		_, _ = c.Response().Write(before.Body) // who left needs no answer
		return nil
	}
	// It is carried out to its end and its answer kept, even for who has gone.
	whole := context.WithoutCancel(c.Request().Context())
	c.SetRequest(c.Request().WithContext(whole))
	answer := &keeping{ResponseWriter: c.Response().Writer}
	c.Response().Writer = answer
	do()
	c.Response().Writer = answer.ResponseWriter
	ctx, cancel := context.WithTimeout(whole, onceWrite)
	defer cancel()
	if status := c.Response().Status; hadEffect(status, answer.body.Bytes()) {
		kept := answer.body.Bytes()
		if instead, ok := c.Get(insteadKey).([]byte); ok {
			kept = instead
		}
		err = a.onces.store.EndOnce(ctx, id, connection.OnceAnswer{Status: status, Header: keptHeader(c.Response().Header()), Body: kept})
	} else {
		err = a.onces.store.ForgetOnce(ctx, id)
	}
	if err != nil {
		web.Log(whole).Error("The answer to a request with a key was not kept", "error", err)
	}
	return nil
}

const insteadKey = "boardlink.once.instead"

// keepInstead names what a repeat of the request is answered with, where the first answer tells a secret: answers are kept
// in the database, where no secret may stand.
func keepInstead(c echo.Context, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encode what is kept of an answer: %w", err)
	}
	c.Set(insteadKey, append(text, '\n')) // as the first answer ends
	return nil
}

// nameOnce gives the request's id, which is the caller's and the key's, and a hash of what is asked.
func nameOnce(c echo.Context) (id, request string, err error) {
	r := c.Request()
	keys := r.Header.Values(onceHeader)
	if len(keys) != 1 || len(keys[0]) == 0 || len(keys[0]) > maxOnceKey || !visible(keys[0]) {
		return "", "", wrong(onceHeader, "Give one key of 1 to 255 visible ASCII characters.", "0f8fad5b-d9cb-469f-a165-70867728950e")
	}
	body, err := readAll(r.Body)
	if err != nil {
		return "", "", err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	who := web.Who(c)
	return digest(string(who.Kind), fmt.Sprint(who.ID), who.Name, keys[0]), digest(r.Method, r.URL.Path, string(body)), nil
}

func visible(s string) bool {
	for _, b := range []byte(s) {
		if b <= ' ' || b > '~' {
			return false
		}
	}
	return true
}

// digest gives 64 hexadecimal digits for some texts.
func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		_, _ = fmt.Fprintf(h, "%d:%s", len(p), p) // a hash cannot fail
	}
	return hex.EncodeToString(h.Sum(nil))
}

// keeping is an answer that is kept while it is written.
type keeping struct {
	http.ResponseWriter
	body bytes.Buffer
}

func (k *keeping) Write(p []byte) (int, error) {
	k.body.Write(p)
	_, _ = k.ResponseWriter.Write(p) // who left gets the answer when he asks again
	return len(p), nil
}

// Unwrap is for [http.ResponseController].
func (k *keeping) Unwrap() http.ResponseWriter { return k.ResponseWriter }

// hadEffect reports whether an answer says that something was done, or may have been.
func hadEffect(status int, body []byte) bool {
	if status >= 200 && status < 300 {
		return true
	}
	var p struct {
		Outcome connection.CommandState `json:"outcome"`
	}
	return json.Unmarshal(body, &p) == nil && (p.Outcome == connection.CommandRefused || p.Outcome == connection.CommandUnknown)
}

func keptHeader(h http.Header) map[string]string {
	kept := map[string]string{}
	for _, name := range []string{"Content-Type", "Location", "Etag"} {
		if v := h.Get(name); v != "" {
			kept[name] = v
		}
	}
	return kept
}

// tellProblem answers where no operation does.
func tellProblem(h huma.Context, p *web.Problem) {
	body, err := json.Marshal(p)
	if err != nil {
		h.SetStatus(http.StatusInternalServerError)
		return
	}
	for name, values := range p.GetHeaders() {
		for _, v := range values {
			h.SetHeader(name, v)
		}
	}
	h.SetHeader("Content-Type", web.ProblemType)
	h.SetStatus(p.Status)
	_, _ = h.BodyWriter().Write(body) // who left needs no answer
}
