// Package metrics shows Prometheus what Boardlink does: counts that grow from the start of the program on, and how things
// stand at the moment of a scrape. A scrape changes nothing, so any number of them may come.
//
// No metric is labelled by device, address, key or account. The label "connection" (an id) stands only on the metrics that
// say how one connection is; everything else is summed over all of them. docs/monitoring.md lists what there is.
package metrics

import (
	"net/http"
	"runtime"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// namespace begins the name of every metric of ours.
const namespace = "boardlink"

// other is the value of a label for what is not among the values known beforehand, so that a label's values are bounded
// whatever comes.
const other = "other"

// publishBuckets reach from a ThingsBoard next door to the deadline of a PUBACK, 10 s.
var publishBuckets = append([]float64{0.001, 0.0025}, prometheus.DefBuckets...)

// Options are what [New] needs.
type Options struct {
	Version  string   // of the program
	Refusals []string // why an uplink may be refused
	Results  []string // what may come of a publish
	Outcomes []string // what may become of a command
}

// Metrics counts. It is safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry

	accepted    prometheus.Counter
	refused     *bounded
	published   *prometheus.HistogramVec
	results     []string
	commands    *bounded
	requests    *prometheus.CounterVec
	requestTime *prometheus.HistogramVec
}

// New makes metrics that count from zero. What is read at a scrape is added by [Metrics.Watch].
func New(opt Options) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		accepted: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: namespace, Name: "uplinks_accepted_total",
			Help: "Uplinks, and other documents of ThingPark such as delivery reports, that were accepted: they are on disk.",
		}),
		refused: newBounded(prometheus.CounterOpts{
			Namespace: namespace, Name: "uplinks_refused_total",
			Help: "Uplinks, and other documents of ThingPark, that were not accepted, by reason.",
		}, "reason", opt.Refusals),
		published: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Name: "publish_duration_seconds", Buckets: publishBuckets,
			Help: "Time from the publish of a telemetry message to ThingsBoard's PUBACK, by what that said.",
		}, []string{"result"}),
		results: opt.Results,
		commands: newBounded(prometheus.CounterOpts{
			Namespace: namespace, Name: "downlinks_total",
			Help: "Commands of ThingsBoard, by what became of them: queued by ThingPark, or why not.",
		}, "outcome", opt.Outcomes),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "http_requests_total",
			Help: "Requests to the console and the API that were answered, by route, method and class of the status. Open streams are left out.",
		}, []string{"route", "method", "code"}),
		requestTime: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Name: "http_request_duration_seconds", Buckets: prometheus.DefBuckets,
			Help: "Time that answering a request took, by route and method. Open streams are left out.",
		}, []string{"route", "method"}),
	}
	build := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: namespace, Name: "build_info", Help: "The running program; always 1.",
		ConstLabels: prometheus.Labels{"version": opt.Version, "goversion": runtime.Version()},
	}, func() float64 { return 1 })
	for _, result := range opt.Results {
		m.published.WithLabelValues(result)
	}
	m.registry.MustRegister(build, m.accepted, m.refused.vec, m.published, m.commands.vec, m.requests, m.requestTime,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Accepted counts a document that was accepted.
func (m *Metrics) Accepted() { m.accepted.Inc() }

// Refused counts a document that was not accepted.
func (m *Metrics) Refused(reason string) { m.refused.inc(reason) }

// Published takes in how long a publish took, and what came of it.
func (m *Metrics) Published(result string, took time.Duration) {
	if !slices.Contains(m.results, result) {
		result = other
	}
	m.published.WithLabelValues(result).Observe(took.Seconds())
}

// Answered counts a command by what became of it.
func (m *Metrics) Answered(outcome string) { m.commands.inc(outcome) }

// methods are those that a route may have.
var methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions}

// Requested counts a request. route is the pattern that answered, never the path that was asked for.
func (m *Metrics) Requested(route, method string, status int, took time.Duration) {
	if !slices.Contains(methods, method) {
		method = other
	}
	m.requests.WithLabelValues(route, method, class(status)).Inc()
	m.requestTime.WithLabelValues(route, method).Observe(took.Seconds())
}

// class is the hundred of a status: "2xx".
func class(status int) string {
	if status < 100 || status > 599 {
		return other
	}
	return string(rune('0'+status/100)) + "xx"
}

// bounded is a counter with one label whose values are known beforehand. All of them are there from the start, at zero, so
// that a rate sees the first one.
type bounded struct {
	vec   *prometheus.CounterVec
	known map[string]prometheus.Counter
}

func newBounded(opt prometheus.CounterOpts, label string, values []string) *bounded {
	b := &bounded{vec: prometheus.NewCounterVec(opt, []string{label}), known: map[string]prometheus.Counter{}}
	for _, v := range append([]string{other}, values...) {
		b.known[v] = b.vec.WithLabelValues(v)
	}
	return b
}

func (b *bounded) inc(value string) {
	c, ok := b.known[value]
	if !ok {
		c = b.known[other]
	}
	c.Inc()
}
