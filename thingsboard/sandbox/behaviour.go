package sandbox

import "time"

// Behaviour is how the server behaves at the moment. What a healthy, current ThingsBoard does is the starting value; get
// there again with [Sandbox.Calm].
type Behaviour struct {
	// RESTHang accepts REST connections and requests and never answers; MQTTHang accepts MQTT connections and never answers.
	// Connections accepted meanwhile stay silent until Pause or Close.
	RESTHang, MQTTHang bool
	// RESTDelay passes before each REST answer.
	RESTDelay time.Duration
	// RESTHTML answers every REST request with 200 and a web page, as a captive portal does.
	RESTHTML bool
	// RESTStatus, unless 0, is the status of every REST answer, with a text body, as from a proxy whose server is away.
	RESTStatus int
	// TelemetryDenied answers telemetry by REST with 403, as for an account that may not write it.
	TelemetryDenied bool
	// RESTLimit bounds authenticated requests of the tenant: 429, code 33, without Retry-After.
	RESTLimit Limit

	// RESTTLS and MQTTTLS are what is wrong with TLS for clients that say hello from now on.
	RESTTLS, MQTTTLS TLSFault

	// NoAPIKeys refuses API keys with 401, as servers before 4.3.
	NoAPIKeys bool
	// RefreshRefused answers every use of a refresh token with 401.
	RefreshRefused bool
	// MaxFailedLogins locks the account at the failed login after that many; 0 never.
	MaxFailedLogins int
	// AccessLife and RefreshLife are how long tokens issued from now on live (9,000 s and 7 days).
	AccessLife, RefreshLife time.Duration

	// NoIoTHub answers the structured connectivity list with 404, as servers before 4.4; NoConnectivity does so for the
	// shell commands too, as servers before 3.6.
	NoIoTHub, NoConnectivity bool
	// NoRootCertificate answers the download of the MQTT root certificate with 404.
	NoRootCertificate bool
	// Announced is what REST says about MQTT.
	Announced Announcement

	// DeviceLimit is how many devices the tenant may have; 0 without limit.
	DeviceLimit int
	// CreationFails makes creations by MQTT fail (PUBACK 0x80).
	CreationFails bool

	// ConnectCode, unless 0, refuses every CONNECT with that MQTT 5 reason code (MQTT 3 gets its nearest).
	ConnectCode byte
	// ConnackDelay passes before each CONNACK.
	ConnackDelay time.Duration
	// Freeze keeps MQTT sessions open and answers nothing, pings included: a dead peer.
	Freeze bool
	// NoSessionLimits leaves getSessionLimits without an answer, as older servers do.
	NoSessionLimits bool
	// GatewayLimits bound what a gateway sends for its sub-devices, DeviceLimits what any device sends for itself.
	GatewayLimits, DeviceLimits Limits
	// OpeningRefused acts as if the limit were hit while a sub-device's session opens: DISCONNECT 0x8B without PUBACK.
	OpeningRefused bool
	// QueueFails answers publishes with PUBACK 0x80 and closes the connection.
	QueueFails bool

	// PubackDelay passes before each PUBACK; PubackWithhold stores and never acknowledges.
	PubackDelay    time.Duration
	PubackWithhold bool
	// PubackReorder, above 1, gathers that many PUBACKs and sends them last first; what does not fill up goes after 100 ms.
	PubackReorder int
	// AckFirst acknowledges a publish of several devices by what became of the first of them, as old servers do: the fate
	// of the others is not told.
	AckFirst bool
	// StoreDelay passes between a PUBACK and storing; LoseAcked acknowledges and never stores.
	StoreDelay time.Duration
	LoseAcked  bool
	// Judge, if set, decides on each publish with QoS 1 or 2. It is called on the session's goroutine and holds it up, which
	// Pause and Close wait for.
	Judge func(Publish) Verdict
}

// Announcement is what the connectivity endpoints say about MQTT.
type Announcement struct {
	Host                string // empty: the host that the REST request named, as ThingsBoard does when none is configured
	MQTTPort, MQTTSPort int    // 0: the port of the sandbox's own listener
	NoMQTT, NoMQTTS     bool   // not announced, though it may be listening
	OmitPorts           bool   // the commands leave "-p" out
	MQTTSAsText         bool   // "mqtts" is one string instead of a list
}

// Verdict is what becomes of one publish. The zero value lets it take its course.
type Verdict struct {
	Code       byte          // from 0x80: nothing is stored, and the PUBACK has this reason code (MQTT 3: a plain PUBACK)
	Close      bool          // the connection closes after the PUBACK, without DISCONNECT
	Disconnect byte          // unless 0, a DISCONNECT with this reason code goes out before the connection closes
	Withhold   bool          // no PUBACK
	Delay      time.Duration // before the PUBACK
	Lose       bool          // nothing is stored, whatever the PUBACK says
}

// standardBehaviour is that of a healthy, current ThingsBoard.
func standardBehaviour() Behaviour {
	return Behaviour{AccessLife: 9000 * time.Second, RefreshLife: 7 * 24 * time.Hour}
}

// Set changes the behaviour: change gets a copy of the current one, and what it makes of it is in force, as a whole, when
// Set returns. It must not call the sandbox.
func (s *Sandbox) Set(change func(*Behaviour)) {
	s.mu.Lock()
	b := *s.behaviour.Load()
	change(&b)
	s.behaviour.Store(&b)
	s.mu.Unlock()
	s.changes.signal()
}

// Calm goes back to the behaviour of a healthy server.
func (s *Sandbox) Calm() { s.Set(func(b *Behaviour) { *b = standardBehaviour() }) }

// Behaviour is the behaviour in force.
func (s *Sandbox) Behaviour() Behaviour { return *s.behaviour.Load() }

// current is the behaviour in force, not to be changed.
func (s *Sandbox) current() *Behaviour { return s.behaviour.Load() }
