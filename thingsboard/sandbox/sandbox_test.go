package sandbox_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"boardlink/thingsboard/sandbox"
)

func TestPause_resets_everything_and_Resume_brings_it_back_on_the_same_ports(t *testing.T) {
	sb := start(t, func(o *sandbox.Options) { o.TLS, o.PlainHTTP = true, true })
	access := gateway(t, sb)
	c := connect(t, sb, access)
	c.publish("v1/gateway/telemetry", one)
	who := token(t, sb)
	addrs := []string{sb.HTTPAddr(), sb.PlainHTTPAddr(), sb.MQTTAddr(), sb.MQTTSAddr()}

	sb.Pause()
	sb.Pause() // twice is once
	if code := c.bye(); code != 0 {
		t.Errorf("session ended with DISCONNECT %#x", code)
	}
	for _, addr := range addrs {
		var d net.Dialer
		if conn, err := d.DialContext(soon(t), "tcp", addr); err == nil {
			conn.Close()
			t.Errorf("%s is still open", addr)
		}
	}
	if sb.Running() || len(sb.Sessions()) != 0 || len(sb.Telemetry("A")) != 1 {
		t.Error("sessions are left, or data is gone")
	}

	for range 2 {
		if err := sb.Resume(); err != nil {
			t.Fatal(err)
		}
	}
	if now := []string{sb.HTTPAddr(), sb.PlainHTTPAddr(), sb.MQTTAddr(), sb.MQTTSAddr()}; !slices.Equal(now, addrs) {
		t.Errorf("addresses %v, before %v", now, addrs)
	}
	if r := rest(t, sb, who, "GET", "/api/auth/user", nil); r.Status != 200 {
		t.Errorf("token from before: %d %s", r.Status, r.Text)
	}
	if code := connect(t, sb, access).publish("v1/gateway/telemetry", one); code != 0 || sb.Times("A", 1) != 2 {
		t.Errorf("code %#x, %d times", code, sb.Times("A", 1))
	}
}

func TestClose_ends_requests_and_sessions_under_way(t *testing.T) {
	sb := start(t)
	access := gateway(t, sb)
	c := connect(t, sb, access)
	sb.Set(func(b *sandbox.Behaviour) { b.PubackDelay, b.StoreDelay = time.Hour, time.Hour })
	go func() { _, _ = c.tryPublish("v1/gateway/telemetry", one) }()
	await(t, sb, func() bool { return len(sb.Publishes()) == 1 })
	sb.Set(func(b *sandbox.Behaviour) { b.RESTDelay = time.Hour })
	asked := make(chan error, 1)
	go func() {
		asked <- visit(t.Context(), browser(sb), sb.URL())
	}()
	select {
	case err := <-asked:
		t.Fatalf("answered: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	sb.Close()
	sb.Close()
	if err := <-asked; err == nil {
		t.Error("the request was answered")
	}
	c.bye()
	if err := sb.Resume(); err == nil {
		t.Error("a closed sandbox came back")
	}
}

func TestNumbers_in_texts_are_stored_as_numbers(t *testing.T) {
	sb := start(t)
	c := connect(t, sb, gateway(t, sb))
	c.publish("v1/gateway/telemetry", `{"A":[{"ts":5,"values":{"eui":"0012","o":{"eui":"0012"},"n":null}},{"ts":6,"k":2}]}`)
	points := sb.Telemetry("A")
	if len(points) != 2 || string(points[0].Values["eui"]) != "12" || string(points[0].Values["o"]) != `{"eui":"0012"}` {
		t.Fatalf("points %+v", points)
	}
	if _, stored := points[0].Values["n"]; stored {
		t.Error("null was stored")
	}
	if string(points[1].Values["ts"]) != "6" || points[1].TS == 6 { // "ts" without "values" is a key like any other
		t.Errorf("point %+v", points[1])
	}
}

func TestFeed_and_snapshot_tell_what_came(t *testing.T) {
	var mu sync.Mutex
	var told []int64
	sb := start(t, func(o *sandbox.Options) {
		o.OnTelemetry = func(device string, p sandbox.Point) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, p.TS)
		}
	})
	c := connect(t, sb, gateway(t, sb))
	for _, ts := range []int{3, 1, 2, 2} {
		c.publish("v1/gateway/telemetry", telemetryOf("A", ts))
	}
	mu.Lock()
	defer mu.Unlock()
	if !slices.Equal(told, []int64{3, 1, 2, 2}) {
		t.Errorf("told %v", told)
	}
	raw, err := json.Marshal(sb.Snapshot())
	if err != nil {
		t.Fatal(err)
	}
	var snap struct {
		Running  bool
		Received int
		Repeated int
		Devices  []sandbox.Device
		Sessions []sandbox.Session
	}
	if err := json.Unmarshal(raw, &snap); err != nil {
		t.Fatal(err)
	}
	a := snap.Devices[slices.IndexFunc(snap.Devices, func(d sandbox.Device) bool { return d.Name == "A" })]
	if !snap.Running || snap.Received != 4 || snap.Repeated != 1 || a.Latest["x"].TS != 3 || a.LastSeen == nil || a.Received != 4 {
		t.Errorf("snapshot %s", raw)
	}
	if len(snap.Sessions) != 1 || !slices.Equal(snap.Sessions[0].SubDevices, []string{"A"}) {
		t.Errorf("sessions %+v", snap.Sessions)
	}
	if latest := sb.Latest("A"); latest["x"].TS != 3 {
		t.Errorf("latest %+v", latest)
	}
}

