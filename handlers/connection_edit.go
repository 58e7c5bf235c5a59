package handlers

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"boardlink/connection"
	"boardlink/operation"
	"boardlink/text"
	"boardlink/views/connections"
	"boardlink/views/ui"
	"boardlink/web"

	"github.com/labstack/echo/v4"
)

// readField answers with a setting as it stands: what Cancel brings back. Its pencil takes the focus, unless it was closed
// because another setting was opened.
func (h *Console) readField(c echo.Context) error {
	e, err := h.openEdit(c)
	if err != nil {
		return err
	}
	if !web.IsPartial(c) {
		return web.Redirect(c, connections.Path(e.id)+"#edit-"+e.setting.name)
	}
	p := e.setting.property(c.Request().Context(), &e.view.Connection)
	p.Focus = c.QueryParam("quiet") == ""
	return web.Render(c, http.StatusOK, connections.Read(p))
}

// editForm opens the editor of one setting.
func (h *Console) editForm(c echo.Context) error {
	e, err := h.openEdit(c)
	if err != nil {
		return err
	}
	ed := e.editor(c.Request().Context())
	if !e.setting.secret() {
		connections.Fill(c.Request().Context(), &ed.Field, e.setting.get(&e.view.Connection), "")
	}
	if e.setting.alarms {
		ed.Rows = rowsWithNew(connections.AlarmRows(e.view.Connection.Alarms))
		ed.Rows[len(ed.Rows)-1].Focus, ed.Rows[0].Focus = "", "opens"
	}
	ed.Field.Autofocus = true
	return h.showEditor(c, http.StatusOK, e, ed)
}

// edit takes the next step of an edit: ask checks the value and asks where the change may interrupt the link, back returns
// from the question to the editor, go makes the change.
func (h *Console) edit(c echo.Context) error {
	e, err := h.openEdit(c)
	if err != nil {
		return err
	}
	if err := h.readEdit(c, &e); err != nil {
		return err
	}
	if e.step == "back" {
		ed := e.editor(c.Request().Context())
		e.showAgain(c.Request().Context(), &ed.Field)
		ed.FocusOK, ed.Field.Autofocus = !e.setting.secret(), e.setting.secret()
		if e.setting.secret() {
			ed.Field.Note = typeAgain(c.Request().Context(), e.setting.label(c.Request().Context()))
		}
		return h.showEditor(c, http.StatusOK, e, ed)
	}
	switch {
	case e.step == "more":
		ed := e.editor(c.Request().Context())
		ed.Rows = rowsWithNew(e.rows)
		return h.showEditor(c, http.StatusOK, e, ed)
	case e.wrong:
		return h.refuse(c, e, text.T(c.Request().Context(), "edit.wrong_windows"))
	}
	if e.expired {
		return h.refuse(c, e, text.T(c.Request().Context(), "edit.waited", "setting", e.setting.label(c.Request().Context())))
	}
	if e.step != "go" {
		asks, restarts, err := h.propose(c, e)
		if err != nil {
			return h.answerFailure(c, e, err)
		}
		if asks {
			ed := e.editor(c.Request().Context())
			e.showAgain(c.Request().Context(), &ed.Field)
			if ed.Question, err = h.question(c, e, restarts); err != nil {
				return err
			}
			return h.showEditor(c, http.StatusOK, e, ed)
		}
	}
	v, err := h.apply(c, e)
	if err != nil {
		return h.answerFailure(c, e, err)
	}
	done := web.Success(text.T(c.Request().Context(), "edit.done"), text.T(c.Request().Context(), "edit.updated", "name", v.Connection.Name))
	if web.IsPartial(c) {
		p := e.setting.property(c.Request().Context(), &v.Connection)
		p.Focus = true
		return web.Render(c, http.StatusOK, connections.Saved(p, connections.Dependents(c.Request().Context(), &v.Connection, e.setting.name), strconv.FormatInt(v.Connection.Version, 10), &done))
	}
	return web.Redirect(c, connections.Path(e.id)+"#edit-"+e.setting.name, done)
}

