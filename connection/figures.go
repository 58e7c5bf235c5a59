package connection

import "time"

// Minute holds what happened on one connection in one minute.
type Minute struct {
	ConnectionID ID
	Start        time.Time // begin of the minute, UTC
	Uplinks      int64     // accepted from ThingPark
	Delivered    int64     // acknowledged by ThingsBoard
	Downlinks    int64     // queued by ThingPark
	Rejected     int64     // downlinks refused
	Parked       int64     // events put aside
	Expired      int64     // events older than the validity, or skipped
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
