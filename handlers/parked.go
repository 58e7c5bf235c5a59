package handlers

import (
	"net/http"
	"strconv"

	"boardlink/connection"
	"boardlink/operation"
	"boardlink/text"
	"boardlink/views/layout"
	"boardlink/views/parked"
	"boardlink/web"

	"github.com/labstack/echo/v4"
)

const parkedOnPage = 50

// parked shows the events that were put aside, or the live part of their page.
func (h *Console) parked(c echo.Context) error {
	v, err := h.viewOf(c)
	if err != nil {
		return err
	}
	if c.QueryParam("part") == "count" {
		m := h.parkedHead(c, v)
		m.Listed, _ = strconv.ParseInt(c.QueryParam("shown"), 10, 64) // what is no number was not shown
		return web.Render(c, http.StatusOK, parked.Count(m, false))
	}
	m, err := h.parkedModel(c, v)
	if err != nil {
		return err
	}
	return h.showParked(c, http.StatusOK, m, nil)
}

// viewOf reads the connection that the address names.
func (h *Console) viewOf(c echo.Context) (operation.View, error) {
	id, err := idOf(c)
	if err != nil {
		return operation.View{}, err
	}
	return h.connections.Get(c.Request().Context(), id)
}

func (h *Console) showParked(c echo.Context, status int, m parked.Model, q *parked.Question) error {
	title := text.T(c.Request().Context(), "parked.page_title", "name", m.Name)
	if status >= http.StatusBadRequest {
		title = text.T(c.Request().Context(), "parked.error_page_title", "name", m.Name)
	}
	return web.Render(c, status, parked.Page(web.Shell(c, title, layout.NavConnections), m, q))
}

func (h *Console) parkedHead(c echo.Context, v operation.View) parked.Model {
	return parked.Model{
		ID: v.Connection.ID, Name: v.Connection.Name, State: v.Status.State, Total: v.Status.Parked, Listed: v.Status.Parked,
		Reason: connection.ReasonCode(connection.Clean(c.QueryParam("reason"))), Now: h.now(),
	}
}

// parkedModel reads the page that the query names. A page that has become empty is the first one.
func (h *Console) parkedModel(c echo.Context, v operation.View) (parked.Model, error) {
	ctx, m := c.Request().Context(), h.parkedHead(c, v)
	if after, err := strconv.ParseInt(c.QueryParam("after"), 10, 64); err == nil && after > 0 {
		m.After = after
	}
	var err error
	if m.Reasons, err = h.connections.ParkedReasons(ctx, m.ID); err != nil {
		return m, err
	}
	for {
		m.Events, m.Next, err = h.connections.Parked(ctx, m.ID, operation.ParkedFilter{Reason: m.Reason, AfterID: m.After, Limit: parkedOnPage})
		if err != nil || len(m.Events) > 0 || m.After == 0 {
			return m, err
		}
		m.After = 0
	}
}
