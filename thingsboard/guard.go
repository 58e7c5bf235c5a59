package thingsboard

import (
	"errors"
	"fmt"

	"github.com/eclipse/paho.golang/packets"
)

// maxPacket bounds a packet from the peer, in bytes. ThingsBoard takes 64 KiB itself (thingsboard.yml,
// NETTY_MAX_PAYLOAD_SIZE); commands have no limit of their own there.
const maxPacket = 1 << 20

// guard watches the bytes that come from the peer before the MQTT library decodes them. The library (paho.golang
// v0.23.0) reserves memory for whatever length a header announces, up to 4 GiB, and some packets that ThingsBoard never
// sends make it use what is not there; either would end the whole program. The guard lets pass only packets that a
// ThingsBoard sends, of bounded length.
type guard struct {
	// refused is told the reason code of each PUBACK that is no success, before the library sees it. Nil: nobody is.
	refused func(reason byte)

	stage  byte // 0: a packet begins; 1: within its length; 2: within its body
	kind   byte // of the packet
	shift  uint // of the next digit of the length
	length int  // of the body, then what is left of it
	read   int  // of the body
}

// check takes the next bytes of the stream.
func (g *guard) check(b []byte) error {
	for len(b) > 0 {
		switch g.stage {
		case 0:
			if err := checkHeader(b[0]); err != nil {
				return err
			}
			g.stage, g.kind, g.shift, g.length, g.read = 1, b[0]>>4, 0, 0, 0
			b = b[1:]
		case 1:
			g.length |= int(b[0]&0x7f) << g.shift
			more := b[0]&0x80 != 0
			b = b[1:]
			if more {
				if g.shift += 7; g.shift > 21 { // four digits at most (MQTT 5, 1.5.5)
					return fmt.Errorf("the peer sent a malformed packet length")
				}
				continue
			}
			if g.length > maxPacket {
				return fmt.Errorf("the peer sent a packet of %d bytes", g.length)
			}
			if g.stage = 2; g.length == 0 {
				g.stage = 0
			}
		default:
			n := min(g.length, len(b))
			// A PUBACK is packet id, two bytes, and reason code (MQTT 5, 3.4.2).
			if i := 2 - g.read; g.kind == packets.PUBACK && i >= 0 && i < n && b[i] >= 0x80 && g.refused != nil {
				g.refused(b[i])
			}
			b = b[n:]
			g.read += n
			if g.length -= n; g.length == 0 {
				g.stage = 0
			}
		}
	}
	return nil
}

// tlsAlert begins the record by which a TLS server refuses what is no TLS (RFC 8446, 5.1). No MQTT packet of a server
// begins so.
const tlsAlert = 0x15

var errTLSAnswer = errors.New("the peer answered with a TLS alert")

// checkHeader looks at a packet's first byte (MQTT 5, 2.1.1).
func checkHeader(b byte) error {
	kind, flags := b>>4, b&0x0f
	switch kind {
	case packets.PUBLISH:
		if flags>>1&3 <= 1 {
			return nil
		}
	case packets.CONNACK, packets.PUBACK, packets.SUBACK, packets.PINGRESP, packets.DISCONNECT:
		if flags == 0 {
			return nil
		}
	}
	if b == tlsAlert {
		return errTLSAnswer
	}
	return fmt.Errorf("the peer sent a packet that ThingsBoard does not send (first byte 0x%02X)", b)
}
