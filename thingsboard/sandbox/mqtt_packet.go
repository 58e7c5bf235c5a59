package sandbox

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/mochi-mqtt/server/v2/packets"
)

// Faults of what a client sends.
var (
	errTooLarge  = errors.New("packet too large")
	errMalformed = errors.New("packet malformed")
)

// readPacket reads one packet from a client; version is that of its CONNECT, 0 before. Errors of the connection come as they
// are, faults of the packet as errTooLarge and errMalformed.
func readPacket(r *bufio.Reader, version byte, largest int) (packets.Packet, error) {
	first, err := r.ReadByte()
	if err != nil {
		return packets.Packet{}, err
	}
	pk := packets.Packet{ProtocolVersion: version}
	if err := pk.FixedHeader.Decode(first); err != nil {
		return pk, fmt.Errorf("%w: %w", errMalformed, err)
	}
	length, _, err := packets.DecodeLength(r)
	if err != nil {
		return pk, fmt.Errorf("%w: %w", errMalformed, err)
	}
	if length > largest {
		return pk, errTooLarge
	}
	pk.FixedHeader.Remaining = length
	body := make([]byte, length)
	if _, err := io.ReadFull(r, body); err != nil {
		return pk, err
	}
	return pk, decodeBody(&pk, body)
}

// decodeBody reads what follows the fixed header. The codec trusts lengths in the packet and may panic on wrong ones.
func decodeBody(pk *packets.Packet, body []byte) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("%w: %v", errMalformed, fault)
		}
	}()
	switch pk.FixedHeader.Type {
	case packets.Connect:
		err = pk.ConnectDecode(body)
	case packets.Publish:
		err = pk.PublishDecode(body)
	case packets.Puback:
		err = pk.PubackDecode(body)
	case packets.Subscribe:
		err = pk.SubscribeDecode(body)
	case packets.Unsubscribe:
		err = pk.UnsubscribeDecode(body)
	case packets.Disconnect:
		err = pk.DisconnectDecode(body)
	case packets.Pingreq:
	default:
		err = fmt.Errorf("a client does not send %s", packets.PacketNames[pk.FixedHeader.Type])
	}
	if err != nil {
		err = fmt.Errorf("%w: %w", errMalformed, err)
	}
	return err
}

// encode writes a packet to a client.
func encode(pk packets.Packet) ([]byte, error) {
	var b bytes.Buffer
	var err error
	switch pk.FixedHeader.Type {
	case packets.Connack:
		err = pk.ConnackEncode(&b)
	case packets.Puback:
		err = pk.PubackEncode(&b)
	case packets.Suback:
		err = pk.SubackEncode(&b)
	case packets.Unsuback:
		err = pk.UnsubackEncode(&b)
	case packets.Pingresp:
		err = pk.PingrespEncode(&b)
	case packets.Disconnect:
		err = pk.DisconnectEncode(&b)
	default:
		err = fmt.Errorf("a server does not send %s", packets.PacketNames[pk.FixedHeader.Type])
	}
	return b.Bytes(), err
}

// encodePublish writes a PUBLISH, also one with QoS 1 and packet id 0, as ThingsBoard does after 65,535 of them.
func encodePublish(version byte, topic string, payload []byte, qos byte, id uint16) []byte {
	body := binary.BigEndian.AppendUint16(nil, uint16(len(topic)))
	body = append(body, topic...)
	if qos > 0 {
		body = binary.BigEndian.AppendUint16(body, id)
	}
	if version == 5 {
		body = append(body, 0) // no properties
	}
	body = append(body, payload...)
	out := []byte{packets.Publish<<4 | qos<<1}
	out = binary.AppendUvarint(out, uint64(len(body))) // the same coding as MQTT's lengths
	return append(out, body...)
}
