package thingsboard

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eclipse/paho.golang/packets"

	"boardlink/connection"
)

func TestConnect_presents_the_gateway(t *testing.T) {
	b := &broker{}
	inBubble(t, b, func(t *testing.T, _ *Session) {
		m := b.connects[0]
		if m.ProtocolVersion != 5 || !m.CleanStart || m.KeepAlive != 15 || m.Username != canaryToken || m.PasswordFlag {
			t.Errorf("got %+v", m)
		}
		if len(m.ClientID) < 16 || m.ClientID == provisionName {
			t.Errorf("client id %q", m.ClientID)
		}
		if m.Properties.ReceiveMaximum == nil || *m.Properties.ReceiveMaximum != receiveMaximum {
			t.Error("no bound on what the server may send")
		}
		var filters []string
		for _, f := range b.filters {
			if f.QoS != 0 {
				t.Errorf("%s at QoS %d", f.Topic, f.QoS)
			}
			filters = append(filters, f.Topic)
		}
		want := "v1/gateway/rpc v1/gateway/attributes v1/gateway/attributes/response v1/devices/me/rpc/request/+ v1/devices/me/rpc/response/+ v1/devices/me/attributes"
		if strings.Join(filters, " ") != want {
			t.Errorf("subscribed to %v", filters)
		}
	})
}

func TestConnect_presents_basic_credentials_as_they_are_stored(t *testing.T) {
	b := &broker{connack: func(*packets.Connect) byte { return 0 }}
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		b.serve(t, n.pipe(plainEndpoint.address()))
		s, err := plainClient(t, n).Connect(t.Context(), plainEndpoint, Gateway{ClientID: "cid", Username: "u", Password: "p"})
		if err != nil {
			t.Fatal(err)
		}
		if m := b.connects[0]; m.ClientID != "cid" || m.Username != "u" || string(m.Password) != "p" {
			t.Errorf("got %q %q %q", m.ClientID, m.Username, m.Password)
		}
		_ = s.Close(t.Context())
	})
}

func TestConnect_uses_another_client_id_each_time(t *testing.T) {
	a, b := connectPacket(testGateway), connectPacket(testGateway)
	if a.ClientID == b.ClientID {
		t.Error("the same client id twice")
	}
}

func TestConnect_reads_why_it_was_refused(t *testing.T) {
	for reason, want := range map[byte]verdict{
		0x80: {connection.ReasonServerError, Transient},
		0x84: {connection.ReasonProtocol, Config},
		0x85: {connection.ReasonMQTTRefused, Transient},
		0x86: {connection.ReasonMQTTRefused, Transient},
		0x87: {connection.ReasonMQTTRefused, Transient},
		0x88: {connection.ReasonServerError, Transient},
		0x89: {connection.ReasonServerError, Transient},
		0x8A: {connection.ReasonMQTTRefused, Config},
		0x97: {connection.ReasonThrottled, Throttled},
		0x9C: {connection.ReasonServerError, Transient},
		0x9F: {connection.ReasonThrottled, Throttled},
	} {
		synctest.Test(t, func(t *testing.T) {
			n := newNetwork()
			b := &broker{connack: func(*packets.Connect) byte { return reason }}
			b.serve(t, n.pipe(plainEndpoint.address()))
			_, err := plainClient(t, n).Connect(t.Context(), plainEndpoint, testGateway)
			wantCode(t, err, want.code, want.kind)
			if err != nil && !strings.Contains(err.Error(), fmt.Sprintf("0x%02X", reason)) {
				t.Errorf("%q does not name the reason code", err)
			}
			if err != nil && strings.Contains(err.Error(), "MQTT 5") != (reason == 0x84) {
				t.Errorf("%q does not say what is missing, or says it of something else", err)
			}
		})
	}
}

