package faults_test

import (
	"encoding/json"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"boardlink/connection"
	"boardlink/faults"
	"boardlink/thingsboard"
	"boardlink/thingsboard/sandbox"
)

func TestMatrix_of_how_CONNECT_is_refused(t *testing.T) {
	t.Parallel()
	const (
		quick   = 2 * time.Second
		slow    = 5 * time.Second
		refused = 15 * time.Second
	)
	for code, want := range map[byte]struct {
		code connection.ReasonCode
		wait time.Duration // quick: at most; the others: exactly
	}{
		0x80: {connection.ReasonServerError, quick},
		0x84: {connection.ReasonProtocol, quick},
		0x85: {connection.ReasonMQTTRefused, refused},
		0x86: {connection.ReasonMQTTRefused, refused},
		0x87: {connection.ReasonMQTTRefused, refused},
		0x88: {connection.ReasonServerError, quick},
		0x89: {connection.ReasonServerError, quick},
		0x8A: {connection.ReasonMQTTRefused, refused},
		0x97: {connection.ReasonThrottled, slow},
		0x9C: {connection.ReasonServerError, quick},
		0x9F: {connection.ReasonThrottled, slow},
	} {
		t.Run(fmt.Sprintf("0x%02X", code), func(t *testing.T) {
			t.Parallel()
			w := faults.New(t, faults.Options{Devices: 2})
			tb, l := w.TB(), w.Links[0]
			tb.Set(func(b *sandbox.Behaviour) { b.ConnectCode = code })
			w.Start()
			w.Backlog(2)
			s := closed(t, w, l, want.code, patience)
			if want.wait == quick {
				if wait := time.Until(s.NextAttemptAt); wait > quick {
					t.Errorf("the next try comes in %v", wait)
				}
			} else if wait := s.NextAttemptAt.Sub(tb.Connects()[0].At); wait < want.wait || wait > 2*want.wait {
				t.Errorf("the next try comes after %v, want %v", wait, want.wait)
			}
			if want.wait != quick && len(tb.Connects()) != 1 {
				t.Errorf("%d tries", len(tb.Connects()))
			}
			tb.Calm()
			retry(t, l)
			l.Reaches(connection.Opened, patience) // else Finish asks for a second try, which ends this one after its sign-in
			v := w.Finish(patience)
			if v.Figures.Arrived != 4 || v.Figures.Repeats != 0 {
				t.Error(v)
			}
			// The refused credentials are the gateway's. The account's are presented once for each try, and not blamed.
			if n := tb.LoginAttempts(faults.Account); n != len(tb.Connects()) {
				t.Errorf("%d sign-ins for %d tries", n, len(tb.Connects()))
			}
			for _, s := range l.Shown() {
				if s.State == connection.AuthenticationFailed {
					t.Errorf("the account was blamed: %s", s.Reason)
				}
			}
		})
	}
}

func TestSession_that_another_client_takes_over_is_left_to_it_for_half_a_minute(t *testing.T) {
	t.Parallel()
	w := faults.New(t, faults.Options{Devices: 3})
	tb, l := w.TB(), w.Links[0]
	w.Start()
	w.Backlog(2)
	w.Until("the first arrivals", patience, func() bool { return w.Arrived() == 6 })
	token, err := tb.AccessToken(gateways(tb)[0])
	if err != nil {
		t.Fatal(err)
	}
	host, port, err := net.SplitHostPort(tb.MQTTSAddr())
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	other, err := thingsboard.NewClient(thingsboard.Account{HostName: tb.HTTPAddr(), CACertificate: string(tb.CAPEM())},
		thingsboard.Options{Dial: (&net.Dialer{}).DialContext})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	session, err := other.Connect(t.Context(), thingsboard.MQTTEndpoint{Host: host, Port: number, TLS: true},
		thingsboard.Gateway{Username: connection.Secret(token)})
	if err != nil {
		t.Fatal(err)
	}
	s := closed(t, w, l, connection.ReasonConflict, patience)
	w.Backlog(2)
	wantWait(t, s, 30*time.Second, 31*time.Second)
	w.Until("a quick try to show", 5*time.Second, func() bool { return time.Since(s.Since) > 1500*time.Millisecond })
	if n := len(tb.Connects()); n != 2 {
		t.Errorf("%d sessions", n)
	}
	select {
	case <-session.Done():
		t.Errorf("the other client lost its session: %v", session.Err())
	default:
	}
	if s := l.Status(); s.Backlog != 6 || len(w.Parked(l.ID)) != 0 {
		t.Errorf("%d wait, %d are parked", s.Backlog, len(w.Parked(l.ID)))
	}
	if err := session.Close(t.Context()); err != nil {
		t.Error(err)
	}
	w.Finish(patience)
	if n, sessions := tb.LoginAttempts(faults.Account), len(tb.Connects()); n != 2 || sessions != 3 {
		t.Errorf("%d sign-ins, %d sessions", n, sessions)
	}
}

