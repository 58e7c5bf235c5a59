package handlers

import (
	"net/http"
	"strings"

	"boardlink/connection"
	"boardlink/operation"
	"boardlink/views/connections"
	"boardlink/views/layout"
	"boardlink/web"

	"github.com/labstack/echo/v4"
)

const connectionsOnPage = 100

// list shows the connections, with search and state from the query.
func (h *Console) list(c echo.Context) error {
	ctx := c.Request().Context()
	m := connections.List{Search: strings.TrimSpace(c.QueryParam("q")), Now: h.now()}
	f := operation.Filter{Search: m.Search, Limit: connectionsOnPage}
	if state := connection.State(c.QueryParam("state")); state.Valid() {
		m.State, f.States = state, []connection.State{state}
	}
	if after, err := connection.ParseID(c.QueryParam("after")); err == nil {
		m.After, f.After.ID = after, after
	}
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
	m.Next = next.ID
	for _, v := range page {
		a := activities[v.Connection.ID]
		m.Rows = append(m.Rows, connections.Row{Connection: v.Connection, Status: v.Status, Hour: a.Hour, Day: a.Day})
	}
	if c.QueryParam("part") == "list" {
		return web.Render(c, http.StatusOK, connections.ListTable(m))
	}
	return web.Render(c, http.StatusOK, connections.ListPage(web.Shell(c, "Connections", layout.NavConnections), m))
}
