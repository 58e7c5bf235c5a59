package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"boardlink/connection"
)

// SeenDevices adds what was seen of devices, all in one transaction: counts are added to the known ones, the latest uplink
// holds, and so does the last name that is not empty. Devices of connections that are gone are left out.
func (d *DB) SeenDevices(ctx context.Context, seen []connection.Device) error {
	if len(seen) == 0 {
		return nil
	}
	err := d.change(ctx, func(tx *sql.Tx) error {
		add, err := tx.PrepareContext(ctx, `
			INSERT INTO devices (connection_id, dev_eui, name, last_uplink_at, uplinks, downlinks)
			SELECT id, $2, $3, $4, $5, $6 FROM connections WHERE id = $1 AND deleted_at = 0
			ON CONFLICT (connection_id, dev_eui) DO UPDATE
			SET name           = CASE WHEN excluded.name <> '' THEN excluded.name ELSE devices.name END,
			    last_uplink_at = CASE WHEN excluded.last_uplink_at > devices.last_uplink_at THEN excluded.last_uplink_at ELSE devices.last_uplink_at END,
			    uplinks        = devices.uplinks + excluded.uplinks,
			    downlinks      = devices.downlinks + excluded.downlinks`)
		if err != nil {
			return err
		}
		defer func() { _ = add.Close() }() // the transaction's end frees it too
		for _, s := range seen {
			if _, err := add.ExecContext(ctx, s.ConnectionID, s.DevEUI, s.Name, millis(s.LastUplinkAt), s.Uplinks, s.Downlinks); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("keep seen devices: %w", err)
	}
	return nil
}

// ActiveDevices counts the devices of a connection that were heard since then.
func (d *DB) ActiveDevices(ctx context.Context, id connection.ID, since time.Time) (int, error) {
	var n int
	err := d.read.QueryRowContext(ctx, `
		SELECT COUNT(*) FROM devices WHERE connection_id = $1 AND last_uplink_at >= $2`, id, since.UnixMilli()).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count active devices: %w", err)
	}
	return n, nil
}

// RecentDevices returns at most limit devices of a connection that were heard since then, the latest first.
func (d *DB) RecentDevices(ctx context.Context, id connection.ID, since time.Time, limit int) ([]connection.Device, error) {
	rows, err := d.read.QueryContext(ctx, `
		SELECT `+deviceColumns+`
		FROM devices
		WHERE connection_id = $1 AND last_uplink_at >= $2
		ORDER BY last_uplink_at DESC, dev_eui
		LIMIT $3`, id, since.UnixMilli(), limitOr(limit))
	devices, err := scan(rows, err, readDevice(id))
	if err != nil {
		return nil, fmt.Errorf("list recent devices: %w", err)
	}
	return devices, nil
}

const deviceColumns = `dev_eui, name, last_uplink_at, uplinks, downlinks`

func readDevice(id connection.ID) func(row interface{ Scan(...any) error }) (connection.Device, error) {
	return func(row interface{ Scan(...any) error }) (connection.Device, error) {
		v := connection.Device{ConnectionID: id}
		err := row.Scan(&v.DevEUI, &v.Name, timeColumn{&v.LastUplinkAt}, &v.Uplinks, &v.Downlinks)
		return v, err
	}
}

// Device returns one device of a connection. What was never seen there is a [connection.Failure] with
// [connection.CodeNotFound].
func (d *DB) Device(ctx context.Context, id connection.ID, devEUI string) (connection.Device, error) {
	v, err := readDevice(id)(d.read.QueryRowContext(ctx, `
		SELECT `+deviceColumns+`
		FROM devices
		WHERE connection_id = $1 AND dev_eui = $2`, id, devEUI))
	if errors.Is(err, sql.ErrNoRows) {
		return connection.Device{}, connection.Fail(connection.CodeNotFound, "There is no such device on this connection.")
	}
	if err != nil {
		return connection.Device{}, fmt.Errorf("read device: %w", err)
	}
	return v, nil
}

// DeviceFilter chooses devices of a connection. Its zero value chooses the first page of all.
type DeviceFilter struct {
	Search      string // begin of the DevEUI, in any case, or part of the name, as written
	AfterDevEUI string // cursor: devices with a higher DevEUI
	Limit       int    // 0 takes 100
}

// Devices reads a page of a connection's devices, in the order of their DevEUIs.
func (d *DB) Devices(ctx context.Context, id connection.ID, f DeviceFilter) ([]connection.Device, error) {
	var where conditions
	where.add(`connection_id = ?`, id)
	if f.AfterDevEUI != "" {
		where.add(`dev_eui > ?`, f.AfterDevEUI)
	}
	if words := strings.TrimSpace(f.Search); words != "" {
		where.add(`(dev_eui LIKE ? ESCAPE '\' OR name LIKE ? ESCAPE '\')`,
			likeEscaper.Replace(strings.ToUpper(words))+"%", "%"+likeEscaper.Replace(words)+"%")
	}
	rows, err := d.read.QueryContext(ctx, `
		SELECT `+deviceColumns+`
		FROM devices
		WHERE `+where.sql()+`
		ORDER BY dev_eui
		LIMIT `+where.arg(limitOr(f.Limit)), where.args...)
	page, err := scan(rows, err, readDevice(id))
	if err != nil {
		return nil, fmt.Errorf("list devices: %w", err)
	}
	return page, nil
}
