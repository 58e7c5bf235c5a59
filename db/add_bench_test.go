package db

import (
	"fmt"
	"testing"
	"time"

	"boardlink/connection"
)

// BenchmarkAddFigures stores what busy connections did in a second, as it is done once a second.
func BenchmarkAddFigures(b *testing.B) {
	for _, busy := range []int{100, 1000} {
		b.Run(fmt.Sprint(busy, " busy of 10,000"), func(b *testing.B) {
			d, c := newTestDB(b)
			fillConnections(b, d, 10_000)
			minutes := make([]connection.Minute, busy)
			n := 0
			for b.Loop() {
				n++
				for i := range minutes {
					minutes[i] = connection.Minute{ConnectionID: connection.ID(1 + i*7), Start: c.at.Add(time.Duration(n) * time.Second).Truncate(time.Minute), Uplinks: 5, Delivered: 5, Downlinks: 1, Delays: delays(20*time.Millisecond, 20*time.Millisecond, 40*time.Millisecond, 90*time.Millisecond, 300*time.Millisecond)}
				}
				if err := d.AddFigures(b.Context(), minutes); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
