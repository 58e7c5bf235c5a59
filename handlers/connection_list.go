package handlers

import (
	"net/http"
	"strings"

	"boardlink/connection"
	"boardlink/handlers/api"
	"boardlink/operation"
	"boardlink/views/connections"
	"boardlink/views/layout"
	"boardlink/web"

	"github.com/labstack/echo/v4"
)

const connectionsOnPage = 100

// list shows the connections, with search, state and order from the query.
func (h *Console) list(c echo.Context) error {
	m := connections.List{Search: strings.TrimSpace(c.QueryParam("q")), Sort: connections.SortOf(c.QueryParam("sort")), Now: h.now()}
	f := operation.Filter{Search: m.Search, Sort: operation.Sort(m.Sort.Key), Desc: m.Sort.Desc, Limit: connectionsOnPage}
	if state := connection.State(c.QueryParam("state")); state.Valid() {
		m.State, f.States = state, []connection.State{state}
	}
	if place, ok := api.ListPlace(f, c.QueryParam("after")); ok {
		m.After, f.After = c.QueryParam("after"), place
	}
	status := http.StatusOK
	if err := h.rows(c, &m, f); err != nil {
		if connection.CodeOf(err) == connection.CodeInvalid || c.QueryParam("part") != "" {
			return err
		}
		p := web.Tell(c.Request().Context(), err)
		status, m.Failed = p.Status, p.Detail
	}
	if c.QueryParam("part") == "list" {
		return web.Render(c, status, connections.ListTable(m))
	}
	return web.Render(c, status, connections.ListPage(web.Shell(c, "Connections", layout.NavConnections), m))
}

// rows reads the lines of the page.
func (h *Console) rows(c echo.Context, m *connections.List, f operation.Filter) error {
	ctx := c.Request().Context()
	page, next, err := h.connections.List(ctx, f)
	if err != nil {
		return err
	}
	ids := make([]connection.ID, len(page))
	for i, v := range page {
		ids[i] = v.Connection.ID
	}
	activities, err := h.connections.Activities(ctx, ids...)
	if err != nil {
		return err
	}
	m.Next = api.ListCursor(f, next)
	for _, v := range page {
		a := activities[v.Connection.ID]
		m.Rows = append(m.Rows, connections.Row{Connection: v.Connection, Status: v.Status, Hour: a.Hour, Day: a.Day})
	}
	return nil
}
