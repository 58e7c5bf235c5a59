// Package activity counts what goes through the connections: uplinks, deliveries and how long they took, commands, and the
// devices they are of; once a minute it looks at how much waits. Counting touches memory only; about once a second what has gathered is added to a store, and pages are told. A
// crash loses the figures of the last second, which are for people and never decide what is delivered.
package activity

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"boardlink/connection"
	"boardlink/live"
)

// Store keeps figures. Both methods add to what is stored already, and either add all or nothing.
type Store interface {
	// AddFigures adds counts to those of the same connection and minute, as [connection.Minute.Add] does, and to those of all
	// connections. The minute of all connections that is given holds their backlog alone.
	AddFigures(ctx context.Context, minutes []connection.Minute) error
	// AddDevices adds the counts of devices; the newest LastUplinkAt holds, and so does the last Name that is not empty.
	AddDevices(ctx context.Context, devices []connection.Device) error
}

// Options of a recorder. Store is mandatory.
type Options struct {
	Store Store
	// Telemetry keeps what was sent last of each device; nil: nobody does.
	Telemetry TelemetryStore
	Feed      *live.Feed // told of changed figures, each connection at most once a second; may be nil
	// Waiting lists the connections that events wait on, and is asked once a minute; nil: nobody looks.
	Waiting func() []connection.Waiting
	Now     func() time.Time // nil: time.Now
	Log     *slog.Logger     // nil: nothing is logged
}

const (
	flushEvery   = time.Second
	flushTimeout = 10 * time.Second
	maxPause     = 30 * time.Second // between tries while the store refuses

	// What is kept while the store refuses. Beyond it the oldest minutes and further devices are left out.
	maxMinutes = 24 * 60 // of one connection
	maxDevices = 100_000 // of all connections
)

// Recorder counts. It is safe for concurrent use; its counting methods never block on anything.
type Recorder struct {
	store     Store
	telemetry TelemetryStore
	feed      *live.Feed
	waiting   func() []connection.Waiting
	now       func() time.Time
	log       *slog.Logger

	watched int64 // the last minute whose backlog was looked at; [Recorder.Run] alone has it

	flushing sync.Mutex // one flush at a time

	mu      sync.Mutex
	tallies map[connection.ID]*tally
	devices map[device]*connection.Device // not stored yet
	lost    int64                         // minutes and devices that were left out since the last word about it
	sent    sent
	totals  connection.Totals // of all connections, since the program started; without devices
}

// device names a device of a connection.
type device struct {
	id     connection.ID
	devEUI string
}

// New makes a recorder. Nothing is stored before [Recorder.Run] or [Recorder.Flush] is called.
func New(opt Options) *Recorder {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	return &Recorder{
		store: opt.Store, telemetry: opt.Telemetry, sent: sent{byDevice: map[device]connection.LastTelemetry{}}, feed: opt.Feed, waiting: opt.Waiting,
		now: opt.Now, log: opt.Log,
		tallies: map[connection.ID]*tally{}, devices: map[device]*connection.Device{},
	}
}

// Accepted counts one uplink that came in. name is the device's as ThingPark knows it and may be empty, as may devEUI
// where the document is about no device.
func (r *Recorder) Accepted(id connection.ID, devEUI, name string, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.tally(id)
	t.minute(at).Uplinks++
	r.totals.Uplinks++
	t.history.at(at).accepted++
	if at.After(t.lastUplink) {
		t.lastUplink = at
	}
	if d := r.device(id, devEUI); d != nil {
		d.Uplinks++
		if at.After(d.LastUplinkAt) {
			d.LastUplinkAt = at
		}
		if name != "" {
			d.Name = name
		}
	}
}

// Delivered counts an event that ThingsBoard acknowledged, and how long after its acceptance.
func (r *Recorder) Delivered(id connection.ID, took time.Duration) {
	r.count(id, func(t *tally, m *connection.Minute, now time.Time) {
		m.Delivered++
		m.Delays.Note(took)
		r.totals.Delivered++
		t.history.at(now).delivered++
		t.lastDelivered = now
	})
}

// Downlink counts a command that ThingPark queued for a device.
func (r *Recorder) Downlink(id connection.ID, devEUI string) {
	r.count(id, func(_ *tally, m *connection.Minute, _ time.Time) {
		m.Downlinks++
		r.totals.Downlinks++
		if d := r.device(id, devEUI); d != nil {
			d.Downlinks++
		}
	})
}

// Rejected counts a command that was refused.
func (r *Recorder) Rejected(id connection.ID) {
	r.count(id, func(_ *tally, m *connection.Minute, _ time.Time) {
		m.Rejected++
		r.totals.Rejected++
	})
}

// Parked counts an event that was put aside.
func (r *Recorder) Parked(id connection.ID) {
	r.count(id, func(_ *tally, m *connection.Minute, _ time.Time) {
		m.Parked++
		r.totals.Parked++
	})
}

// Expired counts n events that were not sent: too old, or skipped.
func (r *Recorder) Expired(id connection.ID, n int) {
	r.count(id, func(_ *tally, m *connection.Minute, _ time.Time) {
		m.Expired += int64(n)
		r.totals.Expired += int64(n)
	})
}

func (r *Recorder) count(id connection.ID, add func(t *tally, m *connection.Minute, now time.Time)) {
	now := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.tally(id)
	add(t, t.minute(now), now)
}

func (r *Recorder) tally(id connection.ID) *tally {
	t := r.tallies[id]
	if t == nil {
		t = &tally{id: id, minutes: map[int64]*connection.Minute{}}
		r.tallies[id] = t
	}
	return t
}

// device gives the entry to count in; nil where there is no device, or no room for another one.
func (r *Recorder) device(id connection.ID, devEUI string) *connection.Device {
	if devEUI == "" {
		return nil
	}
	key := device{id, devEUI}
	d := r.devices[key]
	if d == nil {
		if len(r.devices) >= maxDevices {
			r.lost++
			return nil
		}
		d = &connection.Device{ConnectionID: id, DevEUI: devEUI}
		r.devices[key] = d
	}
	return d
}

// Totals sums what was counted on all connections since the program started, deleted ones too. The sums never shrink, and
// reading them changes nothing. Devices are not counted.
func (r *Recorder) Totals() connection.Totals {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.totals
}

// AcceptedSince tells how many uplinks of a connection came in during the last d, to the minute. It remembers two hours
// and nothing from before the program started.
func (r *Recorder) AcceptedSince(id connection.ID, d time.Duration) int64 {
	accepted, _ := r.since(id, d)
	return accepted
}

// DeliveredSince tells how many events of a connection were delivered during the last d, as [Recorder.AcceptedSince].
func (r *Recorder) DeliveredSince(id connection.ID, d time.Duration) int64 {
	_, delivered := r.since(id, d)
	return delivered
}

func (r *Recorder) since(id connection.ID, d time.Duration) (accepted, delivered int64) {
	now := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if t := r.tallies[id]; t != nil {
		return t.history.since(now.Add(-d), now)
	}
	return 0, 0
}

// LastDelivered tells when an event of a connection was last delivered; zero for not since the program started.
func (r *Recorder) LastDelivered(id connection.ID) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	if t := r.tallies[id]; t != nil {
		return t.lastDelivered
	}
	return time.Time{}
}

// LastUplink tells when an uplink of a connection last came in; zero for not since the program started.
func (r *Recorder) LastUplink(id connection.ID) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	if t := r.tallies[id]; t != nil {
		return t.lastUplink
	}
	return time.Time{}
}
