package sandbox_test

import (
	"strings"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"boardlink/thingsboard/sandbox"
)

const one = `{"A":[{"ts":1,"values":{"x":1}}]}`

// outcomes tells what both versions get for a publish with QoS 1.
func outcomes(t *testing.T, sb *sandbox.Sandbox, access, topic, payload, v5, v3 string) {
	t.Helper()
	for version, want := range map[byte]string{5: v5, 4: v3} {
		w := newWire(t, sb, version).open(access)
		w.publish(topic, payload, 1, 7)
		if got := w.end(); got != want {
			t.Errorf("%s %.60q, version %d: got %s, want %s", topic, payload, version, got, want)
		}
	}
}

func TestPublish_that_is_bad_gets_what_the_matrix_says(t *testing.T) {
	sb := start(t)
	access := gateway(t, sb)
	const telemetry = "v1/gateway/telemetry"
	for _, c := range []struct{ topic, payload, v5, v3 string }{
		{telemetry, one, "Puback, silence", "Puback, silence"},
		{telemetry, `{"A":`, "Puback 0x99, silence", "close"},
		{telemetry, ``, "Puback 0x83, Disconnect 0x83, close", "Puback, close"},
		{telemetry, `[1]`, "Puback 0x83, Disconnect 0x83, close", "Puback, close"},
		{telemetry, `{}`, "Puback 0x83, Disconnect 0x83, close", "Puback, close"},
		{telemetry, `{"A":{"x":1}}`, "Puback 0x83, Disconnect 0x83, close", "Puback, close"},
		{telemetry, `{"A":[5]}`, "Puback 0x99, silence", "close"},
		{telemetry, `{"A":[{"ts":"soon","values":{"x":1}}]}`, "Puback 0x99, silence", "close"},
		{telemetry, `{"A":[{"ts":1,"values":5}]}`, "Puback 0x99, silence", "close"},
		{telemetry, `{"A":[]}`, "silence", "silence"},
		{telemetry, `{"A":[],"B":[{"x":1}]}`, "silence", "silence"},
		{telemetry, `{"A":[{}]}`, "Puback, silence", "Puback, silence"},
		{telemetry, `{"":[{"x":1}]}`, "Puback 0x80, silence", "Puback, silence"},
		{telemetry, `{"` + strings.Repeat("n", 256) + `":[{"x":1}]}`, "Puback 0x80, silence", "Puback, silence"},
		{"v1/gateway/connect", `{"type":"x"}`, "Puback 0x83, Disconnect 0x83, close", "Puback, close"},
		{"v1/gateway/rpc", `{"device":"A","id":1}`, "Puback 0x83, Disconnect 0x83, close", "Puback, close"},
		{"v1/gateway/disconnect", `{"device":"nobody"}`, "Puback, silence", "Puback, silence"},
		{"v1/gateway/claim", `{"A":{"secretKey":"s"}}`, "Puback, silence", "Puback, silence"},
		{"v1/gateway/unknown", `{"A":1}`, "Puback 0x90, silence", "Puback, silence"},
		{"some/topic", `{}`, "Puback 0x90, silence", "Puback, silence"},
		{"v1/devices/me/telemetry", `{"x":1}`, "Puback, silence", "Puback, silence"},
		{"v1/devices/me/telemetry", `x`, "Puback 0x99, silence", "close"},
	} {
		outcomes(t, sb, access, c.topic, c.payload, c.v5, c.v3)
	}
}

func TestPublish_with_QoS_0_is_taken_and_answered_with_a_spurious_notice(t *testing.T) {
	sb := start(t)
	access := gateway(t, sb)
	w := newWire(t, sb, 5).open(access)
	w.publish("v1/gateway/telemetry", one, 0, 0)
	if pk := w.expect(packets.Publish); pk.TopicName != "v1/gateway/disconnect" || string(pk.Payload) != `{"device":"A","reason":129}` {
		t.Errorf("got %s %s", pk.TopicName, pk.Payload)
	}
	if n := len(sb.Telemetry("A")); n != 1 {
		t.Errorf("%d points stored", n)
	}
	w.publish("v1/gateway/telemetry", `{`, 0, 0)
	if got := w.end(); got != "Disconnect 0x99, close" {
		t.Errorf("malformed: %s", got)
	}
}

