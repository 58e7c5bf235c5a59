package sandbox_test

import (
	"context"
	"encoding/pem"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"boardlink/thingsboard/sandbox"
)

func TestConnectivity_gives_shell_commands_of_odd_shape(t *testing.T) {
	sb := start(t, func(o *sandbox.Options) { o.TLS = true })
	gateway(t, sb)
	who := token(t, sb)
	d, _ := sb.Device("gateway")
	ask := func() object {
		m, _ := rest(t, sb, who, "GET", "/api/device-connectivity/"+d.ID, nil).JSON["mqtt"].(object)
		return m
	}
	_, port, _ := net.SplitHostPort(sb.MQTTSAddr())
	list, _ := ask()["mqtts"].([]any)
	if len(list) != 2 || !strings.Contains(list[1].(string), "-h 127.0.0.1 -p "+port+" ") {
		t.Errorf("mqtts %v", list)
	}
	sb.Set(func(b *sandbox.Behaviour) {
		b.Announced = sandbox.Announcement{Host: "mqtt.elsewhere.example", MQTTSPort: 8883, NoMQTT: true, MQTTSAsText: true, OmitPorts: true}
	})
	m := ask()
	if text, _ := m["mqtts"].(string); !strings.Contains(text, "-h mqtt.elsewhere.example -t") || m["mqtt"] != nil {
		t.Errorf("another host: %v", m)
	}
	hub := rest(t, sb, who, "GET", "/api/iot-hub/connectivity", nil)
	if m, _ := hub.JSON["mqtts"].(object); m["host"] != "mqtt.elsewhere.example" || m["port"] != "8883" || m["enabled"] != true {
		t.Errorf("iot-hub: %s", hub.Text)
	}
	sb.Set(func(b *sandbox.Behaviour) { b.NoIoTHub = true })
	if r := rest(t, sb, who, "GET", "/api/iot-hub/connectivity", nil); r.Status != 404 {
		t.Errorf("older server: %d", r.Status)
	}
}

func TestRoot_certificate_is_public_and_may_be_missing(t *testing.T) {
	sb := start(t, func(o *sandbox.Options) { o.TLS = true })
	r := rest(t, sb, "", "GET", "/api/device-connectivity/mqtts/certificate/download", nil)
	if block, _ := pem.Decode([]byte(r.Text)); r.Status != 200 || block == nil || r.Header.Get("Content-Type") != "application/octet-stream" {
		t.Errorf("%d %s", r.Status, r.Text)
	}
	sb.Set(func(b *sandbox.Behaviour) { b.NoRootCertificate = true })
	refused(t, rest(t, sb, "", "GET", "/api/device-connectivity/mqtts/certificate/download", nil), 404, 32, "mqtts pem cert file is not found!")
}

func TestConnectivity_shows_basic_credentials(t *testing.T) {
	sb := start(t)
	who := token(t, sb)
	made := rest(t, sb, who, "POST", "/api/device-with-credentials", object{
		"device": object{"name": "d"}, "credentials": object{"credentialsType": "MQTT_BASIC", "credentialsValue": `{"clientId":"c","userName":"u","password":"p"}`},
	})
	r := rest(t, sb, who, "GET", "/api/device-connectivity/"+made.id(), nil)
	if m, _ := r.JSON["mqtt"].(object); m == nil || !strings.Contains(m["mqtt"].(string), `-i "c" -u "u" -P "p" -m`) {
		t.Errorf("commands %s", r.Text)
	}
	sb.Set(func(b *sandbox.Behaviour) { b.NoConnectivity = true })
	if r := rest(t, sb, who, "GET", "/api/device-connectivity/"+made.id(), nil); r.Status != 404 {
		t.Errorf("older server: %d", r.Status)
	}
	log := sb.Requests()
	if last := log[len(log)-1]; last.Method != "GET" || last.Path != "/api/device-connectivity/"+made.id() || last.Status != 404 {
		t.Errorf("log %+v", last)
	}
}

