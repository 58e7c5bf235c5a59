package db

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"boardlink/connection"
)

// ChangeSharedAttributes takes in a push: keys set anew and keys deleted, all in one transaction. left is how many keys
// were not kept because they, or their values, or their number, are beyond the bounds of
// [connection.MaxSharedAttributes]; an older value of such a key is removed, for it is not true any more. Nothing is kept
// for a connection that is gone, without an error.
func (d *DB) ChangeSharedAttributes(ctx context.Context, c connection.AttributeChange) (left int, err error) {
	err = d.change(ctx, func(tx *sql.Tx) error {
		if live, err := isLive(ctx, tx, c.ConnectionID); err != nil || !live {
			return err
		}
		for _, key := range c.Deleted {
			if err := deleteSharedAttribute(ctx, tx, c, key); err != nil {
				return err
			}
		}
		room := -1 // not counted yet: mostly no key is new
		for _, key := range slices.Sorted(maps.Keys(c.Set)) {
			kept, err := d.setSharedAttribute(ctx, tx, c, key, &room)
			if err != nil {
				return err
			}
			if !kept {
				left++
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("change shared attributes: %w", err)
	}
	return left, nil
}

// countSharedAttributes counts the keys of a device and those of all devices of its connection.
func countSharedAttributes(ctx context.Context, tx *sql.Tx, c connection.AttributeChange) (own, all int, err error) {
	err = tx.QueryRowContext(ctx, `
		SELECT (SELECT COUNT(*) FROM shared_attributes WHERE connection_id = $1 AND dev_eui = $2),
		       (SELECT COUNT(*) FROM shared_attributes WHERE connection_id = $1)`, c.ConnectionID, c.DevEUI).Scan(&own, &all)
	return own, all, err
}

// sharedAttributeRoom is how many keys a device may get in addition.
func sharedAttributeRoom(own, all int) int {
	return max(min(connection.MaxSharedAttributes-own, connection.MaxSharedAttributesInAll-all), 0)
}

// setSharedAttribute keeps one value and counts room down for a new key; it removes the key where the value cannot be
// kept.
func (d *DB) setSharedAttribute(ctx context.Context, tx *sql.Tx, c connection.AttributeChange, key string, room *int) (kept bool, err error) {
	value := c.Set[key]
	if key == "" || len(key) > connection.MaxSharedAttributeKey || len(value) > connection.MaxSharedAttributeValue || !json.Valid(value) {
		return false, deleteSharedAttribute(ctx, tx, c, key)
	}
	updated, err := tx.ExecContext(ctx, `
		UPDATE shared_attributes SET value = $1, updated_at = $2
		WHERE connection_id = $3 AND dev_eui = $4 AND key = $5`, string(value), d.now().UnixMilli(), c.ConnectionID, c.DevEUI, key)
	if err != nil {
		return false, err
	}
	if n, err := updated.RowsAffected(); err != nil || n > 0 {
		return n > 0, err
	}
	if *room < 0 {
		own, all, err := countSharedAttributes(ctx, tx, c)
		if err != nil {
			return false, err
		}
		*room = sharedAttributeRoom(own, all)
	}
	if *room == 0 {
		return false, nil
	}
	*room--
	_, err = tx.ExecContext(ctx, `
		INSERT INTO shared_attributes (connection_id, dev_eui, key, value, updated_at)
		VALUES ($1, $2, $3, $4, $5)`, c.ConnectionID, c.DevEUI, key, string(value), d.now().UnixMilli())
	return err == nil, err
}

func deleteSharedAttribute(ctx context.Context, tx *sql.Tx, c connection.AttributeChange, key string) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM shared_attributes WHERE connection_id = $1 AND dev_eui = $2 AND key = $3`,
		c.ConnectionID, c.DevEUI, key)
	return err
}

// SharedAttributes returns what is known of a device's shared attributes, in the order of their keys: at most
// [connection.MaxSharedAttributes].
func (d *DB) SharedAttributes(ctx context.Context, id connection.ID, devEUI string) ([]connection.SharedAttribute, error) {
	rows, err := d.read.QueryContext(ctx, `
		SELECT key, value, updated_at
		FROM shared_attributes
		WHERE connection_id = $1 AND dev_eui = $2
		ORDER BY key`, id, devEUI)
	all, err := scan(rows, err, func(row interface{ Scan(...any) error }) (connection.SharedAttribute, error) {
		a := connection.SharedAttribute{ConnectionID: id, DevEUI: devEUI}
		var value string
		err := row.Scan(&a.Key, &value, timeColumn{&a.UpdatedAt})
		a.Value = json.RawMessage(value)
		return a, err
	})
	if err != nil {
		return nil, fmt.Errorf("read shared attributes: %w", err)
	}
	return all, nil
}

// ForgetSharedAttributes removes all shared attributes of a device, which was deleted at ThingsBoard.
func (d *DB) ForgetSharedAttributes(ctx context.Context, id connection.ID, devEUI string) error {
	return d.exec(ctx, "forget shared attributes", `DELETE FROM shared_attributes WHERE connection_id = $1 AND dev_eui = $2`, id, devEUI)
}
