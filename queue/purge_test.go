package queue

import (
	"context"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
)

// Purging a connection with a long backlog takes its time, in which the others are served as ever, and gives the room
// back. QUEUE_PURGE says how many events shall wait; 1,000,000 take some minutes.
func TestPurge_lets_others_go_on_and_gives_room_back(t *testing.T) {
	want, err := strconv.ParseInt(os.Getenv("QUEUE_PURGE"), 10, 64)
	if err != nil {
		want = 40_000
	}
	path := file(t)
	preload(t, path, want)
	q := open(t, path, Options{MaxBytes: 1 << 40})
	size := func() int64 {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	before := size()

	var purged atomic.Bool
	began := time.Now()
	var took time.Duration
	done := make(chan int64, 1)
	go func() {
		n, err := q.Purge(context.Background(), 7)
		if err != nil {
			t.Error(err)
		}
		took = time.Since(began)
		purged.Store(true)
		done <- n
	}()
	others := q.Lanes(8)
	var ways []time.Duration
	meanwhile := 0
	for n := 0; !purged.Load() || n < 20; n++ {
		e := uplink(1, n)
		e.Connection = 8
		turn := time.Now()
		stored := put(t, q, e)
		if got := takeOne(t, others); got.ID != stored.ID {
			t.Fatalf("took %d, want %d", got.ID, stored.ID)
		}
		ack(t, others, stored)
		ways = append(ways, time.Since(turn))
		if !purged.Load() {
			meanwhile++
		}
	}
	if n := <-done; n != want {
		t.Fatalf("%d events were purged, want %d", n, want)
	}
	if meanwhile == 0 {
		t.Fatal("nothing went through while the other connection was purged")
	}
	wantDepth(t, q, 7, 0, 0)
	wantDepth(t, q, 8, 0, 0)
	for q.giveBack(vacuumIdle) {
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	after := size()
	t.Logf("%d events purged in %v, %d others went through meanwhile, p50 %v, p99 %v; the file went from %.1f to %.1f MB",
		want, took, meanwhile, percentile(ways, 50), percentile(ways, 99), float64(before)/1e6, float64(after)/1e6)
	if most := int64(keepFree+vacuumStep+200) * pageSize; after > most {
		t.Fatalf("the file has %d bytes, want at most %d", after, most)
	}
}
