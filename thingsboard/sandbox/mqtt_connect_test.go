package sandbox_test

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/paho"
	"github.com/mochi-mqtt/server/v2/packets"

	"boardlink/thingsboard/sandbox"
)

func TestConnect_is_refused_with_the_codes_of_each_version(t *testing.T) {
	sb := start(t)
	gateway(t, sb)
	for name, c := range map[string]struct {
		id, user, password string
		v5, v3             byte
	}{
		"unknown token":       {"c", "nope", "", 0x86, 5},
		"user and password":   {"c", "nope", "nope", 0x86, 5},
		"only a client id":    {"nope", "", "", 0x85, 2},
		"nothing of any use":  {"", "", "", 0x87, 5},
		"provision is no way": {"c", "provision", "", 0x86, 5},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWire(t, sb, 5)
			if ack := w.hello(c.id, c.user, c.password, true); ack.ReasonCode != c.v5 {
				t.Errorf("MQTT 5: %#x, want %#x", ack.ReasonCode, c.v5)
			}
			if got := w.end(); got != "Disconnect "+hex(c.v5)+", close" {
				t.Errorf("MQTT 5 then got %s", got)
			}
			w = newWire(t, sb, 4)
			if ack := w.hello(c.id, c.user, c.password, true); ack.ReasonCode != c.v3 {
				t.Errorf("MQTT 3.1.1: %d, want %d", ack.ReasonCode, c.v3)
			}
			if got := w.end(); got != "close" {
				t.Errorf("MQTT 3.1.1 then got %s", got)
			}
		})
	}
}

func TestConnect_can_be_refused_for_limits_and_a_backend_that_is_away(t *testing.T) {
	sb := start(t)
	access := gateway(t, sb)
	for code, v3 := range map[byte]byte{0x9F: 3, 0x88: 3} {
		sb.Set(func(b *sandbox.Behaviour) { b.ConnectCode = code })
		if ack := newWire(t, sb, 5).hello("c", access, "", true); ack.ReasonCode != code {
			t.Errorf("MQTT 5: %#x, want %#x", ack.ReasonCode, code)
		}
		if ack := newWire(t, sb, 4).hello("c", access, "", true); ack.ReasonCode != v3 {
			t.Errorf("MQTT 3.1.1: %d, want %d", ack.ReasonCode, v3)
		}
	}
}

func TestConnack_claims_a_session_when_clean_is_not_asked_and_has_no_properties(t *testing.T) {
	sb := start(t)
	access := gateway(t, sb)
	for _, version := range []byte{3, 4, 5} {
		for _, clean := range []bool{true, false} {
			ack := newWire(t, sb, version).hello("c", access, "", clean)
			if ack.ReasonCode != 0 || ack.SessionPresent == clean {
				t.Errorf("version %d clean %t: code %d, present %t", version, clean, ack.ReasonCode, ack.SessionPresent)
			}
			if version == 5 && (len(ack.Payload) != 3 || ack.Payload[2] != 0) {
				t.Errorf("properties in %v", ack.Payload)
			}
		}
	}
	if ack := newWire(t, sb, 5).hello("c", "nope", "", false); !ack.SessionPresent {
		t.Error("not on a refusal")
	}
	if ack := newWire(t, sb, 3).hello("a client id longer than it may be", access, "", true); ack.ReasonCode != 2 {
		t.Errorf("long client id with MQTT 3.1: %d", ack.ReasonCode)
	}
}

func TestConnect_takes_basic_credentials_exactly_as_stored(t *testing.T) {
	sb := start(t)
	who := token(t, sb)
	for name, value := range map[string]string{
		"all":  `{"clientId":"cc","userName":"uu","password":"pp"}`,
		"user": `{"clientId":null,"userName":"u","password":"p"}`,
		"id":   `{"clientId":"c","userName":null,"password":null}`,
	} {
		r := rest(t, sb, who, "POST", "/api/device-with-credentials", object{
			"device": object{"name": name}, "credentials": object{"credentialsType": "MQTT_BASIC", "credentialsValue": value},
		})
		if r.Status != 200 {
			t.Fatalf("%s: %d %s", name, r.Status, r.Text)
		}
	}
	for _, c := range []struct {
		id, user, password string
		code               byte
	}{
		{"cc", "uu", "pp", 0}, {"x", "uu", "pp", 0x86}, {"cc", "uu", "no", 0x86}, {"any", "u", "p", 0}, {"any", "u", "no", 0x86}, {"c", "", "", 0},
	} {
		if ack := newWire(t, sb, 5).hello(c.id, c.user, c.password, true); ack.ReasonCode != c.code {
			t.Errorf("%+v: %#x", c, ack.ReasonCode)
		}
	}
}

func TestConnect_with_the_same_token_ends_the_older_session(t *testing.T) {
	sb := start(t)
	access := gateway(t, sb)
	first := newWire(t, sb, 5).open(access)
	second := newWire(t, sb, 4).open(access)
	if got := first.end(); got != "Disconnect 0x8E, close" {
		t.Errorf("MQTT 5 got %s", got)
	}
	newWire(t, sb, 5).open(access)
	if got := second.end(); got != "close" {
		t.Errorf("MQTT 3.1.1 got %s", got)
	}
	if n := len(sb.Sessions()); n != 1 {
		t.Errorf("%d sessions", n)
	}
}

