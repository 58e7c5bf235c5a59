package handlers_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"boardlink/connection"
	"boardlink/operation"
	"boardlink/operation/operationtest"
)

// store keeps connections, events and figures in memory for the real operations to work on.
type store struct {
	mu        sync.Mutex
	rows      map[connection.ID]connection.Connection
	lastID    connection.ID
	events    []connection.Event // newest first
	lastEv    int64
	minutes   []connection.Minute
	totals    map[connection.ID]connection.Totals
	statuses  map[connection.ID]connection.Status
	broken    error // what every reading fails with, nil: none
	granted   int   // credential tries that were allowed
	restarts  int
	refused   map[connection.ID]connection.Refusals
	parked    operationtest.Parked
	devices   []connection.Device // by DevEUI
	shared    []connection.SharedAttribute
	telemetry []connection.LastTelemetry
	commands  []connection.Command // newest first
}

func newStore() *store {
	return &store{
		rows: map[connection.ID]connection.Connection{}, totals: map[connection.ID]connection.Totals{},
		statuses: map[connection.ID]connection.Status{}, lastID: 4338,
	}
}

func notFound() error {
	return connection.Fail(connection.CodeNotFound, "There is no such connection.")
}

func (s *store) tell(e connection.Event) connection.Event {
	s.lastEv++
	e.ID = s.lastEv
	s.events = slices.Insert(s.events, 0, e)
	return e
}

func (s *store) CreateConnection(_ context.Context, c connection.Connection, e connection.Event) (connection.Connection, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastID++
	c.ID, c.Version, c.CredentialVersion = s.lastID, 1, 1
	s.rows[c.ID] = c
	e.ConnectionID = c.ID
	s.tell(e)
	return c, nil
}

func (s *store) Connection(_ context.Context, id connection.ID) (connection.Connection, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return connection.Connection{}, s.broken
	}
	c, ok := s.rows[id]
	if !ok {
		return connection.Connection{}, notFound()
	}
	return c, nil
}

func (s *store) Listed(ctx context.Context) ([]*connection.Connection, error) {
	all, err := s.Connections(ctx)
	return operationtest.Masked(all), err
}

func (s *store) Connections(context.Context) ([]connection.Connection, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return nil, s.broken
	}
	var all []connection.Connection
	for _, c := range s.rows {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b connection.Connection) int { return int(a.ID - b.ID) })
	return all, nil
}

func (s *store) UpdateConnection(_ context.Context, c connection.Connection, e connection.Event) (connection.Connection, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, ok := s.rows[c.ID]
	if !ok {
		return connection.Connection{}, notFound()
	}
	if now.Version != c.Version {
		return connection.Connection{}, connection.Fail(connection.CodeConflict, "Somebody else changed it.")
	}
	c.Version++
	s.rows[c.ID] = c
	s.tell(e)
	return c, nil
}

func (s *store) DeleteConnection(_ context.Context, id connection.ID, e connection.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.rows[id]; !ok {
		return notFound()
	}
	delete(s.rows, id)
	s.tell(e)
	return nil
}

func (s *store) RequestRestart(_ context.Context, _ connection.ID, e connection.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.restarts++
	s.tell(e)
	return nil
}

func (s *store) ForgetOldUplinkKey(context.Context, connection.ID, time.Time, connection.Event) (connection.Connection, error) {
	return connection.Connection{}, notFound() // pages show none whose time is over
}

func (s *store) AllowCredentialTry(context.Context, connection.ID, int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.granted++
	return nil
}

func (s *store) Events(_ context.Context, f operation.EventFilter) ([]connection.Event, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var page []connection.Event
	for _, e := range s.events {
		if f.ConnectionID != 0 && e.ConnectionID != f.ConnectionID || f.DevEUI != "" && e.DevEUI != f.DevEUI || f.BeforeID > 0 && e.ID >= f.BeforeID ||
			len(f.Levels) > 0 && !slices.Contains(f.Levels, e.Level) || len(f.Kinds) > 0 && !slices.Contains(f.Kinds, e.Kind) ||
			e.Time.Before(f.From) || !f.To.IsZero() && !e.Time.Before(f.To) {
			continue
		}
		if page = append(page, e); len(page) == f.Limit {
			break
		}
	}
	return page, nil
}

func (s *store) Tell(_ context.Context, e connection.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tell(e)
	return nil
}

func (s *store) Devices(_ context.Context, id connection.ID, f operation.DeviceFilter) ([]connection.Device, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var page []connection.Device
	for _, d := range s.devices {
		if d.ConnectionID == id && d.DevEUI > f.AfterDevEUI && len(page) < f.Limit &&
			(strings.HasPrefix(d.DevEUI, strings.ToUpper(f.Search)) || strings.Contains(strings.ToLower(d.Name), strings.ToLower(f.Search))) {
			page = append(page, d)
		}
	}
	return page, nil
}

func (s *store) Device(_ context.Context, id connection.ID, devEUI string) (connection.Device, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.devices {
		if d.ConnectionID == id && d.DevEUI == devEUI {
			return d, nil
		}
	}
	return connection.Device{}, connection.Fail(connection.CodeNotFound, "There is no such device on this connection.")
}

func (s *store) SharedAttributes(_ context.Context, id connection.ID, devEUI string) ([]connection.SharedAttribute, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []connection.SharedAttribute
	for _, a := range s.shared {
		if a.ConnectionID == id && a.DevEUI == devEUI {
			list = append(list, a)
		}
	}
	return list, nil
}

func (s *store) LastTelemetry(_ context.Context, id connection.ID, devEUI string) (connection.LastTelemetry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.telemetry {
		if t.ConnectionID == id && t.DevEUI == devEUI {
			return t, nil
		}
	}
	return connection.LastTelemetry{}, nil
}

func (s *store) DeviceCommands(_ context.Context, id connection.ID, devEUI string, limit int) ([]connection.Command, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []connection.Command
	for _, c := range s.commands {
		if c.ConnectionID == id && c.DevEUI == devEUI && len(list) < limit {
			list = append(list, c)
		}
	}
	return list, nil
}

func (s *store) Figures(_ context.Context, id connection.ID, from, to time.Time) ([]connection.Minute, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []connection.Minute
	for _, m := range s.minutes {
		if m.ConnectionID == id && !m.Start.Before(from) && m.Start.Before(to) {
			list = append(list, m)
		}
	}
	return list, nil
}

func (s *store) ActiveDevices(context.Context, connection.ID, time.Time) (int, error) { return 14, nil }

func (s *store) FiguresOf(context.Context, time.Time, ...connection.ID) (map[connection.ID]connection.Totals, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.totals, nil
}

func (s *store) MinutesOfAll(_ context.Context, from, to time.Time) ([]connection.Minute, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []connection.Minute
	for _, m := range s.minutes {
		if !m.Start.Before(from) && m.Start.Before(to) {
			list = append(list, m)
		}
	}
	return list, nil
}

// Refusals makes the store stand for who counts them.
func (s *store) Refusals(id connection.ID) connection.Refusals { return s.refused[id] }

// Reconcile and Status make the store stand for the links as well.
func (s *store) Reconcile(connection.ID) {}

func (s *store) Status(id connection.ID) connection.Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.statuses[id]
}

// Changed and Removed make it stand for whoever accepts uplinks.
func (s *store) Changed(connection.Connection) {}

func (s *store) Removed(connection.ID) {}
