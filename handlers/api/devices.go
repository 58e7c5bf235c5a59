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

// deviceCursor is a place in the list of devices.
type deviceCursor string

func (d deviceCursor) String() string { return string(d) }

// devEUI reads a DevEUI from the query, "" where it is absent.
func (c *call) devEUI(name string) (string, error) {
	text, err := c.query(name)
	if err != nil || text == "" {
		return "", err
	}
	if !isDevEUI(text) {
		return "", wrong(name, "Give a DevEUI, 16 hexadecimal digits.", exampleDevice)
	}
	return strings.ToUpper(text), nil
}

func isDevEUI(text string) bool {
	b, err := hex.DecodeString(text)
	return err == nil && len(b) == 8
}

func (a *api) devices(ctx context.Context, c *call) (*page[device], error) {
	id, err := c.id()
	if err != nil {
		return nil, err
	}
	f := operation.DeviceFilter{}
	if f.Search, err = c.query("search"); err != nil {
		return nil, err
	}
	if f.AfterDevEUI, err = c.devEUI("cursor"); err != nil {
		return nil, err
	}
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
	return pageOf(items, deviceCursor(next)), nil
}