func TestSessions_of_different_devices_may_share_a_client_id(t *testing.T) {
	sb := start(t)
	one := newWire(t, sb, 5).open(gateway(t, sb))
	other, err := sb.AddDevice("other", "default", true)
	if err != nil {
		t.Fatal(err)
	}
	newWire(t, sb, 5).open(other)
	if got := one.end(); got != "silence" {
		t.Errorf("the first got %s", got)
	}
}

func TestSession_ends_after_silence(t *testing.T) {
	t.Parallel()
	sb := start(t, func(o *sandbox.Options) {
		o.SessionInactivity, o.ScanInterval = 50*time.Millisecond, 10*time.Millisecond
	})
	access := gateway(t, sb)
	pk := newWire(t, sb, 5).open(access).expect(packets.Disconnect)
	if pk.ReasonCode != 0x83 {
		t.Errorf("MQTT 5: %#x", pk.ReasonCode)
	}
	if _, err := newWire(t, sb, 4).open(access).read(patience); err == nil {
		t.Error("MQTT 3.1.1 was told something")
	}
}

func TestSession_is_kept_by_pings_and_not_ended_by_its_keepalive(t *testing.T) {
	sb := start(t)
	w := newWire(t, sb, 5).open(gateway(t, sb)) // with a keepalive of a second
	before := time.Now()
	w.raw([]byte{packets.Pingreq << 4, 0})
	w.expect(packets.Pingresp)
	sb.SweepAt(before.Add(600 * time.Second))
	if got := w.end(); got != "silence" {
		t.Errorf("got %s", got)
	}
	sb.SweepAt(time.Now().Add(601 * time.Second))
	if got := w.end(); got != "Disconnect 0x83, close" {
		t.Errorf("got %s", got)
	}
}

func TestPacket_beyond_the_limit_ends_the_session(t *testing.T) {
	sb := start(t)
	access := gateway(t, sb)
	for version, want := range map[byte]string{5: "Disconnect 0x81, close", 4: "close"} {
		w := newWire(t, sb, version).open(access)
		header := binary.AppendUvarint([]byte{packets.Publish<<4 | 2}, 65537)
		w.raw(header)
		if got := w.end(); got != want {
			t.Errorf("version %d got %s, want %s", version, got, want)
		}
	}
}

func TestSubscribe_takes_exact_topics_only(t *testing.T) {
	sb := start(t)
	access := gateway(t, sb)
	asked := []string{"v1/gateway/rpc", "v1/gateway/+", "#", "v1/devices/me/rpc/request/+", "v1/devices/me/attributes"}
	for version, want := range map[byte]string{5: "\x01\x8f\x8f\x01\x01", 4: "\x01\x80\x80\x01\x01"} {
		w := newWire(t, sb, version).open(access)
		if got := string(w.subscribe(1, 2, asked...)); got != want {
			t.Errorf("version %d: %x, want %x", version, got, want)
		}
		if got := w.end(); got != "silence" {
			t.Errorf("version %d then got %s", version, got)
		}
	}
	c := connect(t, sb, access)
	ack, err := c.Unsubscribe(soon(t), &paho.Unsubscribe{Topics: []string{"v1/gateway/rpc"}})
	if err != nil || ack.Reasons[0] != 0x11 {
		t.Errorf("unsubscribe of the unknown: %v %v", err, ack)
	}
}

func TestMQTT_can_hang_or_freeze(t *testing.T) {
	t.Parallel()
	sb := start(t)
	access := gateway(t, sb)
	open := newWire(t, sb, 5).open(access)
	sb.Set(func(b *sandbox.Behaviour) { b.MQTTHang = true })
	w := newWire(t, sb, 5)
	w.raw([]byte{packets.Connect << 4, 0})
	if got := w.end(); got != "silence" {
		t.Errorf("hung server said %s", got)
	}
	sb.Calm()
	sb.Set(func(b *sandbox.Behaviour) { b.Freeze = true })
	open.publish("v1/gateway/telemetry", `{"A":[{"ts":1,"values":{"x":1}}]}`, 1, 1)
	open.raw([]byte{packets.Pingreq << 4, 0})
	if got := open.end(); got != "silence" {
		t.Errorf("frozen server said %s", got)
	}
	if n := len(sb.Telemetry("A")); n != 0 {
		t.Errorf("frozen server stored %d points", n)
	}
	sb.Calm()
	open.raw([]byte{packets.Pingreq << 4, 0})
	open.expect(packets.Pingresp)
}

func TestMQTT_session_can_be_closed_with_any_reason_or_cut(t *testing.T) {
	sb := start(t)
	access := gateway(t, sb)
	w := newWire(t, sb, 5).open(access)
	sb.CloseSessions(0x8B)
	if got := w.end(); got != "Disconnect 0x8B, close" {
		t.Errorf("got %s", got)
	}
	w = newWire(t, sb, 5).open(access)
	sb.CloseSessions(0)
	if got := w.end(); got != "close" {
		t.Errorf("got %s", got)
	}
	w = newWire(t, sb, 5).open(access)
	sb.CutSessions()
	if got := w.end(); got != "close" {
		t.Errorf("got %s", got)
	}
}
