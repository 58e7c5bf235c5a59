package handlers

import (
	"net/http"

	"boardlink/connection"
	"boardlink/operation"
	"boardlink/views/connections"
	"boardlink/views/ui"
	"boardlink/web"

	"github.com/labstack/echo/v4"
)

// uplinkKey shows the key of the connection's uplinks to who asks for it, makes a new one, or ends the one before. It is
// asked for with a POST, so that the key stands in no page that a browser keeps or opens by itself.
func (h *Console) uplinkKey(c echo.Context) error {
	id, err := idOf(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	var v operation.View
	var toasts []ui.Toast
	switch c.FormValue("action") {
	case "show":
		v, err = h.connections.Get(ctx, id)
	case "renew":
		v, toasts, err = h.renewUplinkKey(c, id)
	case "end":
		v, err = h.connections.EndOldUplinkKey(ctx, actor(c), id)
		if connection.CodeOf(err) == connection.CodeNotFound { // its time was over before, or somebody else ended it
			v, err = h.connections.Get(ctx, id)
		}
		toasts = append(toasts, web.Success("Old uplink key ended", "Uplinks need the new one from now on."))
	default:
		return connection.Fail(connection.CodeInvalid, "Choose show, renew or end.")
	}
	if err != nil {
		return err
	}
	show := func(d *connections.Details) {
		d.UplinkKey, d.OldUplinkKey = v.Connection.UplinkKey.Reveal(), v.Connection.OldUplinkKey.Reveal()
	}
	if web.IsPartial(c) {
		d := h.detailsHead(v)
		show(&d)
		d.KeyAsked = true
		return web.Render(c, http.StatusOK, connections.ShownKey(d, toasts))
	}
	return h.showDetails(c, http.StatusOK, v, show, toasts...)
}

// renewUplinkKey makes a new key. Where another that was replaced before is accepted still, the page says so and nothing is
// changed.
func (h *Console) renewUplinkKey(c echo.Context, id connection.ID) (operation.View, []ui.Toast, error) {
	ctx := c.Request().Context()
	old, err := operation.ParseOldValidFor(c.FormValue("oldValidFor"))
	if err != nil {
		return operation.View{}, nil, err
	}
	v, err := h.connections.RenewUplinkKey(ctx, actor(c), id, old)
	if connection.CodeOf(err) == connection.CodeConflict {
		message := err.Error()
		v, err = h.connections.Get(ctx, id)
		return v, []ui.Toast{web.Failed("The uplink key was not renewed", message)}, err
	}
	told := "Until ThingPark sends it, uplinks are refused."
	if v.Connection.OldUplinkKey.IsSet() {
		told = "ThingPark may send the old one for " + ui.Span(old) + " more."
	}
	return v, []ui.Toast{web.Success("New uplink key", told)}, err
}
