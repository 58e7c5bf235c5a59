package thingsboard

import (
	"bytes"
	"io"
	"testing"

	"github.com/eclipse/paho.golang/packets"
)

// packet writes one as it goes over the wire.
func packet(kind byte, fill func(*packets.ControlPacket)) []byte {
	cp := packets.NewControlPacket(kind)
	if fill != nil {
		fill(cp)
	}
	var b bytes.Buffer
	_, _ = cp.WriteTo(&b)
	return b.Bytes()
}

func publishPacket(qos byte) []byte {
	return packet(packets.PUBLISH, func(cp *packets.ControlPacket) {
		m := cp.Content.(*packets.Publish)
		m.QoS, m.Topic, m.PacketID, m.Payload = qos, topicRPC, 7, bytes.Repeat([]byte("x"), 300)
	})
}

func pubackPacket(reason byte) []byte {
	return packet(packets.PUBACK, func(cp *packets.ControlPacket) {
		ack := cp.Content.(*packets.Puback)
		ack.PacketID, ack.ReasonCode = 0x9797, reason
	})
}

// pieces feeds a stream to a guard in pieces of every size.
func pieces(t *testing.T, stream []byte, check func(g *guard, err error)) {
	t.Helper()
	for size := 1; size <= len(stream); size++ {
		g := &guard{}
		var failed error
		for rest := stream; len(rest) > 0 && failed == nil; {
			n := min(size, len(rest))
			failed = g.check(rest[:n])
			rest = rest[n:]
		}
		check(g, failed)
	}
}

func TestGuard_lets_ThingsBoards_packets_pass(t *testing.T) {
	stream := bytes.Join([][]byte{
		packet(packets.CONNACK, nil), publishPacket(0), publishPacket(1), pubackPacket(0), packet(packets.SUBACK, nil),
		packet(packets.PINGRESP, nil), packet(packets.DISCONNECT, nil), {0x40, 0x02, 0, 1}, {0x40, 0x03, 0, 1, 0x10},
	}, nil)
	pieces(t, stream, func(g *guard, err error) {
		if err != nil || g.stage != 0 {
			t.Fatalf("got %v at stage %d", err, g.stage)
		}
	})
}

func TestGuard_stops_what_would_harm(t *testing.T) {
	for name, stream := range map[string][]byte{
		"QoS 2":                  publishPacket(2),
		"an announced 256 MiB":   {0x30, 0xff, 0xff, 0xff, 0x7f},
		"a length of five bytes": {0x30, 0x80, 0x80, 0x80, 0x80, 0x01},
		"an endless length":      bytes.Repeat([]byte{0x90, 0x80}, 9),
		"AUTH":                   packet(packets.AUTH, nil),
		"PUBREC":                 {0x50, 2, 0, 1},
		"PUBREL":                 {0x62, 2, 0, 1},
		"CONNECT":                packet(packets.CONNECT, nil),
		"PINGREQ":                packet(packets.PINGREQ, nil),
		"the type 0":             {0, 0},
		"PUBACK with flags":      {0x42, 2, 0, 1},
		"HTTP":                   []byte("HTTP/1.1 400 Bad Request\r\n"),
	} {
		pieces(t, stream, func(_ *guard, err error) {
			if err == nil {
				t.Fatalf("%s passed", name)
			}
		})
	}
}

func TestGuard_hears_refusals(t *testing.T) {
	stream := bytes.Join([][]byte{pubackPacket(0), pubackPacket(0x97), publishPacket(0), pubackPacket(0x80), {0x40, 0x02, 0x97, 0x97}}, nil)
	for size := 1; size <= len(stream); size++ {
		var got []byte
		g := &guard{refused: func(reason byte) { got = append(got, reason) }}
		for rest := stream; len(rest) > 0; {
			n := min(size, len(rest))
			if err := g.check(rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if !bytes.Equal(got, []byte{0x97, 0x80}) {
			t.Fatalf("in pieces of %d: heard %x", size, got)
		}
	}
}

// guarded reads a stream as the session does.
type guarded struct {
	r io.Reader
	g guard
}

func (r *guarded) Read(b []byte) (int, error) {
	n, err := r.r.Read(b)
	if stopped := r.g.check(b[:n]); stopped != nil {
		return 0, stopped
	}
	return n, err
}

// FuzzGuard shows that nothing that passes the guard makes the library panic or reserve memory without bound.
func FuzzGuard(f *testing.F) {
	for _, seed := range [][]byte{packet(packets.CONNACK, nil), publishPacket(1), pubackPacket(0x97), {0xe0, 0}, {0xe0, 1, 0x8e}, {0x90, 4, 0, 1, 0, 0}, {0x30, 0xff, 0xff, 0xff, 0xff, 0x0f}} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		r := &guarded{r: bytes.NewReader(stream)}
		for {
			if _, err := packets.ReadPacket(r); err != nil {
				return
			}
		}
	})
}
