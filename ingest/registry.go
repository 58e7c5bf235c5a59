package ingest

import (
	"crypto/sha256"
	"crypto/subtle"
	"sync"

	"boardlink/connection"
)

// Registry knows of each connection what accepting its documents needs. Its zero value is empty and ready; it is safe
// for concurrent use.
type Registry struct {
	mu      sync.RWMutex
	entries map[connection.ID]entry
	removed map[connection.ID]struct{} // ids are never used again; a change that comes late must not bring one back
}

// entry is what is known of one connection. The uplink key is kept as a hash, so that keys compare in the same time
// whatever their length, and a dump of memory shows none.
type entry struct {
	version int64
	keyHash [sha256.Size]byte
	hasKey  bool
	verify  bool // documents must bear a Token
	asKey   connection.Secret

	refusals *refusals // one for the connection's whole life in memory
}

// Load replaces everything by the given connections, as at the start.
func (r *Registry) Load(all []connection.Connection) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.entries = make(map[connection.ID]entry, len(all))
	for _, c := range all {
		r.entries[c.ID] = entryOf(c, &refusals{})
	}
}

// Set adds a connection or takes over its change. A change older than what is known is ignored, and so is one of a
// connection that was removed. A renewed uplink key counts at once.
func (r *Registry) Set(c connection.Connection) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, gone := r.removed[c.ID]; gone {
		return
	}
	known, ok := r.entries[c.ID]
	if ok && known.version > c.Version {
		return
	}
	if r.entries == nil {
		r.entries = map[connection.ID]entry{}
	}
	counted := &refusals{}
	if ok {
		counted = known.refusals
	}
	e := entryOf(c, counted)
	if e.keyHash != known.keyHash {
		counted.accepted() // what was refused with the old key says nothing about the new one
	}
	r.entries[c.ID] = e
}

// Remove forgets a connection for ever.
func (r *Registry) Remove(id connection.ID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.entries, id)
	if r.removed == nil {
		r.removed = map[connection.ID]struct{}{}
	}
	r.removed[id] = struct{}{}
}

// Changed is [Registry.Set], under the name by which changes are announced.
func (r *Registry) Changed(c connection.Connection) { r.Set(c) }

// Removed is [Registry.Remove], under the name by which deletions are announced.
func (r *Registry) Removed(id connection.ID) { r.Remove(id) }

func (r *Registry) entry(id connection.ID) (entry, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	e, ok := r.entries[id]
	return e, ok
}

func entryOf(c connection.Connection, counted *refusals) entry {
	return entry{
		version: c.Version,
		keyHash: sha256.Sum256([]byte(c.UplinkKey.Reveal())),
		hasKey:  c.UplinkKey.IsSet(),
		verify:  c.Configuration.VerifyUplinkToken,
		asKey:   c.Configuration.DownlinkAsKey,

		refusals: counted,
	}
}

// fits reports whether key is the connection's uplink key. The zero entry, of a connection that does not exist, takes
// the same time and fits none.
func (e entry) fits(key connection.Secret) bool {
	hash := sha256.Sum256([]byte(key.Reveal()))
	same := subtle.ConstantTimeCompare(hash[:], e.keyHash[:]) == 1
	return same && e.hasKey && key.IsSet()
}
