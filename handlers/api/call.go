package api

import (
	"context"
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"boardlink/connection"
	"boardlink/web"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
	"github.com/labstack/echo/v4"
)

// call is one request. It is the input of every operation: huma finds no parameter in it, so that all reading is done
// here.
type call struct{ echo echo.Context }

// Resolve implements [huma.Resolver]: it takes hold of the request.
func (c *call) Resolve(ctx huma.Context) []error {
	c.echo = humaecho.Unwrap(ctx)
	return nil
}

func (c *call) actor() string { return web.Who(c.echo).Actor() }

// id reads the connection's id from the path. What is no id names no connection.
func (c *call) id() (connection.ID, error) {
	if c.echo.Request().URL.Path == web.Base+trialPath { // it knows POST alone; the router takes what else comes for an id
		c.echo.Response().Header().Set("Allow", "OPTIONS, POST")
		return 0, web.NewProblem(http.StatusMethodNotAllowed, "This address tests connections: POST alone is known here.")
	}
	id, err := connection.ParseID(c.echo.Param("id"))
	if err != nil {
		return 0, errNoConnection()
	}
	return id, nil
}

func errNoConnection() error {
	return connection.Fail(connection.CodeNotFound, "There is no such connection.")
}

// body reads a JSON body as a whole.
func (c *call) body() ([]byte, error) {
	r := c.echo.Request()
	if kind := r.Header.Get("Content-Type"); kind != "" {
		media, _, err := mime.ParseMediaType(kind)
		if err != nil || media != "application/json" && !strings.HasSuffix(media, "+json") {
			return nil, web.NewProblem(http.StatusUnsupportedMediaType, "Send JSON with Content-Type application/json.")
		}
	}
	if r.Header.Get("Content-Encoding") != "" {
		return nil, web.NewProblem(http.StatusUnsupportedMediaType, "Send the body without a Content-Encoding.")
	}
	return readAll(r.Body)
}

// readAll tells a body that is too large from one that broke off.
func readAll(r io.Reader) ([]byte, error) {
	body, err := io.ReadAll(r)
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, err
	}
	if err != nil {
		return nil, web.NewProblem(http.StatusBadRequest, "The body broke off before its end.")
	}
	return body, nil
}

// query reads one parameter of the query, "" where it is absent. Given twice, nobody knows which one is meant.
func (c *call) query(name string) (string, error) {
	values := c.echo.QueryParams()[name]
	switch len(values) {
	case 0:
		return "", nil
	case 1:
		return values[0], nil
	}
	return "", wrong(name, "Give this parameter once.", "")
}

// only refuses parameters of the query that are not among those known: one that was misspelt would count for nothing, and
// whoever wrote it would take all for the few that were asked for.
func (c *call) only(known []string) error {
	values, err := url.ParseQuery(c.echo.Request().URL.RawQuery)
	if err != nil {
		return web.NewProblem(http.StatusBadRequest, "The query cannot be read: it is name=value, joined by &, with % before two hexadecimal digits.")
	}
	var errs []web.FieldProblem
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if !slices.Contains(known, name) {
			e := unknown("", name, known)
			errs = append(errs, web.FieldProblem{Path: e.Path, Message: strings.Replace(e.Message, "field", "parameter", 1), Example: e.Example})
		}
	}
	if len(errs) > maxUnknown {
		errs = errs[:maxUnknown]
	}
	if errs != nil {
		return web.NewProblem(http.StatusUnprocessableEntity, someWrong, errs...)
	}
	return nil
}

// maxUnknown bounds the parameters that one answer names.
const maxUnknown = 20

// queryNames are the parameters of the query that an operation has.
func queryNames(op huma.Operation) []string {
	var names []string
	for _, p := range op.Parameters {
		if p.In == "query" {
			names = append(names, p.Name)
		}
	}
	return names
}

// number reads a positive whole number from the query, 0 where it is absent.
func (c *call) number(name, example string) (int64, error) {
	text, err := c.query(name)
	if err != nil || text == "" {
		return 0, err
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 {
		return 0, wrong(name, "Give a whole number of 1 or more.", example)
	}
	return n, nil
}

// limit reads the length of a page; operations know its bounds.
func (c *call) limit() (int, error) {
	n, err := c.number("limit", "100")
	return int(min(n, 1<<30)), err
}

// time reads a moment from the query, zero where it is absent. An empty one is refused: a script whose variable has no
// value would be given everything.
func (c *call) time(name string) (time.Time, error) {
	text, err := c.query(name)
	if err != nil || text == "" && !c.echo.QueryParams().Has(name) {
		return time.Time{}, err
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, wrong(name, "Give a time as RFC 3339 has it; write + as %2B.", "2026-11-23T10:00:00Z")
	}
	return t, nil
}

// truth reads true or false from the query, nil where it is absent.
func (c *call) truth(name string) (*bool, error) {
	text, err := c.query(name)
	if err != nil || text == "" {
		return nil, err
	}
	if text != "true" && text != "false" {
		return nil, wrong(name, giveBool, "true")
	}
	value := text == "true"
	return &value, nil
}

// list reads a parameter that may be given several times, or once with commas.
func (c *call) list(name string) []string {
	var all []string
	for _, value := range c.echo.QueryParams()[name] {
		for part := range strings.SplitSeq(value, ",") {
			if part = strings.TrimSpace(part); part != "" {
				all = append(all, part)
			}
		}
	}
	return all
}

// wrong makes the answer to one wrong field or parameter.
func wrong(path, message, example string) error {
	return web.NewProblem(http.StatusUnprocessableEntity, someWrong, web.FieldProblem{Path: path, Message: message, Example: example})
}

const someWrong = "Some fields are not right."

// handle registers an operation whose errors are told as problem documents.
func handle[O any](a *api, op huma.Operation, access web.Route, do func(ctx context.Context, c *call) (*O, error)) {
	access.Method, access.Path = op.Method, web.Base+echoPath(op.Path)
	a.server.Mount(access)
	known := queryNames(op)
	huma.Register(a.huma, op, func(ctx context.Context, c *call) (*O, error) {
		err := c.only(known)
		if err == nil {
			var out *O
			if out, err = do(ctx, c); err == nil {
				return out, nil
			}
		}
		return nil, web.Tell(ctx, err)
	})
}

// echoPath writes a path as the router has it: "/connections/{id}" as "/connections/:id".
func echoPath(path string) string {
	return strings.NewReplacer("{", ":", "}", "").Replace(path)
}
