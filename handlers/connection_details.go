package handlers

import (
	"net/http"

	"boardlink/connection"
	"boardlink/handlers/api"
	"boardlink/operation"
	"boardlink/views/connections"
	"boardlink/views/layout"
	"boardlink/views/ui"
	"boardlink/web"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"
)

const eventsOnDetails = 8

// details shows one connection, or the part of its page that the query names.
func (h *Console) details(c echo.Context) error {
	id, err := idOf(c)
	if err != nil {
		return err
	}
	v, err := h.connections.Get(c.Request().Context(), id)
	if err != nil {
		return err
	}
	if part := c.QueryParam("part"); part != "" {
		return h.detailsPart(c, v, part)
	}
	return h.showDetails(c, http.StatusOK, v, nil)
}

// showDetails answers with the whole page and messages on it; change, which may be nil, sets what is out of the ordinary.
func (h *Console) showDetails(c echo.Context, status int, v operation.View, change func(*connections.Details), toasts ...ui.Toast) error {
	d, err := h.detailsModel(c, v)
	if err != nil {
		return err
	}
	if change != nil {
		change(&d)
	}
	title := v.Connection.Name
	if status >= http.StatusBadRequest {
		title = "Error: " + title
	}
	shell := web.Shell(c, title, layout.NavConnections)
	shell.Toasts = append(shell.Toasts, toasts...)
	return web.Render(c, status, connections.DetailsPage(shell, d))
}

func (h *Console) detailsModel(c echo.Context, v operation.View) (connections.Details, error) {
	d := h.detailsHead(v)
	var err error
	if d.Metrics, err = h.metricsModel(c, v.Connection.ID); err != nil {
		return d, err
	}
	if d.Example, err = h.connections.Example(v.Connection.Configuration); err != nil {
		return d, err
	}
	if d.Curl, err = api.Curl(v); err != nil {
		return d, err
	}
	if d.Past, err = h.pastModel(c, v.Connection.ID); err != nil {
		return d, err
	}
	d.Events, err = h.latestEvents(c, v.Connection.ID)
	return d, err
}

func (h *Console) detailsHead(v operation.View) connections.Details {
	return connections.Details{Connection: v.Connection, Status: v.Status, UplinkURL: v.UplinkURL, MoreUplinkURLs: v.MoreUplinkURLs, Refused: v.Refused, Now: h.now()}
}

func (h *Console) latestEvents(c echo.Context, id connection.ID) ([]connection.Event, error) {
	list, _, err := h.connections.Events(c.Request().Context(), operation.EventFilter{ConnectionID: id, Limit: eventsOnDetails})
	return list, err
}

// detailsPart answers with one live part of the page, reading no more than it shows.
func (h *Console) detailsPart(c echo.Context, v operation.View, part string) error {
	d := h.detailsHead(v)
	var err error
	var fragment templ.Component
	switch part {
	case "menu":
		fragment = connections.StateMenu(d)
	case "state":
		fragment = connections.StateCard(d)
	case "metrics":
		d.Metrics, err = h.metricsModel(c, v.Connection.ID)
		fragment = connections.MetricsCard(d.Metrics)
	case "uplinks":
		d.KeyAsked = true
		fragment = connections.Uplinks(d)
	case "events":
		if d.Past, err = h.pastModel(c, v.Connection.ID); err == nil {
			d.Events, err = h.latestEvents(c, v.Connection.ID)
		}
		fragment = connections.EventsCard(d)
	default:
		return connection.Fail(connection.CodeNotFound, "There is no such part of the page.")
	}
	if err != nil {
		return err
	}
	return web.Render(c, http.StatusOK, fragment)
}

// metricsModel reads the figures of the window that the query names; an unknown one is the hour.
func (h *Console) metricsModel(c echo.Context, id connection.ID) (connections.Metrics, error) {
	window := operation.Hour
	if c.QueryParam("window") == string(operation.Day) {
		window = operation.Day
	}
	ctx, span := c.Request().Context(), spanOf(window)
	m, err := h.connections.Metrics(ctx, id, window)
	if err != nil {
		return connections.Metrics{}, err
	}
	return connections.Metrics{
		ID: id, Window: string(window), ActiveDevices: m.ActiveDevices, Uplinks: m.Uplinks, Downlinks: m.Downlinks,
		Delivered: m.Delivered, Rejected: m.Rejected, Parked: m.Parked, Expired: m.Expired, Delays: m.Delays,
		Charts: []ui.BarChart{
			countsOf(ctx, "up", "uplinks", span, m.Series, uplinksOf),
			countsOf(ctx, "down", "downlinks", span, m.Series, downlinksOf),
			delaysChart(ctx, "delays", span, m.Series),
			backlogChart(ctx, "backlog", "backlog", span, m.Series),
		},
	}, nil
}
