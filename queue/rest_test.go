//go:build unix

package queue

import (
	"context"
	"sync"
	"syscall"
	"testing"
	"time"
)

// BenchmarkAtRest puts 1,000 events a second, at times that are fixed in advance whatever the queue does, while a consumer
// takes and acknowledges them. It prints what an event costs of the processor, as the system counts it for the whole process,
// what of that the bare schedule costs, and how long an event takes from Put to Take.
func BenchmarkAtRest(b *testing.B) {
	q := benchQueue(b)
	lanes := q.Lanes(1)
	const rate, spread = 1000, 64
	most := int64(max(b.N, 2*rate))
	event := benchEvents()

	began, cpu := time.Now(), processorTime(b)
	onSchedule(most, rate, spread, began, func(int64) {})
	schedule := processorTime(b) - cpu

	var taken sync.Map // FCntUp and device: when
	var wg sync.WaitGroup
	ways := make([]time.Duration, 0, most)
	began, cpu = time.Now(), processorTime(b)
	wg.Go(func() {
		for n := int64(0); n < most; {
			events, err := lanes.Take(context.Background(), 64)
			if err != nil {
				b.Error(err)
				return
			}
			now := time.Now()
			for _, e := range events {
				due, _ := taken.Load(e.Time.UnixMilli())
				ways = append(ways, now.Sub(due.(time.Time)))
				if err := lanes.Ack(context.Background(), e); err != nil {
					b.Error(err)
				}
				n++
			}
		}
	})
	onSchedule(most, rate, spread, began, func(n int64) {
		e := event(n)
		taken.Store(e.Time.UnixMilli(), time.Now())
		if _, err := q.Put(context.Background(), e); err != nil {
			b.Error(err)
		}
	})
	wg.Wait()
	if err := q.flush(context.Background()); err != nil {
		b.Fatal(err)
	}
	used := processorTime(b) - cpu
	b.ReportMetric(float64(used.Microseconds())/float64(most), "cpu-us/event")
	b.ReportMetric(float64(schedule.Microseconds())/float64(most), "schedule-us/event")
	b.ReportMetric(float64(most)/time.Since(began).Seconds(), "events/s")
	b.ReportMetric(float64(percentile(ways, 50).Microseconds()), "p50-us")
	b.ReportMetric(float64(percentile(ways, 99).Microseconds()), "p99-us")
	b.ReportMetric(0, "ns/op")
}

// onSchedule calls do most times, rate times a second, from as many goroutines as spread says, and waits for all.
func onSchedule(most, rate, spread int64, began time.Time, do func(n int64)) {
	var wg sync.WaitGroup
	for first := range spread {
		wg.Go(func() {
			for n := first; n < most; n += spread {
				time.Sleep(time.Until(began.Add(time.Duration(n) * time.Second / time.Duration(rate))))
				do(n)
			}
		})
	}
	wg.Wait()
}

// processorTime is what the process used of the processor, for itself and in the system.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
