package operation

import (
	"context"
	"fmt"

	"boardlink/connection"
)

// DeviceFilter chooses devices of a connection. Its zero value chooses the first [DefaultLimit] of all.
type DeviceFilter struct {
	Search      string // begin of the DevEUI or part of the name; letter case does not matter
	AfterDevEUI string // cursor: devices with a higher DevEUI
	Limit       int    // 1 to [MaxLimit]; 0 takes [DefaultLimit]
}

// Devices reads a page of the devices that were seen on a connection, in the order of their DevEUIs. next is the cursor of the
// page after it, "" where there is none.
func (o *Connections) Devices(ctx context.Context, id connection.ID, f DeviceFilter) (page []connection.Device, next string, err error) {
	limit, err := limitOf(f.Limit)
	if err != nil {
		return nil, "", err
	}
	if _, err := o.store.Connection(ctx, id); err != nil {
		return nil, "", fmt.Errorf("read connection %s: %w", id, err)
	}
	f.Limit = limit + 1 // one more tells whether there is another page
	page, err = o.store.Devices(ctx, id, f)
	if err != nil {
		return nil, "", fmt.Errorf("list devices of connection %s: %w", id, err)
	}
	if len(page) > limit {
		page = page[:limit]
		next = page[limit-1].DevEUI
	}
	return page, next, nil
}

// DeviceView is what is known of one device of a connection.
type DeviceView struct {
	Connection connection.Connection
	Device     connection.Device            // its counts are zero where ThingsBoard knows it and ThingPark never spoke of it
	Attributes []connection.SharedAttribute // in the order of their keys
	Telemetry  connection.LastTelemetry     // zero where nothing was delivered
	Commands   []connection.Command         // the latest first
	Events     []connection.Event           // the latest first
}

// latestOfDevice is how many commands, and how many events, a [DeviceView] holds.
const latestOfDevice = 10

// Device reads what is known of one device. One that was never heard, never commanded and shares no attribute is a
// [connection.Failure] with [connection.CodeNotFound].
func (o *Connections) Device(ctx context.Context, id connection.ID, devEUI string) (DeviceView, error) {
	v := DeviceView{}
	var err error
	if v.Connection, err = o.store.Connection(ctx, id); err != nil {
		return DeviceView{}, fmt.Errorf("read connection %s: %w", id, err)
	}
	if v.Attributes, err = o.store.SharedAttributes(ctx, id, devEUI); err != nil {
		return DeviceView{}, fmt.Errorf("read shared attributes of a device of connection %s: %w", id, err)
	}
	if v.Telemetry, err = o.store.LastTelemetry(ctx, id, devEUI); err != nil {
		return DeviceView{}, fmt.Errorf("read last telemetry of a device of connection %s: %w", id, err)
	}
	if v.Commands, err = o.store.DeviceCommands(ctx, id, devEUI, latestOfDevice); err != nil {
		return DeviceView{}, fmt.Errorf("read commands of a device of connection %s: %w", id, err)
	}
	v.Device, err = o.store.Device(ctx, id, devEUI)
	switch known := len(v.Attributes)+len(v.Commands) > 0; {
	case known && connection.CodeOf(err) == connection.CodeNotFound:
		v.Device = connection.Device{ConnectionID: id, DevEUI: devEUI}
	case err != nil:
		return DeviceView{}, fmt.Errorf("read device of connection %s: %w", id, err)
	}
	v.Events, _, err = o.Events(ctx, EventFilter{ConnectionID: id, DevEUI: devEUI, Limit: latestOfDevice})
	return v, err
}
