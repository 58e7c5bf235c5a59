package operationtest

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"boardlink/connection"
	"boardlink/operation"
)

// Store keeps connections and events in memory, with the promises of the real one.
type Store struct {
	// Fail, where it is set, is the answer to everything.
	Fail error
	// BeforeUpdate, where it is set, runs before a change is stored: somebody else may be quicker.
	BeforeUpdate func()

	mu        sync.Mutex
	last      connection.ID
	rows      map[connection.ID]connection.Connection
	events    []connection.Event
	minutes   []connection.Minute
	devices   map[connection.ID]int
	seen      []connection.Device // by DevEUI
	shared    []connection.SharedAttribute
	sent      []connection.Command
	telemetry []connection.LastTelemetry
	allowed   []connection.ID
	tries     map[connection.ID]int
}

var _ operation.Store = (*Store)(nil)

// AllowedTries gives the connections that were granted another sign-in.
func (s *Store) AllowedTries() []connection.ID {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.allowed)
}

// AddMinutes puts figures in.
func (s *Store) AddMinutes(m ...connection.Minute) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.minutes = append(s.minutes, m...)
}

// SetActiveDevices says how many devices were active.
func (s *Store) SetActiveDevices(id connection.ID, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.devices == nil {
		s.devices = map[connection.ID]int{}
	}
	s.devices[id] = n
}

// AllEvents gives the events, oldest first.
func (s *Store) AllEvents() []connection.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.events)
}

// AddEvent puts an event in.
func (s *Store) AddEvent(e connection.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.add(e)
}

func (s *Store) add(e connection.Event) {
	e.ID = int64(len(s.events) + 1)
	s.events = append(s.events, e)
}

func notFound() error {
	return connection.Fail(connection.CodeNotFound, "There is no such connection.")
}

// CreateConnection implements [operation.Store].
func (s *Store) CreateConnection(_ context.Context, c connection.Connection, e connection.Event) (connection.Connection, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Fail != nil {
		return connection.Connection{}, s.Fail
	}
	s.last++
	c.ID, c.Version, c.CredentialVersion = s.last, 1, 1
	s.rows[c.ID] = c
	e.ConnectionID = c.ID
	s.add(e)
	return c, nil
}

// Connection implements [operation.Store].
func (s *Store) Connection(_ context.Context, id connection.ID) (connection.Connection, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Fail != nil {
		return connection.Connection{}, s.Fail
	}
	c, ok := s.rows[id]
	if !ok {
		return connection.Connection{}, notFound()
	}
	return c, nil
}

// Connections implements [operation.Store].
func (s *Store) Connections(context.Context) ([]connection.Connection, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Fail != nil {
		return nil, s.Fail
	}
	var all []connection.Connection
	for _, c := range s.rows {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b connection.Connection) int { return cmp.Compare(a.ID, b.ID) })
	return all, nil
}

// Listed implements [operation.Store].
func (s *Store) Listed(ctx context.Context) ([]*connection.Connection, error) {
	all, err := s.Connections(ctx)
	if err != nil {
		return nil, err
	}
	return Masked(all), nil
}

// Masked gives connections as [operation.Store] lists them.
func Masked(all []connection.Connection) []*connection.Connection {
	masked := make([]*connection.Connection, len(all))
	for i, c := range all {
		for _, secret := range []*connection.Secret{&c.Configuration.Password, &c.Configuration.DownlinkAsKey, &c.UplinkKey} {
			if secret.IsSet() {
				*secret = connection.Mask
			}
		}
		masked[i] = &c
	}
	return masked
}

// UpdateConnection implements [operation.Store].
func (s *Store) UpdateConnection(_ context.Context, c connection.Connection, e connection.Event) (connection.Connection, error) {
	if s.BeforeUpdate != nil {
		s.BeforeUpdate()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	stored, ok := s.rows[c.ID]
	switch {
	case s.Fail != nil:
		return connection.Connection{}, s.Fail
	case !ok:
		return connection.Connection{}, notFound()
	case stored.Version != c.Version:
		return connection.Connection{}, connection.Fail(connection.CodeConflict, "The connection was changed meanwhile.")
	}
	c.Version++
	s.rows[c.ID] = c
	s.add(e)
	return c, nil
}

// Rename changes a connection behind the operations' back.
func (s *Store) Rename(id connection.ID, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.rows[id]
	c.Name = name
	c.Version++
	s.rows[id] = c
}

// DeleteConnection implements [operation.Store].
func (s *Store) DeleteConnection(_ context.Context, id connection.ID, e connection.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.rows[id]; !ok {
		return notFound()
	}
	delete(s.rows, id)
	s.add(e)
	return s.Fail
}

// RequestRestart implements [operation.Store].
func (s *Store) RequestRestart(_ context.Context, id connection.ID, e connection.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.rows[id]
	if !ok {
		return notFound()
	}
	c.RestartRequest++
	s.rows[id] = c
	s.add(e)
	return s.Fail
}

// ForgetOldUplinkKey implements [operation.Store].
func (s *Store) ForgetOldUplinkKey(_ context.Context, id connection.ID, now time.Time, e connection.Event) (connection.Connection, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.rows[id]
	if !ok || !c.OldUplinkKey.IsSet() || now.Before(c.OldUplinkKeyUntil) {
		return connection.Connection{}, notFound()
	}
	c.OldUplinkKey, c.OldUplinkKeyUntil, c.OldUplinkKeyUsedAt = "", time.Time{}, time.Time{}
	s.rows[id] = c
	s.add(e)
	return c, s.Fail
}

// AllowCredentialTry implements [operation.Store].
func (s *Store) AllowCredentialTry(_ context.Context, id connection.ID, _ int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.allowed = append(s.allowed, id)
	return s.Fail
}

// Events implements [operation.Store].
func (s *Store) Events(_ context.Context, f operation.EventFilter) ([]connection.Event, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var page []connection.Event
	for _, e := range slices.Backward(s.events) {
		if f.ConnectionID != 0 && e.ConnectionID != f.ConnectionID || f.BeforeID != 0 && e.ID >= f.BeforeID ||
			f.DevEUI != "" && e.DevEUI != f.DevEUI || !f.From.IsZero() && e.Time.Before(f.From) || !f.To.IsZero() && !e.Time.Before(f.To) ||
			len(f.Kinds) > 0 && !slices.Contains(f.Kinds, e.Kind) ||
			len(f.Levels) > 0 && !slices.Contains(f.Levels, e.Level) {
			continue
		}
		if len(page) < f.Limit {
			page = append(page, e)
		}
	}
	return page, s.Fail
}

// Figures implements [operation.Store].
func (s *Store) Figures(_ context.Context, id connection.ID, from, to time.Time) ([]connection.Minute, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []connection.Minute
	for _, m := range s.minutes {
		if m.ConnectionID == id && !m.Start.Before(from) && m.Start.Before(to) {
			list = append(list, m)
		}
	}
	return list, s.Fail
}

// ActiveDevices implements [operation.Store].
func (s *Store) ActiveDevices(_ context.Context, id connection.ID, _ time.Time) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.devices[id], s.Fail
}

