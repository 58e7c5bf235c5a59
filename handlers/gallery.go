package handlers

import (
	"net/http"
	"time"

	"boardlink/access"
	"boardlink/connection"
	"boardlink/views/gallery"
	"boardlink/web"

	"github.com/labstack/echo/v4"
)

// galleryPages show every control in every state, to developers.
type galleryPages struct{ now func() time.Time }

func (h galleryPages) routes() []web.Route {
	return []web.Route{
		{Method: http.MethodGet, Path: "/gallery", Least: access.RoleAdmin, Handler: h.sheet},
		{Method: http.MethodGet, Path: "/gallery/:name", Least: access.RoleAdmin, Handler: h.specimen},
	}
}

func (h galleryPages) sheet(c echo.Context) error {
	shell := web.Shell(c, "Gallery", "")
	shell.LiveURL = "" // nothing here is live, so nothing of this installation comes into it
	return web.Render(c, http.StatusOK, gallery.SheetPage(shell, h.now()))
}

func (h galleryPages) specimen(c echo.Context) error {
	name := c.Param("name")
	if name == gallery.Still {
		return c.NoContent(http.StatusNoContent)
	}
	s, ok := gallery.Find(name)
	if !ok {
		return connection.Fail(connection.CodeNotFound, "There is no such specimen.")
	}
	shell := web.Shell(c, s.Title, "")
	shell.LiveURL = ""
	return web.Render(c, http.StatusOK, s.Draw(shell, h.now()))
}
