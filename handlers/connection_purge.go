package handlers

import (
	"net/http"

	"boardlink/connection"
	"boardlink/text"
	"boardlink/views/connections"
	"boardlink/views/layout"
	"boardlink/web"

	"github.com/labstack/echo/v4"
)

// purgeForm asks whether to drop what waits: in a dialog over the connection's page, or on a page of its own.
func (h *Console) purgeForm(c echo.Context) error {
	v, err := h.viewOf(c)
	if err != nil {
		return err
	}
	if web.IsPartial(c) {
		return web.Render(c, http.StatusOK, connections.PurgeDialog(deleteModel(v)))
	}
	return web.Render(c, http.StatusOK, connections.PurgePage(web.Shell(c, text.T(c.Request().Context(), "edit.purge.page_title", "name", v.Connection.Name), layout.NavConnections), deleteModel(v)))
}

// purge drops what waits on a connection whose name was typed correctly.
func (h *Console) purge(c echo.Context) error {
	v, err := h.viewOf(c)
	if err != nil {
		return err
	}
	back := connections.Path(v.Connection.ID)
	if typed := c.FormValue("confirmName"); !sameName(typed, v.Connection.Name) {
		m := deleteModel(v)
		m.Typed, m.Error = typed, text.T(c.Request().Context(), "edit.delete.wrong_name")
		shell := web.Shell(c, text.T(c.Request().Context(), "edit.purge.error_page_title", "name", v.Connection.Name), layout.NavConnections)
		return web.Render(c, http.StatusUnprocessableEntity, connections.PurgePage(shell, m))
	}
	n, err := h.connections.Purge(c.Request().Context(), actor(c), v.Connection.ID)
	if connection.CodeOf(err) == connection.CodeUnavailable { // a part was dropped, and it can be asked again
		return web.Redirect(c, back, web.Failed(text.T(c.Request().Context(), "edit.purge.partly"), web.ProblemOf(err, "").Detail))
	}
	if err != nil {
		return err
	}
	said := text.T(c.Request().Context(), "edit.purge.gone")
	if n == 0 {
		said = text.T(c.Request().Context(), "edit.purge.none_left")
	}
	return web.Redirect(c, back, web.Success(text.N(c.Request().Context(), "edit.purge.dropped", n), said))
}
