package thingsboard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eclipse/paho.golang/packets"

	"boardlink/connection"
)

func reading(ts int64) []Entry { return []Entry{{TS: ts, Values: json.RawMessage(`{"t":22.5}`)}} }

// inBubble runs a test of a session in fake time.
func inBubble(t *testing.T, b *broker, test func(*testing.T, *Session)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, open(t, b)) })
}

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

func TestSession_takes_the_servers_limits(t *testing.T) {
	announced := `{"maxPayloadSize":20000,"maxInflightMessages":10,"rateLimits":{"messages":"9:9"},
		"gatewayRateLimits":{"messages":"20:1,600:60","telemetryMessages":null,"telemetryDataPoints":"bad,5:1,-1:2,3:0"}}`
	inBubble(t, &broker{limits: announced}, func(t *testing.T, s *Session) {
		got := fmt.Sprint(s.Limits())
		if want := "{19744 10 [{20 1s} {600 1m0s}] [] [{5 1s}] true}"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if cap(s.data)+cap(s.replies) > 10 {
			t.Errorf("the windows hold %d and %d", cap(s.data), cap(s.replies))
		}
	})
	inBubble(t, &broker{limits: `"nonsense"`}, func(t *testing.T, s *Session) {
		if l := s.Limits(); l.Announced || l.MaxInflight != 100 || l.MaxPayload != 60<<10 {
			t.Errorf("got %+v", l)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		s := open(t, &broker{limits: "-"})
		if took := time.Since(begin); took != limitsTimeout || s.Limits().Announced || cap(s.data) != 64 {
			t.Errorf("an old server: took %v, got %+v, window %d", took, s.Limits(), cap(s.data))
		}
	})
}

func TestSession_sends_what_ThingsBoard_reads(t *testing.T) {
	b := &broker{}
	inBubble(t, b, func(t *testing.T, s *Session) {
		ctx := t.Context()
		for i, err := range []error{
			s.ConnectDevice(ctx, "0018B20000000B20", "LoRaWAN"),
			s.Telemetry(ctx, "0018B20000000B20", []Entry{{TS: 1719900000000, Values: json.RawMessage(`{"a": "<&>"}`)}, {TS: 2, Values: json.RawMessage(`{"b":[1]}`)}}),
			s.Attributes(ctx, "0018B20000000B20", map[string]any{"name": "My \"device\""}),
			s.GatewayTelemetry(ctx, reading(5)),
			s.Reply(ctx, "0018B20000000B20", 7, map[string]any{"success": true}),
			s.Reply(ctx, "0018B20000000B20", 8, nil),
			s.Reply(ctx, "", 9, "done"),
		} {
			if err != nil {
				t.Errorf("publish %d: %v", i, err)
			}
		}
		want := []message{
			{"v1/gateway/connect", `{"device":"0018B20000000B20","type":"LoRaWAN"}`},
			{"v1/gateway/telemetry", `{"0018B20000000B20":[{"ts":1719900000000,"values":{"a":"<&>"}},{"ts":2,"values":{"b":[1]}}]}`},
			{"v1/gateway/attributes", `{"0018B20000000B20":{"name":"My \"device\""}}`},
			{"v1/devices/me/telemetry", `[{"ts":5,"values":{"t":22.5}}]`},
			{"v1/gateway/rpc", `{"device":"0018B20000000B20","id":7,"data":{"success":true}}`},
			{"v1/gateway/rpc", `{"device":"0018B20000000B20","id":8,"data":{}}`},
			{"v1/devices/me/rpc/response/9", `"done"`},
		}
		if got := b.messages(); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got  %v\nwant %v", got, want)
		}
	})
}

func TestSession_does_not_send_what_would_be_refused(t *testing.T) {
	b := &broker{}
	inBubble(t, b, func(t *testing.T, s *Session) {
		ctx := t.Context()
		values := func(v string) error { return s.Telemetry(ctx, "d", []Entry{{TS: 1, Values: json.RawMessage(v)}}) }
		wantCode(t, s.Telemetry(ctx, "d", nil), connection.ReasonBadPayload, Poison)
		wantCode(t, s.GatewayTelemetry(ctx, nil), connection.ReasonBadPayload, Poison)
		wantCode(t, s.Attributes(ctx, "d", nil), connection.ReasonBadPayload, Poison)
		for _, v := range []string{"", "{}", " { } ", "[1]", "null", "{", `{"a":}`} {
			wantCode(t, values(v), connection.ReasonBadPayload, Poison)
		}
		wantCode(t, s.Telemetry(ctx, "", reading(1)), connection.ReasonBadPayload, Poison)
		wantCode(t, s.ConnectDevice(ctx, strings.Repeat("d", 256), "x"), connection.ReasonBadPayload, Poison)
		wantCode(t, values(`{"a":"`+strings.Repeat("x", 60<<10)+`"}`), connection.ReasonTooLarge, Poison)
		if sent := b.messages(); len(sent) != 0 {
			t.Errorf("sent %v", sent)
		}
		if err := values(`{"a":"` + strings.Repeat("x", 60<<10-40) + `"}`); err != nil {
			t.Errorf("just small enough: %v", err)
		}
	})
}