// A server that acknowledges a publish by the first of its devices says nothing of the others, so that no publish may
// name two.
func TestPublishes_name_one_device_each_so_that_each_PUBACK_is_its_own(t *testing.T) {
	t.Parallel()
	w := faults.New(t, faults.Options{Devices: 20, Sandbox: sandbox.Options{LogSize: 10_000}})
	tb, l := w.TB(), w.Links[0]
	refuse := once(sandbox.Verdict{Code: 0x99})
	var tries atomic.Int64
	tb.Set(func(b *sandbox.Behaviour) {
		b.AckFirst = true
		b.Judge = func(p sandbox.Publish) sandbox.Verdict {
			if holds(p, l.Devices[3], 2) {
				return refuse(int(tries.Add(1)))
			}
			return sandbox.Verdict{}
		}
	})
	w.Backlog(5)
	w.Start()
	w.Settle(patience)
	w.Finish(patience)
	if len(l.Waits(3)) != 1 {
		t.Errorf("the refused one waited %v", l.Waits(3))
	}
	kinds := map[string]int{}
	for _, p := range tb.Publishes() {
		var body map[string]json.RawMessage
		if err := json.Unmarshal(p.Payload, &body); err != nil {
			t.Fatal(err)
		}
		kinds[p.Topic]++
		switch p.Topic {
		case "v1/gateway/telemetry", "v1/gateway/attributes":
			if len(body) != 1 {
				t.Errorf("a publish names %d devices: %s", len(body), p.Payload)
			}
		}
	}
	// A device is connected before its first uplink, and perhaps at the same time because it was seen lately.
	if n := kinds["v1/gateway/connect"]; kinds["v1/gateway/telemetry"] != 20*5+1 || kinds["v1/gateway/attributes"] == 0 || n < 20 || n > 40 {
		t.Errorf("publishes %v", kinds)
	}
	t.Logf("publishes %v", kinds)
}

