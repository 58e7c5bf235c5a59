package link

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"boardlink/connection"
)

// fakeStore is a database in memory. It outlives managers, so that a restart of the program can be played.
type fakeStore struct {
	now func() time.Time

	mu        sync.Mutex
	rows      map[connection.ID]connection.Connection
	deleted   map[connection.ID]bool
	statuses  map[connection.ID]connection.Status
	saves     []time.Time
	tries     map[[2]int64]connection.CredentialTries
	events    []connection.Event
	names     map[string]map[string]string // by gateway and DevEUI
	commands  []connection.Command
	shared    map[string]string // JSON values by "device key"
	beginning func()            // called without a lock before a command is written down
	down      error             // every call fails
}

func newFakeStore() *fakeStore {
	return &fakeStore{now: time.Now, names: map[string]map[string]string{}, rows: map[connection.ID]connection.Connection{}, deleted: map[connection.ID]bool{},
		statuses: map[connection.ID]connection.Status{}, tries: map[[2]int64]connection.CredentialTries{}, shared: map[string]string{}}
}

func (s *fakeStore) edit(id connection.ID, change func(*connection.Connection)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.rows[id]
	row := before
	change(&row)
	row.Version++
	if connection.ChangesCredentials(before, row) {
		row.CredentialVersion++
	}
	s.rows[id] = row
}

func (s *fakeStore) delete(id connection.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.rows, id)
	s.deleted[id] = true
}

func (s *fakeStore) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = err
}

func (s *fakeStore) Connection(_ context.Context, id connection.ID) (connection.Connection, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	row, ok := s.rows[id]
	if s.down != nil {
		return row, s.down
	}
	if !ok {
		return row, connection.Fail(connection.CodeNotFound, "There is no such connection.")
	}
	return row, nil
}

func (s *fakeStore) Connections(context.Context) ([]connection.Connection, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var rows []connection.Connection
	for _, row := range s.rows {
		rows = append(rows, row)
	}
	return rows, s.down
}

func (s *fakeStore) DeletedConnections(context.Context) (ids []connection.ID, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id := range s.deleted {
		ids = append(ids, id)
	}
	return ids, s.down
}

func (s *fakeStore) FinishDeletion(_ context.Context, id connection.ID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.deleted, id)
	return s.down
}

func (s *fakeStore) SetGatewayDevice(_ context.Context, id connection.ID, deviceID string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	row := s.rows[id]
	row.GatewayDeviceID = deviceID
	s.rows[id] = row
	return s.down
}

func (s *fakeStore) SaveStatus(_ context.Context, id connection.ID, status connection.Status) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down != nil {
		return s.down
	}
	s.statuses[id] = status
	s.saves = append(s.saves, s.now())
	return nil
}

func (s *fakeStore) Statuses(context.Context) (map[connection.ID]connection.Status, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[connection.ID]connection.Status{}
	for id, status := range s.statuses {
		all[id] = status
	}
	return all, s.down
}

func (s *fakeStore) CredentialTries(_ context.Context, id connection.ID, version int64) (connection.CredentialTries, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tries[[2]int64{int64(id), version}], s.down
}

func (s *fakeStore) changeTries(id connection.ID, version int64, change func(*connection.CredentialTries)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down != nil {
		return s.down
	}
	key := [2]int64{int64(id), version}
	t := s.tries[key]
	change(&t)
	s.tries[key] = t
	return nil
}

func (s *fakeStore) TakeCredentialTry(_ context.Context, id connection.ID, version int64) (taken bool, err error) {
	err = s.changeTries(id, version, func(t *connection.CredentialTries) {
		if taken = t.Left(); taken {
			t.Tries++
			t.Last = s.now()
		}
	})
	return taken, err
}

func (s *fakeStore) AllowCredentialTry(_ context.Context, id connection.ID, version int64) error {
	return s.changeTries(id, version, func(t *connection.CredentialTries) { t.Allowance++ })
}

func (s *fakeStore) ResetCredentialTries(_ context.Context, id connection.ID, version int64) error {
	return s.changeTries(id, version, func(t *connection.CredentialTries) { *t = connection.CredentialTries{} })
}

func (s *fakeStore) AddEvent(_ context.Context, e connection.Event) (connection.Event, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down != nil {
		return e, s.down
	}
	e.ID = int64(len(s.events) + 1)
	s.events = append(s.events, e)
	return e, nil
}

