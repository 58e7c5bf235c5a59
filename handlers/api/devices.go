package api

import (
	"context"
	"encoding/hex"
	"strings"

	"boardlink/connection"
	"boardlink/operation"
)

// device is one that was seen on a connection, as programs read it.
type device struct {
	DevEUI       string `json:"devEUI" example:"20635F0108000E09"`
	Name         string `json:"name" doc:"As ThingPark knows it; may be empty."`
	LastUplinkAt moment `json:"lastUplinkAt"`
	Uplinks      int64  `json:"uplinks"`
	Downlinks    int64  `json:"downlinks"`
}

func deviceOf(d connection.Device) device {
	return device{DevEUI: d.DevEUI, Name: d.Name, LastUplinkAt: moment(d.LastUplinkAt), Uplinks: d.Uplinks, Downlinks: d.Downlinks}
}

// devEUI is a place in the list of devices.
type devEUI string

func (d devEUI) String() string { return string(d) }

func (a *api) devices(ctx context.Context, c *call) (*page[device], error) {
	id, err := c.id()
	if err != nil {
		return nil, err
	}
	f := operation.DeviceFilter{}
	if f.Search, err = c.query("search"); err != nil {
		return nil, err
	}
	if f.AfterDevEUI, err = c.query("cursor"); err != nil {
		return nil, err
	}
	if b, err := hex.DecodeString(f.AfterDevEUI); err != nil || len(b) != 8 && f.AfterDevEUI != "" {
		return nil, wrong("cursor", "Give nextCursor of the page before: a DevEUI, 16 hexadecimal digits.", "20635F0108000E09")
	}
	f.AfterDevEUI = strings.ToUpper(f.AfterDevEUI)
	if f.Limit, err = c.limit(); err != nil {
		return nil, err
	}
	list, next, err := a.operations.Devices(ctx, id, f)
	if err != nil {
		return nil, err
	}
	items := make([]device, len(list))
	for i, d := range list {
		items[i] = deviceOf(d)
	}
	if next == "" {
		return pageOf(items, nil), nil
	}
	return pageOf(items, devEUI(next)), nil
}
