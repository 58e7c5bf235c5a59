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
// long they take alone. The ratio of the 99th percentiles is what a neighbour costs: one with a thousand uplinks a second,
// and one with as many as it gets, where the load and the sandbox in the same process take what there is of processor.
func BenchmarkNeighbour(b *testing.B) {
	for name, load := range map[string]func(w *faults.World) (stop func()){"1000-a-second": paced, "saturated": saturated} {
		b.Run(name, func(b *testing.B) {
			var alone, beside time.Duration
			for range b.N {
				alone = neighbour(b, func(*faults.World) func() { return func() {} })
				beside = neighbour(b, load)
			}
			b.ReportMetric(float64(alone.Microseconds()), "alone-p99-us")
			b.ReportMetric(float64(beside.Microseconds()), "beside-p99-us")
			b.ReportMetric(float64(beside)/float64(alone), "ratio")
		})
	}
}

// paced gives the other link a thousand uplinks a second.
func paced(w *faults.World) (stop func()) { return w.FeedTo(1000, w.Links[1]).Stop }

// saturated gives the other link as much as 16 posters get through.
func saturated(w *faults.World) (stop func()) {
	const posters = 16
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
	return func() { close(over); busy.Wait() }
}

// neighbour returns the 99th percentile from post to arrival of 1,000 uplinks of one link, while another link has a load.
func neighbour(b *testing.B, load func(*faults.World) (stop func())) time.Duration {
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

	stop := load(w)
	feeder := w.FeedTo(100, w.Links[0])
	w.Until("a thousand arrivals", 2*time.Minute, func() bool { mu.Lock(); defer mu.Unlock(); return len(took) >= 1000 })
	feeder.Stop()
	stop()
	f := w.History.Figures()
	w.Finish(2 * time.Minute)
	b.Logf("%d events of both links", f.Arrived)
	mu.Lock()
	defer mu.Unlock()
	slices.Sort(took)
	return took[len(took)*99/100]
}
