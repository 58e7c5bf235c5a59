package queue

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// benchEvents makes events of the size and spread that a fleet sends.
func benchEvents() func(n int64) Event {
	body := make([]byte, 1183)
	start := time.Now()
	return func(n int64) Event {
		return Event{
			Connection: 1, DevEUI: fmt.Sprintf("70B3D57ED0%06X", n%1000), Kind: "DevEUI_uplink", FCntUp: n / 1000,
			Time: start.Add(time.Duration(n) * time.Millisecond), Body: body,
		}
	}
}

func benchQueue(b *testing.B) *Queue {
	q, err := Open(b.Context(), filepath.Join(b.TempDir(), "queue.db"), Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = q.Close() }) // a benchmark
	return q
}

// produce puts b.N events from as many goroutines and waits for all of them.
func produce(b *testing.B, q *Queue, producers int) {
	produceBy(b, producers, q.Put)
}

func produceBy(b *testing.B, producers int, put func(context.Context, Event) (Event, error)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	event := benchEvents()
	for range producers {
		wg.Go(func() {
			for {
				n := next.Add(1)
				if n > int64(b.N) {
					return
				}
				if _, err := put(context.Background(), event(n)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkPut(b *testing.B) {
	for _, producers := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("producers=%d", producers), func(b *testing.B) {
			q := benchQueue(b)
			b.ResetTimer()
			produce(b, q, producers)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// BenchmarkPutOnce is BenchmarkPut with a Token for each event: what checking Tokens costs, and what it must not cost those
// who do not.
func BenchmarkPutOnce(b *testing.B) {
	for _, producers := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("producers=%d", producers), func(b *testing.B) {
			q := benchQueue(b)
			b.ResetTimer()
			produceBy(b, producers, func(ctx context.Context, e Event) (Event, error) {
				token := Token{Time: e.Time}
				binary.LittleEndian.PutUint64(token.Sum[:], uint64(e.FCntUp)*2654435761)
				copy(token.Sum[8:], e.DevEUI)
				return q.PutOnce(ctx, e, token)
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// BenchmarkThrough puts by 64 producers while one consumer takes and acknowledges, until the last one is through.
func BenchmarkThrough(b *testing.B) {
	q := benchQueue(b)
	lanes := q.Lanes(1)
	b.ResetTimer()
	var wg sync.WaitGroup
	wg.Go(func() { consume(b, lanes, b.N) })
	produce(b, q, 64)
	wg.Wait()
	if err := q.flush(context.Background()); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkDrain takes and acknowledges a backlog.
func BenchmarkDrain(b *testing.B) {
	q := benchQueue(b)
	produce(b, q, 64)
	lanes := q.Lanes(1)
	b.ResetTimer()
	consume(b, lanes, b.N)
	if err := q.flush(context.Background()); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

func consume(b *testing.B, lanes *Lanes, n int) {
	for done := 0; done < n; {
		events, err := lanes.Take(context.Background(), 64)
		if err != nil {
			b.Error(err)
			return
		}
		for _, e := range events {
			if err := lanes.Ack(context.Background(), e); err != nil {
				b.Error(err)
				return
			}
		}
		done += len(events)
	}
}

// BenchmarkPlainFile is what the disk allows: the same events by the same producers, gathered in the same way, written to
// the end of a file and synced. BenchmarkThrough is to be compared with it, not with a figure of another day.
func BenchmarkPlainFile(b *testing.B) {
	f, err := os.Create(filepath.Join(b.TempDir(), "plain"))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = f.Close() }() // a benchmark
	puts := make(chan *putting, maxPuts)
	var wg sync.WaitGroup
	wg.Go(func() {
		var buffer []byte
		var all []*putting
		for p := range puts {
			buffer, all = append(buffer[:0], p.event.Body...), append(all[:0], p)
			for len(puts) > 0 {
				p := <-puts
				buffer, all = append(buffer, p.event.Body...), append(all, p)
			}
			_, err := f.Write(buffer)
			err = errors.Join(err, f.Sync())
			for _, p := range all {
				p.done <- err
			}
		}
	})
	var next atomic.Int64
	var producers sync.WaitGroup
	event := benchEvents()
	b.ResetTimer()
	for range 64 {
		producers.Go(func() {
			for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
				p := &putting{event: event(n), done: make(chan error, 1)}
				puts <- p
				if err := <-p.done; err != nil {
					b.Error(err)
				}
			}
		})
	}
	producers.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
	close(puts)
	wg.Wait()
}
