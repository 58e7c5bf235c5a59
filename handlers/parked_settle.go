package handlers

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"boardlink/connection"
	"boardlink/operation"
	"boardlink/text"
	"boardlink/views/parked"
	"boardlink/web"

	"github.com/labstack/echo/v4"
)

// settleParked puts parked events back or, once that was asked and answered, drops them.
func (h *Console) settleParked(c echo.Context) error {
	v, err := h.viewOf(c)
	if err != nil {
		return err
	}
	if _, err := c.FormParams(); err != nil {
		return badForm(err)
	}
	form := c.Request().PostForm
	choice, err := h.choiceOf(c, v, form)
	if err != nil {
		return err
	}
	action, step := form.Get("action"), form.Get("step")
	switch {
	case action != "retry" && action != "drop":
		return connection.Fail(connection.CodeInvalid, "Choose retry or drop.")
	case step == "back":
		return h.chooseAgain(c, v, choice)
	case len(choice.IDs) == 0 && choice.Reason == connection.ReasonNone && !choice.All:
		return h.nothingChosen(c, v)
	case action == "drop" && choice.Count == 0:
		return h.parkedSettled(c, v.Connection.ID, droppedToast(c.Request().Context(), 0))
	case action == "drop" && (step != "go" || choice.Count > asked(form)):
		return h.askToDrop(c, v, choice, step == "go")
	}
	ctx, chosen := c.Request().Context(), operation.ParkedChoice{IDs: choice.IDs, Reason: choice.Reason, All: choice.All}
	var done web.Toast
	if action == "retry" {
		n, err := h.connections.RetryParked(ctx, actor(c), v.Connection.ID, chosen)
		if err != nil {
			return err
		}
		done = retriedToast(c.Request().Context(), v.Status.State, n)
	} else {
		n, err := h.connections.DropParked(ctx, actor(c), v.Connection.ID, chosen)
		if err != nil {
			return err
		}
		done = droppedToast(c.Request().Context(), n)
	}
	return h.parkedSettled(c, v.Connection.ID, done)
}

// choiceOf reads which events a form means, and counts them.
func (h *Console) choiceOf(c echo.Context, v operation.View, form url.Values) (parked.Choice, error) {
	choice := parked.Choice{Reason: connection.ReasonCode(form.Get("because")), All: form.Get("all") == "true"}
	for _, text := range form["id"] {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil || id < 1 {
			return choice, connection.Fail(connection.CodeInvalid, "The form names an event that cannot be. Open the page again.")
		}
		choice.IDs = append(choice.IDs, id)
	}
	choice.Count = int64(len(choice.IDs))
	if !choice.All && choice.Reason == connection.ReasonNone {
		return choice, nil
	}
	reasons, err := h.connections.ParkedReasons(c.Request().Context(), v.Connection.ID)
	if err != nil {
		return choice, err
	}
	choice.IDs, choice.Count = nil, 0
	for _, r := range reasons {
		if choice.All || r.Code == choice.Reason {
			choice.Count += r.Count
		}
	}
	return choice, nil
}

// asked is how many events the question was about that the form answers.
func asked(form url.Values) int64 {
	n, err := strconv.ParseInt(form.Get("count"), 10, 64)
	if err != nil {
		return -1
	}
	return n
}

func (h *Console) nothingChosen(c echo.Context, v operation.View) error {
	m, err := h.parkedModel(c, v)
	if err != nil {
		return err
	}
	m.Error, m.Focus = text.T(c.Request().Context(), "parked.select_one"), true
	if web.IsPartial(c) {
		// The question has a place of its own; what is said instead stands with the list.
		c.Response().Header().Set("HX-Retarget", "#parked")
		c.Response().Header().Set("HX-Reswap", "outerHTML")
		return web.Render(c, http.StatusUnprocessableEntity, parked.Changed(m, nil))
	}
	return h.showParked(c, http.StatusUnprocessableEntity, m, nil)
}

// askToDrop asks before events are thrown away; again tells that it was asked already.
func (h *Console) askToDrop(c echo.Context, v operation.View, choice parked.Choice, again bool) error {
	m, err := h.parkedModel(c, v)
	if err != nil {
		return err
	}
	m.Checked = checked(choice)
	q := parked.Question{Model: m, Choice: choice, More: again}
	if web.IsPartial(c) {
		c.Response().Header().Set("HX-Retarget", "#parked-question")
		c.Response().Header().Set("HX-Reswap", "innerHTML")
		return web.Render(c, http.StatusOK, parked.Dialog(q, true))
	}
	return h.showParked(c, http.StatusOK, m, &q)
}

// chooseAgain gives the page back as it was before the question.
func (h *Console) chooseAgain(c echo.Context, v operation.View, choice parked.Choice) error {
	m, err := h.parkedModel(c, v)
	if err != nil {
		return err
	}
	m.Checked = checked(choice)
	m.Focus = true
	return h.showParked(c, http.StatusOK, m, nil)
}

func checked(choice parked.Choice) map[int64]bool {
	all := make(map[int64]bool, len(choice.IDs))
	for _, id := range choice.IDs {
		all[id] = true
	}
	return all
}

// parkedSettled answers with the list as it is after something was done with it.
func (h *Console) parkedSettled(c echo.Context, id connection.ID, done web.Toast) error {
	v, err := h.connections.Get(c.Request().Context(), id)
	if err != nil {
		return err
	}
	m, err := h.parkedModel(c, v)
	if err != nil {
		return err
	}
	if !web.IsPartial(c) {
		return web.Redirect(c, m.Address()+"#parked", done)
	}
	m.Focus = true
	return web.Render(c, http.StatusOK, parked.Changed(m, &done))
}

// retriedToast says what comes of events that were put back.
func retriedToast(ctx context.Context, s connection.State, n int64) web.Toast {
	var said string
	switch open := s == connection.Opened; {
	case n == 0:
		said = text.T(ctx, "parked.gone_before")
	case n == 1 && open:
		said = text.T(ctx, "parked.goes_first")
	case n == 1:
		said = text.T(ctx, "parked.waits_open")
	case open:
		said = text.T(ctx, "parked.go_first")
	default:
		said = text.T(ctx, "parked.wait_open")
	}
	return web.Success(text.N(ctx, "parked.put_back", n), said)
}

func droppedToast(ctx context.Context, n int64) web.Toast {
	said := ""
	if n == 0 {
		said = text.T(ctx, "parked.gone_before")
	}
	return web.Success(text.N(ctx, "parked.dropped", n), said)
}
