package handlers

import (
	"encoding/hex"
	"net/http"
	"strings"

	"boardlink/connection"
	"boardlink/operation"
	"boardlink/text"
	"boardlink/views/devices"
	"boardlink/views/layout"
	"boardlink/web"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"
)

const devicesOnPage = 50

// devices shows the devices of a connection, with the search from the query.
func (h *Console) devices(c echo.Context) error {
	v, err := h.viewOf(c)
	if err != nil {
		return err
	}
	m := devices.List{
		ID: v.Connection.ID, Name: v.Connection.Name, Search: strings.TrimSpace(c.QueryParam("q")), After: devEUIOf(c.QueryParam("after")), Now: h.now(),
	}
	f := operation.DeviceFilter{Search: m.Search, AfterDevEUI: m.After, Limit: devicesOnPage}
	if m.Devices, m.Next, err = h.connections.Devices(c.Request().Context(), m.ID, f); err != nil {
		return err
	}
	if c.QueryParam("part") == "list" {
		return web.Render(c, http.StatusOK, devices.ListTable(m))
	}
	return web.Render(c, http.StatusOK, devices.ListPage(web.Shell(c, text.T(c.Request().Context(), "devices.page_title", "name", m.Name), layout.NavConnections), m))
}

// device shows one device, or the live part of its page that the query names.
func (h *Console) device(c echo.Context) error {
	id, err := idOf(c)
	if err != nil {
		return err
	}
	devEUI := devEUIOf(c.Param("devEUI"))
	if devEUI == "" {
		return connection.Fail(connection.CodeNotFound, "There is no such device on this connection.")
	}
	v, err := h.connections.Device(c.Request().Context(), id, devEUI)
	if err != nil {
		return err
	}
	m := devices.Device{
		ConnectionName: v.Connection.Name, Device: v.Device, Attributes: v.Attributes, Telemetry: v.Telemetry, Commands: v.Commands, Events: v.Events, Now: h.now(),
	}
	var fragment templ.Component
	switch c.QueryParam("part") {
	case "":
		title := v.Device.DevEUI
		if v.Device.Name != "" {
			title = v.Device.Name
		}
		fragment = devices.Page(web.Shell(c, title, layout.NavConnections), m)
	case "facts":
		fragment = devices.Facts(m)
	case "telemetry":
		fragment = devices.Telemetry(m)
	case "attributes":
		fragment = devices.Attributes(m)
	case "commands":
		fragment = devices.Commands(m)
	case "events":
		fragment = devices.EventsCard(m)
	default:
		return connection.Fail(connection.CodeNotFound, "There is no such part of the page.")
	}
	return web.Render(c, http.StatusOK, fragment)
}

// devEUIOf writes a DevEUI as devices are known by it, "" for what is none.
func devEUIOf(text string) string {
	if b, err := hex.DecodeString(text); err != nil || len(b) != 8 {
		return ""
	}
	return strings.ToUpper(text)
}
