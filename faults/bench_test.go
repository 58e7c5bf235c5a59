package faults_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"boardlink/connection"
	"boardlink/faults"
	"boardlink/faults/history"
)

// BenchmarkNeighbour measures how long the uplinks of a quiet link take while another has all the traffic, against how
// long they take alone. The ratio of the 99th percentiles is what a neighbour costs.
func BenchmarkNeighbour(b *testing.B) {
	b.StopTimer()
	var alone, beside time.Duration
	for range b.N {
		alone = neighbour(b, 0)
		beside = neighbour(b, 16)
	}
	b.ReportMetric(float64(alone.Microseconds()), "alone-p99-us")
	b.ReportMetric(float64(beside.Microseconds()), "beside-p99-us")
	b.ReportMetric(float64(beside)/float64(alone), "ratio")
}

// neighbour returns the 99th percentile from post to arrival of 1,000 uplinks of one link, while so many posters give
// another link as much as it takes.
func neighbour(b *testing.B, posters int) time.Duration {
	b.Helper()
	var (
		mu    sync.Mutex
		quiet connection.ID
		took  []time.Duration
	)
	w := faults.New(b, faults.Options{Links: 2, Devices: 32, Look: time.Second, History: history.Options{
		Arrived: func(id connection.ID, _ string, _ int64, after time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			if id == quiet {
				took = append(took, after)
			}
		}}})
	w.Start()
	w.Backlog(1) // devices are connected by then
	w.Settle(time.Minute)
	mu.Lock()
	quiet = w.Links[0].ID
	mu.Unlock()

	over := make(chan struct{})
	var busy sync.WaitGroup
	for p := range posters {
		busy.Go(func() {
			for d := p; ; d = (d + posters) % 32 {
				select {
				case <-over:
					return
				default:
					w.Links[1].Put(d)
				}
			}
		})
	}
	feeder := w.FeedTo(100, w.Links[0])
	w.Until("a thousand arrivals", 2*time.Minute, func() bool { mu.Lock(); defer mu.Unlock(); return len(took) >= 1000 })
	feeder.Stop()
	close(over)
	busy.Wait()
	f := w.History.Figures()
	w.Finish(2 * time.Minute)
	b.Logf("%d events of both links", f.Arrived)
	mu.Lock()
	defer mu.Unlock()
	slices.Sort(took)
	return took[len(took)*99/100]
}
