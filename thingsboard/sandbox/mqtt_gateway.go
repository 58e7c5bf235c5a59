package sandbox

import (
	"encoding/json"
)

// routeGateway takes a PUBLISH on a gateway topic (AbstractGatewaySessionHandler).
func (c *session) routeGateway(p publication) outcome {
	if len(p.payload) == 0 {
		return unusable
	}
	if !json.Valid(p.payload) {
		return malformed
	}
	list, ok := members(p.payload)
	if !ok {
		return unusable
	}
	switch p.topic {
	case topicConnect:
		return c.connectDevice(list)
	case topicDisconnect:
		return c.disconnectDevice(list)
	case topicTelemetry:
		return c.eachDevice(list, isArray, func(name string, raw json.RawMessage) outcome { return c.telemetry(p, name, raw) })
	case topicAttributes:
		return c.eachDevice(list, isObject, func(name string, raw json.RawMessage) outcome { return c.clientAttributes(p, name, raw) })
	case topicAttributesRequest:
		return c.attributesRequest(list)
	case topicRPC:
		return c.rpcReply(list)
	case topicClaim:
		return c.eachDevice(list, isObject, func(name string, _ json.RawMessage) outcome {
			_, out := c.hold(name)
			return out
		})
	}
	return wrongTopic
}

func isObject(raw json.RawMessage) bool { return len(raw) > 0 && raw[0] == '{' }

// eachDevice does something for each device entry. Entries of another shape are dropped without a word as long as one is
// usable; the first failure is the outcome, and the others are done all the same, unless the connection has to end.
func (c *session) eachDevice(list []member, usable func(json.RawMessage) bool, do func(name string, raw json.RawMessage) outcome) outcome {
	result, any := done, false
	for _, m := range list {
		if !usable(m.value) {
			continue
		}
		out := do(m.key, m.value)
		if any && c.sb.current().AckFirst {
			continue
		}
		any = true
		if out.disconnect != 0 {
			return out
		}
		if out.failed() && (!result.failed() || result == ignored) {
			result = out
		}
	}
	if !any {
		return unusable
	}
	return result
}

func (c *session) connectDevice(list []member) outcome {
	name, ok := textOf(list, "device")
	if !ok {
		return unusable
	}
	profile, _ := textOf(list, "type")
	_, out := c.open(name, profile)
	return out
}

func (c *session) disconnectDevice(list []member) outcome {
	name, ok := textOf(list, "device")
	if !ok {
		return unusable
	}
	c.sb.mu.Lock()
	defer c.sb.mu.Unlock()
	if sub := c.subDevs[name]; sub != nil {
		sub.leave()
		delete(c.subDevs, name)
	}
	return done
}

// telemetry takes the entry of one device. An empty array is never acknowledged.
func (c *session) telemetry(p publication, name string, raw json.RawMessage) outcome {
	sub, out := c.hold(name)
	if out.failed() {
		return out
	}
	entries, err := readEntries(raw)
	if err != nil {
		return malformed
	}
	if len(entries) == 0 {
		return ignored
	}
	points := 0
	for _, e := range entries {
		points += len(e.values)
	}
	if !c.pays(points) {
		return rateLimit
	}
	if !p.lose {
		c.sb.storeSoon(sub.dev, entries)
	}
	return done
}

// pays charges the gateway for a message of one of its sub-devices.
func (c *session) pays(points int) bool {
	c.sb.mu.Lock()
	defer c.sb.mu.Unlock()
	return c.sb.charge(c.device.id, "gateway", c.sb.current().GatewayLimits, points)
}

func (c *session) clientAttributes(p publication, name string, raw json.RawMessage) outcome {
	sub, out := c.hold(name)
	if out.failed() {
		return out
	}
	list, _ := members(raw)
	values, err := castAll(list)
	if err != nil {
		return malformed
	}
	if !c.pays(len(values)) {
		return rateLimit
	}
	if !p.lose {
		c.sb.mu.Lock()
		c.sb.setAttributes(sub.dev, ClientScope, values)
		c.sb.mu.Unlock()
	}
	return done
}

// attributesRequest answers with the attributes asked for: "value" where one key was asked for, "values" for more.
func (c *session) attributesRequest(list []member) outcome {
	var ask struct {
		ID     *int
		Device *string
		Client *bool
		Key    *string
		Keys   []string
	}
	if fill(list, &ask) != nil || ask.ID == nil || ask.Device == nil || ask.Client == nil {
		return unusable
	}
	sub, out := c.hold(*ask.Device)
	if out.failed() {
		return out
	}
	if !c.pays(0) {
		return rateLimit
	}
	which := SharedScope
	if *ask.Client {
		which = ClientScope
	}
	keys := ask.Keys
	if ask.Key != nil {
		keys = []string{*ask.Key}
	}
	found := c.sb.attributesOf(sub.dev, which, keys)
	reply := map[string]any{"id": *ask.ID, "device": *ask.Device}
	if len(keys) == 1 && len(found) == 1 {
		reply["value"] = found[keys[0]]
	} else if len(found) > 0 {
		reply["values"] = found
	}
	if body, err := json.Marshal(reply); err == nil {
		c.push(topicAttributesResponse, topicAttributesResponse, body)
	}
	return done
}

// rpcReply takes the answer to an RPC. One that comes late is acknowledged and dropped.
func (c *session) rpcReply(list []member) outcome {
	var reply struct {
		Device *string
		ID     *int
		Data   json.RawMessage
	}
	if fill(list, &reply) != nil || reply.Device == nil || reply.ID == nil || reply.Data == nil {
		return unusable
	}
	sub, out := c.hold(*reply.Device)
	if out.failed() {
		return out
	}
	if !c.pays(0) {
		return rateLimit
	}
	c.sb.answered(sub.dev, *reply.ID, reply.Data)
	return done
}

// textOf is the text of a member; ok is false where there is none or it is empty or no text.
func textOf(list []member, key string) (text string, ok bool) {
	for _, m := range list {
		if m.key == key && json.Unmarshal(m.value, &text) == nil && text != "" {
			return text, true
		}
	}
	return "", false
}

// fill reads members into a struct whose fields they are named after.
func fill(list []member, into any) error {
	object := make(map[string]json.RawMessage, len(list))
	for _, m := range list {
		object[m.key] = m.value
	}
	raw, err := json.Marshal(object)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, into)
}
