package db

import (
	"fmt"
	"testing"
)

// BenchmarkConnections reads 1,000 connections, as each page of the list does.
func BenchmarkConnections(b *testing.B) {
	d, _ := newTestDB(b)
	for i := range 1000 {
		createTestConnection(b, d, fmt.Sprintf("Connection %04d", i))
	}
	for b.Loop() {
		if all, err := d.Connections(b.Context()); err != nil || len(all) != 1000 {
			b.Fatalf("%d, %v", len(all), err)
		}
	}
}
