package handlers

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"boardlink/connection"
	"boardlink/operation"
	"boardlink/text"
	"boardlink/views/connections"
	"boardlink/views/ui"
	"boardlink/web"

	"github.com/labstack/echo/v4"
)

// setting is one thing that can be edited in its place: a row of the table of fields, or the alarms.
type setting struct {
	name   string
	alarms bool
	field  connection.Field // zero for the alarms
}

func settingByName(name string) (setting, bool) {
	if name == connections.AlarmsField {
		return setting{name: name, alarms: true}, true
	}
	f, ok := connection.FieldByName(name)
	return setting{name: name, field: f}, ok
}

// label is what the setting is called on the page.
func (s setting) label(ctx context.Context) string {
	if s.alarms {
		return connections.AlarmsInput(ctx).Label
	}
	return connections.Label(ctx, s.field)
}

func (s setting) secret() bool { return s.field.Control == connection.ControlSecret }

// get gives the stored value as text; never ask it of a secret.
func (s setting) get(c *connection.Connection) string {
	if s.alarms {
		return connections.AlarmsText(c.Alarms)
	}
	return s.field.Get(c)
}

// shown writes a value the way people read it.
func (s setting) shown(ctx context.Context, value string) string {
	if s.alarms {
		alarms, _ := parseAlarms(value)
		if len(alarms) == 0 {
			return text.T(ctx, "edit.alarms.none")
		}
		return connections.AlarmSentences(ctx, alarms)
	}
	if shown := connections.Shown(ctx, s.field, value); shown != "" {
		return shown
	}
	return text.T(ctx, "edit.not_set")
}

func (s setting) input(ctx context.Context) ui.Field {
	if s.alarms {
		return connections.AlarmsInput(ctx)
	}
	return connections.InputOf(ctx, s.field)
}

func (s setting) property(ctx context.Context, c *connection.Connection) connections.Property {
	if s.alarms {
		return connections.AlarmsProperty(ctx, c)
	}
	return connections.PropertyOf(ctx, c, s.field)
}

// edit is one edit under way.
type edit struct {
	id      connection.ID
	setting setting
	view    operation.View // as it is now
	version int64          // that the editor was opened on
	step    string         // ask, back or go
	typed   string         // as typed
	unit    string         // of a duration, chosen beside what was typed
	value   string         // what both make
	expired bool           // the value was sealed, and cannot be read any more

	rows  []connections.AlarmRow // of the alarms, where they were typed in fields of their own
	rowAt []int                  // in which row each alarm of the value stands
	wrong bool                   // some row cannot be read
}

// openEdit finds the connection and the setting that the address names.
func (h *Console) openEdit(c echo.Context) (edit, error) {
	id, err := idOf(c)
	if err != nil {
		return edit{}, err
	}
	s, ok := settingByName(c.Param("field"))
	if !ok {
		return edit{}, connection.Fail(connection.CodeNotFound, "There is no such setting.")
	}
	v, err := h.connections.Get(c.Request().Context(), id)
	if err != nil {
		return edit{}, err
	}
	return edit{id: id, setting: s, view: v}, nil
}

// readEdit takes the form: the step, the version, and the value or the sealed one of a secret whose question was asked.
func (h *Console) readEdit(c echo.Context, e *edit) error {
	values, err := c.FormParams()
	if err != nil {
		return badForm(err)
	}
	switch e.step = values.Get("step"); e.step {
	case "ask", "back", "go":
	case "more":
		if e.setting.alarms {
			break
		}
		fallthrough
	default:
		return web.NewProblem(http.StatusBadRequest, "The input step says ask, back or go.")
	}
	if e.version, err = strconv.ParseInt(values.Get("version"), 10, 64); err != nil || e.version < 1 {
		return connection.Fail(connection.CodeInvalid, "The input version is missing or no number: without it a change could undo somebody else's. Open the page again.")
	}
	e.typed, e.unit = values.Get(e.setting.name), values.Get(ui.UnitName(e.setting.name))
	e.value = e.typed
	if !e.setting.alarms {
		e.value = written(e.setting.field, values)
	}
	if rows, ok := readAlarmRows(values); ok && e.setting.alarms {
		var alarms []connection.Alarm
		e.rows = rows
		alarms, e.rowAt, e.wrong = alarmsOf(c.Request().Context(), e.rows)
		e.value = connections.AlarmsText(alarms)
	}
	if sealed := values.Get("pending"); e.setting.secret() && e.value == "" && sealed != "" {
		secret, ok := h.pending.open(e.id, e.setting.name, actor(c), sealed)
		e.value, e.expired = secret.Reveal(), !ok
	}
	return nil
}

// sameName compares a name as it was typed with the one that is meant. Spaces at the ends count for nothing.
func sameName(typed, name string) bool { return strings.TrimSpace(typed) == strings.TrimSpace(name) }
