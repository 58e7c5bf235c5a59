package connection

import "time"

// Minute holds what happened on one connection in one minute.
type Minute struct {
	ConnectionID ID        // 0: of all connections together
	Start        time.Time // begin of the minute, UTC
	Uplinks      int64     // accepted from ThingPark
	Delivered    int64     // acknowledged by ThingsBoard
	Downlinks    int64     // queued by ThingPark
	Rejected     int64     // downlinks refused
	Parked       int64     // events put aside
	Expired      int64     // events older than the validity, or skipped
	Delays       Delays    // of what was delivered; not known of all connections together

	// How much waited to be delivered when that was looked at, which is once a minute. Where nothing did there is nothing to
	// know of a connection; that it was looked at is known of all of them together.
	Backlog   int64
	OldestAge time.Duration // of what waited longest
	Watched   bool
}

// Add adds what happened in the same minute, or in another part of a longer span. The backlog is no sum: the greater holds.
func (m *Minute) Add(other Minute) {
	m.Uplinks += other.Uplinks
	m.Delivered += other.Delivered
	m.Downlinks += other.Downlinks
	m.Rejected += other.Rejected
	m.Parked += other.Parked
	m.Expired += other.Expired
	m.Delays.Add(other.Delays)
	m.Backlog = max(m.Backlog, other.Backlog)
	m.OldestAge = max(m.OldestAge, other.OldestAge)
	m.Watched = m.Watched || other.Watched
}

// Waiting says how much of a connection waits to be delivered.
type Waiting struct {
	ConnectionID ID
	Events       int64
	OldestAge    time.Duration // of what waits longest
}

// Totals sums minutes over a window.
type Totals struct {
	ActiveDevices, Uplinks, Delivered, Downlinks, Rejected, Parked, Expired int64
}

// Add adds what happened in m.
func (t *Totals) Add(m Minute) {
	t.Uplinks += m.Uplinks
	t.Delivered += m.Delivered
	t.Downlinks += m.Downlinks
	t.Rejected += m.Rejected
	t.Parked += m.Parked
	t.Expired += m.Expired
}

// Device is a LoRaWAN device seen on a connection.
type Device struct {
	ConnectionID ID
	DevEUI       string // 16 hexadecimal digits, upper case
	Name         string // as ThingPark knows it, may be empty
	LastUplinkAt time.Time
	Uplinks      int64
	Downlinks    int64
}

// CredentialTries counts the sign-ins made with one version of a connection's credentials since the last success.
type CredentialTries struct {
	Tries     int
	Allowance int // tries that a person granted beyond [MaxCredentialTries]
	Last      time.Time
}

// MaxCredentialTries is how often refused credentials are presented before the link waits for a person: ThingsBoard
// disables an account after too many failed sign-ins (DefaultSystemSecurityService.java).
const MaxCredentialTries = 3

// Left reports whether another try may be made.
func (t CredentialTries) Left() bool { return t.Tries < MaxCredentialTries+t.Allowance }
