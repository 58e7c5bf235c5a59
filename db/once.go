package db

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"boardlink/connection"
)

const tableOnce = "once"

// BeginOnce remembers that a request is about to be carried out, by an id that holds no secret, and begun is set. Where one
// of that id is remembered already, nothing is written: same tells whether request, a hash of what is asked, is the same,
// and answer is what it was answered with, its Status 0 while there is none.
func (d *DB) BeginOnce(ctx context.Context, id, request string) (answer connection.OnceAnswer, same, begun bool, err error) {
	err = d.change(ctx, func(tx *sql.Tx) error {
		now := d.now()
		if _, err := tx.ExecContext(ctx, `DELETE FROM once WHERE id = $1 AND began_at < $2`, id, now.Add(-connection.OnceFor).UnixMilli()); err != nil {
			return err
		}
		at := place{tableOnce, 0, "request " + id}
		var keyID, header string
		var sealed []byte
		err := tx.QueryRowContext(ctx, `SELECT key_id, request, status, header, body FROM once WHERE id = $1`, id).Scan(&keyID, &sealed, &answer.Status, &header, &answer.Body)
		if errors.Is(err, sql.ErrNoRows) {
			same, begun = true, true
			_, err = tx.ExecContext(ctx, `INSERT INTO once (id, key_id, request, began_at, status, header, body) VALUES ($1, $2, $3, $4, 0, '{}', x'')`,
				id, d.seal.id, d.seal.seal(at, connection.Secret(request)), now.UnixMilli())
			return err
		}
		if err != nil {
			return err
		}
		before, err := d.seal.open(at, keyID, sealed)
		if err != nil {
			return err
		}
		same = before.Reveal() == request
		return json.Unmarshal([]byte(header), &answer.Header)
	})
	if err != nil {
		return connection.OnceAnswer{}, false, false, fmt.Errorf("begin request: %w", err)
	}
	return answer, same, begun, nil
}

// EndOnce keeps the answer to a request that was begun.
func (d *DB) EndOnce(ctx context.Context, id string, answer connection.OnceAnswer) error {
	header, err := json.Marshal(answer.Header)
	if err != nil {
		return fmt.Errorf("end request: %w", err)
	}
	if answer.Body == nil {
		answer.Body = []byte{}
	}
	return d.exec(ctx, "end request", `UPDATE once SET status = $1, header = $2, body = $3 WHERE id = $4`, answer.Status, string(header), answer.Body, id)
}

// ForgetOnce forgets a request of which nothing came, so that it can be made again.
func (d *DB) ForgetOnce(ctx context.Context, id string) error {
	return d.exec(ctx, "forget request", `DELETE FROM once WHERE id = $1`, id)
}

// PruneOnce forgets requests that began before a time, in batches, and says how many.
func (d *DB) PruneOnce(ctx context.Context, before time.Time) (int64, error) {
	n, err := d.inBatches(ctx, `DELETE FROM once WHERE id IN (SELECT id FROM once WHERE began_at < $1 LIMIT $2)`, before.UnixMilli(), purgeBatch)
	if err != nil {
		return n, fmt.Errorf("prune requests: %w", err)
	}
	return n, nil
}
