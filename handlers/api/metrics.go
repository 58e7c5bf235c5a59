package api

import (
	"time"

	"boardlink/connection"
	"boardlink/operation"
)

// metrics are figures as programs read them.
type metrics struct {
	Window        operation.Window `json:"window" enum:"1h,1d"`
	ActiveDevices int64            `json:"activeDevices"`
	Uplinks       int64            `json:"uplinks"`
	Downlinks     int64            `json:"downlinks"`
	Rejected      int64            `json:"rejected"`
	Parked        int64            `json:"parked"`
	Expired       int64            `json:"expired"`
	Series        []point          `json:"series" nullable:"false"`
}

type point struct {
	T         moment   `json:"t"`
	Uplinks   int64    `json:"uplinks"`
	Downlinks int64    `json:"downlinks"`
	Latency   *latency `json:"latency,omitempty" doc:"How long deliveries took, from the acceptance of an event to ThingsBoard's acknowledgement; absent where nothing was delivered."`
	Backlog   *backlog `json:"backlog,omitempty" doc:"What waited to be delivered, looked at once a minute; absent where nobody looked, because Boardlink did not run."`
}

// latency is told in bounds: a delivery never took longer than what is said.
type latency struct {
	Count   int64 `json:"count" example:"120" doc:"Deliveries."`
	P50     int64 `json:"p50Milliseconds" example:"50" doc:"Half of them took no longer: the upper end of a class of times, of which there are 17 between 10 ms and beyond 6 hours."`
	P95     int64 `json:"p95Milliseconds" example:"250" doc:"95 % of them took no longer, likewise."`
	Longest int64 `json:"maxMilliseconds" example:"312" doc:"The longest of them."`
}

type backlog struct {
	Waiting   int64 `json:"waiting" example:"0" doc:"The most events that waited."`
	OldestAge int64 `json:"oldestAgeSeconds" example:"0" doc:"For how long the oldest of them did, at the most."`
}

func metricsOf(m operation.Metrics) metrics {
	out := metrics{
		Window: m.Window, ActiveDevices: m.ActiveDevices, Uplinks: m.Uplinks, Downlinks: m.Downlinks,
		Rejected: m.Rejected, Parked: m.Parked, Expired: m.Expired, Series: make([]point, len(m.Series)),
	}
	for i, p := range m.Series {
		out.Series[i] = point{moment(p.T), p.Uplinks, p.Downlinks, latencyOf(p.Delays), backlogOf(p)}
	}
	return out
}

func latencyOf(d connection.Delays) *latency {
	if d.Count() == 0 {
		return nil
	}
	return &latency{d.Count(), d.Within(0.5).Milliseconds(), d.Within(0.95).Milliseconds(), d.Longest.Milliseconds()}
}

func backlogOf(p operation.Point) *backlog {
	if !p.Watched && p.Backlog == 0 {
		return nil
	}
	return &backlog{p.Backlog, int64(p.OldestAge / time.Second)}
}
