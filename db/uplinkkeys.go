package db

import (
	"context"
	"time"

	"boardlink/connection"
)

// NoteOldUplinkKeyUse keeps when a connection's old uplink key was used last. The version stays: nobody's edit is stale
// because of it. Where there is no old key any more, nothing happens.
func (d *DB) NoteOldUplinkKeyUse(ctx context.Context, id connection.ID, at time.Time) error {
	return d.exec(ctx, "note the use of an old uplink key", `
		UPDATE connections SET old_uplink_key_used_at = $2
		WHERE id = $1 AND old_uplink_key_until > 0 AND old_uplink_key_used_at < $2`, id, millis(at))
}

// ForgetOldUplinkKey removes a connection's old uplink key whose time is over by now, and adds the event. It fails with
// CodeNotFound where there is none. The version stays.
func (d *DB) ForgetOldUplinkKey(ctx context.Context, id connection.ID, now time.Time, e connection.Event) (connection.Connection, error) {
	err := d.touchConnectionWhere(ctx, "forget an old uplink key", id, &e, `old_uplink_key = $2, old_uplink_key_until = 0, old_uplink_key_used_at = 0`,
		`old_uplink_key_until > 0 AND old_uplink_key_until <= $3`, []byte{}, now.UnixMilli())
	if err != nil {
		return connection.Connection{}, err
	}
	return d.Connection(ctx, id)
}
