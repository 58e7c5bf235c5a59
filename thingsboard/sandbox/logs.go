package sandbox

import (
	"encoding/json"
	"slices"
	"time"
)

// Login is one try to sign in.
type Login struct {
	At      time.Time
	Email   string
	OK      bool   // the password was right and the account usable; true also where a second factor is asked for
	Message string // what the refusal said
}

// Request is one REST request.
type Request struct {
	At     time.Time
	Method string
	Path   string // with the query
	Status int    // 0 where there was no answer
}

// Connect is one CONNECT that was answered.
type Connect struct {
	At       time.Time
	Device   string // name of the device; empty when refused
	ClientID string
	Version  int // 3 (MQTT 3.1), 4 (3.1.1) or 5
	TLS      bool
	Code     byte // reason code of MQTT 5, 0 for success
}

// Publish is one PUBLISH that came in.
type Publish struct {
	At       time.Time
	Device   string // name of the device whose session it is, for us the gateway
	ClientID string
	Version  int
	Topic    string
	QoS      byte
	PacketID uint16
	Dup      bool
	Payload  json.RawMessage // as it came, JSON or not
}

type logs struct {
	logins    ring[Login]
	requests  ring[Request]
	connects  ring[Connect]
	publishes ring[Publish]
}

func newLogs(size int) logs {
	return logs{ring[Login]{size: size}, ring[Request]{size: size}, ring[Connect]{size: size}, ring[Publish]{size: size}}
}

// Logins are the latest tries to sign in, oldest first.
func (s *Sandbox) Logins() []Login { return logged(s, &s.logs.logins) }

// Requests are the latest REST requests, oldest first.
func (s *Sandbox) Requests() []Request { return logged(s, &s.logs.requests) }

// Connects are the latest CONNECTs, oldest first.
func (s *Sandbox) Connects() []Connect { return logged(s, &s.logs.connects) }

// Publishes are the latest PUBLISHes, oldest first.
func (s *Sandbox) Publishes() []Publish { return logged(s, &s.logs.publishes) }

func logged[T any](s *Sandbox, r *ring[T]) []T {
	s.mu.Lock()
	defer s.mu.Unlock()
	return r.all()
}

// record adds a line to a log of s.
func record[T any](s *Sandbox, r *ring[T], line T) {
	s.mu.Lock()
	r.add(line)
	s.mu.Unlock()
	s.changes.signal()
}

// ring keeps the latest of what was added.
type ring[T any] struct {
	size  int
	lines []T
	next  int // where the next one goes once the ring is full
}

func (r *ring[T]) add(line T) {
	if len(r.lines) < r.size {
		r.lines = append(r.lines, line)
		return
	}
	r.lines[r.next] = line
	r.next = (r.next + 1) % r.size
}

func (r *ring[T]) all() []T {
	return slices.Concat(r.lines[r.next:], r.lines[:r.next])
}
