package sandbox_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"boardlink/thingsboard/sandbox"
)

// called is the result of an RPC made in the background.
type called struct {
	data json.RawMessage
	err  error
}

func call(t *testing.T, sb *sandbox.Sandbox, device string, opt sandbox.RPCOptions) <-chan called {
	t.Helper()
	ctx := soon(t)
	done := make(chan called, 1)
	go func() {
		data, err := sb.SendRPC(ctx, device, "m", nil, opt)
		done <- called{data, err}
	}()
	return done
}

func rpcBody(device string, id int) string {
	return fmt.Sprintf(`{"data":{"id":%d,"method":"m","params":null},"device":%q}`, id, device)
}

func TestRPC_ids_count_from_0_for_each_device(t *testing.T) {
	sb := start(t)
	c := connect(t, sb, gateway(t, sb))
	for _, name := range []string{"A", "B"} {
		c.publish("v1/gateway/connect", `{"device":"`+name+`"}`)
		for id := range 3 {
			<-call(t, sb, name, sandbox.RPCOptions{OneWay: true})
			m := c.next()
			if string(m.Payload) != rpcBody(name, id) {
				t.Errorf("got %s, want id %d", m.Payload, id)
			}
			if m.QoS != 1 { // delivered without a subscription
				t.Errorf("QoS %d", m.QoS)
			}
		}
	}
}

func TestRPC_goes_out_with_the_QoS_that_was_granted(t *testing.T) {
	sb := start(t)
	c := connect(t, sb, gateway(t, sb))
	c.subscribe(0, "v1/gateway/rpc")
	c.publish("v1/gateway/connect", `{"device":"A"}`)
	<-call(t, sb, "A", sandbox.RPCOptions{OneWay: true})
	if m := c.next(); m.QoS != 0 {
		t.Errorf("QoS %d", m.QoS)
	}
}

func TestRPC_pending_is_sent_again_with_its_id_after_reconnecting(t *testing.T) {
	sb := start(t)
	access := gateway(t, sb)
	c := connect(t, sb, access)
	c.publish("v1/gateway/connect", `{"device":"A"}`)
	first := call(t, sb, "A", sandbox.RPCOptions{})
	if m := c.next(); string(m.Payload) != rpcBody("A", 0) {
		t.Fatalf("got %s", m.Payload)
	}
	c = connect(t, sb, access)
	second := call(t, sb, "A", sandbox.RPCOptions{OneWay: true}) // while the device is away
	select {
	case r := <-second:
		t.Fatalf("one-way call to nobody: %+v", r)
	case <-time.After(50 * time.Millisecond):
	}
	c.publish("v1/gateway/connect", `{"device":"A"}`)
	for id := range 2 {
		if m := c.next(); string(m.Payload) != rpcBody("A", id) {
			t.Fatalf("got %s, want id %d", m.Payload, id)
		}
	}
	if r := <-second; r.err != nil {
		t.Errorf("one-way: %v", r.err)
	}
	c.publish("v1/gateway/rpc", `{"device":"A","id":1,"data":"to a one-way call: harmless"}`)
	c.publish("v1/gateway/rpc", `{"device":"A","id":0,"data":[1]}`)
	if r := <-first; r.err != nil || string(r.data) != "[1]" {
		t.Errorf("two-way: %+v", r)
	}
}

func TestRPC_times_out_and_a_late_reply_is_acknowledged_and_dropped(t *testing.T) {
	sb := start(t)
	c := connect(t, sb, gateway(t, sb))
	c.publish("v1/gateway/connect", `{"device":"A"}`)
	if r := <-call(t, sb, "A", sandbox.RPCOptions{Timeout: 50 * time.Millisecond}); !errors.Is(r.err, sandbox.ErrTimeout) {
		t.Fatalf("result %+v", r)
	}
	if code := c.publish("v1/gateway/rpc", `{"device":"A","id":0,"data":1}`); code != 0 {
		t.Errorf("late reply: %#x", code)
	}
	next := call(t, sb, "A", sandbox.RPCOptions{})
	c.next()
	c.next()
	c.publish("v1/gateway/rpc", `{"device":"A","id":0,"data":"late"}`)
	c.publish("v1/gateway/rpc", `{"device":"A","id":1,"data":"mine"}`)
	if r := <-next; string(r.data) != `"mine"` {
		t.Errorf("result %s", r.data)
	}
}

func TestRPC_to_the_gateway_itself_needs_a_subscription(t *testing.T) {
	sb := start(t)
	c := connect(t, sb, gateway(t, sb))
	pending := call(t, sb, "gateway", sandbox.RPCOptions{})
	c.subscribe(0, "v1/devices/me/rpc/request/+")
	m := c.next()
	if m.Topic != "v1/devices/me/rpc/request/0" || string(m.Payload) != `{"method":"m","params":null}` {
		t.Errorf("%s %s", m.Topic, m.Payload)
	}
	c.publish("v1/devices/me/rpc/response/0", `{"ok":1}`)
	if r := <-pending; string(r.data) != `{"ok":1}` {
		t.Errorf("result %+v", r)
	}
}

