package thingsboard

import (
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/eclipse/paho.golang/packets"

	"boardlink/connection"
)

// broker is a small MQTT 5 server of the test's that behaves as ThingsBoard does and misbehaves as it is told. Its
// functions are set before it serves.
type broker struct {
	connack   func(*packets.Connect) byte   // nil: success for the canary token
	published func(*peer, *packets.Publish) // nil: acknowledged
	suback    func(filter string) byte      // nil: granted as asked
	limits    string                        // answer to getSessionLimits; "-": none
	deaf      bool                          // no answer to CONNECT
	mute      bool                          // no answer to PINGREQ
	noSuback  bool

	mu       sync.Mutex
	connects []*packets.Connect
	log      []message
	filters  []packets.SubOptions
	pings    int
	goodbyes []byte // reason codes of DISCONNECTs
	peers    []*peer
}

type message struct{ topic, payload string }

// peer is one connection of the broker's.
type peer struct {
	net.Conn
	mu sync.Mutex // one packet at a time
}

func (p *peer) write(cp *packets.ControlPacket) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, _ = cp.WriteTo(p.Conn)
}

func (p *peer) puback(id uint16, reason byte) {
	cp := packets.NewControlPacket(packets.PUBACK)
	ack := cp.Content.(*packets.Puback)
	ack.PacketID, ack.ReasonCode = id, reason
	p.write(cp)
}

func (p *peer) publish(topic, payload string) {
	cp := packets.NewControlPacket(packets.PUBLISH)
	m := cp.Content.(*packets.Publish)
	m.Topic, m.Payload = topic, []byte(payload)
	p.write(cp)
}

func (p *peer) disconnect(reason byte, words string) {
	cp := packets.NewControlPacket(packets.DISCONNECT)
	d := cp.Content.(*packets.Disconnect)
	d.ReasonCode, d.Properties.ReasonString = reason, words
	p.write(cp)
	_ = p.Close()
}

// serve takes connections until the listener closes.
func (b *broker) serve(t *testing.T, l net.Listener) {
	t.Helper()
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			p := &peer{Conn: conn}
			b.mu.Lock()
			b.peers = append(b.peers, p)
			b.mu.Unlock()
			all.Go(func() {
				defer func() { _ = conn.Close() }()
				b.talk(p)
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		b.mu.Lock()
		peers := slices.Clone(b.peers)
		b.mu.Unlock()
		for _, p := range peers {
			_ = p.Close()
		}
		all.Wait()
	})
}

func (b *broker) talk(p *peer) {
	for {
		cp, err := packets.ReadPacket(p)
		if err != nil {
			return
		}
		switch m := cp.Content.(type) {
		case *packets.Connect:
			if !b.connect(p, m) {
				return
			}
		case *packets.Subscribe:
			b.subscribe(p, m)
		case *packets.Publish:
			b.publish(p, m)
		case *packets.Pingreq:
			b.mu.Lock()
			b.pings++
			b.mu.Unlock()
			if !b.mute {
				p.write(packets.NewControlPacket(packets.PINGRESP))
			}
		case *packets.Disconnect:
			b.mu.Lock()
			b.goodbyes = append(b.goodbyes, m.ReasonCode)
			b.mu.Unlock()
			return
		}
	}
}

func (b *broker) connect(p *peer, m *packets.Connect) bool {
	b.mu.Lock()
	b.connects = append(b.connects, m)
	b.mu.Unlock()
	if b.deaf {
		return true
	}
	cp := packets.NewControlPacket(packets.CONNACK)
	ack := cp.Content.(*packets.Connack)
	switch {
	case b.connack != nil:
		ack.ReasonCode = b.connack(m)
	case m.Username != canaryToken:
		ack.ReasonCode = packets.ConnackBadUsernameOrPassword
	}
	p.write(cp)
	if ack.ReasonCode >= 0x80 {
		p.disconnect(ack.ReasonCode, "") // as ThingsBoard does
	}
	return ack.ReasonCode < 0x80
}

func (b *broker) subscribe(p *peer, m *packets.Subscribe) {
	if b.noSuback {
		return
	}
	cp := packets.NewControlPacket(packets.SUBACK)
	ack := cp.Content.(*packets.Suback)
	ack.PacketID = m.PacketID
	b.mu.Lock()
	b.filters = append(b.filters, m.Subscriptions...)
	b.mu.Unlock()
	for _, s := range m.Subscriptions {
		reason := s.QoS
		if b.suback != nil {
			reason = b.suback(s.Topic)
		}
		ack.Reasons = append(ack.Reasons, reason)
	}
	p.write(cp)
}

func (b *broker) publish(p *peer, m *packets.Publish) {
	if strings.HasPrefix(m.Topic, topicOwnRPC) {
		p.puback(m.PacketID, 0)
		switch b.limits {
		case "-":
		case "":
			p.publish(topicOwnRPCAnswer+"1", `{"maxPayloadSize":65536,"maxInflightMessages":100,"rateLimits":{},"gatewayRateLimits":{}}`)
		default:
			p.publish(topicOwnRPCAnswer+"1", b.limits)
		}
		return
	}
	b.mu.Lock()
	b.log = append(b.log, message{m.Topic, string(m.Payload)})
	b.mu.Unlock()
	if b.published != nil {
		b.published(p, m)
		return
	}
	p.puback(m.PacketID, 0)
}

func (b *broker) messages() []message {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.log)
}

func (b *broker) lastPeer() *peer {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.peers[len(b.peers)-1]
}

var testGateway = Gateway{ID: testGatewayID, Name: gatewayName, Username: canaryToken}

// plainEndpoint is where brokers in bubbles stand.
var plainEndpoint = MQTTEndpoint{Host: "mqtt.example.com", Port: plainMQTTPort}

// plainClient makes a client that may speak in clear, without REST.
func plainClient(t *testing.T, n *network) *Client {
	t.Helper()
	c, err := NewClient(Account{HostName: "mqtt.example.com:1883", Protocol: connection.ProtocolTCP, Password: canaryPassword}, Options{Dial: n.Dial})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// open serves the broker within a bubble and opens a session to it.
func open(t *testing.T, b *broker) *Session {
	t.Helper()
	n := newNetwork()
	b.serve(t, n.pipe(plainEndpoint.address()))
	s, err := plainClient(t, n).Connect(t.Context(), plainEndpoint, testGateway)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(t.Context()); err != nil && !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
	return s
}
