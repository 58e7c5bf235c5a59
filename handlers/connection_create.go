package handlers

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"boardlink/connection"
	"boardlink/text"
	"boardlink/views/connections"
	"boardlink/views/layout"
	"boardlink/views/ui"
	"boardlink/web"

	"github.com/labstack/echo/v4"
)

// newConnection asks for the type, then for what a connection of that type needs.
func (h *Console) newConnection(c echo.Context) error {
	if c.QueryParam("type") != connection.ConnectorID {
		return web.Render(c, http.StatusOK, connections.TypePage(web.Shell(c, text.T(c.Request().Context(), "create.title"), layout.NavCreate)))
	}
	return h.showForm(c, http.StatusOK, newForm(c.Request().Context(), proposed()))
}

// create makes a connection of what the form holds.
func (h *Console) create(c echo.Context) error {
	values, err := h.unsealed(c)
	if err != nil {
		return err
	}
	in := readForm(c.Request().Context(), values)
	if in.ok() {
		v, err := h.connections.Create(c.Request().Context(), actor(c), in.connection)
		if err == nil {
			done := web.Success(text.T(c.Request().Context(), "create.done"), text.T(c.Request().Context(), "create.created", "name", v.Connection.Name))
			return web.Redirect(c, connections.Path(v.Connection.ID), done)
		}
		wrong, ok := fieldErrors(err)
		if !ok {
			return err
		}
		in.refuse(wrong)
	} else {
		in.check()
	}
	return h.showForm(c, http.StatusUnprocessableEntity, in.form(c.Request().Context()))
}

// windows answers with the form as it was typed, with one window of low-rate alarms more, or without one.
func (h *Console) windows(c echo.Context) error {
	values, err := h.unsealed(c)
	if err != nil {
		return err
	}
	in := readForm(c.Request().Context(), values)
	in.check()
	f := in.form(c.Request().Context())
	f.Forgive()
	f.Open = true
	if n, err := strconv.Atoi(values.Get("window")); err == nil && n >= 0 && n < len(f.Rows) {
		f.Rows, f.Removed = slices.Delete(f.Rows, n, n+1), true
	} else if len(f.Rows) < maxAlarmRows {
		f.Rows = rowsWithNew(f.Rows)
	}
	if web.IsPartial(c) {
		return web.Render(c, http.StatusOK, connections.NewWindows(f))
	}
	h.seal(c.Request().Context(), &f, values, actor(c))
	return h.showForm(c, http.StatusOK, f)
}

// check tells a page that is being filled in what is wrong so far: a message for each wrong field by the field's name.
func (h *Console) check(c echo.Context) error {
	values, err := h.unsealed(c)
	if err != nil {
		return err
	}
	in := readForm(c.Request().Context(), values)
	in.check()
	return c.JSON(http.StatusOK, in.messages())
}

func (h *Console) showForm(c echo.Context, status int, f connections.Form) error {
	title := text.T(c.Request().Context(), "create.title")
	if f.Failed {
		title = text.T(c.Request().Context(), "create.error_title")
	}
	var err error
	if f.Examples, err = h.examples(); err != nil {
		return err
	}
	return web.Render(c, status, connections.FormPage(web.Shell(c, title, layout.NavCreate), f))
}

// examples makes one for each way of writing telemetry; which of them is shown follows what is chosen, without a question to
// the server.
func (h *Console) examples() ([]connections.Example, error) {
	var list []connections.Example
	for _, way := range connections.Ways {
		x, err := h.connections.Example(way.Of(connection.DefaultConfiguration()))
		if err != nil {
			return nil, err
		}
		list = append(list, connections.Example{Way: way.Name, Example: x})
	}
	return list, nil
}

func badForm(err error) error {
	return &connection.Failure{Code: connection.CodeInvalid, Message: "The form could not be read.", Err: err}
}

// proposed is what the form begins with. It proposes the telemetry that charts can be made of; the API's default is the
// original's.
func proposed() connection.Connection {
	c := connection.Connection{ConnectorID: connection.ConnectorID, Active: true, Configuration: connection.DefaultConfiguration()}
	c.Configuration.TelemetryFormat = connection.FormatMeasurements
	return c
}

// input is a form that was sent: the values as typed, what they make, and a message for each wrong field by its name.
type input struct {
	values     url.Values
	connection connection.Connection
	wrong      map[string]string

	rows   []connections.AlarmRow // the low-rate alarms as they were typed
	rowAt  []int                  // in which row each alarm of the connection stands
	unread bool                   // they came as one text that cannot be read
}

// readForm takes the values of the settings that are there; the others keep what the form proposes.
func readForm(ctx context.Context, values url.Values) input {
	in := input{values: values, connection: proposed(), wrong: map[string]string{}}
	if id := values.Get("connectorId"); values.Has("connectorId") {
		in.connection.ConnectorID = id
	}
	// Whoever chooses one of the original's formats without naming the format wants the original.
	if !values.Has("telemetryFormat") && (values.Get("sendMetadata") == "true" || values.Get("sendRawDecodedFormat") == "true") {
		in.connection.Configuration.TelemetryFormat = connection.FormatOriginal
	}
	for _, f := range connection.Fields {
		if !values.Has(f.Name) {
			continue
		}
		if message := f.Set(&in.connection, written(f, values)); message != "" {
			in.wrong[f.Name] = message
		}
	}
	switch active := values.Get("active"); {
	case !values.Has("active") || active == "on":
	case active == "off":
		in.connection.Active = false
	default:
		in.wrong[""] = text.T(ctx, "create.active")
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if !isInput(name) {
			in.wrong[""] = text.T(ctx, "create.unknown", "name", connection.Clean(name))
		}
	}
	in.readAlarms(ctx)
	return in
}

