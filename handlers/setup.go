package handlers

import (
	"context"
	"errors"
	"net/http"

	"boardlink/access"
	"boardlink/connection"
	"boardlink/text"
	"boardlink/views/account"
	"boardlink/views/layout"
	"boardlink/views/ui"
	"boardlink/web"

	"github.com/labstack/echo/v4"
)

// setUpForm opens a set-up link: it makes the first operator, or sets the password of the one it was made for.
func (h *Console) setUpForm(c echo.Context) error {
	ctx, secret := c.Request().Context(), c.QueryParam("token")
	token, err := h.people.LookUpToken(ctx, connection.Secret(secret))
	if err != nil {
		return badLink(c, err)
	}
	return web.Render(c, http.StatusOK, account.SetUpPage(web.Shell(c, setUpTitle(ctx, token), ""), setUpModel(ctx, secret, token, token.Email, nil)))
}

func (h *Console) setUp(c echo.Context) error {
	ctx, secret, email := c.Request().Context(), c.QueryParam("token"), c.FormValue("email")
	if secret == "" {
		secret = c.FormValue("token")
	}
	token, err := h.people.LookUpToken(ctx, connection.Secret(secret))
	if err != nil {
		return badLink(c, err)
	}
	who, err := h.people.SetUp(ctx, connection.Secret(secret), email, connection.Secret(c.FormValue("password")))
	if wrong, ok := fieldErrors(err); ok {
		shell := web.Shell(c, text.T(ctx, "signin.error_in", "title", setUpTitle(ctx, token)), "")
		return web.Render(c, http.StatusUnprocessableEntity, account.SetUpPage(shell, setUpModel(ctx, secret, token, email, wrong)))
	}
	if err != nil {
		return err
	}
	if err := h.enter(c, who); err != nil {
		return err
	}
	return web.Redirect(c, "/")
}

// badLink offers to sign in to whoever comes with a link that is not valid: most have used it already.
func badLink(c echo.Context, err error) error {
	var f *connection.Failure
	if !errors.As(err, &f) || f.Code != connection.CodeForbidden {
		return err
	}
	ctx := c.Request().Context()
	p := layout.Problem{
		Status: http.StatusForbidden, Title: text.T(ctx, "signin.bad_link"), Text: f.Message, BackURL: "/signin", BackLabel: text.T(ctx, "signin.title"),
	}
	return web.Render(c, http.StatusForbidden, layout.ProblemPage(web.Shell(c, p.Title, ""), p))
}

func setUpTitle(ctx context.Context, t access.SetupToken) string {
	switch {
	case t.Invited:
		return text.T(ctx, "signin.set_up.invited.title")
	case t.OperatorID != 0:
		return text.T(ctx, "signin.set_up.reset.title")
	}
	return text.T(ctx, "signin.set_up.first.title")
}

func setUpModel(ctx context.Context, secret string, t access.SetupToken, email string, wrong map[string]string) account.SetUp {
	return account.SetUp{
		Token:   secret,
		Reset:   t.OperatorID != 0,
		Invited: t.Invited,
		Fields: []ui.Field{
			{
				Name: "email", Label: text.T(ctx, "signin.email"), Kind: ui.KindEmail, Complete: "username", Mandatory: true, Value: email,
				Error: wrong["email"], Autofocus: wrong == nil, Help: text.T(ctx, "signin.email_help"),
			},
			{
				Name: "password", Label: text.T(ctx, "signin.password"), Kind: ui.KindPassword, Complete: "new-password", Mandatory: true,
				Error: wrong["password"], Note: text.T(ctx, "signin.password_note"), Help: text.T(ctx, "signin.password_help"),
			},
		},
	}
}

const passwordHelp = "A sentence of your own is better than a short riddle."
