package sandbox_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"boardlink/thingsboard/sandbox"
)

// wire speaks bare MQTT of any version, for what a well-behaved client does not say or show.
type wire struct {
	net.Conn
	t       *testing.T
	in      *bufio.Reader
	version byte
}

func newWire(t *testing.T, sb *sandbox.Sandbox, version byte) *wire {
	t.Helper()
	conn := dial(t, sb, false)
	t.Cleanup(func() { conn.Close() })
	return &wire{Conn: conn, t: t, in: bufio.NewReader(conn), version: version}
}

// hello sends a CONNECT and gives the CONNACK.
func (w *wire) hello(clientID, user, password string, clean bool) packets.Packet {
	w.t.Helper()
	pk := packets.Packet{ProtocolVersion: w.version, FixedHeader: packets.FixedHeader{Type: packets.Connect}}
	pk.Connect = packets.ConnectParams{ProtocolName: []byte("MQTT"), Clean: clean, Keepalive: 1, ClientIdentifier: clientID}
	if w.version == 3 {
		pk.Connect.ProtocolName = []byte("MQIsdp")
	}
	if user != "" {
		pk.Connect.UsernameFlag, pk.Connect.Username = true, []byte(user)
	}
	if password != "" {
		pk.Connect.PasswordFlag, pk.Connect.Password = true, []byte(password)
	}
	var b bytes.Buffer
	if err := pk.ConnectEncode(&b); err != nil {
		w.t.Fatal(err)
	}
	w.raw(b.Bytes())
	return w.expect(packets.Connack)
}

// open connects with an access token.
func (w *wire) open(token string) *wire {
	w.t.Helper()
	if ack := w.hello("w", token, "", true); ack.ReasonCode != 0 {
		w.t.Fatalf("connect refused: %d", ack.ReasonCode)
	}
	return w
}

func (w *wire) raw(b []byte) {
	w.t.Helper()
	if _, err := w.Write(b); err != nil {
		w.t.Fatal(err)
	}
}

// publish sends a PUBLISH; id is used where qos is not 0.
func (w *wire) publish(topic, payload string, qos byte, id uint16) {
	w.t.Helper()
	pk := packets.Packet{
		ProtocolVersion: w.version, FixedHeader: packets.FixedHeader{Type: packets.Publish, Qos: qos}, TopicName: topic,
		Payload: []byte(payload), PacketID: id,
	}
	var b bytes.Buffer
	if err := pk.PublishEncode(&b); err != nil {
		w.t.Fatal(err)
	}
	w.raw(b.Bytes())
}

func (w *wire) subscribe(id uint16, qos byte, filters ...string) []byte {
	w.t.Helper()
	pk := packets.Packet{ProtocolVersion: w.version, FixedHeader: packets.FixedHeader{Type: packets.Subscribe, Qos: 1}, PacketID: id}
	for _, f := range filters {
		pk.Filters = append(pk.Filters, packets.Subscription{Filter: f, Qos: qos})
	}
	var b bytes.Buffer
	if err := pk.SubscribeEncode(&b); err != nil {
		w.t.Fatal(err)
	}
	w.raw(b.Bytes())
	return w.expect(packets.Suback).ReasonCodes
}

// read gives the next packet; io.EOF once the server has closed.
func (w *wire) read(wait time.Duration) (packets.Packet, error) {
	if err := w.SetReadDeadline(time.Now().Add(wait)); err != nil {
		return packets.Packet{}, err
	}
	first, err := w.in.ReadByte()
	if err != nil {
		return packets.Packet{}, err
	}
	pk := packets.Packet{ProtocolVersion: w.version}
	if err := pk.FixedHeader.Decode(first); err != nil {
		return pk, err
	}
	if pk.FixedHeader.Remaining, _, err = packets.DecodeLength(w.in); err != nil {
		return pk, err
	}
	body := make([]byte, pk.FixedHeader.Remaining)
	if _, err := io.ReadFull(w.in, body); err != nil {
		return pk, err
	}
	switch pk.FixedHeader.Type {
	case packets.Connack:
		pk.Payload = body // to look at the properties
		err = pk.ConnackDecode(body)
	case packets.Puback:
		err = pk.PubackDecode(body)
	case packets.Suback:
		err = pk.SubackDecode(body)
	case packets.Unsuback:
		err = pk.UnsubackDecode(body)
	case packets.Disconnect:
		err = pk.DisconnectDecode(body)
	case packets.Publish:
		err = pk.PublishDecode(body)
	}
	return pk, err
}

func (w *wire) expect(kind byte) packets.Packet {
	w.t.Helper()
	pk, err := w.read(patience)
	if err != nil {
		w.t.Fatalf("waiting for %s: %v", packets.PacketNames[kind], err)
	}
	if pk.FixedHeader.Type != kind {
		w.t.Fatalf("got %s, want %s", packets.PacketNames[pk.FixedHeader.Type], packets.PacketNames[kind])
	}
	return pk
}

// end tells everything that comes until the server closes, such as "Puback 0x97, close"; "silence" where it goes on
// without another word, which a ping shows.
func (w *wire) end() string {
	w.t.Helper()
	text := ""
	_, _ = w.Write([]byte{packets.Pingreq << 4, 0}) // where it is closed already, reading tells
	for {
		pk, err := w.read(250 * time.Millisecond)
		var late net.Error
		switch {
		case errors.As(err, &late) && late.Timeout():
			return text + "silence"
		case err != nil:
			return text + "close"
		case pk.FixedHeader.Type == packets.Pingresp:
			return text + "silence"
		}
		text += packets.PacketNames[pk.FixedHeader.Type]
		if pk.ReasonCode != 0 {
			text += " " + hex(pk.ReasonCode)
		}
		text += ", "
	}
}

func hex(b byte) string {
	const digits = "0123456789ABCDEF"
	return "0x" + string([]byte{digits[b>>4], digits[b&15]})
}
