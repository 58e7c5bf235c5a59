package thingsboard_test

import (
	"sync/atomic"
	"testing"

	"boardlink/connection"
	"boardlink/thingsboard"
	"boardlink/thingsboard/sandbox"
)

// BenchmarkSession_telemetry measures publishes over TLS on loopback, each waiting for its PUBACK, the sandbox's own work
// included.
func BenchmarkSession_telemetry(b *testing.B) {
	s, err := sandbox.Start(sandbox.Options{TLS: true, History: 10})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	s.AddAccount(sandbox.Account{Email: email, Password: password})
	w := &world{Sandbox: s, log: &logbook{}, places: map[string]string{"localhost:443": s.HTTPAddr(), "localhost:8883": s.MQTTSAddr()}}
	c, err := thingsboard.NewClient(thingsboard.Account{
		HostName: "localhost:8883", Username: email, Password: password, Protocol: connection.ProtocolSSL, CACertificate: string(s.CAPEM()),
	}, thingsboard.Options{Dial: w.dial})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	ctx := b.Context()
	if err := c.Locate(ctx); err != nil {
		b.Fatal(err)
	}
	if _, err := c.SignIn(ctx); err != nil {
		b.Fatal(err)
	}
	g, err := c.Gateway(ctx, gateway, "")
	if err != nil {
		b.Fatal(err)
	}
	session, err := c.Connect(ctx, thingsboard.MQTTEndpoint{Host: "localhost", Port: 8883, TLS: true}, g)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = session.Close(ctx) }()
	readings := entry(1719900000000, `{"temperature":22.5,"humidity":40,"battery":3.6,"rssi":-65,"snr":9.5,"sf":7}`)
	var n atomic.Int64
	b.SetParallelism(32)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		name := string(rune('A'+n.Add(1)%26)) + device
		for pb.Next() {
			if err := session.Telemetry(ctx, name, readings); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