func TestRPC_to_an_unknown_device_or_a_stopped_server_fails(t *testing.T) {
	sb := start(t)
	if r := <-call(t, sb, "nobody", sandbox.RPCOptions{}); !errors.Is(r.err, sandbox.ErrNoDevice) {
		t.Errorf("unknown: %v", r.err)
	}
	gateway(t, sb)
	pending := call(t, sb, "gateway", sandbox.RPCOptions{})
	sb.Pause()
	if r := <-pending; !errors.Is(r.err, sandbox.ErrStopped) {
		t.Errorf("stopped: %v", r.err)
	}
}

func TestDownlink_packet_ids_wrap_through_0_and_acknowledging_it_ends_the_session(t *testing.T) {
	sb := start(t, func(o *sandbox.Options) { o.PacketIDs = 3 })
	w := newWire(t, sb, 5).open(gateway(t, sb))
	w.publish("v1/gateway/connect", `{"device":"A"}`, 1, 1)
	w.expect(packets.Puback)
	for _, want := range []uint16{1, 2, 0} {
		<-call(t, sb, "A", sandbox.RPCOptions{OneWay: true})
		if m := w.expect(packets.Publish); m.PacketID != want || m.FixedHeader.Qos != 1 {
			t.Errorf("packet id %d, want %d", m.PacketID, want)
		}
	}
	w.raw([]byte{packets.Puback << 4, 2, 0, 1})
	w.raw([]byte{packets.Puback << 4, 2, 0, 0})
	if got := w.end(); got != "Disconnect 0x81, close" {
		t.Errorf("got %s", got)
	}
}

func TestAttributes_are_told_asked_for_and_pushed(t *testing.T) {
	sb := start(t)
	c := connect(t, sb, gateway(t, sb))
	c.publish("v1/gateway/attributes", `{"A":{"fw":"1.2","n":null,"o":{"b":2}}}`)
	if got := sb.Attributes("A", sandbox.ClientScope); len(got) != 2 || string(got["fw"]) != "1.2" || string(got["o"]) != `{"b":2}` {
		t.Errorf("client attributes %s", got)
	}
	who := token(t, sb)
	d, _ := sb.Device("A")
	base := "/api/plugins/telemetry/DEVICE/" + d.ID
	rest(t, sb, who, "POST", base+"/attributes/SHARED_SCOPE", `{"k":5,"l":"x"}`)
	if m := c.next(); m.Topic != "v1/gateway/attributes" || string(m.Payload) != `{"data":{"k":5,"l":"x"},"device":"A"}` {
		t.Errorf("push %s %s", m.Topic, m.Payload)
	}
	for ask, want := range map[string]string{
		`{"id":7,"device":"A","client":false,"key":"k"}`:               `{"device":"A","id":7,"value":5}`,
		`{"id":8,"device":"A","client":false,"keys":["k","l","none"]}`: `{"device":"A","id":8,"values":{"k":5,"l":"x"}}`,
		`{"id":9,"device":"A","client":true,"key":"none"}`:             `{"device":"A","id":9}`,
	} {
		c.publish("v1/gateway/attributes/request", ask)
		if m := c.next(); m.Topic != "v1/gateway/attributes/response" || string(m.Payload) != want {
			t.Errorf("%s: %s, want %s", ask, m.Payload, want)
		}
	}
	rest(t, sb, who, "DELETE", base+"/SHARED_SCOPE?keys=k", nil)
	if m := c.next(); string(m.Payload) != `{"data":{"deleted":["k"]},"device":"A"}` {
		t.Errorf("removal %s", m.Payload)
	}
	if r := rest(t, sb, who, "POST", base+"/attributes/CLIENT_SCOPE", `{"k":5}`); r.Status != 400 {
		t.Errorf("client scope by REST: %d", r.Status)
	}
	if r := rest(t, sb, who, "GET", base+"/values/attributes/SHARED_SCOPE", nil); len(r.Text) < 20 || r.Text[:2] != `[{` {
		t.Errorf("values %s", r.Text)
	}
	c.subscribe(0, "v1/devices/me/attributes/response/+")
	c.publish("v1/devices/me/attributes", `{"own":1}`)
	c.publish("v1/devices/me/attributes/request/3", `{"clientKeys":"own","sharedKeys":"none"}`)
	if m := c.next(); m.Topic != "v1/devices/me/attributes/response/3" || string(m.Payload) != `{"client":{"own":1}}` {
		t.Errorf("own attributes %s %s", m.Topic, m.Payload)
	}
}
