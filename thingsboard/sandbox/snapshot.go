package sandbox

import (
	"maps"
	"slices"
	"time"
)

// Snapshot is the state of the sandbox in one piece, fit for JSON.
type Snapshot struct {
	Running  bool      `json:"running"`
	Devices  []Device  `json:"devices"` // in the order of creation
	Sessions []Session `json:"sessions"`
	Received int       `json:"received"` // points of all devices
	Repeated int       `json:"repeated"` // points whose device and timestamp had been there before
}

// Device is a device and what came from it.
type Device struct {
	ID         string            `json:"id"`
	Name       string            `json:"name"`
	Profile    string            `json:"profile"`
	Label      string            `json:"label,omitempty"`
	Gateway    bool              `json:"gateway"`           // additionalInfo.gateway
	Overwrites bool              `json:"overwrite"`         // additionalInfo.overwriteActivityTime
	Through    string            `json:"through,omitempty"` // name of the gateway whose session gets its downlinks
	Connected  bool              `json:"connected"`         // has a session, its own or through a gateway, so that downlinks reach it
	LastSeen   *time.Time        `json:"lastSeen"`
	Received   int               `json:"received"`
	Repeated   int               `json:"repeated"`
	Latest     map[string]Sample `json:"latest"`
	Info       map[string]any    `json:"info"` // additionalInfo
}

// Session is an MQTT session.
type Session struct {
	Device     string    `json:"device"`
	ClientID   string    `json:"clientId"`
	Version    int       `json:"version"`
	TLS        bool      `json:"tls"`
	Gateway    bool      `json:"gateway"` // the flag stood when the session opened
	Since      time.Time `json:"since"`
	SubDevices []string  `json:"subDevices"` // names under which the session knows them
	Filters    []string  `json:"filters"`    // what it subscribed to
}

// Snapshot gives the state as it is now.
func (s *Sandbox) Snapshot() Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	snap := Snapshot{Running: s.turn != nil, Devices: []Device{}, Sessions: []Session{}}
	for _, d := range s.devices.sorted() {
		snap.Devices = append(snap.Devices, s.describe(d))
		snap.Received += d.series.received
		snap.Repeated += d.series.duplicates
		if c := d.own; c != nil {
			snap.Sessions = append(snap.Sessions, Session{
				Device: d.name, ClientID: c.clientID, Version: int(c.version), TLS: c.secured, Gateway: c.gateway, Since: c.since,
				SubDevices: slices.AppendSeq([]string{}, sortedKeys(c.subDevs)), Filters: slices.AppendSeq([]string{}, sortedKeys(c.subs)),
			})
		}
	}
	return snap
}

// Devices are all devices in the order of creation.
func (s *Sandbox) Devices() []Device { return s.Snapshot().Devices }

// Sessions are the MQTT sessions that are open.
func (s *Sandbox) Sessions() []Session { return s.Snapshot().Sessions }

// Device is the device of that name; ok is false where there is none.
func (s *Sandbox) Device(name string) (d Device, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.devices.byName[name]
	if found == nil {
		return Device{}, false
	}
	return s.describe(found), true
}

// describe shows a device; with s.mu held.
func (s *Sandbox) describe(d *device) Device {
	out := Device{
		ID: d.id, Name: d.name, Profile: d.profile, Label: d.label, Gateway: d.gateway(), Overwrites: d.overwrite(),
		Connected: d.own != nil || d.receiver != nil, Received: d.series.received, Repeated: d.series.duplicates,
		Latest: maps.Clone(d.series.latest), Info: maps.Clone(d.info),
	}
	if d.receiver != nil {
		out.Through = d.receiver.session.device.name
	}
	if !d.series.last.IsZero() {
		last := d.series.last
		out.LastSeen = &last
	}
	return out
}

func sortedKeys[V any](m map[string]V) func(func(string) bool) {
	return slices.Values(slices.Sorted(maps.Keys(m)))
}
