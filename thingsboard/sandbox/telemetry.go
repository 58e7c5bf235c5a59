package sandbox

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// parcel is what was acknowledged and is not stored yet.
type parcel struct {
	device  *device
	entries []entry
}

// storeSoon stores entries, at once or after the delay in force. The order is kept as long as the delay is.
func (s *Sandbox) storeSoon(d *device, entries []entry) {
	delay := s.current().StoreDelay
	if delay <= 0 {
		s.store(d, entries)
		return
	}
	s.mu.Lock()
	t := s.turn
	s.late = append(s.late, parcel{d, entries})
	s.mu.Unlock()
	time.AfterFunc(delay, func() {
		s.storing.Lock()
		defer s.storing.Unlock()
		s.mu.Lock()
		if s.turn != t || len(s.late) == 0 { // what was in the queue of a crashed server is gone
			s.mu.Unlock()
			return
		}
		next := s.late[0] // not always the one that set this timer, but the one whose turn it is
		s.late = s.late[1:]
		s.mu.Unlock()
		s.keep(next.device, next.entries)
	})
}

// store keeps entries and tells of them.
func (s *Sandbox) store(d *device, entries []entry) {
	s.storing.Lock()
	defer s.storing.Unlock()
	s.keep(d, entries)
}

// keep is store with s.storing held. What a deleted device sends goes nowhere.
func (s *Sandbox) keep(d *device, entries []entry) {
	s.mu.Lock()
	at := s.opt.Now()
	d.series.last = at
	points := make([]Point, 0, len(entries))
	name := d.name
	for _, e := range entries {
		if len(e.values) == 0 || d.deleted {
			continue
		}
		points = append(points, d.series.add(cmp.Or(e.ts, at.UnixMilli()), e.values, at))
	}
	s.mu.Unlock()
	s.changes.signal()
	if s.opt.OnTelemetry != nil {
		for _, p := range points {
			s.opt.OnTelemetry(name, p)
		}
	}
}

// Telemetry is what was stored for a device, in the order of arrival; nil for an unknown one.
func (s *Sandbox) Telemetry(device string) []Point {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := s.devices.byName[device]; d != nil {
		return slices.Clone(d.series.points)
	}
	return nil
}

// Latest are the latest values of a device; nil for an unknown one.
func (s *Sandbox) Latest(device string) map[string]Sample {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := s.devices.byName[device]; d != nil {
		return maps.Clone(d.series.latest)
	}
	return nil
}

// Times tells how often a device's timestamp came, in milliseconds; more than once means that it was repeated.
func (s *Sandbox) Times(device string, ts int64) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := s.devices.byName[device]; d != nil {
		return d.series.times[ts]
	}
	return 0
}

// active tells whether a device was heard within the inactivity time; with s.mu held.
func (s *Sandbox) active(d *device) bool {
	return !d.series.last.IsZero() && s.opt.Now().Sub(d.series.last) < s.opt.SubDeviceInactivity
}

// Scope is one of the three sets of a device's attributes.
type Scope string

// The scopes.
const (
	ClientScope Scope = "CLIENT_SCOPE"
	SharedScope Scope = "SHARED_SCOPE"
	ServerScope Scope = "SERVER_SCOPE"
)

// attribute is a value and when it was set, in milliseconds.
type attribute struct {
	value json.RawMessage
	at    int64
}

// setAttributes keeps values; with s.mu held.
func (s *Sandbox) setAttributes(d *device, which Scope, values map[string]json.RawMessage) {
	if d.attributes[which] == nil {
		d.attributes[which] = map[string]attribute{}
	}
	at := s.opt.Now()
	d.series.last = at
	for key, value := range values {
		d.attributes[which][key] = attribute{value, at.UnixMilli()}
	}
}

// attributesOf are the attributes of a scope that keys names, or all without keys.
func (s *Sandbox) attributesOf(d *device, which Scope, keys []string) map[string]json.RawMessage {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := map[string]json.RawMessage{}
	for key, a := range d.attributes[which] {
		if len(keys) == 0 || slices.Contains(keys, key) {
			found[key] = a.value
		}
	}
	return found
}

// Attributes are the attributes of a device in one scope; nil for an unknown device.
func (s *Sandbox) Attributes(device string, which Scope) map[string]json.RawMessage {
	s.mu.Lock()
	d := s.devices.byName[device]
	s.mu.Unlock()
	if d == nil {
		return nil
	}
	return s.attributesOf(d, which, nil)
}
