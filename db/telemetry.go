package db

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"boardlink/connection"
)

// KeepTelemetry replaces what is known of the last telemetry of these devices, all in one transaction. Devices of
// connections that are gone are left out.
func (d *DB) KeepTelemetry(ctx context.Context, sent []connection.LastTelemetry) error {
	err := d.change(ctx, func(tx *sql.Tx) error {
		keep, err := tx.PrepareContext(ctx, `
			INSERT INTO last_telemetry (connection_id, dev_eui, ts, sent_at, size, document)
			SELECT id, $2, $3, $4, $5, $6 FROM connections WHERE id = $1 AND deleted_at = 0
			ON CONFLICT (connection_id, dev_eui) DO UPDATE
			SET ts = excluded.ts, sent_at = excluded.sent_at, size = excluded.size, document = excluded.document`)
		if err != nil {
			return err
		}
		defer func() { _ = keep.Close() }() // the transaction's end frees it too
		for _, t := range sent {
			if _, err := keep.ExecContext(ctx, t.ConnectionID, t.DevEUI, millis(t.TS), millis(t.SentAt), t.Size, string(t.Document)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("keep last telemetry: %w", err)
	}
	return nil
}

// LastTelemetry returns what ThingsBoard acknowledged last of a device; the zero value where nothing is known.
func (d *DB) LastTelemetry(ctx context.Context, id connection.ID, devEUI string) (connection.LastTelemetry, error) {
	t := connection.LastTelemetry{ConnectionID: id, DevEUI: devEUI}
	var document string
	err := d.read.QueryRowContext(ctx, `
		SELECT ts, sent_at, size, document FROM last_telemetry WHERE connection_id = $1 AND dev_eui = $2`, id, devEUI).
		Scan(timeColumn{&t.TS}, timeColumn{&t.SentAt}, &t.Size, &document)
	if errors.Is(err, sql.ErrNoRows) {
		return connection.LastTelemetry{}, nil
	}
	if err != nil {
		return connection.LastTelemetry{}, fmt.Errorf("read last telemetry: %w", err)
	}
	if document != "" {
		t.Document = json.RawMessage(document)
	}
	return t, nil
}