func TestTelemetry_by_REST_is_stored_before_the_answer_and_read_as_texts(t *testing.T) {
	sb := start(t)
	gateway(t, sb)
	who := token(t, sb)
	d, _ := sb.Device("gateway")
	base := "/api/plugins/telemetry/DEVICE/" + d.ID
	for _, body := range []string{`{"ts":1000,"values":{"t":22.5,"ok":true,"n":"0012"}}`, `[{"ts":2000,"values":{"t":23}}]`, `{"ts":1000,"values":{"t":21.5}}`} {
		if r := rest(t, sb, who, "POST", base+"/timeseries/ANY", body); r.Status != 200 || r.Text != "" {
			t.Fatalf("save: %d %s", r.Status, r.Text)
		}
	}
	if n := sb.Times("gateway", 1000); n != 2 {
		t.Errorf("timestamp 1000 came %d times, want 2", n)
	}
	for query, want := range map[string]string{
		"?keys=t,n":                                `{"n":[{"ts":1000,"value":"12"}],"t":[{"ts":2000,"value":"23"}]}`,
		"?keys=n,ok&useStrictDataTypes=true":       `{"n":[{"ts":1000,"value":12}],"ok":[{"ts":1000,"value":true}]}`,
		"?keys=t&startTs=0&endTs=3000&limit=9":     `{"t":[{"ts":2000,"value":"23"},{"ts":1000,"value":"21.5"}]}`,
		"?keys=t&startTs=0&endTs=2000&orderBy=ASC": `{"t":[{"ts":1000,"value":"21.5"}]}`,
	} {
		if r := rest(t, sb, who, "GET", base+"/values/timeseries"+query, nil); r.Text != want {
			t.Errorf("%s: %s, want %s", query, r.Text, want)
		}
	}
	if r := rest(t, sb, who, "GET", base+"/keys/timeseries", nil); r.Text != `["n","ok","t"]` {
		t.Errorf("keys %s", r.Text)
	}
	unknown := rest(t, sb, who, "GET", base+"/values/timeseries?keys=zz", nil).JSON["zz"].([]any)
	if len(unknown) != 1 || unknown[0].(object)["value"] != nil {
		t.Errorf("unknown key: %v", unknown)
	}
	for _, body := range []string{`{"t":null}`, `{"ts":1,"values":{"t":null}}`, `{}`, `[`} {
		if r := rest(t, sb, who, "POST", base+"/timeseries/ANY", body); r.Status != 400 || r.JSON != nil {
			t.Errorf("%s: %d %s, want 400 and a bare text", body, r.Status, r.Text)
		}
	}
	gone := strings.Replace(base, d.ID, "00000000-0000-4000-8000-000000000000", 1)
	if r := rest(t, sb, who, "POST", gone+"/timeseries/ANY", `{"t":1}`); r.Status != 404 || r.Text != "Device with requested id wasn't found!" {
		t.Errorf("unknown device: %d %s", r.Status, r.Text)
	}
}

func TestTelemetry_by_REST_is_denied_to_who_may_not_write(t *testing.T) {
	sb := start(t)
	who := token(t, sb)
	gateway(t, sb)
	d, _ := sb.Device("gateway")
	path := "/api/plugins/telemetry/DEVICE/" + d.ID + "/timeseries/ANY"
	sb.Set(func(b *sandbox.Behaviour) { b.TelemetryDenied = true })
	if r := rest(t, sb, who, "POST", path, `{"x":1}`); r.Status != 403 || r.Text != "You don't have permission to perform this operation!" {
		t.Errorf("%d %s", r.Status, r.Text)
	}
	if n := len(sb.Telemetry("gateway")); n != 0 {
		t.Errorf("%d points were stored", n)
	}
	sb.Calm()
	if r := rest(t, sb, who, "POST", path, `{"x":1}`); r.Status != 200 {
		t.Errorf("%d %s", r.Status, r.Text)
	}
}

func TestRPC_by_REST_answers_504_only_after_the_whole_time_out(t *testing.T) {
	t.Parallel()
	sb := start(t, func(o *sandbox.Options) { o.RPCFloor = 200 * time.Millisecond })
	gateway(t, sb)
	who := token(t, sb)
	d, _ := sb.Device("gateway")
	for _, kind := range []string{"oneway", "twoway"} {
		begin := time.Now()
		r := rest(t, sb, who, "POST", "/api/rpc/"+kind+"/"+d.ID, `{"method":"m","timeout":1}`)
		if took := time.Since(begin); r.Status != 504 || r.Text != "" || took < 200*time.Millisecond {
			t.Errorf("%s: %d %q after %s", kind, r.Status, r.Text, took)
		}
	}
	if r := rest(t, sb, who, "POST", "/api/plugins/rpc/twoway/"+d.ID, `{"method":"m","timeout":1}`); r.Status != 408 {
		t.Errorf("legacy: %d", r.Status)
	}
	if r := rest(t, sb, who, "POST", "/api/rpc/twoway/"+d.ID, `{}`); r.Status != 500 {
		t.Errorf("without a method: %d", r.Status)
	}
}

