package handlers

import (
	"net/http"
	"strconv"
	"strings"

	"boardlink/connection"
	"boardlink/operation"
	"boardlink/views/events"
	"boardlink/views/layout"
	"boardlink/web"

	"github.com/labstack/echo/v4"
)

const (
	eventsOnPage = 100
	// allConnections bounds a choice of connections to what a list of options can bear.
	allConnections = operation.MaxLimit
)

// events shows the log. Filters that make no sense are left out rather than refused: the address is typed by people.
func (h *Console) events(c echo.Context) error {
	ctx := c.Request().Context()
	m := events.Model{Now: h.now()}
	f := operation.EventFilter{Limit: eventsOnPage}
	if id, err := connection.ParseID(c.QueryParam("connectionId")); err == nil {
		m.Connection, f.ConnectionID = id, id
	}
	switch level := connection.Level(c.QueryParam("level")); level {
	case connection.LevelInfo, connection.LevelWarning, connection.LevelError:
		m.Level, f.Levels = level, []connection.Level{level}
	}
	if devEUI := devEUIOf(strings.TrimSpace(c.QueryParam("devEUI"))); devEUI != "" {
		m.DevEUI, f.DevEUI = devEUI, devEUI
	}
	if before, err := strconv.ParseInt(c.QueryParam("before"), 10, 64); err == nil && before > 0 {
		m.Before, f.BeforeID = before, before
	}
	var err error
	if m.Events, m.Next, err = h.connections.Events(ctx, f); err != nil {
		return err
	}
	if m.Names, err = h.namesOf(c, m.Events); err != nil {
		return err
	}
	if c.QueryParam("part") == "log" {
		return web.Render(c, http.StatusOK, events.Log(m))
	}
	all, _, err := h.connections.List(ctx, operation.Filter{Limit: allConnections})
	if err != nil {
		return err
	}
	for _, v := range all {
		m.Connections = append(m.Connections, events.Choice{ID: v.Connection.ID, Name: v.Connection.Name})
	}
	return web.Render(c, http.StatusOK, events.Page(web.Shell(c, "Events", layout.NavEvents), m))
}
