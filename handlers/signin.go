package handlers

import (
	"net/http"

	"boardlink/connection"
	"boardlink/views/account"
	"boardlink/web"

	"github.com/labstack/echo/v4"
)

// signInForm asks who is there; whoever is signed in already goes on.
func (h *Console) signInForm(c echo.Context) error {
	next := web.SafeNext(c.QueryParam("next"))
	if web.Who(c).Known() {
		return web.Redirect(c, next)
	}
	return web.Render(c, http.StatusOK, account.SignInPage(web.Shell(c, "Sign in", ""), account.SignIn{Next: keepNext(next)}))
}

func (h *Console) signIn(c echo.Context) error {
	next := web.SafeNext(c.FormValue("next"))
	who, err := h.people.SignIn(c.Request().Context(), c.FormValue("email"), connection.Secret(c.FormValue("password")))
	if connection.CodeOf(err) == connection.CodeUnauthorized {
		form := account.SignIn{Email: c.FormValue("email"), Next: keepNext(next), Error: "The e-mail or the password is wrong."}
		return web.Render(c, http.StatusUnprocessableEntity, account.SignInPage(web.Shell(c, "Error: Sign in", ""), form))
	}
	if err != nil {
		return err
	}
	if err := web.SignIn(c, who); err != nil {
		return err
	}
	return web.Redirect(c, next)
}

func (h *Console) signOut(c echo.Context) error {
	if err := web.SignOut(c); err != nil {
		return err
	}
	return web.Redirect(c, "/signin")
}

// keepNext leaves the usual way on out of the form.
func keepNext(next string) string {
	if next == "/" {
		return ""
	}
	return next
}
