package sandbox

import (
	"bufio"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
)

// Deadlines of a connection.
const (
	helloTime = 10 * time.Second // for the TLS handshake and the CONNECT
	writeTime = 5 * time.Second  // for each write
)

// session is one MQTT connection.
type session struct {
	sb      *Sandbox
	turn    *turn
	conn    net.Conn
	secured bool

	// Fixed by CONNECT.
	version  byte
	clientID string
	device   *device
	gateway  bool // as the device's flag stood at CONNECT

	writing sync.Mutex
	sent    int // downlinks with a packet id, under writing

	acks acks

	// Under Sandbox.mu.
	subs    map[string]byte // filter to granted QoS
	subDevs map[string]*subDevice
	since   time.Time
	seen    time.Time // when the last packet came
}

// serveMQTT accepts connections until the door is slammed. The sessions count as work of the turn.
func (s *Sandbox) serveMQTT(t *turn, d *door) {
	for {
		conn, err := d.Accept()
		if errors.Is(err, net.ErrClosed) || t.ctx.Err() != nil {
			return
		}
		if err != nil { // too many open files, say
			s.log.Warn("MQTT connection was not accepted", "error", err)
			select {
			case <-time.After(50 * time.Millisecond):
			case <-t.ctx.Done():
			}
			continue
		}
		t.work.Go(func() {
			c := &session{sb: s, turn: t, conn: conn, secured: d.name == doorMQTTS, subs: map[string]byte{}, subDevs: map[string]*subDevice{}}
			c.talk()
		})
	}
}

// talk is the whole life of a connection.
func (c *session) talk() {
	defer c.conn.Close()
	_ = c.conn.SetDeadline(time.Now().Add(helloTime)) // a closed connection fails at the next read
	if c.secured {
		secure := tls.Server(c.conn, c.sb.mqttTLS)
		if err := secure.HandshakeContext(c.turn.ctx); err != nil {
			c.sb.log.Debug("TLS handshake failed", "error", err)
			return
		}
		c.conn = secure
	}
	in := bufio.NewReader(c.conn)
	hello, err := readPacket(in, 0, c.sb.opt.MaxPayload)
	if err != nil || hello.FixedHeader.Type != packets.Connect || !c.connect(hello) {
		return
	}
	_ = c.conn.SetDeadline(time.Time{})
	defer c.sb.leave(c)
	defer c.acks.stop()
	for {
		pk, err := readPacket(in, c.version, c.sb.opt.MaxPayload)
		c.sb.touch(c)
		switch {
		case c.sb.current().Freeze && (err == nil || errors.Is(err, errMalformed)):
			continue
		case errors.Is(err, errTooLarge), errors.Is(err, errMalformed):
			c.end(packets.ErrMalformedPacket.Code)
			return
		case err != nil:
			return
		}
		if !c.handle(pk) {
			return
		}
	}
}

// handle answers one packet; false ends the session.
func (c *session) handle(pk packets.Packet) bool {
	switch pk.FixedHeader.Type {
	case packets.Publish:
		return c.publish(pk)
	case packets.Puback:
		if pk.PacketID == 0 { // the packet id wrapped, and the client acknowledged what may not be acknowledged
			c.end(packets.ErrMalformedPacket.Code)
			return false
		}
	case packets.Subscribe:
		c.subscribe(pk)
	case packets.Unsubscribe:
		c.unsubscribe(pk)
	case packets.Pingreq:
		c.write(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Pingresp}})
	case packets.Disconnect:
		return false
	default: // a second CONNECT
		c.end(packets.ErrProtocolViolation.Code)
		return false
	}
	return true
}

// write sends a packet. A client that does not take it loses the connection, which the reading side then notices.
func (c *session) write(pk packets.Packet) {
	pk.ProtocolVersion = c.version
	out, err := encode(pk)
	if err != nil {
		c.sb.log.Error("MQTT packet could not be encoded", "error", err)
		return
	}
	if !c.sb.current().Freeze {
		c.send(out)
	}
}

// push sends a PUBLISH with the QoS granted for filter. Topics of a gateway go out with QoS 1 without a subscription, those
// of a device do not go out then.
func (c *session) push(topic, filter string, payload []byte) {
	c.sb.mu.Lock()
	qos, subscribed := c.subs[filter]
	c.sb.mu.Unlock()
	if c.sb.current().Freeze || !subscribed && !gatewayTopic(filter) {
		return
	}
	if !subscribed {
		qos = 1
	}
	c.writing.Lock()
	if qos > 0 {
		c.sent++
	}
	id := uint16(c.sent % c.sb.opt.PacketIDs)
	c.writing.Unlock()
	c.send(encodePublish(c.version, topic, payload, qos, id))
}

func (c *session) send(out []byte) {
	c.writing.Lock()
	defer c.writing.Unlock()
	_ = c.conn.SetWriteDeadline(time.Now().Add(writeTime)) // a closed connection fails at the write
	if _, err := c.conn.Write(out); err != nil {
		_ = c.conn.Close()
	}
}

// end closes the connection; with MQTT 5 and a code other than 0 a DISCONNECT goes out first.
func (c *session) end(code byte) {
	if code != 0 && c.version == 5 {
		c.write(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Disconnect}, ReasonCode: code})
	}
	_ = c.conn.SetWriteDeadline(time.Now().Add(writeTime))
	if half, ok := c.conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite() // what was written last arrives, even if something unread makes Close a reset
	}
	_ = c.conn.Close() // the reading side ends with it
}

// enter makes c the session of its device and gives the older one, which has to go; with Sandbox.mu held.
func (c *session) enter(d *device) (older *session) {
	older = d.own
	c.device, c.gateway = d, d.gateway()
	c.since = time.Now()
	c.seen = c.since
	d.own = c
	return older
}

// leave forgets a session that has ended, and its sub-devices.
func (s *Sandbox) leave(c *session) {
	s.mu.Lock()
	if c.device.own == c {
		c.device.own = nil
	}
	for _, sub := range c.subDevs {
		sub.leave()
	}
	s.mu.Unlock()
	s.changes.signal()
}

// touch notes that a packet came.
func (s *Sandbox) touch(c *session) {
	s.mu.Lock()
	c.seen = time.Now()
	s.mu.Unlock()
}
