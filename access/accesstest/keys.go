// Package accesstest gives tests real API keys that are kept in memory.
package accesstest

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"boardlink/access"
	"boardlink/connection"
)

// KeyRows keeps API keys in memory.
type KeyRows struct {
	mu     sync.Mutex
	rows   map[int64]access.APIKey
	events []connection.Event
	reads  int
	notes  int
	fail   error
}

// NewKeyRows makes an empty store.
func NewKeyRows() *KeyRows { return &KeyRows{rows: map[int64]access.APIKey{}} }

var _ access.KeyStore = (*KeyRows)(nil)

// Fail makes every reading and writing fail with an error; nil ends that.
func (r *KeyRows) Fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fail = err
}

// All gives the rows there are, those of ended keys among them.
func (r *KeyRows) All() []access.APIKey {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sorted(func(access.APIKey) bool { return true })
}

// Events gives the messages of the events, actor and address in front: "ada@example.com: The API key ...".
func (r *KeyRows) Events() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []string
	for _, e := range r.events {
		from := ""
		if e.Address != "" {
			from = " from " + e.Address
		}
		list = append(list, e.Actor+from+": "+e.Message)
	}
	return list
}

// Reads counts the look-ups by public id.
func (r *KeyRows) Reads() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.reads
}

// Notes counts the uses that were written down.
func (r *KeyRows) Notes() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.notes
}

func (r *KeyRows) sorted(chosen func(access.APIKey) bool) []access.APIKey {
	var list []access.APIKey
	for _, k := range r.rows {
		if chosen(k) {
			list = append(list, k)
		}
	}
	slices.SortFunc(list, func(a, b access.APIKey) int { return cmp.Compare(a.ID, b.ID) })
	return list
}

func errNone() error { return connection.Fail(connection.CodeNotFound, "There is no such API key.") }

func (r *KeyRows) taken(k access.APIKey) bool {
	for _, other := range r.rows {
		if other.ID != k.ID && other.EndedAt.IsZero() && strings.EqualFold(other.Name, k.Name) {
			return true
		}
	}
	return false
}

// CreateAPIKey implements [access.KeyStore].
func (r *KeyRows) CreateAPIKey(_ context.Context, k access.APIKey, _ int, e connection.Event) (access.APIKey, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail != nil {
		return access.APIKey{}, r.fail
	}
	if r.taken(k) {
		return access.APIKey{}, access.NameTaken()
	}
	k.ID = int64(len(r.rows) + 1)
	r.rows[k.ID] = k
	r.events = append(r.events, e)
	return k, nil
}

// APIKey implements [access.KeyStore].
func (r *KeyRows) APIKey(_ context.Context, id int64) (access.APIKey, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	k, ok := r.rows[id]
	if r.fail != nil {
		return access.APIKey{}, r.fail
	}
	if !ok || !k.EndedAt.IsZero() {
		return access.APIKey{}, errNone()
	}
	return k, nil
}

// APIKeyByPublicID implements [access.KeyStore].
func (r *KeyRows) APIKeyByPublicID(_ context.Context, publicID string) (access.APIKey, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reads++
	if r.fail != nil {
		return access.APIKey{}, r.fail
	}
	for _, k := range r.rows {
		if k.PublicID == publicID {
			return k, nil
		}
	}
	return access.APIKey{}, errNone()
}

// APIKeys implements [access.KeyStore].
func (r *KeyRows) APIKeys(_ context.Context, afterID int64, limit int) ([]access.APIKey, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := r.sorted(func(k access.APIKey) bool { return k.EndedAt.IsZero() && k.ID > afterID })
	return list[:min(len(list), limit)], r.fail
}

// UpdateAPIKey implements [access.KeyStore].
func (r *KeyRows) UpdateAPIKey(_ context.Context, k access.APIKey, e connection.Event) error {
	return r.alter(k.ID, e, func(now *access.APIKey) error {
		if r.taken(k) {
			return access.NameTaken()
		}
		now.Name, now.Scopes, now.Networks, now.ExpiresAt = k.Name, k.Scopes, k.Networks, k.ExpiresAt
		return nil
	})
}

// EndAPIKey implements [access.KeyStore].
func (r *KeyRows) EndAPIKey(_ context.Context, id int64, at time.Time, e connection.Event) error {
	return r.alter(id, e, func(now *access.APIKey) error {
		now.EndedAt = at
		return nil
	})
}

func (r *KeyRows) alter(id int64, e connection.Event, change func(*access.APIKey) error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail != nil {
		return r.fail
	}
	k, ok := r.rows[id]
	if !ok || !k.EndedAt.IsZero() {
		return errNone()
	}
	if err := change(&k); err != nil {
		return err
	}
	r.rows[id] = k
	r.events = append(r.events, e)
	return nil
}

// NoteAPIKeyUse implements [access.KeyStore].
func (r *KeyRows) NoteAPIKeyUse(_ context.Context, id int64, at time.Time, from string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail != nil {
		return r.fail
	}
	r.notes++
	k := r.rows[id]
	k.LastUsedAt, k.LastUsedFrom = at, from
	r.rows[id] = k
	return nil
}

// AddEvent implements [access.KeyStore].
func (r *KeyRows) AddEvent(_ context.Context, e connection.Event) (connection.Event, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
	return e, r.fail
}
