package db

import (
	"context"
	"database/sql"
	"fmt"

	"boardlink/connection"
)

// DeleteConnection makes the connection a tombstone: from now on it is not found anywhere, its secrets and what it knew of
// its account are wiped, and its id stays used. What else belongs to it goes with [DB.FinishDeletion].
func (d *DB) DeleteConnection(ctx context.Context, id connection.ID, e connection.Event) error {
	err := d.changeConnection(ctx, id, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, `
			UPDATE connections
			SET deleted_at = $1, updated_at = $1, active = $2, version = version + 1,
			    key_id = '', password = $3, downlink_as_key = $3, uplink_key = $3, old_uplink_key = $3,
			    old_uplink_key_until = 0, old_uplink_key_used_at = 0,
			    username = '', downlink_as_id = '', ca_certificate = '', gateway_device_id = ''
			WHERE id = $4 AND deleted_at = 0`, d.now().UnixMilli(), false, []byte{}, id)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil {
			return err
		} else if n == 0 {
			return errNoConnection()
		}
		for _, table := range []string{"statuses", "credential_tries", "device_names"} {
			if _, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE connection_id = $1`, id); err != nil {
				return err
			}
		}
		e.ConnectionID = id
		_, err = d.addEvent(ctx, tx, e)
		return err
	})
	if err != nil {
		return fmt.Errorf("delete connection: %w", err)
	}
	return nil
}

// DeletedConnections returns the deleted ones that still may have events in the queue, figures, devices or the like.
func (d *DB) DeletedConnections(ctx context.Context) ([]connection.ID, error) {
	rows, err := d.read.QueryContext(ctx, `SELECT id FROM connections WHERE deleted_at > 0 AND purged_at = 0 ORDER BY id`)
	ids, err := scan(rows, err, func(row interface{ Scan(...any) error }) (id connection.ID, err error) {
		return id, row.Scan(&id)
	})
	if err != nil {
		return nil, fmt.Errorf("read deleted connections: %w", err)
	}
	return ids, nil
}

// purgeBatch is how many rows a long removal takes at once, so that it does not hold up other writers.
const purgeBatch = 2000

// FinishDeletion removes the figures, devices, commands, shared attributes and last telemetry of a deleted connection, in batches, and
// notes that nothing of it is left. It does nothing for a connection that is not deleted.
func (d *DB) FinishDeletion(ctx context.Context, id connection.ID) error {
	for _, table := range []struct{ name, key string }{{"devices", "dev_eui"}, {"figures", "start_at"}, {"commands", "id"}, {"shared_attributes", "dev_eui"}, {"last_telemetry", "dev_eui"}} {
		query := fmt.Sprintf(`
			DELETE FROM %[1]s
			WHERE connection_id = $1
			  AND %[2]s IN (SELECT %[2]s FROM %[1]s WHERE connection_id = $1 LIMIT $2)
			  AND connection_id IN (SELECT id FROM connections WHERE deleted_at > 0)`, table.name, table.key)
		if _, err := d.inBatches(ctx, query, id, purgeBatch); err != nil {
			return fmt.Errorf("remove %s of a deleted connection: %w", table.name, err)
		}
	}
	_, err := d.write.ExecContext(ctx, `UPDATE connections SET purged_at = $1 WHERE id = $2 AND deleted_at > 0 AND purged_at = 0`, d.now().UnixMilli(), id)
	if err != nil {
		return fmt.Errorf("finish deletion: %w", err)
	}
	return nil
}

// inBatches runs a statement until it changes nothing more, and returns how many rows it changed.
func (d *DB) inBatches(ctx context.Context, query string, args ...any) (int64, error) {
	var all int64
	for {
		result, err := d.write.ExecContext(ctx, query, args...)
		if err != nil {
			return all, err
		}
		n, err := result.RowsAffected()
		if err != nil {
			return all, err
		}
		if all += n; n == 0 {
			return all, nil
		}
	}
}