func (s *fakeStore) DeviceNames(_ context.Context, _ connection.ID, gateway string) (map[string]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.names[gateway]), s.down
}

func (s *fakeStore) SetDeviceName(_ context.Context, _ connection.ID, gateway, devEUI, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down != nil {
		return s.down
	}
	if s.names[gateway] == nil {
		s.names[gateway] = map[string]string{}
	}
	s.names[gateway][devEUI] = name
	if name == "" || name == devEUI {
		delete(s.names[gateway], devEUI)
	}
	return nil
}

// told lists the messages of events that hold a text.
func (s *fakeStore) told(part string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []string
	for _, e := range s.events {
		if strings.Contains(e.Message, part) {
			found = append(found, e.Message)
		}
	}
	return found
}

func (s *fakeStore) messages() []string { return s.told("") }

func (s *fakeStore) row(id connection.ID) connection.Connection {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rows[id]
}

func (s *fakeStore) deletions() []connection.ID {
	ids, _ := s.DeletedConnections(context.Background())
	slices.Sort(ids)
	return ids
}

func (s *fakeStore) BeginCommand(ctx context.Context, c connection.Command, since time.Time) (connection.Command, bool, error) {
	s.mu.Lock()
	before := s.beginning
	s.mu.Unlock()
	if before != nil {
		before()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down != nil {
		return c, false, s.down
	}
	for _, old := range slices.Backward(s.commands) {
		if c.Actor == "" && old.Actor == "" && old.ConnectionID == c.ConnectionID && old.DevEUI == c.DevEUI && old.RPC == c.RPC && old.Hash == c.Hash && !old.CameAt.Before(since) &&
			old.State != connection.CommandNotSent {
			return old, false, nil
		}
	}
	c.ID, c.State, c.CameAt = int64(len(s.commands)+1), connection.CommandSending, c.CameAt.Round(0) // a column knows no steady clock
	s.commands = append(s.commands, c)
	return c, true, nil
}

func (s *fakeStore) SettleCommand(_ context.Context, id int64, state connection.CommandState, sentence string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := &s.commands[id-1]; s.down == nil && (c.State == connection.CommandSending || c.State == connection.CommandUnknown) {
		c.State, c.Sentence, c.SettledAt = state, sentence, s.now()
	}
	return s.down
}

func (s *fakeStore) ReportCommand(_ context.Context, id connection.ID, devEUI, correlationID string, state connection.CommandState, sentence string, e connection.Event) (connection.Command, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down != nil {
		return connection.Command{}, false, s.down
	}
	for i := len(s.commands) - 1; i >= 0; i-- {
		c := &s.commands[i]
		if c.ConnectionID != id || c.DevEUI != devEUI || c.CorrelationID != correlationID {
			continue
		}
		if !c.State.Settles(state) {
			return *c, false, nil
		}
		c.State, c.Sentence, c.SettledAt = state, sentence, s.now()
		e.ConnectionID, e.DevEUI = id, devEUI
		s.events = append(s.events, e)
		return *c, true, nil
	}
	return connection.Command{}, false, connection.Fail(connection.CodeNotFound, "There is no such command.")
}

func (s *fakeStore) GiveUpCommands(_ context.Context, before time.Time, sentence string) (given []connection.Command, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.commands {
		if c := &s.commands[i]; s.down == nil && c.State == connection.CommandSending && c.CameAt.Before(before) {
			c.State, c.Sentence, c.SettledAt = connection.CommandUnknown, sentence, s.now()
			given = append(given, *c)
		}
	}
	return given, s.down
}

func (s *fakeStore) ChangeSharedAttributes(_ context.Context, c connection.AttributeChange) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down != nil {
		return 0, s.down
	}
	for _, key := range c.Deleted {
		delete(s.shared, c.DevEUI+" "+key)
	}
	left := 0
	for key, value := range c.Set {
		if len(value) > connection.MaxSharedAttributeValue {
			left++
			continue
		}
		s.shared[c.DevEUI+" "+key] = string(value)
	}
	return left, nil
}

func (s *fakeStore) ForgetSharedAttributes(_ context.Context, _ connection.ID, devEUI string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key := range s.shared {
		if strings.HasPrefix(key, devEUI+" ") {
			delete(s.shared, key)
		}
	}
	return s.down
}

// states lists the states of the commands that are written down.
func (s *fakeStore) states() []connection.CommandState {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []connection.CommandState
	for _, c := range s.commands {
		all = append(all, c.State)
	}
	return all
}
