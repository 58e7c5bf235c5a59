package web

import (
	"context"
	"sync"
	"time"

	"boardlink/access"
	"boardlink/connection"
)

// memory keeps sessions for tests inside of the package.
type memory struct {
	mu   sync.Mutex
	rows map[access.Digest]access.SessionRow
}

func (m *memory) clear() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.rows)
}

func (m *memory) SaveSession(_ context.Context, row access.SessionRow) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rows[row.Digest] = row
	return nil
}

func (m *memory) SessionByHash(_ context.Context, d access.Digest) (access.SessionRow, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	row, ok := m.rows[d]
	if !ok {
		return row, connection.Fail(connection.CodeNotFound, "There is no such session.")
	}
	return row, nil
}

// change edits every session, to let time pass over them.
func (m *memory) change(edit func(*access.SessionRow)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for d, row := range m.rows {
		edit(&row)
		m.rows[d] = row
	}
}

func (m *memory) TouchSession(_ context.Context, _ access.Digest, at time.Time) error {
	m.change(func(r *access.SessionRow) { r.LastSeenAt = at })
	return nil
}

func (m *memory) UpdateSession(context.Context, access.Digest, []byte) error         { return nil }
func (m *memory) DeleteSessionOf(context.Context, int64, int64) error                { return nil }
func (m *memory) DeleteSession(context.Context, access.Digest) error                 { return nil }
func (m *memory) DeleteSessionsOf(context.Context, int64) error                      { return nil }
func (m *memory) PruneSessions(context.Context, time.Time, time.Time) (int64, error) { return 0, nil }

func (m *memory) RenewSession(context.Context, access.Digest, access.SessionRow) error { return nil }

func (m *memory) SessionsOf(context.Context, int64) ([]access.SessionRow, error) { return nil, nil }

func (m *memory) DeleteOtherSessionsOf(context.Context, int64, access.Digest) (int64, error) {
	return 0, nil
}

// everybody is an operator.
type everybody struct{}

func (everybody) Identify(_ context.Context, id int64) (access.Identity, error) {
	if id == 0 {
		return access.Identity{}, nil
	}
	return access.Identity{Kind: access.OperatorKind, ID: id, Name: "ann@example.com", Role: access.RoleAdmin}, nil
}
