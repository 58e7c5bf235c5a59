package link

import (
	"encoding/json"
	"hash/maphash"
	"sync"
	"time"
)

const (
	// maxRemembered bounds each of the memories, in devices or events. A full one is emptied: all of it can be found
	// out again.
	maxRemembered = 100_000
	// Whether a device exists is remembered that long: long enough to spare ThingsBoard a call per uplink, short enough
	// that a device made or deleted there is noticed.
	knownFor   = 10 * time.Minute
	unknownFor = time.Minute
)

// memory holds what a connection's links know of its devices. It outlives a session and is gone with the program.
type memory struct {
	now  func() time.Time
	seed maphash.Seed

	mu         sync.Mutex
	devices    map[string]sighting
	attributed map[string]uint64 // hash of the attributes sent last
	blames     map[int64]blame   // of events, by id
	parkedLast int               // suspects parked since ThingsBoard last took an event
}

// blame is what speaks against an event.
type blame struct {
	refusals int // ThingsBoard refused it, or ended the session while it was alone under way
	ends     int // sessions that ended while it was under way beside others
}

// sighting is an answer to whether a device exists.
type sighting struct {
	exists bool
	until  time.Time
}

func newMemory(now func() time.Time) *memory {
	return &memory{now: now, seed: maphash.MakeSeed(), devices: map[string]sighting{}, attributed: map[string]uint64{}, blames: map[int64]blame{}}
}

// known returns the remembered answer; fresh is false where there is none.
func (m *memory) known(device string) (exists, fresh bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.devices[device]
	if !ok || !m.now().Before(s.until) {
		delete(m.devices, device)
		return false, false
	}
	return s.exists, true
}

func (m *memory) remember(device string, exists bool) {
	span := unknownFor
	if exists {
		span = knownFor
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	room(m.devices)
	m.devices[device] = sighting{exists, m.now().Add(span)}
}

// forget takes back what is known of a device that was deleted at ThingsBoard.
func (m *memory) forget(device string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.devices, device)
	delete(m.attributed, device)
}

// refuse counts a refusal of an event and returns how many there were.
func (m *memory) refuse(event int64) int {
	return m.blame(event, func(b *blame) { b.refusals++ }).refusals
}

// accuse counts the end of a session against an event that was under way.
func (m *memory) accuse(event int64) {
	m.blame(event, func(b *blame) { b.ends++ })
}

func (m *memory) blame(event int64, change func(*blame)) blame {
	m.mu.Lock()
	defer m.mu.Unlock()
	b, known := m.blames[event]
	if !known {
		room(m.blames)
	}
	change(&b)
	m.blames[event] = b
	return b
}

// suspect reports whether an event was under way at so many ends of sessions that it must go alone.
func (m *memory) suspect(event int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.blames[event].ends >= suspectAfter
}

// forgive forgets what spoke against an event that has left the queue.
func (m *memory) forgive(event int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.blames, event)
}

// notHeard counts a suspect that is parked, heard that ThingsBoard took an event; unheard returns how many suspects
// were parked since.
func (m *memory) notHeard() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.parkedLast++
}

func (m *memory) heard() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.parkedLast = 0
}

func (m *memory) unheard() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.parkedLast
}

// attributesChanged reports whether a device's attributes differ from those sent last, and their hash.
func (m *memory) attributesChanged(device string, values map[string]any) (sum uint64, changed bool) {
	text, err := json.Marshal(values) // keys in order
	if err != nil {
		return 0, false
	}
	sum = maphash.Bytes(m.seed, text)
	m.mu.Lock()
	defer m.mu.Unlock()
	last, ok := m.attributed[device]
	return sum, !ok || last != sum
}

func (m *memory) attributesSent(device string, sum uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	room(m.attributed)
	m.attributed[device] = sum
}

func room[K comparable, V any](m map[K]V) {
	if len(m) >= maxRemembered {
		clear(m)
	}
}
