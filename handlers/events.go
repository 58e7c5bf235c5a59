package handlers

import (
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"boardlink/connection"
	"boardlink/operation"
	"boardlink/text"
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
	if kind := connection.Kind(c.QueryParam("kind")); slices.Contains(connection.Kinds, kind) {
		m.Kind, f.Kinds = kind, []connection.Kind{kind}
	}
	m.From, f.From = minuteIn(c.QueryParam("from"))
	m.To, f.To = minuteIn(c.QueryParam("to"))
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
	return web.Render(c, http.StatusOK, events.Page(web.Shell(c, text.T(ctx, "events.title"), layout.NavEvents), m))
}

// minuteIn reads a time as an input of the type datetime-local writes it, in UTC; what is none is left out.
func minuteIn(written string) (string, time.Time) {
	for _, format := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05"} {
		if at, err := time.Parse(format, written); err == nil {
			return written, at
		}
	}
	return "", time.Time{}
}

// aroundEvent is how many events before one its page shows.
const aroundEvent = 10

// event shows one event with what came before it.
func (h *Console) event(c echo.Context) error {
	ctx := c.Request().Context()
	id, err := strconv.ParseInt(c.Param("eventID"), 10, 64)
	if err != nil || id < 1 || id == math.MaxInt64 || strconv.FormatInt(id, 10) != c.Param("eventID") {
		return noEvent()
	}
	found, _, err := h.connections.Events(ctx, operation.EventFilter{BeforeID: id + 1, Limit: 1})
	if err != nil {
		return err
	}
	if len(found) == 0 || found[0].ID != id {
		return noEvent()
	}
	m := events.One{Event: found[0], Now: h.now()}
	before := operation.EventFilter{BeforeID: id, ConnectionID: m.Event.ConnectionID, Limit: aroundEvent}
	if m.Before, _, err = h.connections.Events(ctx, before); err != nil {
		return err
	}
	if m.Names, err = h.namesOf(c, found); err != nil {
		return err
	}
	return web.Render(c, http.StatusOK, events.OnePage(web.Shell(c, text.T(ctx, "events.one.title"), layout.NavEvents), m))
}

func noEvent() error {
	return connection.Fail(connection.CodeNotFound, "There is no such event. Events are kept for a time only.")
}
