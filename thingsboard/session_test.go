package thingsboard

import (
	"encoding/json"
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
			s.DisconnectDevice(ctx, "0018B20000000B20"),
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
			{"v1/gateway/disconnect", `{"device":"0018B20000000B20"}`},
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

var _ net.Listener = (*pipe)(nil)
