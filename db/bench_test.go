package db

import (
	"database/sql"
	"fmt"
	"slices"
	"testing"

	"boardlink/connection"
)

// BenchmarkListed reads what a page of a list is made of, with 1,000 and with 10,000 connections: where nothing changed,
// after a change, and, for the comparison, all rows with their secrets.
func BenchmarkListed(b *testing.B) {
	for _, n := range []int{1000, 10_000} {
		d, _ := newTestDB(b)
		fillConnections(b, d, n)
		if _, err := d.Listed(b.Context()); err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprint(n, " unchanged"), func(b *testing.B) {
			for b.Loop() {
				if all, err := d.Listed(b.Context()); err != nil || len(all) != n {
					b.Fatalf("%d, %v", len(all), err)
				}
			}
		})
		b.Run(fmt.Sprint(n, " after a change"), func(b *testing.B) {
			for b.Loop() {
				d.listing.note(connection.ID(n / 2))
				if all, err := d.Listed(b.Context()); err != nil || len(all) != n {
					b.Fatalf("%d, %v", len(all), err)
				}
			}
		})
		b.Run(fmt.Sprint(n, " all rows"), func(b *testing.B) {
			for b.Loop() {
				if all, err := d.Connections(b.Context()); err != nil || len(all) != n {
					b.Fatalf("%d, %v", len(all), err)
				}
			}
		})
	}
}

// fillConnections makes connections, all in one transaction.
func fillConnections(b *testing.B, d *DB, n int) {
	b.Helper()
	err := d.change(b.Context(), func(tx *sql.Tx) error {
		for i := range n {
			c := testConnection(fmt.Sprintf("Connection %05d", i))
			bare := &row{Connection: c, password: []byte{}, downlinkAsKey: []byte{}, uplinkKey: []byte{}}
			columns := slices.DeleteFunc(bare.columns(), func(c column) bool { return c.name == "id" })
			if err := tx.QueryRowContext(b.Context(), `INSERT INTO connections (`+names(columns, "")+`) VALUES (`+placeholders(len(columns))+`) RETURNING id`, refs(columns)...).Scan(&c.ID); err != nil {
				return err
			}
			if err := writeSettings(b.Context(), tx, d.rowOf(c)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}
