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

// Device reads what is known of one device of a connection.
func (o *Connections) Device(ctx context.Context, id connection.ID, devEUI string) (connection.Device, error) {
	if _, err := o.store.Connection(ctx, id); err != nil {
		return connection.Device{}, fmt.Errorf("read connection %s: %w", id, err)
	}
	d, err := o.store.Device(ctx, id, devEUI)
	if err != nil {
		return connection.Device{}, fmt.Errorf("read device of connection %s: %w", id, err)
	}
	return d, nil
}
