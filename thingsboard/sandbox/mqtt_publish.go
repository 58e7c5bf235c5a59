package sandbox

import (
	"encoding/json"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
)

// outcome is how a PUBLISH ends. Codes are those of MQTT 5; what MQTT 3 gets follows from them, see answer.
type outcome struct {
	code       byte // of the PUBACK
	silent     bool // no PUBACK, ever
	close      bool // the connection closes then
	disconnect byte // and this DISCONNECT goes out first
}

// Outcomes that several topics share.
var (
	done         = outcome{}
	ignored      = outcome{silent: true}
	malformed    = outcome{code: packets.ErrPayloadFormatInvalid.Code}
	unusable     = outcome{code: packets.ErrImplementationSpecificError.Code, disconnect: packets.ErrImplementationSpecificError.Code}
	creationErr  = outcome{code: packets.ErrUnspecifiedError.Code}
	deviceLimit  = outcome{code: packets.ErrQuotaExceeded.Code}
	rateLimit    = outcome{code: packets.ErrQuotaExceeded.Code, close: true}
	queueErr     = outcome{code: packets.ErrUnspecifiedError.Code, close: true}
	openingLimit = outcome{silent: true, disconnect: packets.ErrServerShuttingDown.Code}
	ownRefused   = outcome{silent: true, disconnect: packets.ErrImplementationSpecificError.Code}
	wrongTopic   = outcome{code: packets.ErrTopicNameInvalid.Code}
)

func (o outcome) failed() bool { return o != done }

// publication is a PUBLISH on its way through the server.
type publication struct {
	topic   string
	payload json.RawMessage
	lose    bool // acknowledged and not stored
}

// publish answers one PUBLISH; false ends the session.
func (c *session) publish(pk packets.Packet) bool {
	line := Publish{
		At: time.Now(), ClientID: c.clientID, Version: int(c.version), Topic: pk.TopicName, QoS: pk.FixedHeader.Qos,
		PacketID: pk.PacketID, Dup: pk.FixedHeader.Dup, Payload: pk.Payload,
	}
	c.sb.mu.Lock()
	line.Device = c.device.name
	c.sb.logs.publishes.add(line)
	c.sb.mu.Unlock()
	defer c.sb.changes.signal()

	b := c.sb.current()
	verdict := Verdict{}
	if b.Judge != nil && pk.FixedHeader.Qos > 0 {
		verdict = b.Judge(line)
	}
	p := publication{topic: pk.TopicName, payload: pk.Payload, lose: verdict.Lose || b.LoseAcked}
	var out outcome
	switch {
	case gatewayTopic(p.topic) && !c.gateway:
		return true // neither heard nor acknowledged: the flag was not set at CONNECT
	case verdict.Code >= packets.ErrUnspecifiedError.Code:
		out = outcome{code: verdict.Code}
	case b.QueueFails:
		out = queueErr
	default:
		out = c.route(p)
	}
	out.silent = out.silent || verdict.Withhold || b.PubackWithhold
	out.close = out.close || verdict.Close
	out.disconnect = max(out.disconnect, verdict.Disconnect)
	return c.answer(pk, out, max(verdict.Delay, b.PubackDelay))
}

func (c *session) route(p publication) outcome {
	if gatewayTopic(p.topic) {
		return c.routeGateway(p)
	}
	return c.routeOwn(p)
}

// answer sends the PUBACK of a PUBLISH and closes, as the outcome says; false where the connection is closed by then.
func (c *session) answer(pk packets.Packet, out outcome, delay time.Duration) bool {
	if pk.FixedHeader.Qos == 0 {
		switch {
		case out.disconnect != 0:
			c.end(out.disconnect)
		case out.code == malformed.code:
			c.end(malformed.code)
		case out.close:
			c.end(0)
		default:
			if gatewayTopic(pk.TopicName) && !out.silent {
				c.spurious(pk)
			}
			return true
		}
		return false
	}
	if c.version < 5 && out.code == malformed.code { // MQTT 3 cannot say it, and closes instead
		out.silent, out.close = true, true
	}
	finish := func() {
		if !out.silent {
			ack := packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Puback}, PacketID: pk.PacketID}
			if c.version == 5 {
				ack.ReasonCode = out.code
			}
			c.write(ack)
		}
		if out.close || out.disconnect != 0 {
			c.end(out.disconnect)
		}
	}
	ends := out.close || out.disconnect != 0
	if delay <= 0 && (ends || c.sb.current().PubackReorder < 2) {
		finish()
		return !ends
	}
	c.acks.add(delay, c.sb.current().PubackReorder, finish)
	return true
}

// spurious is what ThingsBoard does after a QoS 0 publish of a gateway, which it took: it fails to build the PUBACK and
// reports the devices as failed (issue 429).
func (c *session) spurious(pk packets.Packet) {
	if c.version < 5 {
		return
	}
	list, _ := members(pk.Payload)
	for _, m := range list {
		name := m.key
		if m.key == "device" && json.Unmarshal(m.value, &name) != nil {
			continue
		}
		if body, err := json.Marshal(map[string]any{"device": name, "reason": 129}); err == nil {
			c.push(topicDisconnect, topicDisconnect, body)
		}
		if m.key == "device" {
			return
		}
	}
}
