// Package operationtest gives tests the real operations over a store and links kept in memory.
package operationtest

import (
	"fmt"
	"sync"
	"time"

	"boardlink/connection"
	"boardlink/live"
	"boardlink/operation"
)

// World is a set of operations and all that they act upon.
type World struct {
	*operation.Connections
	Store    *Store
	Links    *Links
	Parked   *Parked
	Observer *Observer
	Feed     *Feed
	Refusals *Refusals
	OldKeys  *OldKeys
	Prober   *Prober
	Park     *Park
	Backlog  *Backlog
}

// Now is the time in a [World] that was given no clock.
var Now = time.Date(2026, 11, 23, 10, 8, 8, 309_000_000, time.UTC)

// PublicURL is the address of a [World].
const PublicURL = "https://boardlink.example.com"

// New makes a world without connections. now may be nil: it always is [Now] then.
func New(now func() time.Time) *World {
	if now == nil {
		now = func() time.Time { return Now }
	}
	w := &World{
		Store: &Store{rows: map[connection.ID]connection.Connection{}}, Links: &Links{}, Parked: &Parked{}, Observer: &Observer{}, Feed: &Feed{},
		Refusals: &Refusals{}, OldKeys: &OldKeys{}, Prober: &Prober{Verdict: connection.Accepted}, Park: &Park{}, Backlog: &Backlog{},
	}
	keys := 0
	w.Connections = operation.New(operation.Options{
		Store: w.Store, Links: w.Links, Parked: w.Parked, Backlog: w.Backlog, Observer: w.Observer, Feed: w.Feed, PublicURL: PublicURL, Refusals: w.Refusals, OldKeys: w.OldKeys, Now: now,
		Prober: w.Prober, Tries: w.Store, Downlinks: w.Park,
		NewUplinkKey: func() connection.Secret {
			keys++
			return connection.Secret(fmt.Sprintf("uplink-key-%d", keys))
		},
	})
	return w
}

// Password is the one of [Valid].
const Password = "canary-pa55word-b2c7"

// Valid gives a connection that can be created.
func Valid() connection.Connection {
	c := connection.Connection{
		ConnectorID: connection.ConnectorID, Name: "North", Active: true, Configuration: connection.DefaultConfiguration(),
	}
	c.Configuration.HostName = "thingsboard.example.com:443"
	c.Configuration.Username = "tenant@example.com"
	c.Configuration.Password = Password
	return c
}

// Refusals pretends to count refused uplinks.
type Refusals struct{ counts sync.Map }

// Set says what was refused.
func (r *Refusals) Set(id connection.ID, counted connection.Refusals) { r.counts.Store(id, counted) }

// Refusals implements [operation.Refusals].
func (r *Refusals) Refusals(id connection.ID) connection.Refusals {
	counted, _ := r.counts.Load(id)
	c, _ := counted.(connection.Refusals)
	return c
}

// OldKeys pretends to see when old uplink keys are used.
type OldKeys struct{ uses sync.Map }

// Set says when the old key of a connection was used last.
func (o *OldKeys) Set(id connection.ID, at time.Time) { o.uses.Store(id, at) }

// OldKeyUsedAt implements [operation.OldKeys].
func (o *OldKeys) OldKeyUsedAt(id connection.ID) time.Time {
	at, _ := o.uses.Load(id)
	t, _ := at.(time.Time)
	return t
}

// Links pretends to run the connections.
type Links struct {
	mu         sync.Mutex
	reconciled []connection.ID
	statuses   map[connection.ID]connection.Status
}

// Set says how a link is.
func (l *Links) Set(id connection.ID, s connection.Status) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.statuses == nil {
		l.statuses = map[connection.ID]connection.Status{}
	}
	l.statuses[id] = s
}

// Reconciled gives the ids that were to be reconciled since it was asked last.
func (l *Links) Reconciled() []connection.ID {
	l.mu.Lock()
	defer l.mu.Unlock()
	ids := l.reconciled
	l.reconciled = nil
	return ids
}

// Reconcile implements [operation.Links].
func (l *Links) Reconcile(id connection.ID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reconciled = append(l.reconciled, id)
}

// Status implements [operation.Links].
func (l *Links) Status(id connection.ID) connection.Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.statuses[id]
}

// Observer notes what it was told.
type Observer struct {
	mu  sync.Mutex
	log []string
}

// Told gives what was told since it was asked last: "changed 1", "removed 1".
func (o *Observer) Told() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	log := o.log
	o.log = nil
	return log
}

// Changed implements [operation.Observer].
func (o *Observer) Changed(c connection.Connection) { o.note("changed " + c.ID.String()) }

// Removed implements [operation.Observer].
func (o *Observer) Removed(id connection.ID) { o.note("removed " + id.String()) }

func (o *Observer) note(s string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.log = append(o.log, s)
}

// Feed notes what was published.
type Feed struct {
	mu  sync.Mutex
	log []live.Change
}

// Published gives the changes since it was asked last.
func (f *Feed) Published() []live.Change {
	f.mu.Lock()
	defer f.mu.Unlock()
	log := f.log
	f.log = nil
	return log
}

// Publish implements [operation.Publisher].
func (f *Feed) Publish(c live.Change) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.log = append(f.log, c)
}
