package metrics

import (
	"boardlink/connection"

	"github.com/prometheus/client_golang/prometheus"
)

// Links tells where every link stands.
type Links interface {
	Statuses() map[connection.ID]connection.Status
}

// Queue tells how full the queue is, from 0 to 1.
type Queue interface {
	Fill() float64
}

// Figures sums what happened on all connections since the start of the program. Sums never shrink.
type Figures interface {
	Totals() connection.Totals
}

// Watch lets each scrape read how things stand. Call it once.
func (m *Metrics) Watch(links Links, queue Queue, figures Figures) {
	m.registry.MustRegister(&watch{links, queue, figures})
}

// watch reads at a scrape what others know. All links are read in one go: a scrape shows one moment.
type watch struct {
	links   Links
	queue   Queue
	figures Figures
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName(namespace, "", name), help, labels, nil)
}

const byConnection = "connection"

var (
	descLinks  = describe("links", "Links by state. A deactivated connection counts as one.", "state")
	descState  = describe("link_state", "1 for the state that the link of a connection is in. Other states of it are absent.", byConnection, "state")
	descOpened = describe("link_opened", "Whether the link of an active connection is open, 0 or 1. Absent for deactivated connections.", byConnection)
	descDepth  = describe("queue_depth", "Uplinks of a connection that wait to be delivered.", byConnection)
	descOldest = describe("queue_oldest_age_seconds", "How long the oldest waiting uplink of a connection has been waiting; 0 where none waits.", byConnection)
	descParked = describe("queue_parked", "Uplinks of a connection that are put aside until a person retries or drops them.", byConnection)
	descFill   = describe("queue_fill_ratio", "How much of the queue's bound is taken, from 0 to 1. At 1 uplinks are refused.")

	descDelivered = describe("uplinks_delivered_total", "Uplinks, and other documents of ThingPark, that ThingsBoard acknowledged.")
	descPutAside  = describe("uplinks_parked_total", "Uplinks, and other documents of ThingPark, that were put aside because ThingsBoard refused them.")
	descExpired   = describe("uplinks_expired_total", "Uplinks, and other documents of ThingPark, that were not sent: older than the validity, or of a device that must not be created.")
)

// Describe implements [prometheus.Collector].
func (w *watch) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descLinks, descState, descOpened, descDepth, descOldest, descParked, descFill, descDelivered, descPutAside, descExpired} {
		to <- d
	}
}

// Collect implements [prometheus.Collector].
func (w *watch) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	count := func(d *prometheus.Desc, v int64) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v))
	}
	states := map[connection.State]int{}
	for id, s := range w.links.Statuses() {
		if !s.State.Valid() {
			continue // its keeper has not looked at it yet
		}
		states[s.State]++
		name := id.String()
		gauge(descState, 1, name, string(s.State))
		if s.State != connection.Deactivated {
			gauge(descOpened, boolean(s.State == connection.Opened), name)
		}
		gauge(descDepth, float64(s.Backlog), name)
		gauge(descOldest, s.OldestAge.Seconds(), name)
		gauge(descParked, float64(s.Parked), name)
	}
	for _, state := range connection.States {
		gauge(descLinks, float64(states[state]), string(state))
	}
	gauge(descFill, w.queue.Fill())
	totals := w.figures.Totals()
	count(descDelivered, totals.Delivered)
	count(descPutAside, totals.Parked)
	count(descExpired, totals.Expired)
}

func boolean(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
