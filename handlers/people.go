package handlers

import (
	"context"
	"net/http"
	"strconv"

	"boardlink/access"
	"boardlink/connection"
	"boardlink/text"
	"boardlink/views/layout"
	"boardlink/views/people"
	"boardlink/views/ui"
	"boardlink/web"

	"github.com/labstack/echo/v4"
)

const peopleOnPage = 100

// Roster is all that the pages need to look after people; [access.People] does it.
type Roster interface {
	List(ctx context.Context, afterID int64, limit int) (page []access.Operator, next int64, err error)
	Get(ctx context.Context, id int64) (access.Operator, error)
	Invite(ctx context.Context, actor, email string, role access.Role) (access.Operator, access.Link, error)
	Change(ctx context.Context, actor string, id, version int64, change access.Change) (access.Operator, error)
	NewLink(ctx context.Context, actor string, id, version int64) (access.Operator, access.Link, error)
	Remove(ctx context.Context, actor string, id, version int64) error
}

// peopleRoutes lists the addresses of the pages about people. The questions ask for the password too, so that whoever answers
// one is not asked for it in between.
func (h *Console) peopleRoutes() []web.Route {
	admin := func(method, path string, fresh bool, handler echo.HandlerFunc) web.Route {
		return web.Route{Method: method, Path: path, Least: access.RoleAdmin, Fresh: fresh, Handler: handler}
	}
	routes := []web.Route{
		admin(http.MethodGet, people.Path, false, h.listPeople),
		admin(http.MethodGet, people.Path+"/invite", true, h.inviteForm),
		admin(http.MethodPost, people.Path+"/invite", true, h.invite),
	}
	for _, action := range []people.Action{people.ChangeRole, people.Disable, people.Enable, people.NewLink, people.Remove} {
		path := people.Path + "/:id/" + string(action)
		routes = append(routes, admin(http.MethodGet, path, true, h.askPerson(action)), admin(http.MethodPost, path, true, h.settlePerson(action)))
	}
	return routes
}

// listPeople shows who there is.
func (h *Console) listPeople(c echo.Context) error {
	m := people.List{Now: h.now()}
	if after, err := strconv.ParseInt(c.QueryParam("after"), 10, 64); err == nil && after > 0 {
		m.After = after
	}
	list, next, err := h.people.List(c.Request().Context(), m.After, peopleOnPage)
	if err != nil {
		return err
	}
	m.Next = next
	for _, o := range list {
		m.People = append(m.People, h.person(c, o))
	}
	return web.Render(c, http.StatusOK, people.ListPage(web.Shell(c, text.T(c.Request().Context(), "people.title"), layout.NavPeople), m))
}

// person is somebody as the pages show them.
func (h *Console) person(c echo.Context, o access.Operator) people.Person {
	who := web.Who(c)
	p := people.Person{
		ID: o.ID, Email: o.Email, Role: string(o.Role), Invited: o.Invited(), Disabled: o.Disabled(),
		LastSignIn: o.LastSignInAt, Version: o.Version, Self: who.Kind == access.OperatorKind && who.ID == o.ID,
	}
	if o.LinkOpen(h.now()) {
		p.LinkUntil = o.LinkUntil
	}
	return p
}

// inviteForm asks whom to invite.
func (h *Console) inviteForm(c echo.Context) error {
	return h.showInvite(c, http.StatusOK, "", string(access.RoleViewer), nil)
}

// invite adds somebody and shows the link, this once.
func (h *Console) invite(c echo.Context) error {
	email, role := c.Request().PostFormValue("email"), c.Request().PostFormValue("role")
	o, link, err := h.people.Invite(c.Request().Context(), actor(c), email, access.Role(role))
	if wrong, ok := fieldErrors(err); ok {
		return h.showInvite(c, http.StatusUnprocessableEntity, email, role, wrong)
	}
	if connection.CodeOf(err) == connection.CodeConflict {
		return h.showInvite(c, http.StatusUnprocessableEntity, email, role, map[string]string{"email": text.T(c.Request().Context(), "people.invite.taken")})
	}
	if err != nil {
		return err
	}
	return h.showLink(c, o, link)
}

func (h *Console) showInvite(c echo.Context, status int, email, role string, wrong map[string]string) error {
	ctx := c.Request().Context()
	title := text.T(ctx, "people.invite.title")
	if wrong != nil {
		title = text.T(ctx, "people.invite.failed")
	}
	f := people.Invite{
		Email: ui.Field{
			Name: "email", Label: text.T(ctx, "people.list.email"), Kind: ui.KindEmail, Mandatory: true, Value: email, Error: wrong["email"],
			Autofocus: wrong == nil, Note: text.T(ctx, "people.invite.note"),
		},
		Role: people.RoleField(ctx, role, wrong["role"]),
	}
	return web.Render(c, status, people.InvitePage(web.Shell(c, title, layout.NavPeople), f))
}

// showLink answers a form at once and does not redirect: the link is kept nowhere from where another page could take it.
func (h *Console) showLink(c echo.Context, o access.Operator, link access.Link) error {
	m := people.Link{Person: h.person(c, o), URL: link.URL.Reveal(), ExpiresAt: link.ExpiresAt, Now: h.now()}
	ctx := c.Request().Context()
	done := web.Success(text.T(ctx, "people.done.link"), text.T(ctx, "people.done.link_for", "email", o.Email))
	title := text.T(ctx, "people.link.password", "email", o.Email)
	if o.Invited() {
		done = web.Success(text.T(ctx, "people.done.invited"), text.T(ctx, "people.done.invited_"+string(o.Role), "email", o.Email))
		title = text.T(ctx, "people.link.invitation", "email", o.Email)
	}
	shell := web.Shell(c, title, layout.NavPeople)
	shell.Toasts = append(shell.Toasts, done)
	return web.Render(c, http.StatusOK, people.LinkPage(shell, m))
}
