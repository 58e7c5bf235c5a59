package handlers

import (
	"net/http"
	"strings"

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
	form := account.SignIn{Next: keepNext(next)}
	needsSetup, err := h.people.NeedsSetup(c.Request().Context())
	if err != nil {
		return err
	}
	if needsSetup {
		form.Note = "Nobody can sign in yet. Open the set-up link that Boardlink printed when it started."
	}
	return web.Render(c, http.StatusOK, account.SignInPage(web.Shell(c, "Sign in", ""), form))
}

func (h *Console) signIn(c echo.Context) error {
	next := web.SafeNext(c.FormValue("next"))
	email, password := c.FormValue("email"), connection.Secret(c.FormValue("password"))
	form := account.SignIn{Email: email, Next: keepNext(next)}
	if strings.TrimSpace(email) == "" {
		form.EmailError = "Fill in E-mail."
	}
	if !password.IsSet() {
		form.PasswordError = "Fill in Password."
	}
	if form.EmailError != "" || form.PasswordError != "" {
		return web.Render(c, http.StatusUnprocessableEntity, account.SignInPage(web.Shell(c, "Error: Sign in", ""), form))
	}
	who, err := h.people.SignIn(c.Request().Context(), email, password)
	if connection.CodeOf(err) == connection.CodeUnauthorized {
		form.Error = "The e-mail or the password is wrong."
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
