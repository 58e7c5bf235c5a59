package sandbox_test

import (
	"encoding/json"
	"testing"

	"github.com/eclipse/paho.golang/paho"

	"boardlink/thingsboard/sandbox"
)

func TestSandbox_takes_a_client_from_login_to_a_command(t *testing.T) {
	sb := start(t, func(o *sandbox.Options) { o.TLS = true })
	who := token(t, sb)
	if r := rest(t, sb, who, "GET", "/api/auth/user", nil); r.JSON["authority"] != "TENANT_ADMIN" {
		t.Fatalf("user: %d %s", r.Status, r.Text)
	}
	if r := rest(t, sb, who, "GET", "/api/tenant/devices?deviceName=gw", nil); r.Status != 404 || r.code() != 32 {
		t.Fatalf("unknown device: %d %s", r.Status, r.Text)
	}
	made := rest(t, sb, who, "POST", "/api/device", map[string]any{
		"name": "gw", "type": "default", "additionalInfo": map[string]any{"gateway": true, "overwriteActivityTime": true},
	})
	if made.Status != 200 || made.id() == "" {
		t.Fatalf("create: %d %s", made.Status, made.Text)
	}
	creds := rest(t, sb, who, "GET", "/api/device/"+made.id()+"/credentials", nil)
	if creds.JSON["credentialsType"] != "ACCESS_TOKEN" {
		t.Fatalf("credentials: %s", creds.Text)
	}
	if r := rest(t, sb, who, "GET", "/api/device-connectivity/"+made.id(), nil); r.JSON["mqtt"] == nil {
		t.Fatalf("connectivity: %s", r.Text)
	}

	c := newClient(t, dial(t, sb, true))
	if _, err := c.Connect(soon(t), &paho.Connect{
		ClientID: "one", CleanStart: true, Username: creds.JSON["credentialsId"].(string), UsernameFlag: true,
	}); err != nil {
		t.Fatal(err)
	}
	if code := c.publish("v1/gateway/connect", `{"device":"A1","type":"LoRaWAN"}`); code != 0 {
		t.Fatalf("connect device: %#x", code)
	}
	if code := c.publish("v1/gateway/telemetry", `{"A1":[{"ts":1700000000000,"values":{"t":22.5}}]}`); code != 0 {
		t.Fatalf("telemetry: %#x", code)
	}
	points := sb.Telemetry("A1")
	if len(points) != 1 || points[0].TS != 1700000000000 || string(points[0].Values["t"]) != "22.5" {
		t.Fatalf("stored %+v", points)
	}
	if d, _ := sb.Device("A1"); d.Profile != "LoRaWAN" || !d.Connected || d.Through != "gw" {
		t.Fatalf("device %+v", d)
	}

	ctx := soon(t)
	answer := make(chan string, 1)
	go func() {
		data, err := sb.SendRPC(ctx, "A1", "setX", map[string]int{"x": 1}, sandbox.RPCOptions{})
		if err != nil {
			data = json.RawMessage(err.Error())
		}
		answer <- string(data)
	}()
	if m := c.next(); m.Topic != "v1/gateway/rpc" || string(m.Payload) != `{"data":{"id":0,"method":"setX","params":{"x":1}},"device":"A1"}` {
		t.Fatalf("rpc %s %s", m.Topic, m.Payload)
	}
	c.publish("v1/gateway/rpc", `{"device":"A1","id":0,"data":{"ok":true}}`)
	if got := <-answer; got != `{"ok":true}` {
		t.Fatalf("answer %s", got)
	}
}
