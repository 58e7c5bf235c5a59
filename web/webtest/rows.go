package webtest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"boardlink/access"
	"boardlink/connection"
)

// Rows keeps sessions in memory.
type Rows struct {
	mu   sync.Mutex
	rows map[access.Digest]access.SessionRow
}

// NewRows makes an empty store.
func NewRows() *Rows { return &Rows{rows: map[access.Digest]access.SessionRow{}} }

var _ access.SessionRows = (*Rows)(nil)

// All gives the sessions there are.
func (r *Rows) All() []access.SessionRow {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []access.SessionRow
	for _, row := range r.rows {
		all = append(all, row)
	}
	return all
}

// Change edits every session, to let time pass over them.
func (r *Rows) Change(edit func(*access.SessionRow)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for d, row := range r.rows {
		edit(&row)
		r.rows[d] = row
	}
}

// SaveSession implements [access.SessionRows].
func (r *Rows) SaveSession(_ context.Context, row access.SessionRow) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rows[row.Digest] = row
	return nil
}

// SessionByHash implements [access.SessionRows].
func (r *Rows) SessionByHash(_ context.Context, d access.Digest) (access.SessionRow, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	row, ok := r.rows[d]
	if !ok {
		return access.SessionRow{}, errNoSession()
	}
	return row, nil
}

func errNoSession() error {
	return connection.Fail(connection.CodeNotFound, "There is no such session.")
}

// UpdateSession implements [access.SessionRows].
func (r *Rows) UpdateSession(_ context.Context, d access.Digest, data []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if row, ok := r.rows[d]; ok {
		row.Data = data
		r.rows[d] = row
	}
	return nil
}

// RenewSession implements [access.SessionRows].
func (r *Rows) RenewSession(_ context.Context, d access.Digest, row access.SessionRow) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.rows[d]; !ok {
		return errNoSession()
	}
	delete(r.rows, d)
	r.rows[row.Digest] = row
	return nil
}

// TouchSession implements [access.SessionRows].
func (r *Rows) TouchSession(_ context.Context, d access.Digest, at time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if row, ok := r.rows[d]; ok {
		row.LastSeenAt = at
		r.rows[d] = row
	}
	return nil
}

// DeleteSession implements [access.SessionRows].
func (r *Rows) DeleteSession(_ context.Context, d access.Digest) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.rows, d)
	return nil
}

// DeleteSessionsOf implements [access.SessionRows].
func (r *Rows) DeleteSessionsOf(_ context.Context, operatorID int64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for d, row := range r.rows {
		if row.OperatorID == operatorID {
			delete(r.rows, d)
		}
	}
	return nil
}

// SessionsOf implements [access.SessionRows].
func (r *Rows) SessionsOf(_ context.Context, operatorID int64) ([]access.SessionRow, error) {
	all := slices.DeleteFunc(r.All(), func(row access.SessionRow) bool { return row.OperatorID != operatorID })
	slices.SortFunc(all, func(a, b access.SessionRow) int {
		return cmp.Or(b.LastSeenAt.Compare(a.LastSeenAt), cmp.Compare(a.ID, b.ID))
	})
	return all, nil
}

// DeleteSessionOf implements [access.SessionRows].
func (r *Rows) DeleteSessionOf(_ context.Context, operatorID, id int64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for d, row := range r.rows {
		if row.OperatorID == operatorID && row.ID == id {
			delete(r.rows, d)
			return nil
		}
	}
	return errNoSession()
}

// DeleteOtherSessionsOf implements [access.SessionRows].
func (r *Rows) DeleteOtherSessionsOf(_ context.Context, operatorID int64, kept access.Digest) (n int64, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for d, row := range r.rows {
		if row.OperatorID == operatorID && d != kept {
			delete(r.rows, d)
			n++
		}
	}
	return n, nil
}

// PruneSessions implements [access.SessionRows].
func (r *Rows) PruneSessions(context.Context, time.Time, time.Time) (int64, error) { return 0, nil }

// People keeps operators in memory.
type People struct {
	mu  sync.Mutex
	all map[int64]access.Identity
}

// NewPeople makes an empty set.
func NewPeople() *People { return &People{all: map[int64]access.Identity{}} }

// Add makes an operator "operator1@example.com" and so on.
func (p *People) Add(role access.Role) access.Identity {
	p.mu.Lock()
	defer p.mu.Unlock()
	id := int64(len(p.all) + 1)
	who := access.Identity{Kind: access.OperatorKind, ID: id, Name: fmt.Sprintf("operator%d@example.com", id), Role: role}
	p.all[id] = who
	return who
}

// Remove makes an operator nobody.
func (p *People) Remove(id int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all[id] = access.Identity{} // the id is not given out again
}

// SetRole gives an operator another role.
func (p *People) SetRole(id int64, role access.Role) {
	p.mu.Lock()
	defer p.mu.Unlock()
	who := p.all[id]
	who.Role = role
	p.all[id] = who
}

// Identify implements [web.People].
func (p *People) Identify(_ context.Context, id int64) (access.Identity, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.all[id], nil
}
