package db

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"sync"

	"boardlink/connection"
)

// listing keeps in memory what lists of connections need, so that a page of a list reads no row and opens no secret. Every
// change of a row is noted after its commit, and the next reader reads those rows alone anew. Nobody else writes: the
// program that serves holds a lock on the data folder.
type listing struct {
	mu    sync.Mutex
	stale map[connection.ID]struct{} // rows that were written since they were read
	rows  []*connection.Connection   // by id; never changed in place; nil: never read
	under bool                       // rows that were stale are being read

	reading sync.Mutex // one reads, the others wait for what it found
}

// note has a row read anew. It is called after each transaction that may have changed the row, also after one that failed:
// a commit whose answer was lost may have been one.
func (l *listing) note(id connection.ID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stale == nil {
		l.stale = map[connection.ID]struct{}{}
	}
	l.stale[id] = struct{}{}
}

// current gives the rows where none of them is stale.
func (l *listing) current() ([]*connection.Connection, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.rows, l.rows != nil && len(l.stale) == 0 && !l.under
}

// take gives the rows as they are known, and the stale ones to read.
func (l *listing) take() (rows []*connection.Connection, stale map[connection.ID]struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	rows, stale = l.rows, l.stale
	l.stale, l.under = nil, true
	return rows, stale
}

// put keeps rows that were read.
func (l *listing) put(rows []*connection.Connection) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rows, l.under = rows, false
}

// giveBack makes rows stale again that could not be read.
func (l *listing) giveBack(stale map[connection.ID]struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stale == nil {
		l.stale = stale
	}
	maps.Copy(l.stale, stale)
	l.under = false
}

// Listed gives all connections that are not deleted, in the order of their ids, from memory where nothing changed: in
// place of each secret that is set stands [connection.Mask]. What is returned is shared: read it, and change nothing. It
// holds every change that was committed before the call.
func (d *DB) Listed(ctx context.Context) ([]*connection.Connection, error) {
	l := &d.listing
	if rows, ok := l.current(); ok {
		return rows, nil
	}
	l.reading.Lock()
	defer l.reading.Unlock()
	if rows, ok := l.current(); ok {
		return rows, nil
	}
	known, stale := l.take()
	rows, err := d.readListed(ctx, known, stale)
	if err != nil {
		l.giveBack(stale)
		return nil, fmt.Errorf("list connections: %w", err)
	}
	l.put(rows)
	return rows, nil
}

// fewStale is how many rows are read one by one; more of them are read with all others.
const fewStale = 500

// readListed reads all rows, or the stale ones where the others are known.
func (d *DB) readListed(ctx context.Context, known []*connection.Connection, stale map[connection.ID]struct{}) ([]*connection.Connection, error) {
	var where conditions
	where.add(`deleted_at = 0`)
	few := known != nil && len(stale) <= fewStale
	if few {
		where.addIn(`id`, anySlice(slices.Collect(maps.Keys(stale))))
	}
	rows, err := d.read.QueryContext(ctx, `
		SELECT `+connectionColumns("")+`
		FROM connections
		WHERE `+where.sql()+`
		ORDER BY id`, where.args...)
	read, err := scan(rows, err, readMasked)
	if err != nil {
		return nil, err
	}
	if !few {
		return append([]*connection.Connection{}, read...), nil // not nil, also where there is none
	}
	all := make([]*connection.Connection, 0, len(known)+len(read))
	for _, c := range known {
		for len(read) > 0 && read[0].ID < c.ID {
			all, read = append(all, read[0]), read[1:]
		}
		if _, anew := stale[c.ID]; !anew {
			all = append(all, c)
		}
	}
	return append(all, read...), nil
}

// readMasked reads a row of [row.columns] and opens no secret.
func readMasked(from interface{ Scan(...any) error }) (*connection.Connection, error) {
	var r row
	if err := from.Scan(refs(r.columns())...); err != nil {
		return nil, err
	}
	mask := func(sealed []byte) connection.Secret {
		if len(sealed) == 0 {
			return ""
		}
		return connection.Mask
	}
	r.Configuration.Password, r.Configuration.DownlinkAsKey = mask(r.password), mask(r.downlinkAsKey)
	r.UplinkKey = mask(r.uplinkKey)
	c := r.Connection
	return &c, nil
}

// changeConnection is [DB.change] of one connection's row: what lists know of it is read anew.
func (d *DB) changeConnection(ctx context.Context, id connection.ID, f func(tx *sql.Tx) error) error {
	defer d.listing.note(id)
	return d.change(ctx, f)
}