// FiguresOf implements [operation.Store].
func (s *Store) FiguresOf(_ context.Context, since time.Time, ids ...connection.ID) (map[connection.ID]connection.Totals, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[connection.ID]connection.Totals{}
	for _, m := range s.minutes {
		if m.Start.Before(since) || !slices.Contains(ids, m.ConnectionID) {
			continue
		}
		t := all[m.ConnectionID]
		t.Add(m)
		t.ActiveDevices = int64(s.devices[m.ConnectionID])
		all[m.ConnectionID] = t
	}
	return all, s.Fail
}

// MinutesOfAll implements [operation.Store].
func (s *Store) MinutesOfAll(_ context.Context, from, to time.Time) ([]connection.Minute, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []connection.Minute
	for _, m := range s.minutes {
		if !m.Start.Before(from) && m.Start.Before(to) {
			list = append(list, m)
		}
	}
	return list, s.Fail
}

// Tell implements [operation.Store].
func (s *Store) Tell(_ context.Context, e connection.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.add(e)
	return s.Fail
}

// AddDevices puts devices in.
func (s *Store) AddDevices(seen ...connection.Device) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = append(s.seen, seen...)
	slices.SortFunc(s.seen, func(a, b connection.Device) int { return cmp.Compare(a.DevEUI, b.DevEUI) })
}

// Devices implements [operation.Store].
func (s *Store) Devices(_ context.Context, id connection.ID, f operation.DeviceFilter) ([]connection.Device, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var page []connection.Device
	for _, d := range s.seen {
		if d.ConnectionID == id && d.DevEUI > f.AfterDevEUI && len(page) < f.Limit &&
			(strings.HasPrefix(d.DevEUI, strings.ToUpper(f.Search)) || strings.Contains(strings.ToLower(d.Name), strings.ToLower(f.Search))) {
			page = append(page, d)
		}
	}
	return page, s.Fail
}

// Device implements [operation.Store].
func (s *Store) Device(_ context.Context, id connection.ID, devEUI string) (connection.Device, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.seen {
		if d.ConnectionID == id && d.DevEUI == devEUI {
			return d, s.Fail
		}
	}
	return connection.Device{}, connection.Fail(connection.CodeNotFound, "There is no such device on this connection.")
}

// AddAttributes puts in what ThingsBoard shares with devices.
func (s *Store) AddAttributes(shared ...connection.SharedAttribute) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shared = append(s.shared, shared...)
}

// SharedAttributes implements [operation.Store].
func (s *Store) SharedAttributes(_ context.Context, id connection.ID, devEUI string) ([]connection.SharedAttribute, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []connection.SharedAttribute
	for _, a := range s.shared {
		if a.ConnectionID == id && a.DevEUI == devEUI {
			list = append(list, a)
		}
	}
	return list, s.Fail
}

// AddTelemetry puts in what was sent last.
func (s *Store) AddTelemetry(last ...connection.LastTelemetry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.telemetry = append(s.telemetry, last...)
}

// LastTelemetry implements [operation.Store].
func (s *Store) LastTelemetry(_ context.Context, id connection.ID, devEUI string) (connection.LastTelemetry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.telemetry {
		if t.ConnectionID == id && t.DevEUI == devEUI {
			return t, s.Fail
		}
	}
	return connection.LastTelemetry{}, s.Fail
}

// AddCommands puts commands in, the latest first.
func (s *Store) AddCommands(sent ...connection.Command) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent = append(s.sent, sent...)
}

// DeviceCommands implements [operation.Store].
func (s *Store) DeviceCommands(_ context.Context, id connection.ID, devEUI string, limit int) ([]connection.Command, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []connection.Command
	for _, c := range s.sent {
		if c.ConnectionID == id && c.DevEUI == devEUI && len(list) < limit {
			list = append(list, c)
		}
	}
	return list, s.Fail
}