func TestServer_that_does_not_tell_its_limits_is_asked_once_and_served_without(t *testing.T) {
	t.Parallel()
	w := faults.New(t, faults.Options{Devices: 4})
	w.TB().Set(func(b *sandbox.Behaviour) { b.NoSessionLimits = true })
	w.Backlog(5)
	w.Start()
	w.Links[0].Reaches(connection.Opened, patience)
	v := w.Finish(patience)
	if v.Figures.Arrived != 20 || v.Figures.Disconnects != 0 {
		t.Error(v)
	}
	asked := 0
	for _, p := range w.TB().Publishes() {
		if p.Topic == "v1/devices/me/rpc/request/1" {
			asked++
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
}

// A limit that is announced is kept to. One that is lowered while the session is open is found by one refusal, and the
// next session asks anew.
func TestLimits_are_kept_and_asked_for_anew_by_each_session(t *testing.T) {
	t.Parallel()
	limit := func(n int, per time.Duration) func(*sandbox.Behaviour) {
		return func(b *sandbox.Behaviour) {
			b.GatewayLimits = sandbox.Limits{Telemetry: sandbox.Limit{{Count: n, Per: per}}}
		}
	}
	w := faults.New(t, faults.Options{Devices: 10})
	tb, l := w.TB(), w.Links[0]
	tb.Set(limit(20, time.Second))
	w.Start()
	l.Reaches(connection.Opened, patience)
	w.Backlog(3)
	w.Until("what was posted to arrive", patience, func() bool { return w.Arrived() == 30 })
	if n := len(tb.Connects()); n != 1 {
		t.Errorf("%d sessions while the limit was as announced", n)
	}
	tb.Set(limit(1, time.Minute))
	w.Backlog(1)
	s := closed(t, w, l, connection.ReasonThrottled, patience)
	wantWait(t, s, 5*time.Second, 7500*time.Millisecond)
	tb.Set(limit(10, time.Second)) // what the next session is told
	w.Until("the rest to arrive", patience, func() bool { return w.Arrived() == 40 })
	if n := len(tb.Connects()); n != 2 {
		t.Errorf("%d sessions after the limit was lowered", n)
	}
	if s := l.Status(); s.State != connection.Opened || s.ReasonCode != connection.ReasonThrottled {
		t.Errorf("the link is %s (%s)", s.State, s.ReasonCode)
	}
	w.Settle(patience)
	w.Check()
}

func downlinks(_ int, c *connection.Connection) {
	c.Configuration.DownlinkURL = "https://park.example.com/thingpark/lrc/rest/downlink"
	c.Configuration.DownlinkAsID, c.Configuration.DownlinkAsKey = "TWA_1.1.AS", "00112233445566778899aabbccddeeff"
}

// command sends a command to a device, and reports how it was answered.
func command(t *testing.T, w *faults.World, device string, n int) error {
	t.Helper()
	answer, err := w.TB().SendRPC(t.Context(), device, "downlink", map[string]any{"FPort": 2, "payload_hex": fmt.Sprintf("%04x", n)},
		sandbox.RPCOptions{Timeout: 30 * time.Second})
	if err != nil {
		return err
	}
	var said struct{ Status string }
	if json.Unmarshal(answer, &said) != nil || said.Status != "queued" {
		return fmt.Errorf("answered %s", answer)
	}
	return nil
}

// A device that is silent keeps its commands: while others of the gateway speak, after the session was lost, and after
// Boardlink was down.
func TestCommands_reach_a_silent_device_over_expiry_and_reconnects(t *testing.T) {
	t.Parallel()
	const life = 1500 * time.Millisecond // of a sub-device without traffic; 600 s at ThingsBoard
	w := faults.New(t, faults.Options{Devices: 2, Configure: downlinks,
		Sandbox: sandbox.Options{SubDeviceInactivity: life, ScanInterval: 50 * time.Millisecond}})
	tb, l := w.TB(), w.Links[0]
	silent := l.Devices[1]
	w.Start()
	l.Put(1)
	w.Until("the device", patience, func() bool { return w.Arrived() == 1 })
	var others sync.WaitGroup
	quiet := make(chan struct{})
	stop := sync.OnceFunc(func() { close(quiet); others.Wait() })
	defer stop()
	others.Go(func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			l.Put(0)
			select {
			case <-tick.C:
			case <-quiet:
				return
			}
		}
	})
	spoke := time.Now()
	w.Until("its time to be over", patience, func() bool { return time.Since(spoke) > 3*life/2 })
	if err := command(t, w, silent, 1); err != nil {
		t.Errorf("to a device that others of its gateway keep alive: %v", err)
	}

	// Without overwriteActivityTime ThingsBoard forgets it, until it speaks.
	gateway := gateways(tb)[0]
	if err := tb.SetInfo(gateway, "overwriteActivityTime", false); err != nil {
		t.Fatal(err)
	}
	w.Until("it to be forgotten", patience, func() bool { d, _ := tb.Device(silent); return !d.Connected })
	l.Put(1)
	w.Until("it to speak", patience, func() bool { return len(arrivals(tb, silent)) == 2 })
	if err := command(t, w, silent, 2); err != nil {
		t.Errorf("to a device that has just spoken: %v", err)
	}

	// The next session sets the mark again, and connects the device without waiting for an uplink.
	for i, lose := range []func(){func() { w.Restart() }, func() { tb.CutSessions() }, func() { restart(t, w) }} {
		sessions := len(tb.Connects())
		lose()
		w.Until("another session", patience, func() bool { return len(tb.Connects()) > sessions })
		w.Until("the silent device to be connected", patience, func() bool { d, _ := tb.Device(silent); return d.Connected })
		if err := command(t, w, silent, 3+i); err != nil {
			t.Errorf("after loss %d: %v", i, err)
		}
	}
	if d, _ := tb.Device(gateway); !d.Overwrites {
		t.Error("the gateway lost overwriteActivityTime")
	}
	if n := len(w.Park.Sent()); n != 5 {
		t.Errorf("%d downlinks", n)
	}
	stop()
	w.Finish(patience)
}

// ThingsBoard numbers what it sends with QoS 1 without bound, and the number 0 after 65,535 of them is an error that ends
// the session; here after seven. What it sends with QoS 0 has no number.
func TestCommands_beyond_the_last_packet_id_do_not_end_the_session(t *testing.T) {
	t.Parallel()
	const ids, sent = 8, 20
	w := faults.New(t, faults.Options{Devices: 2, Configure: downlinks, Sandbox: sandbox.Options{PacketIDs: ids}})
	tb, l := w.TB(), w.Links[0]
	w.Start()
	w.Backlog(1)
	w.Until("the devices", patience, func() bool { return w.Arrived() == 2 })
	for n := range sent {
		if err := command(t, w, l.Devices[n%2], n); err != nil {
			t.Fatalf("command %d: %v", n, err)
		}
	}
	w.Backlog(1)
	w.Until("uplinks to go on", patience, func() bool { return w.Arrived() == 4 })
	if n := len(w.Park.Sent()); n != sent || len(tb.Connects()) != 1 {
		t.Errorf("%d downlinks, %d sessions", n, len(tb.Connects()))
	}
	w.Finish(patience)
}