func TestSession_reads_the_reason_of_each_PUBACK(t *testing.T) {
	for _, test := range []struct {
		reason     byte
		code       connection.ReasonCode
		kind       Kind
		closes     bool
		disconnect byte
	}{
		{reason: 0x00},
		{reason: 0x10, code: connection.ReasonNotThingsBoard, kind: Config},
		{reason: 0x80, code: connection.ReasonRefused, kind: Device},
		{reason: 0x80, code: connection.ReasonServerError, kind: Transient, closes: true},
		{reason: 0x83, code: connection.ReasonBadPayload, kind: Poison, disconnect: 0x83},
		{reason: 0x87, code: connection.ReasonPermission, kind: Config},
		{reason: 0x90, code: connection.ReasonNotThingsBoard, kind: Config},
		{reason: 0x91, code: connection.ReasonProtocol, kind: Transient},
		{reason: 0x97, code: connection.ReasonDeviceLimit, kind: Device},
		{reason: 0x97, code: connection.ReasonThrottled, kind: Throttled, closes: true},
		{reason: 0x99, code: connection.ReasonBadPayload, kind: Poison},
		{reason: 0x9B, code: connection.ReasonRefused, kind: Device},
	} {
		t.Run(fmt.Sprintf("0x%02X closes=%v", test.reason, test.closes), func(t *testing.T) {
			b := &broker{published: func(p *peer, m *packets.Publish) {
				p.puback(m.PacketID, test.reason)
				if test.disconnect != 0 {
					p.disconnect(test.disconnect, "")
				} else if test.closes {
					_ = p.Close()
				}
			}}
			inBubble(t, b, func(t *testing.T, s *Session) {
				err := s.Telemetry(t.Context(), "d", reading(1))
				if test.code == "" {
					if err != nil {
						t.Error(err)
					}
					return
				}
				wantCode(t, err, test.code, test.kind)
				ends := test.closes || test.disconnect != 0
				if SessionEnded(err) != ends {
					t.Errorf("SessionEnded is %v, want %v", SessionEnded(err), ends)
				}
				select {
				case <-s.Done():
					if !ends {
						t.Error("the session ended")
					}
				default:
					if ends {
						t.Error("the session goes on")
					}
				}
				if test.reason == 0x97 && test.closes {
					wantCode(t, s.Err(), connection.ReasonThrottled, Throttled)
				}
			})
		})
	}
}

func TestSession_says_why_the_server_ended_it(t *testing.T) {
	for reason, want := range map[byte]verdict{
		0x81: {connection.ReasonProtocol, Transient},
		0x83: {connection.ReasonConnectionLost, Transient},
		0x8B: {connection.ReasonConnectionLost, Transient},
		0x8E: {connection.ReasonConflict, Conflict},
		0x96: {connection.ReasonThrottled, Throttled},
		0x97: {connection.ReasonThrottled, Throttled},
		0x98: {connection.ReasonMQTTRefused, Transient},
		0x99: {connection.ReasonProtocol, Transient},
	} {
		b := &broker{}
		inBubble(t, b, func(t *testing.T, s *Session) {
			b.lastPeer().disconnect(reason, "the server's words")
			<-s.Done()
			wantCode(t, s.Err(), want.code, want.kind)
			if !SessionEnded(s.Err()) || !strings.Contains(s.Err().Error(), "the server's words") {
				t.Errorf("got %v", s.Err())
			}
			err := s.Telemetry(t.Context(), "d", reading(1))
			wantCode(t, err, want.code, want.kind)
			if _, open := <-s.Commands(); open {
				t.Error("the queue of commands is open")
			}
		})
	}
}

func TestSession_publish_under_way_learns_of_the_end(t *testing.T) {
	b := &broker{published: func(p *peer, _ *packets.Publish) { p.disconnect(0x8E, "") }}
	inBubble(t, b, func(t *testing.T, s *Session) {
		begin := time.Now()
		err := s.Telemetry(t.Context(), "d", reading(1))
		wantCode(t, err, connection.ReasonConflict, Conflict)
		if took := time.Since(begin); !SessionEnded(err) || took > time.Second {
			t.Errorf("took %v, SessionEnded %v", took, SessionEnded(err))
		}
	})
	b = &broker{published: func(p *peer, _ *packets.Publish) { _ = p.Close() }}
	inBubble(t, b, func(t *testing.T, s *Session) {
		wantCode(t, s.Telemetry(t.Context(), "d", reading(1)), connection.ReasonConnectionLost, Transient)
	})
}

func TestSession_without_a_PUBACK_for_ten_seconds_ends(t *testing.T) {
	b := &broker{published: func(*peer, *packets.Publish) {}}
	inBubble(t, b, func(t *testing.T, s *Session) {
		begin := time.Now()
		err := s.Telemetry(t.Context(), "d", reading(1))
		wantCode(t, err, connection.ReasonNoAck, Transient)
		if took := time.Since(begin); took != ackTimeout || !SessionEnded(err) {
			t.Errorf("took %v, SessionEnded %v", took, SessionEnded(err))
		}
		<-s.Done()
		wantCode(t, s.Err(), connection.ReasonNoAck, Transient)
	})
}

