package web

import (
	"boardlink/access"
	"boardlink/views/layout"

	"github.com/labstack/echo/v4"
)

// StreamPath is where open pages listen for changes.
const StreamPath = "/stream"

// Shell fills the frame of a page: who is signed in, the toasts that wait to be shown (each is shown once), and where the
// page hears of changes. title names the document, active the lit row of the navigation.
func Shell(c echo.Context, title, active string) layout.Shell {
	shell := layout.Shell{Title: title, Active: active, Theme: theme(c)}
	who := Who(c)
	if who.Kind != access.OperatorKind {
		return shell
	}
	shell.User, shell.Admin = who.Name, who.AllowsRole(access.RoleAdmin)
	shell.LiveURL = StreamPath
	toasts, err := takeToasts(c)
	if err != nil {
		Log(c.Request().Context()).Error("Toasts could not be taken from the session", "error", err)
	}
	shell.Toasts = toasts
	return shell
}

// theme is what the visitor chose, or "" to follow the system.
func theme(c echo.Context) string {
	cookie, err := c.Cookie("theme")
	if err != nil || (cookie.Value != "light" && cookie.Value != "dark") {
		return ""
	}
	return cookie.Value
}