func TestRPC_by_REST_gives_the_answer_of_a_device(t *testing.T) {
	sb := start(t)
	c := connect(t, sb, gateway(t, sb))
	c.publish("v1/gateway/connect", `{"device":"A"}`)
	who := token(t, sb)
	d, _ := sb.Device("A")
	go func() {
		<-c.messages
		_, _ = c.tryPublish("v1/gateway/rpc", `{"device":"A","id":0,"data":{"x":[1]}}`)
	}()
	if r := rest(t, sb, who, "POST", "/api/rpc/twoway/"+d.ID, `{"method":"m"}`); r.Status != 200 || r.Text != `{"x":[1]}` {
		t.Errorf("%d %s", r.Status, r.Text)
	}
	if r := rest(t, sb, who, "POST", "/api/rpc/oneway/"+d.ID, `{"method":"m","params":5}`); r.Status != 200 || r.Text != "" {
		t.Errorf("%d %s", r.Status, r.Text)
	}
	if m := c.next(); !strings.Contains(string(m.Payload), `"params":5`) {
		t.Errorf("payload %s", m.Payload)
	}
}

func TestREST_can_be_a_web_page_a_dead_proxy_slow_or_limited(t *testing.T) {
	sb := start(t)
	who := token(t, sb)
	ask := func() reply { return rest(t, sb, who, "GET", "/api/auth/user", nil) }
	sb.Set(func(b *sandbox.Behaviour) { b.RESTHTML = true })
	if r := ask(); r.Status != 200 || !strings.HasPrefix(r.Header.Get("Content-Type"), "text/html") {
		t.Errorf("page: %d %s", r.Status, r.Text)
	}
	sb.Calm()
	sb.Set(func(b *sandbox.Behaviour) { b.RESTStatus = 502 })
	if r := ask(); r.Status != 502 || r.JSON != nil {
		t.Errorf("proxy: %d %s", r.Status, r.Text)
	}
	sb.Calm()
	sb.Set(func(b *sandbox.Behaviour) { b.RESTDelay = 100 * time.Millisecond })
	begin := time.Now()
	if r := ask(); r.Status != 200 || time.Since(begin) < 100*time.Millisecond {
		t.Errorf("slow: %d after %s", r.Status, time.Since(begin))
	}
	sb.Calm()
	sb.Set(func(b *sandbox.Behaviour) { b.RESTLimit = sandbox.Limit{{Count: 1, Per: time.Hour}} })
	ask()
	r := ask()
	refused(t, r, 429, 33, "Too many requests for current tenant!")
	if r.Header.Get("Retry-After") != "" {
		t.Error("Retry-After")
	}
	if r := rest(t, sb, "", "GET", "/", nil); r.Status != 200 || r.JSON != nil {
		t.Errorf("the console: %d %s", r.Status, r.Text)
	}
}

func TestREST_can_hang_for_new_connections_and_for_old_ones(t *testing.T) {
	t.Parallel()
	sb := start(t, func(o *sandbox.Options) { o.TLS = true })
	keep := browser(sb)
	keep.Transport.(*http.Transport).DisableKeepAlives = false
	defer keep.CloseIdleConnections()
	ask := func(c *http.Client, wait time.Duration) error {
		ctx, cancel := context.WithTimeout(t.Context(), wait)
		defer cancel()
		return visit(ctx, c, sb.URL()+"/api/noauth/userPasswordPolicy")
	}
	if err := ask(keep, patience); err != nil {
		t.Fatal(err)
	}
	sb.Set(func(b *sandbox.Behaviour) { b.RESTHang = true })
	for name, c := range map[string]*http.Client{"kept": keep, "new": browser(sb)} {
		if err := ask(c, 150*time.Millisecond); err == nil {
			t.Errorf("%s connection was answered", name)
		}
	}
	sb.Calm()
	if err := ask(browser(sb), patience); err != nil {
		t.Errorf("after the hang: %v", err)
	}
}

func TestTrap_gives_clients_nothing(t *testing.T) {
	t.Parallel()
	hole, err := sandbox.BlackHole()
	if err != nil {
		t.Skip(err)
	}
	defer hole.Close()
	impatient := net.Dialer{Timeout: 150 * time.Millisecond}
	if conn, err := impatient.DialContext(t.Context(), "tcp", hole.Addr()); err == nil {
		conn.Close()
		t.Error("the black hole let someone in")
	}
	mute, err := sandbox.Mute()
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	conn := dialTCP(t, mute.Addr())
	defer conn.Close()
	if err := conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("the mute one spoke")
	}
}