func TestSession_publish_given_up_by_its_caller_leaves_the_session_open(t *testing.T) {
	b := &broker{published: func(*peer, *packets.Publish) {}}
	inBubble(t, b, func(t *testing.T, s *Session) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.Telemetry(ctx, "d", reading(1)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		select {
		case <-s.Done():
			t.Error("the session ended")
		default:
		}
	})
}

func TestSession_finds_a_silent_peer_within_thirty_seconds(t *testing.T) {
	b := &broker{mute: true}
	inBubble(t, b, func(t *testing.T, s *Session) {
		begin := time.Now()
		<-s.Done()
		wantCode(t, s.Err(), connection.ReasonTimeout, Transient)
		if took := time.Since(begin); took > 30*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func TestSession_stays_open_while_pings_are_answered(t *testing.T) {
	b := &broker{}
	inBubble(t, b, func(t *testing.T, s *Session) {
		time.Sleep(time.Hour)
		select {
		case <-s.Done():
			t.Fatalf("ended: %v", s.Err())
		default:
		}
		if ago := time.Since(s.LastSeen()); ago > pingAfter {
			t.Errorf("last seen %v ago", ago)
		}
		if b.pings < 300 {
			t.Errorf("%d pings in an hour", b.pings)
		}
	})
}

func TestSession_finds_a_peer_that_reads_nothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, &broker{published: func(*peer, *packets.Publish) {
			time.Sleep(time.Hour) // nothing is read meanwhile: the pipe has no buffer
		}})
		errs := make(chan error, 3)
		begin := time.Now()
		for i := range 3 {
			go func() { errs <- s.Telemetry(t.Context(), fmt.Sprint(i), reading(1)) }()
		}
		for range 3 {
			if err := <-errs; !SessionEnded(err) {
				t.Errorf("got %v", err)
			}
		}
		if took := time.Since(begin); took > ackTimeout+settleTime {
			t.Errorf("took %v", took)
		}
	})
}

func TestSession_window_holds_publishes_back_but_not_replies(t *testing.T) {
	var mu sync.Mutex
	var waiting []uint16
	b := &broker{limits: `{"maxInflightMessages":10}`, published: func(p *peer, m *packets.Publish) {
		if m.Topic == topicRPC {
			p.puback(m.PacketID, 0)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		waiting = append(waiting, m.PacketID)
	}}
	inBubble(t, b, func(t *testing.T, s *Session) {
		var all sync.WaitGroup
		for i := range 30 {
			all.Go(func() {
				if err := s.Telemetry(t.Context(), fmt.Sprint(i), reading(1)); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		if len(waiting) != 9 {
			t.Errorf("%d publishes wait for their PUBACK", len(waiting))
		}
		if err := s.Reply(t.Context(), "d", 1, nil); err != nil {
			t.Errorf("a reply waited behind telemetry: %v", err)
		}
		for done := 0; done < 30; {
			mu.Lock()
			ids := waiting
			waiting = nil
			mu.Unlock()
			for _, id := range ids {
				b.lastPeer().puback(id, 0)
				done++
			}
			synctest.Wait()
		}
		all.Wait()
	})
}

func TestClose_says_goodbye(t *testing.T) {
	b := &broker{}
	inBubble(t, b, func(t *testing.T, s *Session) {
		if err := s.Close(t.Context()); err != nil {
			t.Error(err)
		}
		<-s.Done()
		if s.Err() != nil {
			t.Errorf("got %v", s.Err())
		}
		synctest.Wait()
		if len(b.goodbyes) != 1 || b.goodbyes[0] != 0 {
			t.Errorf("goodbyes %v", b.goodbyes)
		}
		err := s.Telemetry(t.Context(), "d", reading(1))
		wantCode(t, err, connection.ReasonConnectionLost, Transient)
		if !SessionEnded(err) {
			t.Error("SessionEnded is false")
		}
		_ = s.Close(t.Context())
	})
}

func TestClose_does_not_wait_for_a_hung_peer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, &broker{published: func(*peer, *packets.Publish) { time.Sleep(time.Hour) }})
		outcome := make(chan error, 2)
		for range 2 { // the second cannot even be written
			go func() { outcome <- s.Telemetry(t.Context(), "d", reading(1)) }()
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		begin := time.Now()
		_ = s.Close(ctx)
		if took := time.Since(begin); took > 300*time.Millisecond {
			t.Errorf("took %v", took)
		}
		for range 2 {
			if err := <-outcome; !SessionEnded(err) {
				t.Errorf("got %v", err)
			}
		}
		if took := time.Since(begin); took > time.Second {
			t.Errorf("the publishes took %v", took)
		}
	})
}

func TestClose_with_a_context_that_has_ended_cuts_the_connection(t *testing.T) {
	inBubble(t, &broker{}, func(t *testing.T, s *Session) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		begin := time.Now()
		_ = s.Close(ctx)
		if took := time.Since(begin); took != 0 {
			t.Errorf("took %v", took)
		}
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

var _ net.Listener = (*pipe)(nil)
