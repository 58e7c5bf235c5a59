package db

import (
	"database/sql"
	"fmt"
	"slices"
	"testing"
	"time"

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
			bare := &row{Connection: c, password: []byte{}, downlinkAsKey: []byte{}, uplinkKey: []byte{}, oldUplinkKey: []byte{}}
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

// BenchmarkFigures sums what 1,000 busy connections did lately, of all and of a page of them.
func BenchmarkFigures(b *testing.B) {
	d, c := newTestDB(b)
	fillConnections(b, d, 1000)
	_, err := d.write.ExecContext(b.Context(), `
		WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 60),
		spans(span, start_at) AS (SELECT 1, $1 - i * 60000 FROM n UNION ALL SELECT 60, $2 - i * 3600000 FROM n WHERE i < 25)
		INSERT INTO figures (span_minutes, start_at, connection_id, uplinks, delivered, downlinks, rejected, parked, expired) SELECT span, start_at, id, 5, 5, 1, 0, 0, 0 FROM spans, connections`, c.at.Truncate(time.Minute).UnixMilli(), c.at.Truncate(time.Hour).UnixMilli())
	if err != nil {
		b.Fatal(err)
	}
	if _, err := d.write.ExecContext(b.Context(), `
		INSERT INTO minutes_of_all SELECT start_at, SUM(uplinks), 0, 0, 0, 0, 0, 0, 0, 0 FROM figures WHERE span_minutes = 1 GROUP BY start_at`); err != nil {
		b.Fatal(err)
	}
	var page []connection.ID
	for id := range connection.ID(100) {
		page = append(page, id+1)
	}
	for _, span := range []time.Duration{5 * time.Minute, time.Hour, 24 * time.Hour} {
		b.Run(span.String(), func(b *testing.B) {
			for b.Loop() {
				if all, err := d.MinutesOfAll(b.Context(), c.at.Add(-span), c.at); err != nil || len(all) == 0 {
					b.Fatal(all, err)
				}
			}
		})
		b.Run(span.String()+" added up anew, as it was", func(b *testing.B) {
			for b.Loop() {
				var n int
				if err := d.read.QueryRowContext(b.Context(), `
					SELECT COUNT(*) FROM (
					  SELECT start_at, SUM(uplinks), SUM(delivered), SUM(downlinks), SUM(rejected), SUM(parked), SUM(expired)
					  FROM figures WHERE span_minutes = 1 AND start_at >= $1 GROUP BY start_at)`, c.at.Add(-span).UnixMilli()).Scan(&n); err != nil || n == 0 {
					b.Fatal(n, err)
				}
			}
		})
		b.Run(span.String()+" of a page", func(b *testing.B) {
			for b.Loop() {
				if all, err := d.FiguresOf(b.Context(), c.at.Add(-span), page...); err != nil || len(all) != len(page) {
					b.Fatal(len(all), err)
				}
			}
		})
	}
}

// BenchmarkEventsOfAKind pages through a million events by their kind: most are of a few kinds, and alarms are few and old.
func BenchmarkEventsOfAKind(b *testing.B) {
	d, c := newTestDB(b)
	_, err := d.write.ExecContext(b.Context(), `
		WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < 1000000)
		INSERT INTO events (time, level, kind, actor, connection_id, dev_eui, message)
		SELECT $1 + i * 1000, 'info', CASE WHEN i < 100000 AND i % 2000 = 0 THEN 'alarm' WHEN i % 50 = 0 THEN 'access' WHEN i % 3 = 0 THEN 'uplink' ELSE 'state' END,
		       'system', 1 + i * 7 % 1000, '', 'Something happened to this connection, told in a sentence of usual length.'
		FROM n`, c.at.UnixMilli())
	if err != nil {
		b.Fatal(err)
	}
	for _, test := range []struct {
		name string
		f    EventFilter
	}{
		{"rare", EventFilter{Kinds: []connection.Kind{connection.KindAlarm}}},
		{"frequent", EventFilter{Kinds: []connection.Kind{connection.KindState}}},
		{"frequent, deep", EventFilter{Kinds: []connection.Kind{connection.KindState}, BeforeID: 400_000}},
		{"rare ones", EventFilter{Kinds: []connection.Kind{connection.KindAlarm, connection.KindDeleted}}},
		{"frequent ones", EventFilter{Kinds: []connection.Kind{connection.KindState, connection.KindUplink}}},
		{"rare of a connection", EventFilter{ConnectionID: 77, Kinds: []connection.Kind{connection.KindAlarm}}},
		{"frequent of a connection", EventFilter{ConnectionID: 77, Kinds: []connection.Kind{connection.KindState}}},
		{"frequent of an hour", EventFilter{From: c.at.Add(time.Hour), To: c.at.Add(2 * time.Hour), Kinds: []connection.Kind{connection.KindState}}},
	} {
		b.Run(test.name, func(b *testing.B) {
			for b.Loop() {
				if _, err := d.Events(b.Context(), test.f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
