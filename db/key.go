package db

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"

	"boardlink/connection"
)

// canary is what is sealed at first with a key; that it opens tells that the key is right.
const canary connection.Secret = "boardlink"

var canaryPlace = place{table: "seal_keys", field: "canary"}

// checkKey refuses a key that does not open what is in the database. The first key that comes is taken.
func (d *DB) checkKey(ctx context.Context) error {
	return d.change(ctx, func(tx *sql.Tx) error {
		var id string
		var sealed []byte
		err := tx.QueryRowContext(ctx, `SELECT id, canary FROM seal_keys ORDER BY created_at DESC, id`).Scan(&id, &sealed)
		if errors.Is(err, sql.ErrNoRows) {
			_, err := tx.ExecContext(ctx, `INSERT INTO seal_keys (id, canary, created_at) VALUES ($1, $2, $3)`,
				d.seal.id, d.seal.seal(canaryPlace, canary), d.now().UnixMilli())
			if err != nil {
				return fmt.Errorf("note the key: %w", err)
			}
			return nil
		}
		if err != nil {
			return fmt.Errorf("look up the key: %w", err)
		}
		if id != d.seal.id {
			return connection.Fail(connection.CodeUnavailable,
				"The secrets in the database need the key %s, and this start brought the key %s. Set BOARDLINK_SECRET_KEY, or put the key file back that the database was made with.", id, d.seal.id)
		}
		if text, err := d.seal.open(canaryPlace, id, sealed); err != nil || text != canary {
			return connection.Fail(connection.CodeUnavailable, "The key %s does not open the secrets in the database, which were changed from outside.", id)
		}
		return nil
	})
}

// NeededKey names the key that opens the secrets of the database at path, as [Sealer.KeyID] does; "" where that cannot be
// told. It needs no key and changes nothing.
func NeededKey(ctx context.Context, path string) string {
	pool, err := openPool(path, 1, "query_only(1)")
	if err != nil {
		return ""
	}
	defer func() { _ = pool.Close() }() // only read
	var id string
	if err := pool.QueryRowContext(ctx, `SELECT id FROM seal_keys ORDER BY created_at DESC, id`).Scan(&id); err != nil {
		return ""
	}
	return connection.Clean(id)
}

// keyInstallation names the row that holds the installation's id.
const keyInstallation = "id"

// InstallationID returns 8 hexadecimal digits that tell this installation from others, made once.
func (d *DB) InstallationID(ctx context.Context) (string, error) {
	fresh := make([]byte, 4)
	_, _ = rand.Read(fresh) // never fails: crypto/rand ends the program where the system gives no randomness
	var id string
	err := d.change(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO installation (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`,
			keyInstallation, hex.EncodeToString(fresh))
		if err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, `SELECT value FROM installation WHERE name = $1`, keyInstallation).Scan(&id)
	})
	if err != nil {
		return "", fmt.Errorf("read installation id: %w", err)
	}
	return id, nil
}