func TestPublish_with_QoS_2_is_answered_by_a_PUBACK(t *testing.T) {
	sb := start(t)
	w := newWire(t, sb, 5).open(gateway(t, sb))
	w.publish("v1/gateway/telemetry", one, 2, 3)
	if ack := w.expect(packets.Puback); ack.PacketID != 3 {
		t.Errorf("PUBACK of %d", ack.PacketID)
	}
}

func TestPublish_of_a_device_whose_gateway_flag_came_after_CONNECT_is_ignored(t *testing.T) {
	sb := start(t)
	access, err := sb.AddDevice("late", "default", false)
	if err != nil {
		t.Fatal(err)
	}
	w := newWire(t, sb, 5).open(access)
	if err := sb.SetInfo("late", "gateway", true); err != nil {
		t.Fatal(err)
	}
	w.publish("v1/gateway/telemetry", one, 1, 1)
	if got := w.end(); got != "silence" {
		t.Errorf("got %s", got)
	}
	if _, known := sb.Device("A"); known {
		t.Error("the device was created")
	}
	if code := connect(t, sb, access).publish("v1/gateway/telemetry", one); code != 0 {
		t.Errorf("after reconnecting: %#x", code)
	}
}

func TestPublish_of_several_devices_fails_by_the_first_and_stores_the_rest(t *testing.T) {
	sb := start(t)
	c := connect(t, sb, gateway(t, sb))
	if code := c.publish("v1/gateway/telemetry", `{"A":[{"x":1}],"B":[7],"C":[{"x":3}],"D":"dropped"}`); code != 0x99 {
		t.Errorf("code %#x, want 0x99", code)
	}
	if len(sb.Telemetry("A")) != 1 || len(sb.Telemetry("C")) != 1 {
		t.Error("the rest was not stored")
	}
	if _, known := sb.Device("D"); known {
		t.Error("an entry that is no array made a device")
	}
}

func TestPublish_of_several_devices_is_acknowledged_by_the_first_on_an_old_server(t *testing.T) {
	sb := start(t)
	access := gateway(t, sb)
	sb.Set(func(b *sandbox.Behaviour) { b.AckFirst = true })
	c := connect(t, sb, access)
	if code := c.publish("v1/gateway/telemetry", `{"A":[{"x":1}],"B":[7],"C":[{"x":3}]}`); code != 0 {
		t.Errorf("the first was taken: %#x", code)
	}
	if len(sb.Telemetry("A")) != 1 || len(sb.Telemetry("B")) != 0 || len(sb.Telemetry("C")) != 1 {
		t.Error("not each device had its own fate")
	}
	if code := c.publish("v1/gateway/telemetry", `{"B":[7],"A":[{"x":1}]}`); code != 0x99 {
		t.Errorf("the first was refused: %#x", code)
	}
	if code := c.publish("v1/gateway/telemetry", `{"B":[7]}`); code != 0x99 {
		t.Errorf("one device alone: %#x", code)
	}
}

func TestPublish_meets_failures_of_creation_queue_and_limits(t *testing.T) {
	const closed = "Puback, close" // MQTT 3: acknowledged, and lost
	for name, c := range map[string]struct {
		change func(*sandbox.Behaviour)
		v5, v3 string
	}{
		"creation fails":   {func(b *sandbox.Behaviour) { b.CreationFails = true }, "Puback 0x80, silence", "Puback, silence"},
		"device limit":     {func(b *sandbox.Behaviour) { b.DeviceLimit = 1 }, "Puback 0x97, silence", "Puback, silence"},
		"queue fails":      {func(b *sandbox.Behaviour) { b.QueueFails = true }, "Puback 0x80, close", closed},
		"telemetry limit":  {func(b *sandbox.Behaviour) { b.GatewayLimits.Telemetry = sandbox.Limit{{0, time.Hour}} }, "Puback 0x97, close", closed},
		"too many points":  {func(b *sandbox.Behaviour) { b.GatewayLimits.DataPoints = sandbox.Limit{{0, time.Hour}} }, "Puback 0x97, close", closed},
		"limit at opening": {func(b *sandbox.Behaviour) { b.GatewayLimits.Messages = sandbox.Limit{{1, time.Hour}} }, "Disconnect 0x8B, close", "close"},
		"opening refused":  {func(b *sandbox.Behaviour) { b.OpeningRefused = true }, "Disconnect 0x8B, close", "close"},
	} {
		t.Run(name, func(t *testing.T) {
			sb := start(t)
			access := gateway(t, sb)
			sb.Set(c.change)
			outcomes(t, sb, access, "v1/gateway/telemetry", one, c.v5, c.v3)
			if n := len(sb.Telemetry("A")); n != 0 {
				t.Errorf("%d points stored", n)
			}
		})
	}
}

