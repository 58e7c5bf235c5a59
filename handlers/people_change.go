package handlers

import (
	"errors"
	"net/http"
	"strconv"

	"boardlink/access"
	"boardlink/connection"
	"boardlink/text"
	"boardlink/views/layout"
	"boardlink/views/people"
	"boardlink/web"

	"github.com/labstack/echo/v4"
)

// askPerson asks before something is done about somebody: in a dialog over the list, or on a page of its own.
func (h *Console) askPerson(action people.Action) echo.HandlerFunc {
	return func(c echo.Context) error {
		o, err := h.personOf(c)
		if err != nil {
			return err
		}
		q := h.personQuestion(c, action, o)
		if web.IsPartial(c) {
			return web.Render(c, http.StatusOK, people.QuestionDialog(q))
		}
		return h.showQuestion(c, http.StatusOK, q)
	}
}

// settlePerson does it, and leads back to the list or, where that has made a link, to the page that shows it.
func (h *Console) settlePerson(action people.Action) echo.HandlerFunc {
	return func(c echo.Context) error {
		o, err := h.personOf(c)
		if err != nil {
			return err
		}
		version, err := strconv.ParseInt(c.Request().PostFormValue("version"), 10, 64)
		if err != nil || version < 1 {
			return connection.Fail(connection.CodeInvalid, "The form lacks the version it was made for. Open the page again.")
		}
		answer, err := h.doToPerson(c, action, o, version)
		if err != nil {
			return h.refusePerson(c, action, o.ID, err)
		}
		return answer()
	}
}

// doToPerson carries the action out and gives what answers.
func (h *Console) doToPerson(c echo.Context, action people.Action, o access.Operator, version int64) (answer func() error, err error) {
	ctx, who, change, done := c.Request().Context(), actor(c), access.Change{}, web.Toast{}
	success := func(title, sentence string) web.Toast {
		return web.Success(text.T(ctx, "people.done."+title), text.T(ctx, "people.done."+sentence, "email", o.Email))
	}
	switch action {
	case people.NewLink:
		changed, link, err := h.people.NewLink(ctx, who, o.ID, version)
		return func() error { return h.showLink(c, changed, link) }, err
	case people.Remove:
		err = h.people.Remove(ctx, who, o.ID, version)
		return func() error {
			return h.backToPeople(c, o, false, success("removed", "removed_text"))
		}, err
	case people.ChangeRole:
		role := access.Role(c.Request().PostFormValue("role"))
		change.Role = &role
		done = success("role", "role_"+string(role))
	case people.Disable, people.Enable:
		disabled := action == people.Disable
		change.Disabled = &disabled
		done = success("enabled", "enabled_text")
		if o.Invited() {
			done = success("enabled", "enabled_invited")
		}
		if disabled {
			done = success("disabled", "disabled_text")
		}
	default:
		return nil, errors.New("no such action on a person")
	}
	changed, err := h.people.Change(ctx, who, o.ID, version, change)
	return func() error { return h.backToPeople(c, changed, true, done) }, err
}

// backToPeople leads on after a change. Who has changed themselves has no session any more.
func (h *Console) backToPeople(c echo.Context, o access.Operator, there bool, done web.Toast) error {
	p := h.person(c, o)
	switch {
	case p.Self && (!there || o.Disabled() || o.Role != web.Who(c).Role):
		return web.Redirect(c, "/signin")
	case there:
		return web.Redirect(c, p.Back(), done)
	}
	return web.Redirect(c, people.Path, done)
}

// refusePerson asks again where the change could not be made as somebody stands now, with the reason.
func (h *Console) refusePerson(c echo.Context, action people.Action, id int64, err error) error {
	var f *connection.Failure
	wrong, isField := fieldErrors(err)
	if !errors.As(err, &f) || !isField && f.Code != connection.CodeConflict {
		return err
	}
	o, readErr := h.people.Get(c.Request().Context(), id)
	if readErr != nil {
		return readErr
	}
	q := h.personQuestion(c, action, o)
	if isField {
		q.Role.Error = wrong["role"]
		return h.showQuestion(c, http.StatusUnprocessableEntity, q)
	}
	q.Error = f.Message
	return h.showQuestion(c, http.StatusConflict, q)
}

func (h *Console) personQuestion(c echo.Context, action people.Action, o access.Operator) people.Question {
	q := people.Question{Action: action, Person: h.person(c, o), Role: people.RoleField(c.Request().Context(), string(o.Role), "")}
	q.Role.Autofocus = true
	return q
}

func (h *Console) showQuestion(c echo.Context, status int, q people.Question) error {
	ctx := c.Request().Context()
	title := q.Title(ctx)
	if status != http.StatusOK {
		title = text.T(ctx, "people.ask.failed", "question", title)
	}
	return web.Render(c, status, people.QuestionPage(web.Shell(c, title, layout.NavPeople), q))
}

// personOf finds whom the address names.
func (h *Console) personOf(c echo.Context) (access.Operator, error) {
	text := c.Param("id")
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id < 1 || strconv.FormatInt(id, 10) != text {
		return access.Operator{}, connection.Fail(connection.CodeNotFound, "There is no such person.")
	}
	return h.people.Get(c.Request().Context(), id)
}