func TestHistory_is_bounded(t *testing.T) {
	sb := start(t, func(o *sandbox.Options) { o.History = 4 })
	c := connect(t, sb, gateway(t, sb))
	for ts := 1; ts <= 20; ts++ {
		c.publish("v1/gateway/telemetry", telemetryOf("A", ts))
	}
	points := sb.Telemetry("A")
	if n := len(points); n < 4 || n > 6 || points[n-1].TS != 20 || sb.Times("A", 1) != 0 {
		t.Errorf("%d points, timestamp 1 %d times", len(points), sb.Times("A", 1))
	}
}

func TestMQTT_over_TLS_bears_the_names_asked_for(t *testing.T) {
	sb := start(t, func(o *sandbox.Options) {
		o.TLS, o.NoPlainMQTT, o.Hosts = true, true, []string{"things.example", "192.0.2.1"}
	})
	access := gateway(t, sb)
	if sb.MQTTAddr() != "" {
		t.Error("plain MQTT is open")
	}
	for _, name := range []string{"localhost", "things.example", "192.0.2.1", "127.0.0.1"} {
		conn := dialTLS(t, sb, name)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		if err := conn.HandshakeContext(ctx); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		cancel()
		conn.Close()
	}
	c := newClient(t, dialTLS(t, sb, "localhost"))
	connectClient(t, c, access)
	if s := sb.Sessions(); len(s) != 1 || !s[0].TLS {
		t.Errorf("sessions %+v", s)
	}
}

func TestTLS_can_be_wrong_in_the_ways_of_the_field(t *testing.T) {
	sb := start(t, func(o *sandbox.Options) { o.TLS = true })
	shake := func(addr string) error {
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(sb.CAPEM())
		dialer := tls.Dialer{Config: &tls.Config{RootCAs: roots}}
		conn, err := dialer.DialContext(t.Context(), "tcp", addr)
		if err == nil {
			_ = conn.Close()
		}
		return err
	}
	is := func(target any) func(error) bool { return func(err error) bool { return errors.As(err, target) } }
	for fault, right := range map[sandbox.TLSFault]func(error) bool{
		sandbox.TLSSound:     func(err error) bool { return err == nil },
		sandbox.TLSStranger:  is(new(x509.UnknownAuthorityError)),
		sandbox.TLSOtherName: is(new(x509.HostnameError)),
		sandbox.TLSExpired: func(err error) bool {
			var invalid x509.CertificateInvalidError
			return errors.As(err, &invalid) && invalid.Reason == x509.Expired
		},
		sandbox.TLSOld: func(err error) bool { return err != nil && strings.Contains(err.Error(), "protocol version") },
	} {
		sb.Set(func(b *sandbox.Behaviour) { b.RESTTLS, b.MQTTTLS = fault, sandbox.TLSSound })
		if err := shake(sb.HTTPAddr()); !right(err) {
			t.Errorf("REST with fault %d: %v", fault, err)
		}
		if err := shake(sb.MQTTSAddr()); err != nil {
			t.Errorf("MQTT while only REST is wrong: %v", err)
		}
		sb.Set(func(b *sandbox.Behaviour) { b.RESTTLS, b.MQTTTLS = sandbox.TLSSound, fault })
		if err := shake(sb.MQTTSAddr()); !right(err) {
			t.Errorf("MQTT with fault %d: %v", fault, err)
		}
	}
}