// propose checks the change and says whether to ask before it: always where the setting says so, else where the running
// link restarts.
func (h *Console) propose(c echo.Context, e edit) (asks, restarts bool, err error) {
	if e.setting.alarms {
		if _, message := parseAlarms(e.value); message != "" {
			return false, false, wrongField(connections.AlarmsField, message)
		}
		return false, false, nil
	}
	p, err := h.connections.ProposeField(c.Request().Context(), e.id, e.version, e.setting.name, e.value)
	if err != nil {
		return false, false, err
	}
	restarts = p.From.Active && p.Restarts()
	return e.setting.field.Confirms || restarts, restarts, nil
}

func (h *Console) apply(c echo.Context, e edit) (operation.View, error) {
	ctx := c.Request().Context()
	if !e.setting.alarms {
		return h.connections.EditField(ctx, actor(c), e.id, e.version, e.setting.name, e.value)
	}
	alarms, message := parseAlarms(e.value)
	if message != "" {
		return operation.View{}, wrongField(connections.AlarmsField, message)
	}
	changed := e.view.Connection
	changed.Alarms = alarms
	changed.Version = e.version
	return h.connections.Replace(ctx, actor(c), changed, operation.Secrets{Password: true, DownlinkAsKey: true})
}

func wrongField(path, message string) error {
	f := connection.Fail(connection.CodeInvalid, "Some fields are not right.")
	f.Fields = []connection.FieldError{{Path: path, Message: message}}
	return f
}

// answerFailure shows what an operation complained of where the person can do something about it.
func (h *Console) answerFailure(c echo.Context, e edit, err error) error {
	var conflict *operation.Conflict
	if errors.As(err, &conflict) {
		e.view = conflict.Theirs
		ed := e.editor(c.Request().Context())
		ed.Clash = e.clash(c.Request().Context(), h.pending, actor(c))
		ed.Clash.Now = h.now()
		if ed.Clash.Change, err = h.latestEdit(c, e.id); err != nil {
			return err
		}
		return h.showEditor(c, http.StatusConflict, e, ed)
	}
	wrong, ok := fieldErrors(err)
	if !ok {
		return err
	}
	if e.rows != nil {
		message := refuseRows(e.rows, e.rowAt, wrong)
		if message == "" {
			message = text.T(c.Request().Context(), "edit.wrong_windows")
		}
		return h.refuse(c, e, message)
	}
	byName := byField(wrong)
	message := byName[e.setting.name]
	for _, other := range byName { // a rule between two settings may be told at the other one
		if message == "" {
			message = other
		}
	}
	return h.refuse(c, e, message)
}

// latestEdit finds the event of the last edit among the latest of a connection.
func (h *Console) latestEdit(c echo.Context, id connection.ID) (connection.Event, error) {
	list, _, err := h.connections.Events(c.Request().Context(), operation.EventFilter{ConnectionID: id, Limit: operation.DefaultLimit})
	if err != nil {
		return connection.Event{}, err
	}
	for _, e := range list {
		if e.Kind == connection.KindUpdated {
			return e, nil
		}
	}
	return connection.Event{}, nil
}

// refuse shows the editor again with what is wrong.
func (h *Console) refuse(c echo.Context, e edit, message string) error {
	ed := e.editor(c.Request().Context())
	e.showAgain(c.Request().Context(), &ed.Field)
	ed.Field.Error = message
	ed.Field.Autofocus = true
	connections.FocusWrong(ed.Rows)
	return h.showEditor(c, http.StatusUnprocessableEntity, e, ed)
}

// showEditor answers with the editor: as a fragment, or within the whole page.
func (h *Console) showEditor(c echo.Context, status int, e edit, ed connections.Editor) error {
	if web.IsPartial(c) {
		return web.Render(c, status, connections.EditBox(ed, false))
	}
	return h.showDetails(c, status, e.view, func(d *connections.Details) { d.Editing = &ed })
}

