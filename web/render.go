package web

import (
	"bytes"
	"fmt"
	"net/http"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"
)

// Render answers with a page or a fragment. It is drawn whole before the first byte goes out, so that a mistake in a
// template becomes an error page and never half a page.
func Render(c echo.Context, status int, component templ.Component) error {
	var page bytes.Buffer
	if err := component.Render(c.Request().Context(), &page); err != nil {
		return fmt.Errorf("render %s: %w", c.Path(), err)
	}
	return c.HTMLBlob(status, page.Bytes())
}

// Redirect sends the browser to another page of the console after a form was accepted: 303, or for a request by htmx its
// HX-Redirect header. Toasts are kept in the session and shown on the next full page.
func Redirect(c echo.Context, path string, toasts ...Toast) error {
	if err := keepToasts(c, toasts); err != nil {
		return fmt.Errorf("keep toasts: %w", err)
	}
	if IsPartial(c) {
		c.Response().Header().Set("HX-Redirect", path)
		return c.NoContent(http.StatusOK)
	}
	return c.Redirect(http.StatusSeeOther, path)
}

// IsPartial reports whether the answer replaces a part of a page: htmx asks, and it is neither a boosted link nor a page
// restored from history, which both need the whole page.
func IsPartial(c echo.Context) bool {
	h := c.Request().Header
	return h.Get("HX-Request") == "true" && h.Get("HX-Boosted") != "true" && h.Get("HX-History-Restore-Request") != "true"
}
