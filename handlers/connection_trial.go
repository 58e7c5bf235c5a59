package handlers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"boardlink/connection"
	"boardlink/operation"
	"boardlink/text"
	"boardlink/views/connections"
	"boardlink/web"

	"github.com/labstack/echo/v4"
)

// trialAnswer bounds how long the answer to a test may take that comes as one page: the wait for a place and the test.
const trialAnswer = 45 * time.Second

// tryNew tests what the form of a new connection holds. With htmx the answer is the list of steps, which goes on asking for
// what is new; else it is the form again with the whole report.
func (h *Console) tryNew(c echo.Context) error {
	values, err := h.unsealed(c)
	if err != nil {
		return err
	}
	in := readForm(c.Request().Context(), values)
	if in.connection.Name == "" {
		in.connection.Name = text.T(c.Request().Context(), "trial.unnamed") // what is not stored needs none
	}
	in.check()
	who := actor(c)
	try := func(ctx context.Context, tell func(connection.StepResult)) (operation.Report, error) {
		return h.connections.Try(ctx, who, in.connection, tell)
	}
	switch partial := web.IsPartial(c); {
	case partial && !in.ok():
		f := in.form(c.Request().Context())
		return web.Render(c, http.StatusUnprocessableEntity, connections.TrialBody(connections.Trial{Wrong: f.Wrong()}))
	case partial:
		return h.startTrial(c, who, 0, try)
	case !in.ok():
		return h.showForm(c, http.StatusUnprocessableEntity, in.form(c.Request().Context()))
	}
	f := in.form(c.Request().Context())
	f.Failed, f.Trial = false, waitForTrial(c, try)
	h.seal(c.Request().Context(), &f, in.values, who)
	return h.showForm(c, http.StatusOK, f)
}

// tryStored tests a connection as it is stored.
func (h *Console) tryStored(c echo.Context) error {
	v, err := h.viewOf(c)
	if err != nil {
		return err
	}
	who := actor(c)
	try := func(ctx context.Context, tell func(connection.StepResult)) (operation.Report, error) {
		return h.connections.TryStored(ctx, who, v.Connection, operation.Secrets{Password: true, DownlinkAsKey: true}, tell)
	}
	if web.IsPartial(c) {
		return h.startTrial(c, who, v.Connection.ID, try)
	}
	found := waitForTrial(c, try)
	found.ID = v.Connection.ID
	return h.showDetails(c, http.StatusOK, v, func(d *connections.Details) { d.Trial = found })
}

// startTrial begins a test and answers with what its page follows it by.
func (h *Console) startTrial(c echo.Context, who string, id connection.ID, try attempt) error {
	ctx, leave := web.UntilClosing(context.WithoutCancel(c.Request().Context()))
	name, err := h.trials.start(ctx, who, func(ctx context.Context, tell func(connection.StepResult)) (operation.Report, error) {
		defer leave()
		return try(ctx, tell)
	})
	if err != nil {
		leave()
		return err
	}
	return web.Render(c, http.StatusOK, connections.TrialBody(connections.Trial{ID: id, Name: name}))
}

// trial answers with the steps of a test, as soon as there are more than were seen.
func (h *Console) trial(c echo.Context) error {
	seen, err := strconv.Atoi(c.QueryParam("seen"))
	if err != nil || seen < 0 {
		seen = 0
	}
	m := trialOf(c)
	var failed error
	if m.Steps, m.Done, failed, err = h.trials.follow(c.Request().Context(), actor(c), m.Name, seen); err != nil {
		return err
	}
	return showTrial(c, m, failed)
}

// stopTrial ends a test under way and answers with how far it came.
func (h *Console) stopTrial(c echo.Context) error {
	m := trialOf(c)
	var failed, err error
	if m.Steps, m.Done, failed, err = h.trials.stop(actor(c), m.Name); err != nil {
		return err
	}
	m.Stopped, m.Done = !m.Done, true
	return showTrial(c, m, failed)
}

// trialOf is the test that the address names, without what it found.
func trialOf(c echo.Context) connections.Trial {
	m := connections.Trial{Name: c.Param("name")}
	if id, err := connection.ParseID(c.QueryParam("of")); err == nil {
		m.ID = id
	}
	return m
}

func showTrial(c echo.Context, m connections.Trial, failed error) error {
	if failed != nil {
		m.Error = trialError(c.Request().Context(), failed)
	}
	return web.Render(c, http.StatusOK, connections.TrialBody(m))
}

// waitForTrial tests and gives the whole report, for a page that cannot follow it.
func waitForTrial(c echo.Context, try attempt) connections.Trial {
	m := connections.Trial{Done: true}
	rc := http.NewResponseController(c.Response())
	// The server's deadlines are those of quick answers; the one for reading would end the request's context.
	if err := errors.Join(rc.SetReadDeadline(time.Time{}), rc.SetWriteDeadline(time.Now().Add(trialAnswer))); err != nil && !errors.Is(err, http.ErrNotSupported) {
		m.Error = trialError(c.Request().Context(), fmt.Errorf("prepare a long answer: %w", err))
		return m
	}
	ctx, leave := web.UntilClosing(c.Request().Context())
	defer leave()
	found, err := try(ctx, nil)
	if m.Steps = found.Steps; err != nil {
		m.Error = trialError(c.Request().Context(), err)
	}
	return m
}

// trialError says why a test did not come to its end.
func trialError(ctx context.Context, err error) string {
	if closing, ok := errors.AsType[*connection.Failure](context.Cause(ctx)); ok {
		return closing.Message
	}
	return web.Tell(ctx, err).Detail
}