func TestConnect_ends_in_ten_seconds(t *testing.T) {
	for name, b := range map[string]*broker{"no CONNACK": {deaf: true}, "no SUBACK": {noSuback: true}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNetwork()
				b.serve(t, n.pipe(plainEndpoint.address()))
				begin := time.Now()
				_, err := plainClient(t, n).Connect(t.Context(), plainEndpoint, testGateway)
				wantCode(t, err, connection.ReasonTimeout, Transient)
				if took := time.Since(begin); took > 10*time.Second+settleTime {
					t.Errorf("took %v", took)
				}
			})
		})
	}
	t.Run("a black hole", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			n := newNetwork()
			n.blackHole(plainEndpoint.address())
			begin := time.Now()
			_, err := plainClient(t, n).Connect(t.Context(), plainEndpoint, testGateway)
			wantCode(t, err, connection.ReasonTCPTimeout, Transient)
			if took := time.Since(begin); took > 10*time.Second {
				t.Errorf("took %v", took)
			}
		})
	})
}

func TestConnect_to_a_port_that_hangs_up(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		l := n.pipe(plainEndpoint.address())
		go func() {
			conn, err := l.Accept()
			if err == nil {
				_, _ = conn.Read(make([]byte, 1))
				_ = conn.Close()
			}
		}()
		_, err := plainClient(t, n).Connect(t.Context(), plainEndpoint, testGateway)
		wantCode(t, err, connection.ReasonConnectionLost, Transient)
		if !strings.Contains(err.Error(), "MQTT 5") {
			t.Errorf("%q gives no hint", err)
		}
	})
}

func TestConnect_to_a_port_that_speaks_TLS_says_so(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		l := n.pipe(plainEndpoint.address())
		go func() {
			conn, err := l.Accept()
			if err == nil {
				_, _ = conn.Read(make([]byte, 1024))
				_, _ = conn.Write([]byte{0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x0a})
				_ = conn.Close()
			}
		}()
		_, err := plainClient(t, n).Connect(t.Context(), plainEndpoint, testGateway)
		wantCode(t, err, connection.ReasonProtocol, Config)
		if !strings.Contains(err.Error(), "The port speaks TLS") {
			t.Errorf("%q gives no hint", err)
		}
	})
}

func TestConnect_speaks_in_clear_only_with_TCP(t *testing.T) {
	n := newNetwork()
	c := newTestClient(t, n, "mqtt.example.com:8883")
	_, err := c.Connect(t.Context(), plainEndpoint, testGateway)
	wantCode(t, err, connection.ReasonTLSNotOffered, Config)
	if len(n.dials()) != 0 {
		t.Error("dialled")
	}
}

func TestConnect_tolerates_refused_subscriptions_but_not_of_commands(t *testing.T) {
	refusing := func(refused ...string) *broker {
		return &broker{suback: func(filter string) byte {
			for _, f := range refused {
				if f == filter {
					return 0x8F
				}
			}
			return 0
		}}
	}
	inBubble(t, refusing(subscriptions[1:]...), func(*testing.T, *Session) {})
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		b := refusing(topicRPC)
		b.serve(t, n.pipe(plainEndpoint.address()))
		_, err := plainClient(t, n).Connect(t.Context(), plainEndpoint, testGateway)
		wantCode(t, err, connection.ReasonNotThingsBoard, Config)
	})
}

func TestConnect_ends_with_its_context(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		(&broker{deaf: true}).serve(t, n.pipe(plainEndpoint.address()))
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		begin := time.Now()
		_, err := plainClient(t, n).Connect(ctx, plainEndpoint, testGateway)
		if !errors.Is(err, context.Canceled) || time.Since(begin) != time.Second {
			t.Errorf("got %v after %v", err, time.Since(begin))
		}
	})
}

func TestGuessedEndpoint_is_reported_as_what_is_missing(t *testing.T) {
	n := newNetwork()
	c := newTestClient(t, n, "tb.example.com:443")
	_, err := c.Connect(t.Context(), MQTTEndpoint{Host: "tb.example.com", Port: 8883, TLS: true, guessed: connection.ReasonTLSNotOffered}, testGateway)
	wantCode(t, err, connection.ReasonTLSNotOffered, Config)
	closesAtOnce(t, n.listen(t, "tb.example.com:1883"))
	_, err = c.Connect(t.Context(), MQTTEndpoint{Host: "tb.example.com", Port: 1883, TLS: true}, testGateway)
	wantCode(t, err, connection.ReasonTLSNotOffered, Config)
}
