package sandbox

import (
	"encoding/json"
	"strconv"
	"strings"
)

// routeOwn takes a PUBLISH that a device makes for itself. Its limits are refused with a DISCONNECT and no PUBACK.
func (c *session) routeOwn(p publication) outcome {
	request, isRequest := strings.CutPrefix(p.topic, topicOwnRPCRequest)
	reply, isReply := strings.CutPrefix(p.topic, topicOwnRPCResponse)
	ask, isAsk := strings.CutPrefix(p.topic, topicOwnAttributesRequest)
	if !isRequest && !isReply && !isAsk && p.topic != topicOwnTelemetry && p.topic != topicOwnAttributes {
		return wrongTopic
	}
	if !json.Valid(p.payload) {
		return malformed
	}
	switch {
	case isRequest:
		return c.ownRequest(request, p.payload)
	case isReply:
		if id, err := strconv.Atoi(reply); err == nil {
			c.sb.answered(c.device, id, p.payload)
		}
		return c.charged(0)
	case isAsk:
		return c.ownAttributesRequest(ask, p.payload)
	case p.topic == topicOwnTelemetry:
		entries, err := readEntries(p.payload)
		if err != nil {
			return malformed
		}
		return c.storeOwn(p, entries)
	}
	list, ok := members(p.payload)
	values, err := castAll(list)
	if !ok || err != nil {
		return malformed
	}
	if out := c.charged(len(values)); out.failed() || p.lose {
		return out
	}
	c.sb.mu.Lock()
	c.sb.setAttributes(c.device, ClientScope, values)
	c.sb.mu.Unlock()
	return done
}

func (c *session) storeOwn(p publication, entries []entry) outcome {
	points := 0
	for _, e := range entries {
		points += len(e.values)
	}
	if out := c.charged(points); out.failed() || p.lose {
		return out
	}
	c.sb.storeSoon(c.device, entries)
	return done
}

// charged charges the device itself for a message.
func (c *session) charged(points int) outcome {
	c.sb.mu.Lock()
	defer c.sb.mu.Unlock()
	if c.sb.charge(c.device.id, "device", c.sb.current().DeviceLimits, points) {
		return done
	}
	return ownRefused
}

// sessionLimits is the answer to getSessionLimits. A limit that is not set is null.
type sessionLimits struct {
	MaxPayload  int            `json:"maxPayloadSize"`
	MaxInflight int            `json:"maxInflightMessages"`
	Own         limitsInWords  `json:"rateLimits"`
	Gateway     *limitsInWords `json:"gatewayRateLimits,omitempty"`
}

type limitsInWords struct {
	Messages   *string `json:"messages"`
	Telemetry  *string `json:"telemetryMessages"`
	DataPoints *string `json:"telemetryDataPoints"`
}

func (l Limits) inWords() limitsInWords {
	word := func(l Limit) *string {
		if len(l) == 0 {
			return nil
		}
		text := l.String()
		return &text
	}
	return limitsInWords{word(l.Messages), word(l.Telemetry), word(l.DataPoints)}
}

// ownRequest is an RPC from the device to the server. The only method known is getSessionLimits; others go to a rule chain
// that answers nothing.
func (c *session) ownRequest(id string, payload json.RawMessage) outcome {
	if out := c.charged(0); out.failed() {
		return out
	}
	var request struct{ Method string }
	if json.Unmarshal(payload, &request) != nil {
		return malformed
	}
	b := c.sb.current()
	if request.Method != "getSessionLimits" || b.NoSessionLimits {
		return done
	}
	limits := sessionLimits{MaxPayload: c.sb.opt.MaxPayload, MaxInflight: 100, Own: b.DeviceLimits.inWords()}
	if c.gateway {
		words := b.GatewayLimits.inWords()
		limits.Gateway = &words
	}
	if body, err := json.Marshal(limits); err == nil {
		c.push(topicOwnRPCResponse+id, topicOwnRPCResponse+"+", body)
	}
	return done
}

func (c *session) ownAttributesRequest(id string, payload json.RawMessage) outcome {
	if out := c.charged(0); out.failed() {
		return out
	}
	var ask struct{ ClientKeys, SharedKeys *string }
	if json.Unmarshal(payload, &ask) != nil {
		return malformed
	}
	reply := map[string]any{}
	for name, from := range map[string]struct {
		keys  *string
		which Scope
	}{"client": {ask.ClientKeys, ClientScope}, "shared": {ask.SharedKeys, SharedScope}} {
		if from.keys == nil {
			continue
		}
		if found := c.sb.attributesOf(c.device, from.which, strings.Split(*from.keys, ",")); len(found) > 0 {
			reply[name] = found
		}
	}
	if body, err := json.Marshal(reply); err == nil {
		c.push(topicOwnAttributesResponse+id, topicOwnAttributesResponse+"+", body)
	}
	return done
}
