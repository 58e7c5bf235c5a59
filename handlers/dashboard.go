package handlers

import (
	"net/http"

	"boardlink/connection"
	"boardlink/operation"
	"boardlink/text"
	"boardlink/views/dashboard"
	"boardlink/views/layout"
	"boardlink/web"

	"github.com/labstack/echo/v4"
)

func (h *Console) dashboard(c echo.Context) error {
	ctx := c.Request().Context()
	o, err := h.connections.Overview(ctx)
	if err != nil {
		return err
	}
	m := dashboard.Model{
		Total: o.Total, LastHour: o.LastHour, UplinksPerMinute: o.UplinksPerMinute, DownlinksPerMinute: o.DownlinksPerMinute,
		Backlog: o.Backlog, Parked: o.Parked, OldestAge: o.OldestAge, Latest: o.Latest, Now: h.now(),
	}
	m.Traffic = countsOf(ctx, "traffic-chart", "traffic", spanOf(operation.Hour), o.Series, trafficOf)
	m.Waiting = backlogChart(ctx, "waiting-chart", "waiting", spanOf(operation.Hour), o.Series)
	for _, s := range o.States {
		m.States = append(m.States, dashboard.StateCount(s))
	}
	for _, v := range o.NeedPerson {
		m.Cases = append(m.Cases, dashboard.Case{Connection: v.Connection, Status: v.Status, Refused: v.Refused})
	}
	if m.Names, err = h.namesOf(c, o.Latest); err != nil {
		return err
	}
	switch c.QueryParam("part") {
	case "":
	case "welcome":
		if m.Total > 0 {
			return web.Render(c, http.StatusOK, dashboard.Begun(m))
		}
		return web.Render(c, http.StatusOK, dashboard.Welcome())
	case "states":
		return web.Render(c, http.StatusOK, dashboard.States(m))
	case "waiting":
		return web.Render(c, http.StatusOK, dashboard.WaitingCard(m))
	case "traffic":
		return web.Render(c, http.StatusOK, dashboard.TrafficCard(m))
	case "cases":
		return web.Render(c, http.StatusOK, dashboard.Cases(m))
	case "latest":
		return web.Render(c, http.StatusOK, dashboard.Latest(m))
	default:
		return connection.Fail(connection.CodeNotFound, "There is no such part of the page.")
	}
	return web.Render(c, http.StatusOK, dashboard.Page(web.Shell(c, text.T(ctx, "dashboard.title"), layout.NavDashboard), m))
}

// namesOf gives the names of the connections that events are about, as far as they still are.
func (h *Console) namesOf(c echo.Context, events []connection.Event) (map[connection.ID]string, error) {
	var ids []connection.ID
	for _, e := range events {
		if e.ConnectionID != 0 {
			ids = append(ids, e.ConnectionID)
		}
	}
	return h.connections.Names(c.Request().Context(), ids...)
}
