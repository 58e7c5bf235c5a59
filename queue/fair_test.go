package queue

import (
	"context"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"
)

// BenchmarkFairness measures how long a quiet connection waits for its turn, alone and beside one that has all the
// traffic, and prints the ratio of the 99th percentiles: of Take and Ack, and of the whole way from Put to Ack. The
// traffic is FAIR_RATE events a second, 5,000 where it is not set.
func BenchmarkFairness(b *testing.B) {
	rate := 5000
	if n, err := strconv.Atoi(os.Getenv("FAIR_RATE")); err == nil && n > 0 {
		rate = n
	}
	q := benchQueue(b)
	quiet := q.Lanes(2)
	most := min(max(b.N, 500), 3000)
	measure := func() (takes, ways time.Duration) {
		var take, way []time.Duration
		for n := range most {
			e := uplink(n%50, n)
			e.Connection = 2
			began := time.Now()
			stored, err := q.Put(context.Background(), e)
			if err != nil {
				b.Fatal(err)
			}
			turn := time.Now()
			events, err := quiet.Take(context.Background(), 8)
			if err != nil || events[0].ID != stored.ID {
				b.Fatalf("took %v, %v", events, err)
			}
			if err := quiet.Ack(context.Background(), events[0]); err != nil {
				b.Fatal(err)
			}
			take, way = append(take, time.Since(turn)), append(way, time.Since(began))
		}
		return percentile(take, 99), percentile(way, 99)
	}
	measure() // warm
	aloneTake, aloneWay := measure()
	againTake, againWay := measure()
	stop := traffic(b, q, rate)
	loadTake, loadWay := measure()
	stop()
	ratio := func(a, b time.Duration) float64 { return float64(a) / float64(b) }
	b.ReportMetric(ratio(againTake, aloneTake), "take-noise")
	b.ReportMetric(ratio(loadTake, max(aloneTake, againTake)), "take-ratio")
	b.ReportMetric(float64(loadTake.Microseconds()), "take-p99-us")
	b.ReportMetric(ratio(againWay, aloneWay), "way-noise")
	b.ReportMetric(ratio(loadWay, max(aloneWay, againWay)), "way-ratio")
	b.ReportMetric(float64(loadWay.Microseconds()), "way-p99-us")
}

func percentile(all []time.Duration, p int) time.Duration {
	slices.Sort(all)
	return all[len(all)*p/100]
}

// traffic puts and delivers events of connection 1, so many a second, until it is stopped.
func traffic(b *testing.B, q *Queue, rate int) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	event := benchEvents()
	const producers = 16
	for p := range producers {
		wg.Go(func() {
			tick := time.NewTicker(time.Second * producers / time.Duration(rate))
			defer tick.Stop()
			for n := int64(p); ctx.Err() == nil; n += producers {
				if _, err := q.Put(ctx, event(n)); err != nil && ctx.Err() == nil {
					b.Error(err)
				}
				select {
				case <-tick.C:
				case <-ctx.Done():
				}
			}
		})
	}
	wg.Go(func() {
		lanes := q.Lanes(1)
		for {
			events, err := lanes.Take(ctx, 64)
			if err != nil {
				return
			}
			for _, e := range events {
				if err := lanes.Ack(ctx, e); err != nil {
					b.Error(err)
				}
			}
		}
	})
	return func() { cancel(); wg.Wait() }
}
