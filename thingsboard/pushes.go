package thingsboard

import (
	"bytes"
	"encoding/json"

	"boardlink/connection"
)

const (
	// maxPush bounds a push of attributes, in bytes.
	maxPush = 64 << 10
	// pushesLostPer is after how many lost pushes another line is logged.
	pushesLostPer = 1000
)

// AttributePush is what ThingsBoard changed of the attributes that it shares with a device. Neither names nor values are
// fit to be shown as they are.
type AttributePush struct {
	Device  string                     // the device's name, not empty
	Set     map[string]json.RawMessage // JSON values by key
	Deleted []string                   // keys
}

// AttributePushes gives the changes of shared attributes as they come, 128 at most waiting: what finds the queue full is
// lost, since a push is sent once and holding up the session would cost more. The channel is closed when the session has
// ended.
//
// ThingsBoard pushes changes alone, and only of devices that this session has connected. What was set before can be
// asked for by its keys only (v1/gateway/attributes/request), which nobody here knows.
func (s *Session) AttributePushes() <-chan AttributePush { return s.pushes }

// attributesPushed queues a push; it never blocks.
func (s *Session) attributesPushed(payload []byte) {
	push, ok := parsePush(payload)
	if !ok {
		s.log.Warn("A push of shared attributes that cannot be read was dropped", "bytes", len(payload))
		return
	}
	select {
	case s.pushes <- push:
	default:
		if lost := s.pushesLost.Add(1); lost%pushesLostPer == 1 {
			s.log.Warn("Shared attributes come faster than they are kept; pushes were lost", "lost", lost, "device", connection.Clean(push.Device))
		}
	}
}

// parsePush reads {"device":"A","data":{"k":v}} and {"device":"A","data":{"deleted":["k"]}} (JsonConverter.java, toJson of
// AttributeUpdateNotificationMsg). An attribute that is itself called "deleted" and holds a list of texts cannot be told
// from the second form.
func parsePush(payload []byte) (AttributePush, bool) {
	if len(payload) > maxPush {
		return AttributePush{}, false
	}
	var m struct {
		Device string                     `json:"device"`
		Data   map[string]json.RawMessage `json:"data"`
	}
	// Values are kept as they were written, so what is no text is mended before.
	if json.Unmarshal(bytes.ToValidUTF8(payload, []byte("\uFFFD")), &m) != nil || m.Device == "" || len(m.Data) == 0 {
		return AttributePush{}, false
	}
	push := AttributePush{Device: m.Device, Set: m.Data}
	var keys []string
	if raw := m.Data["deleted"]; len(raw) > 0 && raw[0] == '[' && json.Unmarshal(raw, &keys) == nil {
		push.Deleted = keys
		delete(push.Set, "deleted")
	}
	return push, true
}
