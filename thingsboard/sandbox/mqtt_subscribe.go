package sandbox

import (
	"strings"

	"github.com/mochi-mqtt/server/v2/packets"
)

// Topics of a gateway and of a device.
const (
	topicConnect            = "v1/gateway/connect"
	topicDisconnect         = "v1/gateway/disconnect"
	topicTelemetry          = "v1/gateway/telemetry"
	topicAttributes         = "v1/gateway/attributes"
	topicAttributesRequest  = "v1/gateway/attributes/request"
	topicAttributesResponse = "v1/gateway/attributes/response"
	topicRPC                = "v1/gateway/rpc"
	topicClaim              = "v1/gateway/claim"

	topicOwnTelemetry          = "v1/devices/me/telemetry"
	topicOwnAttributes         = "v1/devices/me/attributes"
	topicOwnAttributesRequest  = "v1/devices/me/attributes/request/"
	topicOwnAttributesResponse = "v1/devices/me/attributes/response/"
	topicOwnRPCRequest         = "v1/devices/me/rpc/request/"
	topicOwnRPCResponse        = "v1/devices/me/rpc/response/"
)

// filters are the only ones that SUBSCRIBE takes, as exact texts.
var filters = map[string]bool{
	topicRPC: true, topicAttributes: true, topicAttributesResponse: true, topicOwnAttributes: true,
	topicOwnRPCRequest + "+": true, topicOwnRPCResponse + "+": true, topicOwnAttributesResponse + "+": true,
}

func gatewayTopic(topic string) bool { return strings.HasPrefix(topic, "v1/gateway/") }

func (c *session) subscribe(pk packets.Packet) {
	codes := make([]byte, len(pk.Filters))
	c.sb.mu.Lock()
	resend := false
	for i, f := range pk.Filters {
		switch {
		case filters[f.Filter]:
			codes[i] = min(f.Qos, 1)
			c.subs[f.Filter] = codes[i]
			resend = resend || f.Filter == topicOwnRPCRequest+"+"
		case c.version == 5:
			codes[i] = packets.ErrTopicFilterInvalid.Code
		default:
			codes[i] = packets.ErrUnspecifiedError.Code
		}
	}
	var waiting []downlink
	if resend {
		waiting = c.sb.waitingFor(c.device)
	}
	c.sb.mu.Unlock()
	c.write(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Suback}, PacketID: pk.PacketID, ReasonCodes: codes})
	deliver(waiting)
	c.sb.changes.signal()
}

func (c *session) unsubscribe(pk packets.Packet) {
	codes := make([]byte, len(pk.Filters))
	c.sb.mu.Lock()
	for i, f := range pk.Filters {
		if _, known := c.subs[f.Filter]; !known {
			codes[i] = packets.CodeNoSubscriptionExisted.Code
		}
		delete(c.subs, f.Filter)
	}
	c.sb.mu.Unlock()
	c.write(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Unsuback}, PacketID: pk.PacketID, ReasonCodes: codes})
}
