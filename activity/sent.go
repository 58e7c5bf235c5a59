package activity

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"boardlink/connection"
	"boardlink/live"
)

// TelemetryStore keeps what was sent last of each device.
type TelemetryStore interface {
	// KeepTelemetry replaces what is kept of these devices, all or nothing.
	KeepTelemetry(ctx context.Context, sent []connection.LastTelemetry) error
}

const (
	// keepSentEvery is how often what was sent last is stored: many an uplink of a device is then written once.
	keepSentEvery = 5 * time.Second
	// maxSentBytes bounds the documents that wait to be stored. Beyond it further devices keep what is stored of them, which
	// bears its time.
	maxSentBytes = 4 << 20
)

// sent is what was delivered last of each device and is not stored yet.
type sent struct {
	byDevice map[device]connection.LastTelemetry
	bytes    int
	storedAt time.Time
}

// Sent notes what ThingsBoard acknowledged of a device: its values, an object of telemetry keys, and the time in
// milliseconds that it shows them at. values must not change afterwards.
func (r *Recorder) Sent(id connection.ID, devEUI string, ts int64, values json.RawMessage) {
	if r.telemetry == nil || devEUI == "" {
		return
	}
	t := connection.LastTelemetry{ConnectionID: id, DevEUI: devEUI, TS: time.UnixMilli(ts).UTC(), SentAt: r.now(), Size: len(values)}
	if len(values) <= connection.MaxLastTelemetry {
		t.Document = values
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent.put(t)
}

func (s *sent) put(t connection.LastTelemetry) {
	key := device{t.ConnectionID, t.DevEUI}
	more := len(t.Document) - len(s.byDevice[key].Document)
	if s.bytes+more > maxSentBytes || (len(s.byDevice) >= maxDevices && s.byDevice[key].DevEUI == "") {
		return
	}
	s.bytes += more
	s.byDevice[key] = t
}

// takeSent takes what is to be stored now.
func (r *Recorder) takeSent(now time.Time, last bool) []connection.LastTelemetry {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.sent.byDevice) == 0 || (!last && now.Sub(r.sent.storedAt) < keepSentEvery) {
		return nil
	}
	all := make([]connection.LastTelemetry, 0, len(r.sent.byDevice))
	for _, t := range r.sent.byDevice {
		all = append(all, t)
	}
	clear(r.sent.byDevice)
	r.sent.bytes, r.sent.storedAt = 0, now
	return all
}

// keepSent stores what was sent last. What the store refuses is put back, unless the device has sent anew.
func (r *Recorder) keepSent(ctx context.Context, last bool) error {
	all := r.takeSent(r.now(), last)
	if len(all) == 0 {
		return nil
	}
	if err := r.telemetry.KeepTelemetry(ctx, all); err != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, t := range all {
			if _, newer := r.sent.byDevice[device{t.ConnectionID, t.DevEUI}]; !newer {
				r.sent.put(t)
			}
		}
		return fmt.Errorf("store last telemetry: %w", err)
	}
	if r.feed != nil {
		told := map[connection.ID]bool{}
		for _, t := range all {
			if !told[t.ConnectionID] {
				told[t.ConnectionID] = true
				r.feed.Publish(live.Change{Topic: live.Figures, ID: t.ConnectionID.String()})
			}
		}
	}
	return nil
}
