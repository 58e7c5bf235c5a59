package main

import (
	"fmt"
	"log/slog"
	"testing"

	"boardlink/connection"
	"boardlink/operation"
)

// BenchmarkList reads pages of 100 connections of 1,000 and of 10,000 in several ways, and beside them, for the comparison
// in the same run, what a page cost where each read all rows and opened their secrets.
func BenchmarkList(b *testing.B) {
	for _, n := range []int{1000, 10_000} {
		b.Run(fmt.Sprint("of ", n), func(b *testing.B) {
			cfg := settings(b)
			a, err := assemble(b.Context(), cfg, slog.New(slog.DiscardHandler), surroundings{})
			if err != nil {
				b.Fatal(err)
			}
			defer a.release()
			for i := range n {
				c := connection.Connection{ConnectorID: connection.ConnectorID, Name: fmt.Sprintf("Connection %05d", i), UplinkKey: "an uplink key", Configuration: connection.DefaultConfiguration()}
				c.Configuration.HostName, c.Configuration.Username, c.Configuration.Password = "tb.example.com:443", "tenant@example.com", "a password"
				if _, err := a.db.CreateConnection(b.Context(), c, connection.Event{Level: connection.LevelInfo, Kind: connection.KindCreated, Message: "Made."}); err != nil {
					b.Fatal(err)
				}
			}
			list := func(f operation.Filter) func(b *testing.B) {
				return func(b *testing.B) {
					for b.Loop() {
						if page, _, err := a.operations.List(b.Context(), f); err != nil || len(page) == 0 {
							b.Fatal(len(page), err)
						}
					}
				}
			}
			middle := operation.Place{ID: connection.ID(n / 2)}
			b.Run("by id", list(operation.Filter{}))
			b.Run("second half", list(operation.Filter{After: middle}))
			b.Run("by name, last first", list(operation.Filter{Sort: operation.ByName, Desc: true}))
			b.Run("worst first", list(operation.Filter{Sort: operation.ByState}))
			b.Run("search", list(operation.Filter{Search: "00077"}))
			b.Run("in a state", list(operation.Filter{States: []connection.State{connection.Deactivated, connection.Closed}}))
			b.Run("every row read, as it was", func(b *testing.B) {
				for b.Loop() {
					if all, err := a.db.Connections(b.Context()); err != nil || len(all) != n {
						b.Fatal(len(all), err)
					}
				}
			})
		})
	}
}