func TestDevice_limit_is_remembered_for_a_while(t *testing.T) {
	t.Parallel()
	sb := start(t, func(o *sandbox.Options) { o.DeviceLimitMemory = 300 * time.Millisecond })
	c := connect(t, sb, gateway(t, sb))
	sb.Set(func(b *sandbox.Behaviour) { b.DeviceLimit = 1 })
	c.publish("v1/gateway/telemetry", one)
	refused := time.Now()
	sb.Calm()
	if code := c.publish("v1/gateway/telemetry", one); code != 0x97 && time.Since(refused) < 300*time.Millisecond {
		t.Errorf("forgotten at once: %#x", code)
	}
	time.Sleep(time.Until(refused.Add(350 * time.Millisecond)))
	if code := c.publish("v1/gateway/telemetry", one); code != 0 {
		t.Errorf("still refused: %#x", code)
	}
}

func TestLimits_charge_the_gateway_for_each_entry(t *testing.T) {
	sb := start(t)
	access := gateway(t, sb)
	sb.Set(func(b *sandbox.Behaviour) { b.GatewayLimits.Telemetry = sandbox.Limit{{4, time.Hour}} })
	c := connect(t, sb, access)
	if code := c.publish("v1/gateway/telemetry", `{"A":[{"x":1}],"B":[{"x":1}]}`); code != 0 {
		t.Fatalf("two entries: %#x", code)
	}
	if code := c.publish("v1/gateway/telemetry", `{"A":[{"x":1}],"B":[{"x":1}],"C":[{"x":1}]}`); code != 0x97 {
		t.Fatalf("three entries: %#x", code)
	}
	if code := c.bye(); code != 0 {
		t.Errorf("DISCONNECT %#x, want none", code)
	}
}

func TestLimits_of_the_gateways_own_traffic_end_the_session_without_a_PUBACK(t *testing.T) {
	sb := start(t)
	access := gateway(t, sb)
	sb.Set(func(b *sandbox.Behaviour) { b.DeviceLimits.Telemetry = sandbox.Limit{{0, time.Hour}} })
	outcomes(t, sb, access, "v1/devices/me/telemetry", `{"x":1}`, "Disconnect 0x83, close", "close")
}

func TestSession_limits_are_told_or_not_by_an_older_server(t *testing.T) {
	sb := start(t)
	c := connect(t, sb, gateway(t, sb))
	c.subscribe(0, "v1/devices/me/rpc/response/+")
	sb.Set(func(b *sandbox.Behaviour) {
		b.GatewayLimits.Messages = sandbox.Limit{{20, time.Second}, {600, time.Minute}}
	})
	const ask = `{"method":"getSessionLimits","params":{}}`
	c.publish("v1/devices/me/rpc/request/1", ask)
	m := c.next()
	want := `{"maxPayloadSize":65536,"maxInflightMessages":100,` +
		`"rateLimits":{"messages":null,"telemetryMessages":null,"telemetryDataPoints":null},` +
		`"gatewayRateLimits":{"messages":"20:1,600:60","telemetryMessages":null,"telemetryDataPoints":null}}`
	if m.Topic != "v1/devices/me/rpc/response/1" || string(m.Payload) != want {
		t.Errorf("%s %s", m.Topic, m.Payload)
	}
	sb.Set(func(b *sandbox.Behaviour) { b.NoSessionLimits = true })
	if code := c.publish("v1/devices/me/rpc/request/2", ask); code != 0 {
		t.Errorf("PUBACK %#x", code)
	}
	select {
	case m := <-c.messages:
		t.Errorf("an older server answered %s", m.Payload)
	case <-time.After(100 * time.Millisecond):
	}
}
