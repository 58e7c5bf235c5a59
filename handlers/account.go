package handlers

import (
	"context"
	"net/http"

	"boardlink/access"
	"boardlink/connection"
	"boardlink/views/account"
	"boardlink/web"

	"github.com/labstack/echo/v4"
)

// Account is all that the pages need done for whoever is signed in; [access.People] does it.
type Account interface {
	Confirm(ctx context.Context, from access.Origin, operatorID int64, password connection.Secret) error
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
