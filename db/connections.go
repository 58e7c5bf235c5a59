package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"boardlink/connection"
)

// CreateConnection stores a new connection and the event that tells of it, whose ConnectionID it fills in. It gives out
// the ID, which was never used before, and sets the versions to 1 and the times to now.
func (d *DB) CreateConnection(ctx context.Context, c connection.Connection, e connection.Event) (connection.Connection, error) {
	now := fromMillis(d.now().UnixMilli())
	c.Version, c.CredentialVersion, c.RestartRequest, c.GatewayDeviceID = 1, 1, 0, ""
	c.CreatedAt, c.UpdatedAt = now, now
	err := d.change(ctx, func(tx *sql.Tx) error {
		// Secrets are sealed for the row's id, so the row comes first without them. AUTOINCREMENT gives the id.
		bare := &row{Connection: c, password: []byte{}, downlinkAsKey: []byte{}, uplinkKey: []byte{}, oldUplinkKey: []byte{}}
		columns := bare.columns()
		for i, col := range columns {
			if col.name == "id" {
				columns = append(columns[:i], columns[i+1:]...)
				break
			}
		}
		err := tx.QueryRowContext(ctx, `
			INSERT INTO connections (`+names(columns, "")+`)
			VALUES (`+placeholders(len(columns))+`)
			RETURNING id`, refs(columns)...).Scan(&c.ID)
		if err != nil {
			return err
		}
		if _, err := connection.ParseID(c.ID.String()); err != nil {
			return fmt.Errorf("ids are used up: %w", err)
		}
		if err := writeSettings(ctx, tx, d.rowOf(c)); err != nil {
			return err
		}
		e.ConnectionID = c.ID
		_, err = d.addEvent(ctx, tx, e)
		return err
	})
	d.listing.note(c.ID)
	if err != nil {
		return connection.Connection{}, fmt.Errorf("create connection: %w", err)
	}
	return c, nil
}

func writeSettings(ctx context.Context, tx *sql.Tx, r *row) error {
	columns := r.settings()
	id := fmt.Sprintf("$%d", len(columns)+1)
	_, err := tx.ExecContext(ctx, `UPDATE connections SET `+assignments(columns)+` WHERE id = `+id, append(refs(columns), r.ID)...)
	return err
}

// Connection reads one connection. It fails with CodeNotFound where there is none, or none any more.
func (d *DB) Connection(ctx context.Context, id connection.ID) (connection.Connection, error) {
	c, err := d.findConnection(ctx, d.read, id)
	if err != nil {
		return connection.Connection{}, fmt.Errorf("read connection: %w", err)
	}
	return c, nil
}

// querier is what a pool and a transaction have in common for reading.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func (d *DB) findConnection(ctx context.Context, q querier, id connection.ID) (connection.Connection, error) {
	c, err := d.readConnection(q.QueryRowContext(ctx, `
		SELECT `+connectionColumns("")+`
		FROM connections
		WHERE id = $1 AND deleted_at = 0`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return connection.Connection{}, errNoConnection()
	}
	return c, err
}

// Connections reads all connections that are not deleted, in the order of their ids.
func (d *DB) Connections(ctx context.Context) ([]connection.Connection, error) {
	rows, err := d.read.QueryContext(ctx, `
		SELECT `+connectionColumns("")+`
		FROM connections
		WHERE deleted_at = 0
		ORDER BY id`)
	all, err := scan(rows, err, d.readConnection)
	if err != nil {
		return nil, fmt.Errorf("read connections: %w", err)
	}
	return all, nil
}

// defaultLimit is the size of a page where none is asked for.
const defaultLimit = 100

// UpdateConnection replaces what an edit may change, and adds the event, if the row's version still is c.Version: else
// it fails with CodeConflict, and with CodeNotFound where the connection is gone. It counts the version up and returns the
// connection as it is then.
//
// The gateway device's id is left to [DB.SetGatewayDevice]. A restart that somebody asked for meanwhile is not lost: the
// larger RestartRequest holds.
func (d *DB) UpdateConnection(ctx context.Context, c connection.Connection, e connection.Event) (connection.Connection, error) {
	c.UpdatedAt = d.now()
	var updated connection.Connection
	err := d.changeConnection(ctx, c.ID, func(tx *sql.Tx) error {
		columns := d.rowOf(c).settings()
		n := len(columns)
		result, err := tx.ExecContext(ctx, fmt.Sprintf(`
			UPDATE connections
			SET %s,
			    version = version + 1,
			    restart_request = CASE WHEN restart_request > $%d THEN restart_request ELSE $%d END
			WHERE id = $%d AND version = $%d AND deleted_at = 0`, assignments(columns), n+1, n+1, n+2, n+3),
			append(refs(columns), c.RestartRequest, c.ID, c.Version)...)
		if err != nil {
			return err
		}
		changed, err := result.RowsAffected()
		if err != nil {
			return err
		}
		if updated, err = d.findConnection(ctx, tx, c.ID); err != nil {
			return err
		}
		if changed == 0 {
			return connection.Fail(connection.CodeConflict, "Somebody else changed this connection since you opened it.")
		}
		e.ConnectionID = c.ID
		_, err = d.addEvent(ctx, tx, e)
		return err
	})
	if err != nil {
		return connection.Connection{}, fmt.Errorf("update connection: %w", err)
	}
	return updated, nil
}

// RequestRestart counts up the connection's RestartRequest and adds the event. The version stays: nobody's edit is stale
// because of a restart.
func (d *DB) RequestRestart(ctx context.Context, id connection.ID, e connection.Event) error {
	return d.touchConnection(ctx, "request restart", id, &e, `restart_request = restart_request + 1`)
}

// SetGatewayDevice keeps the id of the gateway device at ThingsBoard. The version stays.
func (d *DB) SetGatewayDevice(ctx context.Context, id connection.ID, deviceID string) error {
	return d.touchConnection(ctx, "keep gateway device", id, nil, `gateway_device_id = $2`, deviceID)
}

// touchConnection changes something of a connection that is no setting; $1 is its id.
func (d *DB) touchConnection(ctx context.Context, what string, id connection.ID, e *connection.Event, set string, args ...any) error {
	return d.touchConnectionWhere(ctx, what, id, e, set, `TRUE`, args...)
}

// touchConnectionWhere is [DB.touchConnection] under one more condition; where it does not hold there is no connection.
func (d *DB) touchConnectionWhere(ctx context.Context, what string, id connection.ID, e *connection.Event, set, where string, args ...any) error {
	err := d.changeConnection(ctx, id, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, `UPDATE connections SET `+set+` WHERE id = $1 AND deleted_at = 0 AND `+where, append([]any{id}, args...)...)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil {
			return err
		} else if n == 0 {
			return errNoConnection()
		}
		if e == nil {
			return nil
		}
		e.ConnectionID = id
		_, err = d.addEvent(ctx, tx, *e)
		return err
	})
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}