// editor is the setting's editor, empty.
func (e edit) editor(ctx context.Context) connections.Editor {
	field := e.setting.input(ctx)
	ed := connections.Editor{ID: e.id, Field: field, Version: e.view.Connection.Version, Star: field.Mandatory, Typed: e.version != 0, Rows: e.rows}
	if e.setting.name == "name" {
		ed.Heading = e.view.Connection.Name
	}
	return ed
}

// showAgain puts into the control what was typed, as far as it may go back to the browser.
func (e edit) showAgain(ctx context.Context, in *ui.Field) {
	if !e.setting.secret() {
		connections.Fill(ctx, in, e.typed, e.unit)
	}
}

// question is what is asked before the change, with what a person needs to know to answer.
func (h *Console) question(c echo.Context, e edit, restarts bool) (*connections.Question, error) {
	ctx := c.Request().Context()
	from := e.view.Connection
	q := &connections.Question{ConnectionName: from.Name}
	fact := func(label, value string) { q.Facts = append(q.Facts, connections.Fact{Label: label, Value: value}) }
	if e.setting.secret() {
		q.Pending = h.pending.seal(e.id, e.setting.name, actor(c), connection.Secret(e.value))
		fact(e.setting.label(ctx), text.T(ctx, "edit.fact.secret", "setting", inSentence(e.setting.label(ctx))))
	} else {
		fact(text.T(ctx, "edit.fact.now", "setting", e.setting.label(ctx)), e.setting.shown(ctx, e.setting.get(&from)))
		fact(text.T(ctx, "edit.fact.then", "setting", e.setting.label(ctx)), e.setting.shown(ctx, e.value))
	}
	switch {
	case !from.Active:
		fact(text.T(ctx, "edit.fact.link"), text.T(ctx, "edit.fact.deactivated"))
	case !restarts:
		fact(text.T(ctx, "edit.fact.link"), text.T(ctx, "edit.fact.goes_on"))
	default:
		past, err := h.connections.History(ctx, e.id, time.Hour, 1)
		if err != nil {
			return nil, err
		}
		fact(text.T(ctx, "edit.fact.link"), restartFact(ctx, past))
	}
	waiting := text.T(ctx, "edit.fact.nothing_waits")
	if n := e.view.Status.Backlog; n > 0 {
		waiting = text.N(ctx, "edit.fact.waits", n)
	}
	fact(text.T(ctx, "edit.fact.waiting"), waiting)
	if e.setting.name == "protocol" && e.value == string(connection.ProtocolTCP) {
		q.Notes = append(q.Notes, text.T(ctx, "edit.fact.clear_text"))
	}
	if e.setting.name == "hostName" {
		q.Notes = append(q.Notes, text.T(ctx, "edit.fact.other_host"))
	}
	return q, nil
}

// restartFact says how long restarts of the link took.
func restartFact(ctx context.Context, past operation.History) string {
	d, ok := past.RestartTakes()
	switch {
	case !ok:
		return text.T(ctx, "edit.fact.restarts")
	case len(past.Restarts) == 1:
		return text.T(ctx, "edit.fact.restarts_once", "span", ui.Span(d))
	}
	return text.T(ctx, "edit.fact.restarts_often", "span", ui.Span(d), "number", ui.Count(int64(len(past.Restarts))))
}

// typeAgain says why the field of a secret is empty although something was typed.
func typeAgain(ctx context.Context, label string) string {
	return text.T(ctx, "edit.again", "setting", inSentence(label))
}

// inSentence writes a label the way it stands within a sentence: "password", but "AS key".
func inSentence(label string) string {
	if len(label) > 1 && label[1] >= 'A' && label[1] <= 'Z' {
		return label
	}
	return strings.ToLower(label[:1]) + label[1:]
}

// clash shows theirs and yours.
func (e edit) clash(ctx context.Context, p *pending, actor string) *connections.Clash {
	if e.setting.secret() {
		return &connections.Clash{Secret: true, Pending: p.seal(e.id, e.setting.name, actor, connection.Secret(e.value))}
	}
	return &connections.Clash{Theirs: e.setting.shown(ctx, e.setting.get(&e.view.Connection)), Yours: e.setting.shown(ctx, e.value), Value: e.value}
}
