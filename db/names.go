package db

import (
	"context"
	"database/sql"
	"fmt"

	"boardlink/connection"
)

// DeviceNames returns what ThingsBoard calls the devices of a connection that were renamed there, by DevEUI. The names
// are those of the ThingsBoard that has this gateway device.
func (d *DB) DeviceNames(ctx context.Context, id connection.ID, gatewayDeviceID string) (map[string]string, error) {
	rows, err := d.read.QueryContext(ctx, `
		SELECT dev_eui, name FROM device_names WHERE connection_id = $1 AND gateway_device_id = $2`, id, gatewayDeviceID)
	pairs, err := scan(rows, err, func(row interface{ Scan(...any) error }) (pair [2]string, err error) {
		return pair, row.Scan(&pair[0], &pair[1])
	})
	if err != nil {
		return nil, fmt.Errorf("read names of devices: %w", err)
	}
	names := make(map[string]string, len(pairs))
	for _, pair := range pairs {
		names[pair[0]] = pair[1]
	}
	return names, nil
}

// SetDeviceName keeps what ThingsBoard calls a device; the DevEUI itself, and an empty name, forget it.
func (d *DB) SetDeviceName(ctx context.Context, id connection.ID, gatewayDeviceID, devEUI, name string) error {
	err := d.change(ctx, func(tx *sql.Tx) error {
		if live, err := isLive(ctx, tx, id); err != nil {
			return err
		} else if !live {
			return errNoConnection()
		}
		if name == "" || name == devEUI {
			_, err := tx.ExecContext(ctx, `
				DELETE FROM device_names WHERE connection_id = $1 AND gateway_device_id = $2 AND dev_eui = $3`, id, gatewayDeviceID, devEUI)
			return err
		}
		_, err := tx.ExecContext(ctx, `
			INSERT INTO device_names (connection_id, gateway_device_id, dev_eui, name)
			VALUES ($1, $2, $3, $4)
			ON CONFLICT (connection_id, gateway_device_id, dev_eui) DO UPDATE SET name = excluded.name`, id, gatewayDeviceID, devEUI, name)
		return err
	})
	if err != nil {
		return fmt.Errorf("keep the name of a device: %w", err)
	}
	return nil
}
