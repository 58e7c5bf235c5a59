package sandbox

import (
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
)

// returnCodes of MQTT 3 for the reason codes of MQTT 5 (ReturnCodeResolver).
var returnCodes = map[byte]byte{
	packets.ErrClientIdentifierNotValid.Code: 2, packets.ErrBadUsernameOrPassword.Code: 5, packets.ErrNotAuthorized.Code: 5,
	packets.ErrServerUnavailable.Code: 3, packets.ErrConnectionRateExceeded.Code: 3, packets.ErrUnsupportedProtocolVersion.Code: 1,
}

// connect answers a CONNECT; false ends the connection.
func (c *session) connect(pk packets.Packet) bool {
	c.version, c.clientID = pk.ProtocolVersion, pk.Connect.ClientIdentifier
	b := c.sb.current()
	if b.ConnackDelay > 0 {
		timer := time.NewTimer(b.ConnackDelay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-c.turn.ctx.Done():
			return false
		}
	}
	if code := pk.ConnectValidate(); code != packets.CodeSuccess && code != packets.ErrProtocolViolationFlagNoPassword {
		return c.greet(pk, packets.ErrUnsupportedProtocolVersion.Code, "")
	}
	if n := len(c.clientID); c.version == 3 && (n < 1 || n > 23) { // MQTT 3.1
		return c.greet(pk, packets.ErrClientIdentifierNotValid.Code, "")
	}
	if b.ConnectCode != 0 {
		return c.greet(pk, b.ConnectCode, "")
	}
	c.sb.mu.Lock()
	d, code := c.sb.devices.authenticate(pk.Connect)
	if d == nil {
		c.sb.mu.Unlock()
		return c.greet(pk, code, "")
	}
	name, older := d.name, c.enter(d)
	if older != nil { // its sub-devices go with it, before the new session opens them
		for _, sub := range older.subDevs {
			sub.leave()
		}
	}
	c.sb.mu.Unlock()
	if older != nil {
		older.end(packets.ErrSessionTakenOver.Code)
	}
	return c.greet(pk, 0, name)
}

// greet sends the CONNACK: session-present is the contrary of clean, on refusals too, and there are no properties.
func (c *session) greet(pk packets.Packet, code byte, name string) bool {
	record(c.sb, &c.sb.logs.connects, Connect{
		At: time.Now(), Device: name, ClientID: c.clientID, Version: int(c.version), TLS: c.secured, Code: code,
	})
	shown := code
	if c.version < 5 && code != 0 {
		shown = 3
		if known, ok := returnCodes[code]; ok {
			shown = known
		}
	}
	c.write(packets.Packet{
		FixedHeader: packets.FixedHeader{Type: packets.Connack}, SessionPresent: !pk.Connect.Clean, ReasonCode: shown,
	})
	if code != 0 {
		c.end(code)
		return false
	}
	return true
}

// authenticate finds the device of a CONNECT (MqttTransportHandler, DefaultTransportApiService).
func (d *devices) authenticate(in packets.ConnectParams) (*device, byte) {
	user, password := string(in.Username), string(in.Password)
	basic := func(clientID string) *device {
		dev := d.byToken(basicID(clientID, user))
		if dev == nil || dev.creds.Type != "MQTT_BASIC" || deref(dev.creds.Basic.ClientID) != clientID || deref(dev.creds.Basic.UserName) != user {
			return nil
		}
		if dev.creds.Basic.Password != nil && *dev.creds.Basic.Password != password {
			return nil
		}
		return dev
	}
	if in.ClientIdentifier != "" {
		if dev := basic(in.ClientIdentifier); dev != nil {
			return dev, 0
		}
	}
	switch {
	case user != "":
		if dev := d.byToken(user); dev != nil && dev.creds.Type == "ACCESS_TOKEN" {
			return dev, 0
		}
		if dev := basic(""); dev != nil {
			return dev, 0
		}
		return nil, packets.ErrBadUsernameOrPassword.Code
	case in.ClientIdentifier != "":
		return nil, packets.ErrClientIdentifierNotValid.Code
	}
	return nil, packets.ErrNotAuthorized.Code
}
