package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"boardlink/connection"
)

// row is a connection as it is stored.
type row struct {
	connection.Connection
	keyID                                            string
	password, downlinkAsKey, uplinkKey, oldUplinkKey []byte
}

// tableConnections is part of what sealed secrets are bound to; it never changes.
const tableConnections = "connections"

// settings are the columns that an edit writes.
func (r *row) settings() []column {
	c := &r.Configuration
	return []column{
		{"name", &r.Name},
		{"active", &r.Active},
		{"description", &c.Description},
		{"host_name", &c.HostName},
		{"username", &c.Username},
		{"create_devices", &c.CreateDevices},
		{"send_metadata", &c.SendMetadata},
		{"send_raw_decoded_format", &c.SendRawDecodedFormat},
		{"uplink_time_validity", &c.UplinkTimeValidity},
		{"telemetry_format", &c.TelemetryFormat},
		{"device_type", &c.DeviceType},
		{"verify_uplink_token", &c.VerifyUplinkToken},
		{"downlink_enabled", &c.DownlinkEnabled},
		{"downlink_as_id", &c.DownlinkAsID},
		{"downlink_port", &c.DownlinkPort},
		{"downlink_url", &c.DownlinkURL},
		{"protocol", &c.Protocol},
		{"rest_url", &c.RestURL},
		{"mqtt_host_name", &c.MQTTHostName},
		{"ca_certificate", &c.CACertificate},
		{"reconnect_strategy", &c.ReconnectStrategy},
		{"alarms", jsonColumn[connection.Alarm]{&r.Alarms}},
		{"key_id", &r.keyID},
		{"password", &r.password},
		{"downlink_as_key", &r.downlinkAsKey},
		{"uplink_key", &r.uplinkKey},
		{"old_uplink_key", &r.oldUplinkKey},
		{"old_uplink_key_until", timeColumn{&r.OldUplinkKeyUntil}},
		{"old_uplink_key_used_at", timeColumn{&r.OldUplinkKeyUsedAt}},
		{"credential_version", &r.CredentialVersion},
		{"updated_at", timeColumn{&r.UpdatedAt}},
	}
}

// columns are all that a read fills in.
func (r *row) columns() []column {
	return append(r.settings(),
		column{"id", &r.ID},
		column{"connector_id", &r.ConnectorID},
		column{"version", &r.Version},
		column{"restart_request", &r.RestartRequest},
		column{"gateway_device_id", &r.GatewayDeviceID},
		column{"created_at", timeColumn{&r.CreatedAt}},
	)
}

// rowOf makes the row of a connection whose ID is known; secrets are sealed for that id.
func (d *DB) rowOf(c connection.Connection) *row {
	at := func(field string) place { return place{tableConnections, int64(c.ID), field} }
	r := &row{Connection: c, keyID: d.seal.id}
	r.password = d.seal.seal(at("password"), c.Configuration.Password)
	r.downlinkAsKey = d.seal.seal(at("downlink_as_key"), c.Configuration.DownlinkAsKey)
	r.uplinkKey = d.seal.seal(at("uplink_key"), c.UplinkKey)
	r.oldUplinkKey = d.seal.seal(at("old_uplink_key"), c.OldUplinkKey)
	return r
}

// readConnection reads a row of [row.columns] and opens its secrets.
func (d *DB) readConnection(from interface{ Scan(...any) error }) (connection.Connection, error) {
	var r row
	if err := from.Scan(refs(r.columns())...); err != nil {
		return connection.Connection{}, err
	}
	at := func(field string) place { return place{tableConnections, int64(r.ID), field} }
	var errs [4]error
	r.Configuration.Password, errs[0] = d.seal.open(at("password"), r.keyID, r.password)
	r.Configuration.DownlinkAsKey, errs[1] = d.seal.open(at("downlink_as_key"), r.keyID, r.downlinkAsKey)
	r.UplinkKey, errs[2] = d.seal.open(at("uplink_key"), r.keyID, r.uplinkKey)
	r.OldUplinkKey, errs[3] = d.seal.open(at("old_uplink_key"), r.keyID, r.oldUplinkKey)
	return r.Connection, errors.Join(errs[:]...)
}

func connectionColumns(prefix string) string { return names((&row{}).columns(), prefix) }

func errNoConnection() error {
	return connection.Fail(connection.CodeNotFound, "There is no such connection; it may have been deleted.")
}

// isLive reports whether the connection is there and not deleted.
func isLive(ctx context.Context, tx *sql.Tx, id connection.ID) (bool, error) {
	var n int
	err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM connections WHERE id = $1 AND deleted_at = 0`, id).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("look for connection: %w", err)
	}
	return n > 0, nil
}
