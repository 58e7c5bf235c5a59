package handlers

import (
	"context"
	"net/http"

	"boardlink/connection"
	"boardlink/operation"
	"boardlink/text"
	"boardlink/views/connections"
	"boardlink/views/layout"
	"boardlink/views/state"
	"boardlink/web"

	"github.com/labstack/echo/v4"
)

// setState restarts, retries, activates or deactivates, and leads back to the page that asked.
func (h *Console) setState(c echo.Context) error {
	id, err := idOf(c)
	if err != nil {
		return err
	}
	ctx, who := c.Request().Context(), actor(c)
	var v operation.View
	var done string
	switch c.FormValue("action") {
	case "restart":
		v, err = h.connections.Restart(ctx, who, id)
		done = text.T(ctx, "edit.state.restart")
	case "retry":
		v, err = h.connections.Retry(ctx, who, id)
		done = text.T(ctx, "edit.state.retry")
	case "activate":
		v, err = h.connections.SetActive(ctx, who, id, true)
		done = text.T(ctx, "edit.state.activated")
	case "deactivate":
		v, err = h.connections.SetActive(ctx, who, id, false)
		done = text.T(ctx, "edit.state.deactivated")
	default:
		return connection.Fail(connection.CodeInvalid, "Choose restart, retry, activate or deactivate.")
	}
	if err != nil {
		return err
	}
	back := connections.Path(id) + "#" + state.MenuID(id)
	if given := c.FormValue("back"); given != "" {
		back = web.SafeNext(given)
	}
	return web.Redirect(c, back, web.Success(done, stateSentence(ctx, c.FormValue("action"), v.Connection.Name)))
}

func stateSentence(ctx context.Context, action, name string) string {
	switch action {
	case "activate":
		return text.T(ctx, "edit.state.starting", "name", name)
	case "deactivate":
		return text.T(ctx, "edit.state.closing", "name", name)
	default:
		return text.T(ctx, "edit.state.anew", "name", name)
	}
}

// deleteForm asks whether to delete a connection: in a dialog over its page, or on a page of its own.
func (h *Console) deleteForm(c echo.Context) error {
	id, err := idOf(c)
	if err != nil {
		return err
	}
	v, err := h.connections.Get(c.Request().Context(), id)
	if err != nil {
		return err
	}
	if web.IsPartial(c) {
		return web.Render(c, http.StatusOK, connections.DeleteDialog(deleteModel(v)))
	}
	return web.Render(c, http.StatusOK, connections.DeletePage(web.Shell(c, text.T(c.Request().Context(), "edit.delete.page_title", "name", v.Connection.Name), layout.NavConnections), deleteModel(v)))
}

func deleteModel(v operation.View) connections.Delete {
	return connections.Delete{ID: v.Connection.ID, Name: v.Connection.Name, Waiting: v.Status.Backlog, Parked: v.Status.Parked}
}

// delete removes a connection whose name was typed correctly.
func (h *Console) delete(c echo.Context) error {
	id, err := idOf(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	v, err := h.connections.Get(ctx, id)
	if err != nil {
		return err
	}
	typed := c.FormValue("confirmName")
	if !sameName(typed, v.Connection.Name) {
		m := deleteModel(v)
		m.Typed, m.Error = typed, text.T(c.Request().Context(), "edit.delete.wrong_name")
		shell := web.Shell(c, text.T(c.Request().Context(), "edit.delete.error_page_title", "name", v.Connection.Name), layout.NavConnections)
		return web.Render(c, http.StatusUnprocessableEntity, connections.DeletePage(shell, m))
	}
	if err := h.connections.Delete(ctx, actor(c), id); err != nil {
		return err
	}
	return web.Redirect(c, "/connections", web.Success(text.T(c.Request().Context(), "edit.delete.done"), text.T(c.Request().Context(), "edit.delete.deleted", "name", v.Connection.Name)))
}
