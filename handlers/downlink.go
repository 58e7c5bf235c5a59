package handlers

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"boardlink/connection"
	"boardlink/operation"
	"boardlink/text"
	"boardlink/views/devices"
	"boardlink/views/layout"
	"boardlink/web"

	"github.com/labstack/echo/v4"
)

// downlinkForm asks for a downlink that is to be sent by hand.
func (h *Console) downlinkForm(c echo.Context) error {
	v, err := h.viewOf(c)
	if err != nil {
		return err
	}
	return h.showDownlink(c, http.StatusOK, v, devices.NewDownlink(c.Request().Context(), &v.Connection, url.Values{"devEUI": {devEUIOf(c.QueryParam("devEUI"))}}))
}

func (h *Console) showDownlink(c echo.Context, status int, v operation.View, m devices.Downlink) error {
	title := text.T(c.Request().Context(), "devices.downlink.title")
	if status >= http.StatusBadRequest {
		title = text.T(c.Request().Context(), "devices.downlink.error_title")
	}
	return web.Render(c, status, devices.DownlinkPage(web.Shell(c, text.T(c.Request().Context(), "devices.downlink.over", "title", title, "name", v.Connection.Name), layout.NavConnections), m))
}

// sendDownlink sends it and tells what ThingPark said: on the device's page where it is queued, else in the form.
func (h *Console) sendDownlink(c echo.Context) error {
	v, err := h.viewOf(c)
	if err != nil {
		return err
	}
	values, err := c.FormParams()
	if err != nil {
		return badForm(err)
	}
	m := devices.NewDownlink(c.Request().Context(), &v.Connection, values)
	devEUI := strings.ToUpper(strings.TrimSpace(values.Get("devEUI")))
	params, err := downlinkParams(values)
	if err != nil {
		return err
	}
	p, err := h.connections.SendDownlink(c.Request().Context(), actor(c), v.Connection.ID, devEUI, params)
	if wrong, ok := fieldErrors(err); ok {
		m.Refuse(wrong)
		return h.showDownlink(c, http.StatusUnprocessableEntity, v, m)
	}
	switch code := connection.CodeOf(err); {
	case code == connection.CodeConflict || code == connection.CodeInvalid || code == connection.CodeUnavailable:
		m.Problem = web.ProblemOf(err, "").Detail
		return h.showDownlink(c, web.ProblemOf(err, "").Status, v, m)
	case err != nil:
		return err
	case p.State != connection.CommandQueued:
		m.Outcome, m.Problem = p.State, p.Sentence
		status := http.StatusBadGateway
		if p.State == connection.CommandRefused {
			status = http.StatusUnprocessableEntity
		}
		return h.showDownlink(c, status, v, m)
	}
	done := web.Success(text.T(c.Request().Context(), "devices.downlink.queued"), text.T(c.Request().Context(), "devices.downlink.queued_hint"))
	return web.Redirect(c, devices.DevicePath(v.Connection.ID, devEUI)+"#commands-title", done)
}

// downlinkParams writes a form as the parameters of ThingsBoard's RPC "downlink". What is empty is left out; what should be
// a number and is none goes on as a text, for the rules to refuse.
func downlinkParams(values url.Values) (json.RawMessage, error) {
	params := map[string]any{"payload_hex": strings.Join(strings.Fields(values.Get("payload_hex")), "")}
	for _, name := range []string{"FPort", "ValidityTime"} {
		text := strings.TrimSpace(values.Get(name))
		switch {
		case text == "":
		case strings.Trim(text, "0123456789") == "":
			params[name] = json.Number(strings.TrimLeft(text[:len(text)-1], "0") + text[len(text)-1:])
		default:
			params[name] = text
		}
	}
	for _, name := range []string{"Confirmed", "FlushDownlinkQueue"} {
		if values.Get(name) == "true" {
			params[name] = 1
		}
	}
	return json.Marshal(params)
}
