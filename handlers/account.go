package handlers

import (
	"context"
	"net/http"
	"strconv"

	"boardlink/access"
	"boardlink/connection"
	"boardlink/text"
	"boardlink/views/account"
	"boardlink/views/layout"
	"boardlink/views/ui"
	"boardlink/web"

	"github.com/labstack/echo/v4"
)

// Account is all that the pages need done for whoever is signed in; [access.People] does it.
type Account interface {
	Confirm(ctx context.Context, from access.Origin, operatorID int64, password connection.Secret) error
	ChangePassword(ctx context.Context, from access.Origin, c access.PasswordChange) error
	TellSessionsEnded(ctx context.Context, from access.Origin, who access.Identity, n int64)
}

// confirmForm asks for the password once more; whoever has given it lately goes on.
func (h *Console) confirmForm(c echo.Context) error {
	next := web.SafeNext(c.QueryParam("next"))
	if web.IsFresh(c) {
		return web.Redirect(c, next)
	}
	return web.Render(c, http.StatusOK, account.ConfirmPage(web.Shell(c, text.T(c.Request().Context(), "account.confirm.title"), ""), account.Confirm{Next: keepNext(next)}))
}

func (h *Console) confirm(c echo.Context) error {
	next, password := web.SafeNext(c.FormValue("next")), connection.Secret(c.FormValue("password"))
	form, status := account.Confirm{Next: keepNext(next)}, http.StatusUnprocessableEntity
	if !password.IsSet() {
		form.Error = text.T(c.Request().Context(), "account.confirm.missing")
	} else {
		err := h.people.Confirm(c.Request().Context(), web.Origin(c), web.Who(c).ID, password)
		wrong, isField := fieldErrors(err)
		later, isLater := tooMany(c, err)
		switch {
		case isLater:
			form.Error, status = later, http.StatusTooManyRequests
		case isField:
			form.Error = wrong["password"]
		case err != nil:
			return err
		}
	}
	if form.Error != "" {
		return web.Render(c, status, account.ConfirmPage(web.Shell(c, text.T(c.Request().Context(), "account.confirm.failed"), ""), form))
	}
	if err := web.Confirm(c); err != nil {
		return err
	}
	return web.Redirect(c, next)
}

// account shows whoever is signed in the own account.
func (h *Console) account(c echo.Context) error {
	own, err := web.OwnSessions(c)
	if err != nil {
		return err
	}
	who := web.Who(c)
	m := account.Own{Email: who.Name, Role: string(who.Role), Now: h.now()}
	for _, s := range own {
		m.Sessions = append(m.Sessions, account.Session{
			ID: strconv.FormatInt(s.ID, 10), Browser: s.Browser, Address: s.Address, StartedAt: s.StartedAt, LastSeenAt: s.LastSeenAt, Current: s.Current,
		})
	}
	return web.Render(c, http.StatusOK, account.OwnPage(web.Shell(c, text.T(c.Request().Context(), "account.title"), layout.NavAccount), m))
}

// passwordForm asks for another password. It asks for the present one itself, so it needs no fresh one.
func (h *Console) passwordForm(c echo.Context) error {
	ctx := c.Request().Context()
	return web.Render(c, http.StatusOK, account.PasswordPage(web.Shell(c, text.T(ctx, "account.password.title"), layout.NavAccount), passwordFields(ctx, nil)))
}

func (h *Console) changePassword(c echo.Context) error {
	ctx, from, who := c.Request().Context(), web.Origin(c), web.Who(c)
	err := h.people.ChangePassword(ctx, from, access.PasswordChange{
		OperatorID: who.ID, Session: web.SessionDigest(c),
		Current: connection.Secret(c.FormValue("currentPassword")), New: connection.Secret(c.FormValue("newPassword")),
	})
	status := http.StatusUnprocessableEntity
	wrong, isField := fieldErrors(err)
	if later, ok := tooMany(c, err); ok {
		wrong, isField, status = map[string]string{"currentPassword": later}, true, http.StatusTooManyRequests
	}
	if isField {
		return web.Render(c, status, account.PasswordPage(web.Shell(c, text.T(ctx, "account.password.failed"), layout.NavAccount), passwordFields(ctx, wrong)))
	}
	if err != nil {
		return err
	}
	if err := web.Confirm(c); err != nil {
		return err
	}
	if err := h.rememberBrowser(c, who); err != nil {
		return err
	}
	return web.Redirect(c, "/account", web.Success(text.T(ctx, "account.password.done"), text.T(ctx, "account.password.done_text")))
}

func passwordFields(ctx context.Context, wrong map[string]string) []ui.Field {
	return []ui.Field{
		{
			Name: "currentPassword", Label: text.T(ctx, "account.password.current"), Kind: ui.KindPassword, Complete: "current-password", Mandatory: true,
			Error: wrong["currentPassword"], Autofocus: wrong == nil,
		},
		{
			Name: "newPassword", Label: text.T(ctx, "account.password.new"), Kind: ui.KindPassword, Complete: "new-password", Mandatory: true,
			Error: wrong["newPassword"], Note: text.T(ctx, "account.password.note"), Help: passwordHelp,
		},
	}
}

// endSession ends one of the own sessions; ending the one that asks is signing out.
func (h *Console) endSession(c echo.Context) error {
	id, err := strconv.ParseInt(c.Param("id"), 10, 64)
	if err != nil {
		return connection.Fail(connection.CodeNotFound, "There is no such session.")
	}
	ctx, who := c.Request().Context(), web.Who(c)
	if err := web.EndOwnSession(c, id); err != nil {
		return err
	}
	h.people.TellSessionsEnded(ctx, web.Origin(c), who, 1)
	if !web.Who(c).Known() {
		return web.Redirect(c, "/signin")
	}
	return web.Redirect(c, account.SessionsHeading, web.Success(text.T(ctx, "account.ended.session"), text.T(ctx, "account.ended.session_text")))
}

func (h *Console) endOtherSessions(c echo.Context) error {
	ctx := c.Request().Context()
	n, err := web.EndOtherSessions(c)
	if err != nil {
		return err
	}
	if n == 0 {
		return web.Redirect(c, account.SessionsHeading, web.Success(text.T(ctx, "account.ended.nothing"), text.T(ctx, "account.ended.nothing_text")))
	}
	h.people.TellSessionsEnded(ctx, web.Origin(c), web.Who(c), n)
	return web.Redirect(c, account.SessionsHeading, web.Success(text.T(ctx, "account.ended.all"), text.T(ctx, "account.ended.all_text")))
}