// isInput reports whether the form has an input of that name.
func isInput(name string) bool {
	if _, known := settingByName(name); known || name == "connectorId" || name == "active" {
		return true
	}
	if name == "alarmRows" || name == "window" || isAlarmInput(name) {
		return true
	}
	f, ok := connection.FieldByName(strings.TrimSuffix(name, ui.UnitName("")))
	return ok && f.Control == connection.ControlDuration || strings.HasPrefix(name, connections.SealedPrefix)
}

// written gives the value of a setting as one text: of a duration the number with the unit that is chosen beside it.
func written(f connection.Field, values url.Values) string {
	if f.Control == connection.ControlDuration {
		return connection.JoinDuration(values.Get(f.Name), values.Get(ui.UnitName(f.Name)))
	}
	return values.Get(f.Name)
}

// check adds what the rules complain of to what could not be read.
func (in *input) check() {
	byPath := map[string]string{}
	for _, e := range connection.Validate(in.connection) {
		if _, known := byPath[e.Path]; !known {
			byPath[e.Path] = e.Message
		}
	}
	in.refuse(byPath)
}

// refuse puts what the rules complain of, by JSON path, beside the inputs that nothing is said of yet.
func (in *input) refuse(byPath map[string]string) {
	in.refuseAlarms(byPath)
	for name, message := range byField(byPath) {
		if _, known := in.wrong[name]; !known && name != connections.AlarmsField {
			in.wrong[name] = message
		}
	}
}

// ok reports whether nothing is wrong as far as is known.
func (in *input) ok() bool { return len(in.messages()) == 0 }

// messages gives what is wrong by the name of the input, those of the windows among them.
func (in *input) messages() map[string]string {
	all := maps.Clone(in.wrong)
	for n, row := range in.rows {
		for part, message := range row.Wrong {
			all[connections.AlarmInput(n, part)] = message
		}
	}
	return all
}

// form draws what was sent again, secrets emptied.
func (in input) form(ctx context.Context) connections.Form {
	f := newForm(ctx, in.connection)
	f.Failed, f.Typed = true, true
	f.Inactive = !in.connection.Active
	f.Rows, f.Unread = in.rows, in.unread
	for _, list := range [][]ui.Field{f.Basic, f.Advanced} {
		for i := range list {
			field := &list[i]
			field.Error = in.wrong[field.Name]
			if field.Kind == ui.KindSecret {
				if in.values.Get(field.Name) != "" {
					field.Note = typeAgain(ctx, field.Label)
				}
				continue
			}
			if in.values.Has(field.Name) {
				connections.Fill(ctx, field, in.values.Get(field.Name), in.values.Get(ui.UnitName(field.Name)))
			}
			field.Valid = field.Error == "" && field.Value != "" && field.Mandatory
		}
	}
	if message, ok := in.wrong[""]; ok && len(f.Basic) > 0 && f.Basic[0].Error == "" {
		f.Basic[0].Error = message // about no field of the page: it must not be lost
	}
	return f
}

// unsealed reads the form. A secret that was typed before the last answer stands in it sealed, and counts where nothing was
// typed in its place.
func (h *Console) unsealed(c echo.Context) (url.Values, error) {
	values, err := c.FormParams()
	if err != nil {
		return nil, badForm(err)
	}
	for _, f := range connection.Fields {
		sealed := values.Get(connections.SealedPrefix + f.Name)
		if f.Control != connection.ControlSecret || sealed == "" || values.Get(f.Name) != "" {
			continue
		}
		if secret, ok := h.pending.open(0, f.Name, actor(c), sealed); ok {
			values.Set(f.Name, secret.Reveal())
		}
	}
	return values, nil
}

// seal lets the form keep the secrets that were typed.
func (h *Console) seal(ctx context.Context, f *connections.Form, values url.Values, actor string) {
	for _, list := range [][]ui.Field{f.Basic, f.Advanced} {
		for i, field := range list {
			if typed := values.Get(field.Name); field.Kind == ui.KindSecret && typed != "" {
				list[i].Note = text.T(ctx, "create.kept")
				f.Sealed = append(f.Sealed, connections.Sealed{Name: field.Name, Text: h.pending.seal(0, field.Name, actor, connection.Secret(typed))})
			}
		}
	}
}

// newForm draws the settings of a connection that is to be made.
func newForm(ctx context.Context, c connection.Connection) connections.Form {
	var form connections.Form
	for _, f := range connection.Fields {
		field := connections.InputOf(ctx, f)
		if f.Control != connection.ControlSecret {
			connections.Fill(ctx, &field, f.Get(&c), "")
		}
		if f.Advanced {
			form.Advanced = append(form.Advanced, field)
		} else {
			form.Basic = append(form.Basic, field)
		}
	}
	alarms := connections.AlarmsInput(ctx)
	alarms.Value = connections.AlarmsText(c.Alarms)
	form.Rows, _ = rowsOf(c.Alarms)
	form.Advanced = append(form.Advanced, alarms)
	return form
}
