package handlers

import (
	"context"
	"net/http"
	"strconv"

	"boardlink/access"
	"boardlink/connection"
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
	return web.Render(c, http.StatusOK, account.ConfirmPage(web.Shell(c, "Confirm your password", ""), account.Confirm{Next: keepNext(next)}))
}

func (h *Console) confirm(c echo.Context) error {
	next, password := web.SafeNext(c.FormValue("next")), connection.Secret(c.FormValue("password"))
	form, status := account.Confirm{Next: keepNext(next)}, http.StatusUnprocessableEntity
	if !password.IsSet() {
		form.Error = "Fill in Password."
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
		return web.Render(c, status, account.ConfirmPage(web.Shell(c, "Error: Confirm your password", ""), form))
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
	return web.Render(c, http.StatusOK, account.OwnPage(web.Shell(c, "Account", layout.NavAccount), m))
}

// passwordForm asks for another password. It asks for the present one itself, so it needs no fresh one.
func (h *Console) passwordForm(c echo.Context) error {
	return web.Render(c, http.StatusOK, account.PasswordPage(web.Shell(c, "Change your password", layout.NavAccount), passwordFields(nil)))
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
		return web.Render(c, status, account.PasswordPage(web.Shell(c, "Error: Change your password", layout.NavAccount), passwordFields(wrong)))
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
	return web.Redirect(c, "/account", web.Success("Password changed", "Your other sessions have ended."))
}

func passwordFields(wrong map[string]string) []ui.Field {
	return []ui.Field{
		{
			Name: "currentPassword", Label: "Current password", Kind: ui.KindPassword, Complete: "current-password", Mandatory: true,
			Error: wrong["currentPassword"], Autofocus: wrong == nil,
		},
		{
			Name: "newPassword", Label: "New password", Kind: ui.KindPassword, Complete: "new-password", Mandatory: true,
			Error: wrong["newPassword"], Note: "At least 8 characters.", Help: passwordHelp,
		},
	}
}

// endSession ends one of the own sessions; ending the one that asks is signing out.
func (h *Console) endSession(c echo.Context) error {
	id, err := strconv.ParseInt(c.Param("id"), 10, 64)
	if err != nil {
		return connection.Fail(connection.CodeNotFound, "There is no such session.")
	}
	who := web.Who(c)
	if err := web.EndOwnSession(c, id); err != nil {
		return err
	}
	h.people.TellSessionsEnded(c.Request().Context(), web.Origin(c), who, 1)
	if !web.Who(c).Known() {
		return web.Redirect(c, "/signin")
	}
	return web.Redirect(c, account.SessionsHeading, web.Success("Session ended", "That browser is signed out."))
}

func (h *Console) endOtherSessions(c echo.Context) error {
	n, err := web.EndOtherSessions(c)
	if err != nil {
		return err
	}
	if n == 0 {
		return web.Redirect(c, account.SessionsHeading, web.Success("Nothing to end", "This is your only session."))
	}
	h.people.TellSessionsEnded(c.Request().Context(), web.Origin(c), web.Who(c), n)
	return web.Redirect(c, account.SessionsHeading, web.Success("Sessions ended", "You are signed in here alone."))
}
