package handlers

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"boardlink/access"
	"boardlink/connection"
	"boardlink/text"
	"boardlink/views/account"
	"boardlink/web"

	"github.com/labstack/echo/v4"
)

// signInForm asks who is there; whoever is signed in already goes on.
func (h *Console) signInForm(c echo.Context) error {
	ctx := c.Request().Context()
	next := web.SafeNext(c.QueryParam("next"))
	if web.Who(c).Known() {
		return web.Redirect(c, next)
	}
	form := account.SignIn{Next: keepNext(next)}
	needsSetup, err := h.people.NeedsSetup(ctx)
	if err != nil {
		return err
	}
	if needsSetup {
		form.Note = text.T(ctx, "signin.nobody_yet")
	}
	return web.Render(c, http.StatusOK, account.SignInPage(web.Shell(c, text.T(ctx, "signin.title"), ""), form))
}

func (h *Console) signIn(c echo.Context) error {
	ctx, next := c.Request().Context(), web.SafeNext(c.FormValue("next"))
	email, password := c.FormValue("email"), connection.Secret(c.FormValue("password"))
	form := account.SignIn{Email: email, Next: keepNext(next)}
	if strings.TrimSpace(email) == "" {
		form.EmailError = text.T(ctx, "signin.no_email")
	}
	if !password.IsSet() {
		form.PasswordError = text.T(ctx, "signin.no_password")
	}
	if form.EmailError != "" || form.PasswordError != "" {
		return web.Render(c, http.StatusUnprocessableEntity, account.SignInPage(web.Shell(c, text.T(ctx, "signin.error"), ""), form))
	}
	who, err := h.people.SignIn(ctx, web.Origin(c), email, password)
	if later, ok := tooMany(c, err); ok {
		form.Error = later
		return web.Render(c, http.StatusTooManyRequests, account.SignInPage(web.Shell(c, text.T(ctx, "signin.error"), ""), form))
	}
	if connection.CodeOf(err) == connection.CodeUnauthorized {
		form.Error = text.T(ctx, "signin.wrong")
		return web.Render(c, http.StatusUnprocessableEntity, account.SignInPage(web.Shell(c, text.T(ctx, "signin.error"), ""), form))
	}
	if err != nil {
		return err
	}
	if err := h.enter(c, who); err != nil {
		return err
	}
	return web.Redirect(c, next)
}

// enter signs in whoever has shown who it is, and makes the browser known.
func (h *Console) enter(c echo.Context, who access.Identity) error {
	if err := h.rememberBrowser(c, who); err != nil {
		return err
	}
	return web.SignIn(c, who)
}

func (h *Console) rememberBrowser(c echo.Context, who access.Identity) error {
	secret, err := h.people.Remember(c.Request().Context(), web.Origin(c), who)
	if err != nil {
		return err
	}
	web.KeepBrowser(c, secret)
	return nil
}

// tooMany gives what to tell a person whose password was not read because too many were wrong, and says in the header when it
// will be. A program is told so by the error itself.
func tooMany(c echo.Context, err error) (sentence string, ok bool) {
	t, ok := errors.AsType[*access.Throttled](err)
	if !ok || web.IsProgram(c) {
		return "", false
	}
	c.Response().Header().Set("Retry-After", strconv.Itoa(t.Seconds()))
	return t.Error(), true
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
