package queue

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"boardlink/connection"
)

// TestQueue_opens_at_once_with_millions_waiting needs some minutes and some GB of disk, so it runs only where QUEUE_BIG
// says how many events shall wait: "QUEUE_BIG=10000000 go test -run millions -timeout 1h -v ./queue". QUEUE_BIG_DIR
// names the folder to use; a file that is there from the last time is used again.
func TestQueue_opens_at_once_with_millions_waiting(t *testing.T) {
	want, err := strconv.ParseInt(os.Getenv("QUEUE_BIG"), 10, 64)
	if err != nil {
		t.Skip("QUEUE_BIG does not say how many events shall wait")
	}
	path := file(t)
	if dir := os.Getenv("QUEUE_BIG_DIR"); dir != "" {
		path = dir + "/queue.db"
	}
	preload(t, path, want)

	before := heapInUse()
	began := time.Now()
	q := open(t, path, Options{MaxBytes: 1 << 40})
	opened := time.Since(began)
	began = time.Now()
	waiting, oldest, _ := q.Depth(7)
	first := time.Since(began)
	began = time.Now()
	const asks = 1000
	for range asks {
		q.Depth(7)
	}
	later := time.Since(began) / asks
	if waiting != want || oldest.IsZero() {
		t.Fatalf("%d events wait, the oldest since %v", waiting, oldest)
	}
	l := q.Lanes(7)
	began = time.Now()
	takeOne(t, l)
	taken := time.Since(began)
	const through = 100_000
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	began = time.Now()
	last := map[string]int64{}
	var most uint64
	for n := 0; n < through; {
		events, err := l.Take(ctx, 64)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			if e.ID <= last[e.DevEUI] {
				t.Fatal("out of order")
			}
			last[e.DevEUI] = e.ID
			if err := l.Ack(ctx, e); err != nil {
				t.Fatal(err)
			}
			if n++; n%10_000 == 0 {
				most = max(most, heapInUse())
			}
		}
	}
	rate := through / time.Since(began).Seconds()
	began = time.Now()
	put(t, q, uplink(2000, 1))
	t.Logf("%d waiting: open %v, first Depth %v, then %v, first Take %v, drained at %.0f events/s, heap +%.1f MB, Put %v",
		want, opened, first, later, taken, rate, float64(most-before)/1e6, time.Since(began))
	if opened > 2*time.Second || first > 100*time.Millisecond || later > time.Millisecond || taken > time.Second {
		t.Error("that takes too long")
	}
	if most > before+64<<20 {
		t.Error("that takes too much memory")
	}
}

func heapInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// preload fills a file 50,000 events a transaction, past Put, for that is quicker. The events are those of
// 1,000 devices; their bodies are short.
func preload(t *testing.T, path string, n int64) {
	t.Helper()
	q, err := Open(context.Background(), path, Options{MaxBytes: 1 << 40})
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	have, _, _ := q.Depth(7)
	for have < n {
		step := min(n-have, 50_000)
		err := <-q.writer.do(func(x *tx) error {
			c := x.counters(7)
			for range step {
				device := int(c.sequence % 1000)
				e := Event{
					ID: floorOf(7) + c.sequence + 1, Connection: 7, DevEUI: dev(device), Kind: "DevEUI_uplink", FCntUp: c.sequence / 1000,
					Time: time.UnixMilli(1.7e12 + c.sequence).UTC(), ReceivedAt: time.UnixMilli(1.7e12 + c.sequence).UTC(), TS: 1.7e12 + c.sequence,
					Body: fmt.Appendf(nil, `{"DevEUI_uplink":{"DevEUI":%q}}`, dev(device)),
				}
				if err := x.exec(x.stmt.insert, e.ID, laneOf(connection.ID(7), e.DevEUI), e.DevEUI, e.Kind, e.FCntUp,
					micros(e.Time), micros(e.ReceivedAt), e.TS, checksum(&e), e.Body); err != nil {
					return err
				}
				c.sequence++
				c.waiting++
				c.bytes += chargeOf(&e)
				x.charged += chargeOf(&e)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		have, _, _ = q.Depth(7)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("filled in %v", time.Since(began).Round(time.Second))
}
