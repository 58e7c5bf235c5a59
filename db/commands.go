package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"boardlink/connection"
)

func commandColumns(c *connection.Command) []column {
	return []column{
		{"id", &c.ID},
		{"connection_id", &c.ConnectionID},
		{"dev_eui", &c.DevEUI},
		{"actor", &c.Actor},
		{"rpc_id", &c.RPC},
		{"hash", &c.Hash},
		{"f_port", &c.FPort},
		{"correlation_id", &c.CorrelationID},
		{"state", &c.State},
		{"sentence", &c.Sentence},
		{"came_at", timeColumn{&c.CameAt}},
		{"settled_at", timeColumn{&c.SettledAt}},
	}
}

var allCommandColumns = names(commandColumns(&connection.Command{}), "")

func readCommand(row interface{ Scan(...any) error }) (c connection.Command, err error) {
	return c, row.Scan(refs(commandColumns(&c))...)
}

// BeginCommand writes down that a command is about to be posted, and returns it with its ID and begun set. Where the same
// command (connection, device, RPC, hash) came since then already and may have reached ThingPark, that one is returned
// and nothing is written: it must not be posted again. One that was sent by hand is no other's same. It is on disk when
// BeginCommand returns.
//
// It fails with CodeNotFound where the connection is gone.
func (d *DB) BeginCommand(ctx context.Context, c connection.Command, since time.Time) (_ connection.Command, begun bool, err error) {
	err = d.change(ctx, func(tx *sql.Tx) error {
		if live, err := isLive(ctx, tx, c.ConnectionID); err != nil {
			return err
		} else if !live {
			return errNoConnection()
		}
		before, err := connection.Command{}, sql.ErrNoRows
		if c.Actor == "" {
			before, err = readCommand(tx.QueryRowContext(ctx, `
				SELECT `+allCommandColumns+`
				FROM commands
				WHERE connection_id = $1 AND dev_eui = $2 AND rpc_id = $3 AND hash = $4 AND came_at >= $5 AND state <> $6 AND actor = ''
				ORDER BY id DESC
				LIMIT 1`, c.ConnectionID, c.DevEUI, c.RPC, c.Hash, since.UnixMilli(), connection.CommandNotSent))
		}
		if err == nil {
			c = before
			return nil
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		begun = true
		c.State, c.Sentence, c.SettledAt = connection.CommandSending, "", time.Time{}
		c.CameAt = fromMillis(c.CameAt.UnixMilli())
		columns := commandColumns(&c)[1:]
		return tx.QueryRowContext(ctx, `
			INSERT INTO commands (`+names(columns, "")+`)
			VALUES (`+placeholders(len(columns))+`)
			RETURNING id`, refs(columns)...).Scan(&c.ID)
	})
	if err != nil {
		return connection.Command{}, false, fmt.Errorf("begin command: %w", err)
	}
	return c, begun, nil
}

// SettleCommand notes how the posting of a command ended, unless more is known already: a delivery report may have come
// first. One that was given up meanwhile is not unknown any more. One that is not there any more is no error.
func (d *DB) SettleCommand(ctx context.Context, id int64, state connection.CommandState, sentence string) error {
	return d.exec(ctx, "settle command", `
		UPDATE commands SET state = $1, sentence = $2, settled_at = $3
		WHERE id = $4 AND state IN ($5, $6)`, state, sentence, d.now().UnixMilli(), id, connection.CommandSending, connection.CommandUnknown)
}

// ReportCommand takes in a delivery report: the latest command of that device with that correlation id moves to state, as
// [connection.CommandState.Settles] allows, and the event that tells of it is stored with it. It returns the command as it
// is then; changed is false, and nothing is stored, where the report changes nothing, as one that comes again. Without
// such a command it fails with CodeNotFound.
func (d *DB) ReportCommand(ctx context.Context, id connection.ID, devEUI, correlationID string, state connection.CommandState, sentence string, e connection.Event) (c connection.Command, changed bool, err error) {
	err = d.change(ctx, func(tx *sql.Tx) (err error) {
		if c, err = findCommand(ctx, tx, id, devEUI, correlationID); err != nil || !c.State.Settles(state) {
			return err
		}
		changed = true
		c.State, c.Sentence, c.SettledAt = state, sentence, fromMillis(d.now().UnixMilli())
		if _, err := tx.ExecContext(ctx, `UPDATE commands SET state = $1, sentence = $2, settled_at = $3 WHERE id = $4`,
			c.State, c.Sentence, millis(c.SettledAt), c.ID); err != nil {
			return err
		}
		e.ConnectionID, e.DevEUI = c.ConnectionID, c.DevEUI
		_, err = d.addEvent(ctx, tx, e)
		return err
	})
	if err != nil {
		return connection.Command{}, false, fmt.Errorf("report on command: %w", err)
	}
	return c, changed, nil
}

// CommandByCorrelation returns the latest command of a device with that correlation id. Whoever sends commands may give
// the same id to several; none gives CodeNotFound.
func (d *DB) CommandByCorrelation(ctx context.Context, id connection.ID, devEUI, correlationID string) (connection.Command, error) {
	c, err := findCommand(ctx, d.read, id, devEUI, correlationID)
	if err != nil {
		return connection.Command{}, fmt.Errorf("read command: %w", err)
	}
	return c, nil
}

func findCommand(ctx context.Context, q querier, id connection.ID, devEUI, correlationID string) (connection.Command, error) {
	c, err := readCommand(q.QueryRowContext(ctx, `
		SELECT `+allCommandColumns+`
		FROM commands
		WHERE connection_id = $1 AND correlation_id = $2 AND dev_eui = $3
		ORDER BY id DESC
		LIMIT 1`, id, correlationID, devEUI))
	if errors.Is(err, sql.ErrNoRows) {
		err = connection.Fail(connection.CodeNotFound, "There is no such command.")
	}
	return c, err
}

// GiveUpCommands makes unknown what is under way since before then, with that sentence, and returns those commands: the
// program ended between writing them down and noting what ThingPark said, or that could not be noted.
func (d *DB) GiveUpCommands(ctx context.Context, before time.Time, sentence string) ([]connection.Command, error) {
	rows, err := d.write.QueryContext(ctx, `
		UPDATE commands SET state = $1, sentence = $2, settled_at = $3
		WHERE state = 'sending' AND came_at < $4
		RETURNING `+allCommandColumns, connection.CommandUnknown, sentence, d.now().UnixMilli(), before.UnixMilli())
	given, err := scan(rows, err, readCommand)
	if err != nil {
		return nil, fmt.Errorf("give up commands: %w", err)
	}
	return given, nil
}

// CommandFilter chooses commands of a connection. Its zero value chooses the latest page of all.
type CommandFilter struct {
	DevEUI   string // empty: of any device
	BeforeID int64  // cursor: commands with a lower id; 0: from the latest on
	Limit    int    // 0 takes 100
}

// Commands reads a page of a connection's commands, the latest first. Paging by BeforeID is stable: new commands do not
// move old ones.
func (d *DB) Commands(ctx context.Context, id connection.ID, f CommandFilter) ([]connection.Command, error) {
	var where conditions
	where.add(`connection_id = ?`, id)
	if f.DevEUI != "" {
		where.add(`dev_eui = ?`, f.DevEUI)
	}
	if f.BeforeID > 0 {
		where.add(`id < ?`, f.BeforeID)
	}
	rows, err := d.read.QueryContext(ctx, `
		SELECT `+allCommandColumns+`
		FROM commands
		WHERE `+where.sql()+`
		ORDER BY id DESC
		LIMIT `+where.arg(limitOr(f.Limit)), where.args...)
	page, err := scan(rows, err, readCommand)
	if err != nil {
		return nil, fmt.Errorf("list commands: %w", err)
	}
	return page, nil
}

// PruneCommands removes commands that came before a time (zero: none is) and all but the latest keep of each connection
// (0: no bound), in batches, and says how many.
func (d *DB) PruneCommands(ctx context.Context, olderThan time.Time, keep int64) (int64, error) {
	var all int64
	if !olderThan.IsZero() {
		n, err := d.inBatches(ctx, `
			DELETE FROM commands
			WHERE id IN (SELECT id FROM commands WHERE came_at < $1 LIMIT $2)`, olderThan.UnixMilli(), purgeBatch)
		if all += n; err != nil {
			return all, fmt.Errorf("prune commands: %w", err)
		}
	}
	if keep <= 0 {
		return all, nil
	}
	rows, err := d.read.QueryContext(ctx, `SELECT connection_id FROM commands GROUP BY connection_id HAVING COUNT(*) > $1`, keep)
	crowded, err := scan(rows, err, func(row interface{ Scan(...any) error }) (id connection.ID, err error) {
		return id, row.Scan(&id)
	})
	if err != nil {
		return all, fmt.Errorf("prune commands: %w", err)
	}
	for _, id := range crowded {
		n, err := d.inBatches(ctx, `
			DELETE FROM commands
			WHERE id IN (SELECT id FROM commands
			             WHERE connection_id = $1
			               AND id <= (SELECT id FROM commands WHERE connection_id = $1 ORDER BY id DESC LIMIT 1 OFFSET $2)
			             LIMIT $3)`, id, keep, purgeBatch)
		if all += n; err != nil {
			return all, fmt.Errorf("prune commands: %w", err)
		}
	}
	return all, nil
}
