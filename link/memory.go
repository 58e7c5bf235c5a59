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
	refusals   map[int64]int     // of events, by id
}

// sighting is an answer to whether a device exists.
type sighting struct {
	exists bool
	until  time.Time
}

func newMemory(now func() time.Time) *memory {
	return &memory{now: now, seed: maphash.MakeSeed(), devices: map[string]sighting{}, attributed: map[string]uint64{}, refusals: map[int64]int{}}
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
	m.mu.Lock()
	defer m.mu.Unlock()
	room(m.refusals)
	m.refusals[event]++
	return m.refusals[event]
}

// forgive forgets the refusals of an event that has left the queue.
func (m *memory) forgive(event int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.refusals, event)
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
