package access

import (
	"context"
	"slices"
	"sync"
	"time"

	"boardlink/connection"

	"github.com/alexedwards/argon2id"
)

// cheap parameters keep the tests quick; what is tested does not depend on them.
var cheap = argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// memory is an OperatorStore and a SessionRows in memory.
type memory struct {
	mu        sync.Mutex
	operators []Operator
	tokens    map[Digest]SetupToken
	sessions  map[Digest]SessionRow
	events    []connection.Event
	browsers  map[Digest]int64 // whose they are
	touches   int
	broken    error // returned by every read of a session
}

func newMemory() *memory {
	return &memory{tokens: map[Digest]SetupToken{}, sessions: map[Digest]SessionRow{}, browsers: map[Digest]int64{}}
}

var errGone = connection.Fail(connection.CodeNotFound, "gone")

func (m *memory) CreateFirstOperator(_ context.Context, o Operator) (Operator, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.createFirst(o)
}

func (m *memory) createFirst(o Operator) (Operator, error) {
	if len(m.operators) > 0 {
		return Operator{}, connection.Fail(connection.CodeConflict, "there is one")
	}
	o.ID = int64(len(m.operators) + 1)
	m.operators = append(m.operators, o)
	return o, nil
}

func (m *memory) find(match func(Operator) bool) (Operator, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, o := range m.operators {
		if match(o) {
			return o, nil
		}
	}
	return Operator{}, errGone
}

func (m *memory) Operator(_ context.Context, id int64) (Operator, error) {
	return m.find(func(o Operator) bool { return o.ID == id })
}

func (m *memory) OperatorByEmail(_ context.Context, email string) (Operator, error) {
	return m.find(func(o Operator) bool { return o.Email == email })
}

func (m *memory) CountOperators(context.Context) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.operators), nil
}

func (m *memory) Operators(_ context.Context, afterID int64, limit int) ([]Operator, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var page []Operator
	for _, o := range m.operators {
		if o.ID > afterID && len(page) < limit {
			page = append(page, o)
		}
	}
	return page, nil
}

func (m *memory) InviteOperator(_ context.Context, o Operator, t SetupToken, e connection.Event) (Operator, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, other := range m.operators {
		if other.Email == o.Email {
			return Operator{}, connection.Fail(connection.CodeConflict, "taken")
		}
	}
	o.ID, o.Version, o.LinkUntil = int64(len(m.operators)+1), 1, t.ExpiresAt
	m.operators = append(m.operators, o)
	t.OperatorID, t.Email, t.Invited = o.ID, o.Email, true
	m.tokens[t.Digest] = t
	m.events = append(m.events, e)
	return o, nil
}

// AlterOperator knows nothing of the last admin, who is the store's affair.
func (m *memory) AlterOperator(_ context.Context, id int64, decide func(Operator) (Alteration, error)) (Operator, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := slices.IndexFunc(m.operators, func(o Operator) bool { return o.ID == id })
	if i < 0 {
		return Operator{}, errGone
	}
	now := m.operators[i]
	a, err := decide(now)
	if err != nil || !a.Changes(now) {
		return now, err
	}
	m.events = append(m.events, a.Event)
	if a.Remove || a.Operator.Disabled() || a.Link != nil {
		for d, t := range m.tokens {
			if t.OperatorID == id {
				delete(m.tokens, d)
			}
		}
		now.LinkUntil = time.Time{}
	}
	if a.Remove {
		m.operators = slices.Delete(m.operators, i, i+1)
		return now, nil
	}
	now.Role, now.DisabledAt, now.Version = a.Operator.Role, a.Operator.DisabledAt, now.Version+1
	if a.Link != nil {
		t := *a.Link
		t.OperatorID, t.Email, t.Invited = id, now.Email, now.Invited()
		m.tokens[t.Digest] = t
		now.LinkUntil = t.ExpiresAt
	}
	m.operators[i] = now
	return now, nil
}

func (m *memory) SetPasswordHash(_ context.Context, id int64, hash string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.operators[id-1].PasswordHash = hash
	return nil
}

func (m *memory) SetLastSignIn(_ context.Context, id int64, at time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.operators[id-1].LastSignInAt = at
	return nil
}

func (m *memory) SaveSetupToken(_ context.Context, t SetupToken) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if t.OperatorID != 0 {
		t.Email = m.operators[t.OperatorID-1].Email
	}
	m.tokens[t.Digest] = t
	return nil
}

