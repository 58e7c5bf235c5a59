package handlers

import (
	"encoding/json"
	"fmt"
	"net/http"

	"boardlink/text"
	"boardlink/views/layout"
	"boardlink/views/shortcuts"
	"boardlink/web"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"
)

// preferences lets the browser remember how its reader likes the console. A page that has scripts is told what was chosen by
// the event "preference" and need not be loaded anew.
func (h *Console) preferences(c echo.Context) error {
	back, chosen := web.SafeNext(c.FormValue("back")), map[web.Preference]string{}
	for _, p := range web.Preferences() {
		value := c.FormValue(string(p))
		if value == "" {
			continue
		}
		if err := web.Prefer(c, p, value); err != nil {
			return err
		}
		chosen[p] = value
	}
	if len(chosen) == 0 {
		return web.NewProblem(http.StatusBadRequest, "Say what you prefer: theme, shortcuts or live.")
	}
	if !web.IsPartial(c) {
		return web.Redirect(c, back)
	}
	said, err := json.Marshal(map[string]any{"preference": chosen})
	if err != nil {
		return fmt.Errorf("tell the page what was chosen: %w", err)
	}
	c.Response().Header().Set("HX-Trigger", string(said))
	var form templ.Component
	switch {
	case chosen[web.PreferTheme] != "":
		form = layout.ThemeForm(chosen[web.PreferTheme], back)
	case chosen[web.PreferShortcuts] != "":
		form = shortcuts.Switch(chosen[web.PreferShortcuts] == "off")
	default:
		return c.NoContent(http.StatusNoContent)
	}
	return web.Render(c, http.StatusOK, form)
}

// shortcuts shows what keys do: over the page that asks, or as a page.
func (h *Console) shortcuts(c echo.Context) error {
	s := web.Shell(c, text.T(c.Request().Context(), "shortcuts.title"), "")
	if web.IsPartial(c) {
		return web.Render(c, http.StatusOK, shortcuts.Dialog(s.NoShortcuts))
	}
	return web.Render(c, http.StatusOK, shortcuts.Page(s))
}
