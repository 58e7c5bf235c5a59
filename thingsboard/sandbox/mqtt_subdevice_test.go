package sandbox_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"boardlink/thingsboard/sandbox"
)

// hears tells whether a one-way RPC to device reaches anyone.
func hears(t *testing.T, sb *sandbox.Sandbox, device string) bool {
	t.Helper()
	_, err := sb.SendRPC(soon(t), device, "probe", nil, sandbox.RPCOptions{OneWay: true, Timeout: 30 * time.Millisecond})
	if err != nil && !errors.Is(err, sandbox.ErrTimeout) {
		t.Fatal(err)
	}
	return err == nil
}

func TestSub_device_is_created_with_the_type_of_its_connect_and_keeps_it(t *testing.T) {
	sb := start(t)
	if err := func() error { _, err := sb.AddDevice("old", "meter", false); return err }(); err != nil {
		t.Fatal(err)
	}
	c := connect(t, sb, gateway(t, sb))
	c.publish("v1/gateway/connect", `{"device":"typed","type":"LoRaWAN"}`)
	c.publish("v1/gateway/connect", `{"device":"typed","type":"other"}`)
	c.publish("v1/gateway/connect", `{"device":"old","type":"LoRaWAN"}`)
	c.publish("v1/gateway/telemetry", `{"bare":[{"x":1}]}`)
	gw, _ := sb.Device("gateway")
	for name, profile := range map[string]string{"typed": "LoRaWAN", "old": "meter", "bare": "default"} {
		d, _ := sb.Device(name)
		if d.Profile != profile || d.Info["lastConnectedGateway"] != gw.ID || d.Through != "gateway" {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

func TestSub_device_takes_the_customer_of_its_gateway(t *testing.T) {
	sb := start(t)
	access := gateway(t, sb)
	if err := sb.Assign("gateway"); err != nil {
		t.Fatal(err)
	}
	connect(t, sb, access).publish("v1/gateway/connect", `{"device":"A"}`)
	sb.AddAccount(sandbox.Account{Email: "c", Password: "p", Authority: sandbox.CustomerUser})
	d, _ := sb.Device("A")
	if r := rest(t, sb, signIn(t, sb, "c", "p").JSON["token"].(string), "GET", "/api/device/"+d.ID, nil); r.Status != 200 {
		t.Errorf("the customer sees it: %d", r.Status)
	}
}

func TestSub_device_falls_silent_without_traffic_of_its_own(t *testing.T) {
	sb := start(t)
	c := connect(t, sb, gateway(t, sb))
	c.publish("v1/gateway/connect", `{"device":"A"}`)
	if !hears(t, sb, "A") {
		t.Fatal("A hears nothing at first")
	}
	before := time.Now()
	c.publish("v1/gateway/telemetry", telemetryOf("A", 1)) // this keeps it
	sb.SweepAt(before.Add(600 * time.Second))
	if !hears(t, sb, "A") {
		t.Error("A fell silent in spite of its telemetry")
	}
	before = time.Now()
	c.publish("v1/gateway/connect", `{"device":"A"}`)      // neither this
	c.publish("v1/gateway/telemetry", telemetryOf("B", 1)) // nor that does
	sb.SweepAt(before.Add(600 * time.Second))
	if hears(t, sb, "A") {
		t.Error("A still hears")
	}
	c.publish("v1/gateway/connect", `{"device":"A"}`)
	if !hears(t, sb, "A") {
		t.Error("connecting anew did not open it")
	}
}

func TestSub_device_stays_with_overwriteActivityTime(t *testing.T) {
	sb := start(t)
	c := connect(t, sb, gateway(t, sb))
	c.publish("v1/gateway/connect", `{"device":"A"}`)
	if err := sb.SetInfo("gateway", "overwriteActivityTime", true); err != nil { // picked up live
		t.Fatal(err)
	}
	before := time.Now()
	c.publish("v1/devices/me/telemetry", `{"x":1}`)
	sb.SweepAt(before.Add(600 * time.Second))
	if !hears(t, sb, "A") {
		t.Error("A fell silent")
	}
}

func TestSub_device_of_two_gateways_gets_its_downlinks_through_the_newer(t *testing.T) {
	sb := start(t)
	older := connect(t, sb, gateway(t, sb))
	access, err := sb.AddDevice("second", "default", true)
	if err != nil {
		t.Fatal(err)
	}
	newer := connect(t, sb, access)
	older.publish("v1/gateway/connect", `{"device":"A"}`)
	newer.publish("v1/gateway/connect", `{"device":"A"}`)
	older.publish("v1/gateway/telemetry", `{"A":[{"ts":1,"values":{"x":1}}]}`)
	if !hears(t, sb, "A") {
		t.Fatal("nobody hears")
	}
	newer.next()
	if len(older.messages) != 0 || len(sb.Telemetry("A")) != 1 {
		t.Errorf("the older got %d messages, %d points stored", len(older.messages), len(sb.Telemetry("A")))
	}
}

func TestDisconnect_ends_the_downlinks_of_a_sub_device(t *testing.T) {
	sb := start(t)
	c := connect(t, sb, gateway(t, sb))
	c.publish("v1/gateway/connect", `{"device":"A"}`)
	c.publish("v1/gateway/disconnect", `{"device":"A"}`)
	if hears(t, sb, "A") {
		t.Error("A hears")
	}
}

func TestRename_is_noticed_and_takes_effect_at_the_next_session(t *testing.T) {
	sb := start(t)
	access := gateway(t, sb)
	c := connect(t, sb, access)
	c.subscribe(0, "v1/devices/me/rpc/request/+")
	c.publish("v1/gateway/connect", `{"device":"old","type":"LoRaWAN"}`)
	if err := sb.Rename("old", "new"); err != nil {
		t.Fatal(err)
	}
	if m := c.next(); m.Topic != "v1/devices/me/rpc/request/0" || string(m.Payload) != `{"method":"gateway_device_renamed","params":{"old":"new"}}` {
		t.Errorf("notice %s %s", m.Topic, m.Payload)
	}
	c.publish("v1/gateway/telemetry", telemetryOf("old", 1))
	if len(sb.Telemetry("new")) != 1 {
		t.Error("the old name does not lead to the device any more")
	}
	if !hears(t, sb, "new") {
		t.Error("no downlink")
	}
	if m := c.next(); string(m.Payload) != `{"data":{"id":0,"method":"probe","params":null},"device":"old"}` {
		t.Errorf("downlink %s", m.Payload)
	}
	c = connect(t, sb, access)
	c.publish("v1/gateway/telemetry", telemetryOf("old", 2))
	if len(sb.Telemetry("old")) != 1 || len(sb.Telemetry("new")) != 1 {
		t.Error("after reconnecting the old name did not make a new device")
	}
}

func TestDelete_is_noticed_and_telemetry_makes_the_device_again(t *testing.T) {
	sb := start(t)
	c := connect(t, sb, gateway(t, sb))
	c.publish("v1/gateway/connect", `{"device":"A","type":"LoRaWAN"}`)
	if err := sb.Delete("A"); err != nil {
		t.Fatal(err)
	}
	c.subscribe(0, "v1/devices/me/rpc/request/+") // the notice has waited
	if m := c.next(); string(m.Payload) != `{"method":"gateway_device_deleted","params":"A"}` {
		t.Errorf("notice %s", m.Payload)
	}
	c.publish("v1/gateway/telemetry", telemetryOf("A", 1))
	if d, _ := sb.Device("A"); d.Profile != "default" {
		t.Errorf("made again as %q", d.Profile)
	}
}

func TestRename_and_delete_leave_a_stale_session_whose_data_is_acknowledged_and_lost(t *testing.T) {
	sb := start(t)
	c := connect(t, sb, gateway(t, sb))
	c.publish("v1/gateway/connect", `{"device":"A"}`)
	if err := errors.Join(sb.Rename("A", "B"), sb.Delete("B")); err != nil {
		t.Fatal(err)
	}
	if code := c.publish("v1/gateway/telemetry", telemetryOf("A", 1)); code != 0 {
		t.Errorf("code %#x", code)
	}
	if _, known := sb.Device("A"); known {
		t.Error("the device was made again")
	}
}

func TestDelete_of_the_gateway_ends_its_session(t *testing.T) {
	sb := start(t)
	c := connect(t, sb, gateway(t, sb))
	who := token(t, sb)
	d, _ := sb.Device("gateway")
	rest(t, sb, who, "DELETE", "/api/device/"+d.ID, nil)
	if code := c.bye(); code != 0x98 {
		t.Errorf("ended with %#x", code)
	}
}

func TestRename_by_REST_is_noticed_too_and_waits_for_the_gateway_over_a_restart(t *testing.T) {
	sb := start(t)
	access := gateway(t, sb)
	connect(t, sb, access).publish("v1/gateway/connect", `{"device":"A"}`)
	sb.Pause()
	if err := sb.Resume(); err != nil {
		t.Fatal(err)
	}
	who := token(t, sb)
	d := rest(t, sb, who, "GET", "/api/tenant/devices?deviceName=A", nil).JSON
	d["name"] = "B"
	rest(t, sb, who, "POST", "/api/device", d)
	sb.Pause()
	if err := sb.Resume(); err != nil {
		t.Fatal(err)
	}
	c := connect(t, sb, access)
	c.subscribe(1, "v1/devices/me/rpc/request/+")
	if m := c.next(); m.QoS != 1 || string(m.Payload) != `{"method":"gateway_device_renamed","params":{"A":"B"}}` {
		t.Errorf("notice %s", m.Payload)
	}
}

func TestAwait_ends_with_its_context(t *testing.T) {
	sb := start(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := sb.Await(ctx, func() bool { return false }); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