func (m *memory) SetupToken(_ context.Context, d Digest, now time.Time) (SetupToken, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t, ok := m.tokens[d]
	if !ok || !now.Before(t.ExpiresAt) {
		return SetupToken{}, errGone
	}
	return t, nil
}

func (m *memory) UseSetupToken(_ context.Context, d Digest, _ time.Time, o Operator) (Operator, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t, ok := m.tokens[d]
	if !ok {
		return Operator{}, errGone
	}
	if t.OperatorID == 0 {
		made, err := m.createFirst(o)
		if err == nil {
			delete(m.tokens, d)
		}
		return made, err
	}
	delete(m.tokens, d)
	m.operators[t.OperatorID-1].PasswordHash = o.PasswordHash
	m.operators[t.OperatorID-1].DisabledAt = time.Time{}
	return m.operators[t.OperatorID-1], nil
}

func (m *memory) ChangePassword(ctx context.Context, id int64, hash string, kept Digest) error {
	if err := m.SetPasswordHash(ctx, id, hash); err != nil {
		return err
	}
	_, err := m.DeleteOtherSessionsOf(ctx, id, kept)
	return err
}

func (m *memory) KnownBrowser(_ context.Context, d Digest, operatorID int64, _ time.Time) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.browsers[d] == operatorID && operatorID != 0, nil
}

func (m *memory) KeepBrowser(_ context.Context, d Digest, operatorID int64, _ time.Time, _ int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.browsers[d] = operatorID
	return nil
}

func (m *memory) AddEvent(_ context.Context, e connection.Event) (connection.Event, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.events = append(m.events, e)
	return e, nil
}

func (m *memory) SaveSession(_ context.Context, row SessionRow) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sessions[row.Digest] = row
	return nil
}

func (m *memory) SessionByHash(_ context.Context, d Digest) (SessionRow, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	row, ok := m.sessions[d]
	if m.broken != nil {
		return SessionRow{}, m.broken
	}
	if !ok {
		return SessionRow{}, errGone
	}
	return row, nil
}

func (m *memory) UpdateSession(_ context.Context, d Digest, data []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if row, ok := m.sessions[d]; ok {
		row.Data = data
		m.sessions[d] = row
	}
	return nil
}

func (m *memory) RenewSession(_ context.Context, d Digest, row SessionRow) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.sessions[d]; !ok {
		return errGone
	}
	delete(m.sessions, d)
	m.sessions[row.Digest] = row
	return nil
}

func (m *memory) SessionsOf(_ context.Context, id int64) ([]SessionRow, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []SessionRow
	for _, row := range m.sessions {
		if row.OperatorID == id {
			all = append(all, row)
		}
	}
	return all, nil
}

func (m *memory) DeleteSessionOf(_ context.Context, operatorID, id int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for d, row := range m.sessions {
		if row.OperatorID == operatorID && row.ID == id {
			delete(m.sessions, d)
			return nil
		}
	}
	return errGone
}

func (m *memory) DeleteOtherSessionsOf(_ context.Context, operatorID int64, kept Digest) (n int64, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for d, row := range m.sessions {
		if row.OperatorID == operatorID && d != kept {
			delete(m.sessions, d)
			n++
		}
	}
	return n, nil
}

func (m *memory) TouchSession(_ context.Context, d Digest, at time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.touches++
	row := m.sessions[d]
	row.LastSeenAt = at
	m.sessions[d] = row
	return nil
}

func (m *memory) DeleteSession(_ context.Context, d Digest) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.sessions, d)
	return nil
}

func (m *memory) DeleteSessionsOf(_ context.Context, id int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for d, row := range m.sessions {
		if row.OperatorID == id {
			delete(m.sessions, d)
		}
	}
	return nil
}

func (m *memory) PruneSessions(_ context.Context, now, idleSince time.Time) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var n int64
	for d, row := range m.sessions {
		if !row.ExpiresAt.After(now) || !row.LastSeenAt.After(idleSince) {
			delete(m.sessions, d)
			n++
		}
	}
	return n, nil
}

// clock is a time that tests move.
type clock struct{ at time.Time }

func (c *clock) now() time.Time          { return c.at }
func (c *clock) advance(d time.Duration) { c.at = c.at.Add(d) }
func newClock() *clock                   { return &clock{time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)} }
