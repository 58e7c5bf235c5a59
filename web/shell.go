package web

import (
	"net/http"

	"boardlink/access"
	"boardlink/views/layout"

	"github.com/labstack/echo/v4"
)

// StreamPath is where open pages listen for changes.
const StreamPath = "/stream"

// Shell fills the frame of a page: who is signed in, the toasts that wait to be shown (each is shown once), and where the
// page hears of changes. title names the document, active the lit row of the navigation.
func Shell(c echo.Context, title, active string) layout.Shell {
	shell := layout.Shell{Title: title, Active: active, Theme: chosen(c, PreferTheme), Here: here(c)}
	who := Who(c)
	if who.Kind != access.OperatorKind {
		return shell
	}
	shell.User, shell.Admin = who.Name, who.AllowsRole(access.RoleAdmin)
	shell.LiveURL = StreamPath
	shell.NoShortcuts, shell.Paused = chosen(c, PreferShortcuts) == "off", chosen(c, PreferLive) == "off"
	toasts, err := takeToasts(c)
	if err != nil {
		Log(c.Request().Context()).Error("Toasts could not be taken from the session", "error", err)
	}
	shell.Toasts = toasts
	return shell
}

// here is the address of the page that is asked for, where it can be asked for again.
func here(c echo.Context) string {
	if r := c.Request(); r.Method == http.MethodGet {
		return r.URL.RequestURI()
	}
	return ""
}
