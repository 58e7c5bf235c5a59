package thingsboard

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/eclipse/paho.golang/packets"
	"github.com/eclipse/paho.golang/paho"

	"boardlink/connection"
)

const (
	connectTimeout = 10 * time.Second // from dialling to CONNACK
	// receiveMaximum bounds the QoS 1 publishes that the server may send us unacknowledged. The library makes a queue of
	// this size at once; its default costs half a megabyte a session.
	receiveMaximum = 16
)

// The topics of the gateway API and of the gateway's own device (MqttTopics.java).
const (
	topicConnect          = "v1/gateway/connect"
	topicDisconnect       = "v1/gateway/disconnect"
	topicTelemetry        = "v1/gateway/telemetry"
	topicAttributes       = "v1/gateway/attributes"
	topicAttributesAnswer = "v1/gateway/attributes/response"
	topicRPC              = "v1/gateway/rpc"
	topicOwnTelemetry     = "v1/devices/me/telemetry"
	topicOwnAttributes    = "v1/devices/me/attributes"
	topicOwnRPC           = "v1/devices/me/rpc/request/"  // and the number of the request
	topicOwnRPCAnswer     = "v1/devices/me/rpc/response/" // likewise
)

// subscriptions are asked for at QoS 0. ThingsBoard numbers its QoS 1 publishes without bound, and the 65,536th of a
// connection gets the number 0, which is a protocol error and closes the session (thingsboard#15938). It grants exactly
// these filters and no others.
var subscriptions = []string{
	topicRPC, topicAttributes, topicAttributesAnswer, topicOwnRPC + "+", topicOwnRPCAnswer + "+", topicOwnAttributes,
}

// Connect opens the gateway's MQTT 5 session at an endpoint: it dials, proves who the peer is, presents the gateway's
// credentials with a clean start and a client id of its own, subscribes to commands, and asks for the session's limits.
// Up to CONNACK it takes at most 10 s; the limits may add 5 s with servers that do not know the question.
//
// The session lives on when ctx ends; end it with [Session.Close].
func (c *Client) Connect(ctx context.Context, ep MQTTEndpoint, g Gateway) (*Session, error) {
	s, err := c.connect(ctx, ep, g)
	if err == nil {
		err = s.begin(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("open the MQTT session: %w", err)
	}
	return s, nil
}

func (c *Client) connect(ctx context.Context, ep MQTTEndpoint, g Gateway) (opened *Session, err error) {
	if !ep.TLS && c.account.Protocol != connection.ProtocolTCP {
		return nil, fail(connection.ReasonTLSNotOffered, Config, ep.String(), nil)
	}
	connectCtx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	w, err := c.dialMQTT(connectCtx, ep)
	if err != nil {
		return nil, c.connectError(ctx, ep, err)
	}
	s := newSession(c, ep, g, w)
	defer func() {
		if opened == nil {
			s.expire()
		}
	}()
	answer, err := s.client.Connect(connectCtx, connectPacket(g))
	switch {
	case err == nil:
		s.adopt(answer)
		return s, nil
	case answer != nil && answer.ReasonCode >= 0x80:
		words := ""
		if answer.Properties != nil {
			words = answer.Properties.ReasonString
		}
		return nil, mqttError(ep.String(), connackVerdict(answer.ReasonCode), "CONNACK", answer.ReasonCode, words, s.secrets)
	}
	return nil, c.connectError(ctx, ep, err)
}

func (c *Client) dialMQTT(ctx context.Context, ep MQTTEndpoint) (*wire, error) {
	if !ep.TLS {
		socket, err := c.dial(ctx, "tcp", ep.address())
		if err != nil {
			return nil, err
		}
		return newWire(socket, socket), nil
	}
	conn, socket, err := c.dialTLS(ctx, "tcp", ep.address())
	if err != nil {
		return nil, err
	}
	return newWire(conn, socket), nil
}

// connectError explains why no session came to be.
func (c *Client) connectError(ctx context.Context, ep MQTTEndpoint, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	e := networkError(ep.String(), err)
	switch {
	case ep.guessed != "" && (e.Code == connection.ReasonTCPRefused || e.Code == connection.ReasonTCPTimeout || e.Code == connection.ReasonTCPFailed):
		e = fail(ep.guessed, Config, ep.String(), err)
	case ep.TLS && ep.Port == plainMQTTPort && e.Code == connection.ReasonTLSFailed && e.Kind == Transient:
		e = fail(connection.ReasonTLSNotOffered, Config, ep.String(), err) // ThingsBoard's plain port closes on a TLS hello
	case errors.Is(err, errTLSAnswer):
		e = fail(connection.ReasonProtocol, Config, "", err)
		e.Message = at(ep.String(), "The port speaks TLS: set the protocol to SSL or AUTO.")
	case e.Code == connection.ReasonConnectionLost && ep.TLS:
		e.Message = at(ep.String(), "The connection was closed before the MQTT session began. Does the port speak MQTT 5?")
	case e.Code == connection.ReasonConnectionLost: // a TLS port, too, may close on what is no TLS
		e.Message = at(ep.String(), "The connection was closed before the MQTT session began. Does the port speak MQTT 5, and without TLS?")
	}
	return e
}

func connectPacket(g Gateway) *paho.Connect {
	id := g.ClientID.Reveal()
	if id == "" {
		id = "boardlink-" + rand.Text()
	}
	maximum, size := uint16(receiveMaximum), uint32(maxPacket)
	return &paho.Connect{
		ClientID:     id,
		CleanStart:   true,
		KeepAlive:    uint16(keepAlive.Seconds()),
		Username:     g.Username.Reveal(),
		UsernameFlag: g.Username.IsSet(),
		Password:     []byte(g.Password.Reveal()),
		PasswordFlag: g.Password.IsSet(),
		Properties: &paho.ConnectProperties{
			ReceiveMaximum: &maximum, MaximumPacketSize: &size, RequestProblemInfo: true,
		},
	}
}

// subscribe asks for commands. A filter that is refused is no failure as long as gateway commands are granted: old
// servers know fewer of them.
func (s *Session) subscribe(ctx context.Context) error {
	ctx, cancel := s.whileOpen(ctx)
	defer cancel()
	packet := &paho.Subscribe{}
	for _, filter := range subscriptions {
		packet.Subscriptions = append(packet.Subscriptions, paho.SubscribeOptions{Topic: filter, QoS: 0})
	}
	answer, err := s.client.Subscribe(ctx, packet)
	if answer == nil {
		if err == nil {
			err = errors.New("no SUBACK")
		}
		return err
	}
	for i, reason := range answer.Reasons {
		if reason < 0x80 || i >= len(subscriptions) {
			continue
		}
		if i == 0 {
			return mqttError(s.endpoint.String(), verdict{connection.ReasonNotThingsBoard, Config}, "SUBACK", reason, "", nil)
		}
		s.log.Info("A subscription was refused", "filter", subscriptions[i], "reason_code", int(reason))
	}
	return nil
}

// noAuth stands in for enhanced authentication, which nobody asked for. The library calls its handler without looking
// whether there is one when a server claims that it was used.
type noAuth struct{}

func (noAuth) Authenticate(*paho.Auth) *paho.Auth {
	return &paho.Auth{ReasonCode: packets.AuthContinueAuthentication}
}
func (noAuth) Authenticated() {}

var _ net.Conn = (*wire)(nil)
