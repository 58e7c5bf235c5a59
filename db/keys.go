package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"boardlink/access"
	"boardlink/connection"
)

func apiKeyColumns(k *access.APIKey, digest *[]byte) []column {
	return []column{
		{"id", &k.ID},
		{"public_id", &k.PublicID},
		{"digest", digest},
		{"name", &k.Name},
		{"scopes", jsonColumn[access.Scope]{&k.Scopes}},
		{"networks", jsonColumn[netip.Prefix]{&k.Networks}},
		{"owner_id", &k.OwnerID},
		{"owner", &k.Owner},
		{"created_at", timeColumn{&k.CreatedAt}},
		{"expires_at", timeColumn{&k.ExpiresAt}},
		{"last_used_at", timeColumn{&k.LastUsedAt}},
		{"last_used_from", &k.LastUsedFrom},
		{"ended_at", timeColumn{&k.EndedAt}},
	}
}

func readAPIKey(from interface{ Scan(...any) error }) (k access.APIKey, err error) {
	var digest []byte
	if err := from.Scan(refs(apiKeyColumns(&k, &digest))...); err != nil {
		return access.APIKey{}, err
	}
	if copy(k.Digest[:], digest) != len(k.Digest) {
		return access.APIKey{}, errors.New("the digest of an API key is too short")
	}
	return k, nil
}

func errNoAPIKey() error {
	return connection.Fail(connection.CodeNotFound, "There is no such API key; it may have been revoked.")
}

// CreateAPIKey stores a key with the event that tells of it, and gives out the ID. Where another key that works has the
// name, or most keys work already, it fails with CodeConflict.
func (d *DB) CreateAPIKey(ctx context.Context, k access.APIKey, most int, e connection.Event) (access.APIKey, error) {
	err := d.change(ctx, func(tx *sql.Tx) error {
		var n int
		if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM api_keys WHERE ended_at = 0`).Scan(&n); err != nil {
			return err
		}
		if n >= most {
			return connection.Fail(connection.CodeConflict, "There are %d API keys; revoke those that nobody uses first.", n)
		}
		digest := k.Digest[:]
		columns := apiKeyColumns(&k, &digest)[1:]
		err := tx.QueryRowContext(ctx, `
			INSERT INTO api_keys (`+names(columns, "")+`)
			VALUES (`+placeholders(len(columns))+`)
			RETURNING id`, refs(columns)...).Scan(&k.ID)
		if err != nil {
			return takenName(err)
		}
		_, err = d.addEvent(ctx, tx, e)
		return err
	})
	if err != nil {
		return access.APIKey{}, fmt.Errorf("create API key: %w", err)
	}
	return k, nil
}

// takenName tells a name that is taken from other errors.
func takenName(err error) error {
	if strings.Contains(err.Error(), "UNIQUE constraint failed") && strings.Contains(err.Error(), "api_keys_by_name") {
		return access.NameTaken()
	}
	return err
}

// APIKey reads a key that has not ended. It fails with CodeNotFound where there is none.
func (d *DB) APIKey(ctx context.Context, id int64) (access.APIKey, error) {
	return d.apiKeyWhere(ctx, `id = $1 AND ended_at = 0`, id)
}

// APIKeyByPublicID finds a key, also one that has ended. It fails with CodeNotFound where there is none.
func (d *DB) APIKeyByPublicID(ctx context.Context, publicID string) (access.APIKey, error) {
	return d.apiKeyWhere(ctx, `public_id = $1`, publicID)
}

func (d *DB) apiKeyWhere(ctx context.Context, condition string, arg any) (access.APIKey, error) {
	k, err := readAPIKey(d.read.QueryRowContext(ctx, `SELECT `+apiKeyNames()+` FROM api_keys WHERE `+condition, arg))
	if errors.Is(err, sql.ErrNoRows) {
		err = errNoAPIKey()
	}
	if err != nil {
		return access.APIKey{}, fmt.Errorf("read API key: %w", err)
	}
	return k, nil
}

func apiKeyNames() string { return names(apiKeyColumns(&access.APIKey{}, &[]byte{}), "") }

// APIKeys lists at most limit keys that have not ended and whose id is above afterID, by their id.
func (d *DB) APIKeys(ctx context.Context, afterID int64, limit int) ([]access.APIKey, error) {
	rows, err := d.read.QueryContext(ctx, `
		SELECT `+apiKeyNames()+`
		FROM api_keys
		WHERE ended_at = 0 AND id > $1
		ORDER BY id
		LIMIT $2`, afterID, limit)
	keys, err := scan(rows, err, readAPIKey)
	if err != nil {
		return nil, fmt.Errorf("list API keys: %w", err)
	}
	return keys, nil
}

// UpdateAPIKey replaces name, scopes, networks and expiry of a key that has not ended.
func (d *DB) UpdateAPIKey(ctx context.Context, k access.APIKey, e connection.Event) error {
	return d.changeAPIKey(ctx, "update API key", e, `
		UPDATE api_keys SET name = $2, scopes = $3, networks = $4, expires_at = $5 WHERE id = $1 AND ended_at = 0`,
		k.ID, k.Name, jsonColumn[access.Scope]{&k.Scopes}, jsonColumn[netip.Prefix]{&k.Networks}, millis(k.ExpiresAt))
}

// EndAPIKey ends a key. Its row stays for a while, so that who still presents it can be told from a stranger.
func (d *DB) EndAPIKey(ctx context.Context, id int64, at time.Time, e connection.Event) error {
	return d.changeAPIKey(ctx, "end API key", e, `UPDATE api_keys SET ended_at = $2 WHERE id = $1 AND ended_at = 0`, id, millis(at))
}

func (d *DB) changeAPIKey(ctx context.Context, what string, e connection.Event, query string, args ...any) error {
	err := d.change(ctx, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, query, args...)
		if err != nil {
			return takenName(err)
		}
		if n, err := result.RowsAffected(); err != nil {
			return err
		} else if n == 0 {
			return errNoAPIKey()
		}
		_, err = d.addEvent(ctx, tx, e)
		return err
	})
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// NoteAPIKeyUse keeps when and from where a key was used last.
func (d *DB) NoteAPIKeyUse(ctx context.Context, id int64, at time.Time, from string) error {
	return d.exec(ctx, "note the use of an API key", `UPDATE api_keys SET last_used_at = $2, last_used_from = $3 WHERE id = $1 AND last_used_at < $2`, id, millis(at), from)
}

// PruneAPIKeys removes keys that ended before a time, and says how many.
func (d *DB) PruneAPIKeys(ctx context.Context, before time.Time) (int64, error) {
	n, err := d.inBatches(ctx, `DELETE FROM api_keys WHERE id IN (SELECT id FROM api_keys WHERE ended_at > 0 AND ended_at < $1 LIMIT $2)`, before.UnixMilli(), purgeBatch)
	if err != nil {
		return n, fmt.Errorf("prune API keys: %w", err)
	}
	return n, nil
}
