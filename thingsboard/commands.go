package thingsboard

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/eclipse/paho.golang/paho"

	"boardlink/connection"
)

// refusalTimeout bounds the answer to a command that found the queue full.
const refusalTimeout = 5 * time.Second

// Command is a remote procedure call from ThingsBoard. It does not say whether somebody waits for the answer: reply
// once, always. The same command comes again after a reconnect while it is pending; Device and ID identify it, and IDs
// begin anew when ThingsBoard restarts.
type Command struct {
	// Device is the device's name; empty for the gateway itself, which is told by the methods gateway_device_renamed
	// ({"old name":"new name"}) and gateway_device_deleted ("name") what happened to its devices.
	Device string
	ID     int64
	Method string
	Params json.RawMessage // any JSON; null where there are none
	CameAt time.Time       // when it came; what waits in [Session.Commands] grows old there
}

// Commands gives the commands as they come, 128 at most waiting: one that finds the queue full is answered with an
// error, {"status":"error","code":"too_many_commands","message":".."}. The channel is closed when the session has ended.
func (s *Session) Commands() <-chan Command { return s.commands }

// received is the library's callback for each PUBLISH. It must not block, or pings and acknowledgements stop with it.
func (s *Session) received(p paho.PublishReceived) (bool, error) {
	topic, payload := p.Packet.Topic, p.Packet.Payload
	switch {
	case topic == topicRPC:
		s.deviceCommand(payload)
	case strings.HasPrefix(topic, topicOwnRPC):
		s.ownCommand(strings.TrimPrefix(topic, topicOwnRPC), payload)
	case topic == topicOwnRPCAnswer+"1":
		select {
		case s.limitsAnswer <- payload:
		default:
		}
	case topic == topicAttributes:
		s.attributesPushed(payload)
	}
	return true, nil
}

// deviceCommand reads {"device":"A","data":{"id":0,"method":"m","params":..}}.
func (s *Session) deviceCommand(payload []byte) {
	var m struct {
		Device string `json:"device"`
		Data   struct {
			ID     *json.Number    `json:"id"`
			Method string          `json:"method"`
			Params json.RawMessage `json:"params"`
		} `json:"data"`
	}
	if json.Unmarshal(payload, &m) != nil || m.Device == "" || m.Data.ID == nil {
		s.log.Warn("A command without device or id was dropped", "bytes", len(payload))
		return
	}
	id, err := m.Data.ID.Int64()
	if err != nil {
		s.log.Warn("A command with an odd id was dropped", "device", connection.Clean(m.Device))
		return
	}
	s.offer(Command{Device: m.Device, ID: id, Method: m.Data.Method, Params: orNull(m.Data.Params)})
}

// ownCommand reads {"method":"m","params":..}; the id stands in the topic.
func (s *Session) ownCommand(number string, payload []byte) {
	var m struct {
		Method string          `json:"method"`
		Params json.RawMessage `json:"params"`
	}
	id, err := strconv.ParseInt(number, 10, 64)
	if err != nil || json.Unmarshal(payload, &m) != nil {
		s.log.Warn("A command to the gateway that cannot be read was dropped", "bytes", len(payload))
		return
	}
	s.offer(Command{ID: id, Method: m.Method, Params: orNull(m.Params)})
}

func orNull(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 {
		return json.RawMessage("null")
	}
	return raw
}

// overflow is a command that found the queue full; there may be many, so what it says is not kept.
type overflow struct {
	device string
	id     int64
}

// tooMany is the answer to an overflow.
var tooMany = json.RawMessage(`{"status":"error","code":"too_many_commands","message":"Boardlink has too many commands waiting; this one was not sent."}`)

// offer queues a command, or has it refused.
func (s *Session) offer(c Command) {
	c.CameAt = s.now()
	select {
	case s.commands <- c:
		return
	default:
	}
	select {
	case s.refusals <- overflow{c.Device, c.ID}:
	default:
		s.log.Warn("Commands come faster than they can even be refused; one was dropped", "device", connection.Clean(c.Device))
	}
}

// refuseOverflow answers the commands that found the queue full, until the session ends.
func (s *Session) refuseOverflow() {
	for {
		select {
		case <-s.done:
			return
		case c := <-s.refusals:
			ctx, cancel := context.WithTimeout(s.life, refusalTimeout)
			err := s.Reply(ctx, c.device, c.id, tooMany)
			cancel()
			if err != nil && s.life.Err() == nil {
				s.log.Warn("A command could be neither queued nor refused", "device", connection.Clean(c.device), "error", err)
			}
		}
	}
}
