package web

import (
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"
)

const (
	// ConfirmPath is the page that asks a signed-in person for the password once more; programs confirm at
	// [ConfirmOperation].
	ConfirmPath = "/confirm"
	// ConfirmOperation is where a program that bears a session cookie gives its person's password once more.
	ConfirmOperation = Base + "/sessions/confirm"
	// CodeConfirm is the code of the problem that says that the password must be given once more.
	CodeConfirm = "confirmation_required"
)

// errConfirm refuses what needs a fresh password.
func errConfirm() *Problem {
	p := NewProblem(http.StatusForbidden, `This needs your password, given within the last 15 minutes. Send it as {"password": "..."} with POST to `+
		ConfirmOperation+`, or open `+ConfirmPath+` in the browser; then ask again with the cookie that you were given.`)
	p.Code = CodeConfirm
	return p
}

// askToConfirm leads a browser to the page that asks for the password, and from there back. What was typed into a form is
// not kept: the form's own page is to be a fresh route too, so that people are asked before they type.
func (s *Server) askToConfirm(c echo.Context) error {
	target := ConfirmPath + "?next=" + url.QueryEscape(s.wanted(c, c.Request()))
	if IsPartial(c) {
		c.Response().Header().Set("HX-Redirect", target)
		return c.NoContent(http.StatusForbidden)
	}
	return c.Redirect(http.StatusSeeOther, target)
}
