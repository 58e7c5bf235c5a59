package ingest

import (
	"crypto/sha256"
	"crypto/subtle"
	"sync"
	"sync/atomic"
	"time"

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
	old     *oldKey
	verify  bool // documents must bear a Token
	asKey   connection.Secret

	refusals *refusals // one for the connection's whole life in memory
}

// oldKey is an uplink key that was replaced and is accepted until its time is over. It never changes but for its use.
type oldKey struct {
	hash   [sha256.Size]byte
	until  time.Time
	usedAt atomic.Int64 // Unix milliseconds; 0: not yet
	noted  atomic.Int64 // the use that was written down last
}

// Load replaces everything by the given connections, as at the start.
func (r *Registry) Load(all []connection.Connection) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.entries = make(map[connection.ID]entry, len(all))
	for _, c := range all {
		r.entries[c.ID] = entryOf(c, entry{refusals: &refusals{}})
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
	if !ok {
		known.refusals = &refusals{}
	}
	e := entryOf(c, known)
	if e.keyHash != known.keyHash {
		e.refusals.accepted() // what was refused with the old key says nothing about the new one
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

// entryOf makes the entry of a connection that was known as before.
func entryOf(c connection.Connection, before entry) entry {
	e := entry{
		version: c.Version,
		keyHash: sha256.Sum256([]byte(c.UplinkKey.Reveal())),
		hasKey:  c.UplinkKey.IsSet(),
		verify:  c.Configuration.VerifyUplinkToken,
		asKey:   c.Configuration.DownlinkAsKey,

		refusals: before.refusals,
	}
	if c.OldUplinkKey.IsSet() {
		e.old = &oldKey{hash: sha256.Sum256([]byte(c.OldUplinkKey.Reveal())), until: c.OldUplinkKeyUntil}
		if before.old != nil && before.old.hash == e.old.hash && before.old.until.Equal(e.old.until) {
			e.old = before.old // with the uses that were seen
		} else if !c.OldUplinkKeyUsedAt.IsZero() {
			e.old.usedAt.Store(c.OldUplinkKeyUsedAt.UnixMilli())
			e.old.noted.Store(c.OldUplinkKeyUsedAt.UnixMilli())
		}
	}
	return e
}

// fitsOld reports whether key is the one that was replaced, while it is accepted. That takes the same time where there is
// none.
func (e entry) fitsOld(key connection.Secret, now time.Time) bool {
	hash := sha256.Sum256([]byte(key.Reveal()))
	var want [sha256.Size]byte // no key's
	if e.old != nil {
		want = e.old.hash
	}
	same := subtle.ConstantTimeCompare(hash[:], want[:]) == 1
	return same && e.old != nil && key.IsSet() && now.Before(e.old.until)
}

// OldKeyUsedAt tells when the uplink key of a connection that was replaced was used last; zero where it was not.
func (r *Registry) OldKeyUsedAt(id connection.ID) time.Time {
	e, ok := r.entry(id)
	if !ok || e.old == nil || e.old.usedAt.Load() == 0 {
		return time.Time{}
	}
	return time.UnixMilli(e.old.usedAt.Load()).UTC()
}

// noteEvery is the least time between two notes of the use of one old key.
const noteEvery = time.Minute

// ReportOldKeys gives note the last uses of old uplink keys, at most one a minute and key, and over the connections whose
// old key is accepted no longer. Call it now and then, beside the path of the uplinks.
func (r *Registry) ReportOldKeys(now time.Time, note func(id connection.ID, at time.Time) error, over func(id connection.ID)) {
	for id, old := range r.oldKeys() {
		used, noted := old.usedAt.Load(), old.noted.Load()
		if used > noted && (noted == 0 || used-noted >= noteEvery.Milliseconds() || !now.Before(old.until)) {
			if note(id, time.UnixMilli(used).UTC()) == nil {
				old.noted.Store(used)
			}
		}
		if !now.Before(old.until) {
			over(id)
		}
	}
}

func (r *Registry) oldKeys() map[connection.ID]*oldKey {
	r.mu.RLock()
	defer r.mu.RUnlock()
	all := map[connection.ID]*oldKey{}
	for id, e := range r.entries {
		if e.old != nil {
			all[id] = e.old
		}
	}
	return all
}

// fits reports whether key is the connection's uplink key. The zero entry, of a connection that does not exist, takes
// the same time and fits none.
func (e entry) fits(key connection.Secret) bool {
	hash := sha256.Sum256([]byte(key.Reveal()))
	same := subtle.ConstantTimeCompare(hash[:], e.keyHash[:]) == 1
	return same && e.hasKey && key.IsSet()
}
