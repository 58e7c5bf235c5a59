package thingsboard_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"boardlink/connection"
	"boardlink/thingsboard"
	"boardlink/thingsboard/sandbox"
)

const (
	email    = "tenant@example.com"
	password = "canary-pass-Jq71"
	device   = "0018B20000000B20"
	gateway  = "Boardlink 0a1b2c3d 7"
)

// world is a sandbox at names and ports of the real world.
type world struct {
	*sandbox.Sandbox
	places map[string]string // what stands at a name and port
	log    *logbook
}

// logbook keeps what was logged.
type logbook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logbook) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// newWorld starts a sandbox with TLS that bears the names.
func newWorld(t *testing.T, names ...string) *world {
	t.Helper()
	s, err := sandbox.Start(sandbox.Options{TLS: true, Hosts: names})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	s.AddAccount(sandbox.Account{Email: email, Password: password})
	return &world{Sandbox: s, places: map[string]string{}, log: &logbook{}}
}

func (w *world) dial(ctx context.Context, network, address string) (net.Conn, error) {
	place, ok := w.places[address]
	if !ok {
		return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
	}
	var d net.Dialer
	return d.DialContext(ctx, network, place)
}

func (w *world) client(t *testing.T, hostName string, protocol connection.Protocol) *thingsboard.Client {
	t.Helper()
	c, err := thingsboard.NewClient(thingsboard.Account{
		HostName: hostName, Username: email, Password: password, Protocol: protocol, CACertificate: string(w.CAPEM()),
	}, thingsboard.Options{Dial: w.dial, Log: slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// open goes the whole way from host:port to a session, as a link does.
func (w *world) open(t *testing.T, c *thingsboard.Client) (*thingsboard.Session, thingsboard.MQTTEndpoint) {
	t.Helper()
	ctx := t.Context()
	if err := c.Locate(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := c.SignIn(ctx); err != nil {
		t.Fatal(err)
	}
	g, err := c.Gateway(ctx, gateway, "")
	if err != nil {
		t.Fatal(err)
	}
	endpoints, err := c.MQTTEndpoints(ctx, g)
	if err != nil {
		t.Fatal(err)
	}
	for _, ep := range endpoints {
		var s *thingsboard.Session
		if s, err = c.Connect(ctx, ep, g); err == nil {
			t.Cleanup(func() { _ = s.Close(context.Background()) })
			return s, ep
		}
	}
	t.Fatalf("no endpoint of %v: %v", endpoints, err)
	return nil, thingsboard.MQTTEndpoint{}
}

// self is a world at one name: REST at 443, MQTT at 8883 and 1883.
func self(t *testing.T, name string) *world {
	t.Helper()
	w := newWorld(t, name)
	w.places[name+":443"], w.places[name+":8883"], w.places[name+":1883"] = w.HTTPAddr(), w.MQTTSAddr(), w.MQTTAddr()
	w.Set(func(b *sandbox.Behaviour) { b.Announced = sandbox.Announcement{MQTTPort: 1883, MQTTSPort: 8883} })
	return w
}

func entry(ts int64, values string) []thingsboard.Entry {
	return []thingsboard.Entry{{TS: ts, Values: json.RawMessage(values)}}
}

// wantDelivered sends a reading and looks for it in the store.
func (w *world) wantDelivered(t *testing.T, s *thingsboard.Session) {
	t.Helper()
	if err := s.ConnectDevice(t.Context(), device, "LoRaWAN"); err != nil {
		t.Fatal(err)
	}
	if err := s.Telemetry(t.Context(), device, entry(1719900000000, `{"temperature":22.5}`)); err != nil {
		t.Fatal(err)
	}
	if points := w.Telemetry(device); len(points) != 1 {
		t.Errorf("stored %v", points)
	}
	if d, _ := w.Device(device); d.Profile != "LoRaWAN" || d.Through != gateway {
		t.Errorf("made %+v", d)
	}
	if s.LastSeen().IsZero() || !s.Limits().Announced {
		t.Errorf("last seen %v, limits %+v", s.LastSeen(), s.Limits())
	}
}

// The three examples that people see in the form's help text and in the original's documentation.
func TestJourney_from_host_and_port_alone(t *testing.T) {
	for _, test := range []struct {
		hostName  string
		protocol  connection.Protocol
		announced string // host of MQTT; empty: the REST host
		oldServer bool
		want      string
	}{
		{"thingsboard.cloud:443", connection.ProtocolAuto, "mqtt.thingsboard.cloud", false, "mqtts://mqtt.thingsboard.cloud:8883"},
		{"cloud.thingsboard.io:1883", connection.ProtocolAuto, "", false, "mqtts://cloud.thingsboard.io:8883"},
		{"cloud.thingsboard.io:1883", connection.ProtocolTCP, "", false, "mqtt://cloud.thingsboard.io:1883"},
		{"myhostname.com:8883", connection.ProtocolAuto, "", false, "mqtts://myhostname.com:8883"},
		{"myhostname.com:8883", connection.ProtocolSSL, "", true, "mqtts://myhostname.com:8883"},
	} {
		t.Run(fmt.Sprintf("%s %s old=%v", test.hostName, test.protocol, test.oldServer), func(t *testing.T) {
			host, _, _ := net.SplitHostPort(test.hostName)
			mqtt := test.announced
			if mqtt == "" {
				mqtt = host
			}
			w := newWorld(t, host, mqtt)
			w.places[host+":443"] = w.HTTPAddr()
			w.places[mqtt+":8883"], w.places[mqtt+":1883"] = w.MQTTSAddr(), w.MQTTAddr()
			w.Set(func(b *sandbox.Behaviour) {
				b.Announced = sandbox.Announcement{Host: test.announced, MQTTPort: 1883, MQTTSPort: 8883}
				b.NoIoTHub, b.NoConnectivity = test.oldServer, test.oldServer
			})
			s, ep := w.open(t, w.client(t, test.hostName, test.protocol))
			if ep.String() != test.want {
				t.Errorf("connected to %v, want %s", ep, test.want)
			}
			w.wantDelivered(t, s)
			if n := w.LoginAttempts(email); n != 1 {
				t.Errorf("%d sign-ins", n)
			}
		})
	}
}

func TestJourney_reads_odd_announcements(t *testing.T) {
	for _, a := range []sandbox.Announcement{{MQTTSPort: 8883, MQTTSAsText: true}, {OmitPorts: true}, {MQTTSPort: 8883, NoMQTT: true}} {
		for _, noHub := range []bool{true, false} {
			w := self(t, "tb.example.com")
			w.Set(func(b *sandbox.Behaviour) { b.Announced, b.NoIoTHub = a, noHub })
			s, _ := w.open(t, w.client(t, "tb.example.com:443", connection.ProtocolAuto))
			w.wantDelivered(t, s)
		}
	}
}

func TestJourney_of_a_command(t *testing.T) {
	w := self(t, "tb.example.com")
	s, _ := w.open(t, w.client(t, "tb.example.com:443", connection.ProtocolAuto))
	if err := s.ConnectDevice(t.Context(), device, "LoRaWAN"); err != nil {
		t.Fatal(err)
	}
	replied := make(chan error, 1)
	go func() {
		c := <-s.Commands()
		replied <- s.Reply(context.Background(), c.Device, c.ID, map[string]any{"method": c.Method, "params": c.Params})
	}()
	got, err := w.SendRPC(t.Context(), device, "downlink", map[string]any{"FPort": 2}, sandbox.RPCOptions{})
	if err != nil || string(got) != `{"method":"downlink","params":{"FPort":2}}` {
		t.Errorf("got %s, %v", got, err)
	}
	if err := <-replied; err != nil {
		t.Errorf("reply: %v", err)
	}
}

func TestJourney_hears_of_renamed_devices(t *testing.T) {
	w := self(t, "tb.example.com")
	s, _ := w.open(t, w.client(t, "tb.example.com:443", connection.ProtocolAuto))
	if err := s.ConnectDevice(t.Context(), device, "LoRaWAN"); err != nil {
		t.Fatal(err)
	}
	if err := w.Rename(device, "Cellar"); err != nil {
		t.Fatal(err)
	}
	select {
	case c := <-s.Commands():
		if c.Device != "" || c.Method != "gateway_device_renamed" || string(c.Params) != fmt.Sprintf(`{%q:"Cellar"}`, device) {
			t.Errorf("got %+v", c)
		}
	case <-time.After(5 * time.Second):
		t.Error("no word of it")
	}
}

func wantError(t *testing.T, err error, code connection.ReasonCode, kind thingsboard.Kind, ended bool) {
	t.Helper()
	if thingsboard.CodeOf(err) != code || thingsboard.KindOf(err) != kind || thingsboard.SessionEnded(err) != ended {
		t.Errorf("got %s %v ended=%v: %v; want %s %v ended=%v",
			thingsboard.CodeOf(err), thingsboard.KindOf(err), thingsboard.SessionEnded(err), err, code, kind, ended)
	}
}

func TestJourney_into_a_limit_of_devices(t *testing.T) {
	w := self(t, "tb.example.com")
	s, _ := w.open(t, w.client(t, "tb.example.com:443", connection.ProtocolAuto))
	w.wantDelivered(t, s)
	w.Set(func(b *sandbox.Behaviour) { b.DeviceLimit = 1 })
	wantError(t, s.Telemetry(t.Context(), "0018B20000000B21", entry(1, `{"a":1}`)), connection.ReasonDeviceLimit, thingsboard.Device, false)
	if err := s.Telemetry(t.Context(), device, entry(2, `{"a":1}`)); err != nil {
		t.Errorf("another device: %v", err)
	}
}

func TestJourney_into_a_rate_limit(t *testing.T) {
	w := self(t, "tb.example.com")
	s, _ := w.open(t, w.client(t, "tb.example.com:443", connection.ProtocolAuto))
	w.Set(func(b *sandbox.Behaviour) {
		b.GatewayLimits.Telemetry = sandbox.Limit{{Count: 3, Per: time.Minute}}
	})
	var err error
	sent := 0
	for err == nil && sent < 10 {
		if err = s.Telemetry(t.Context(), device, entry(int64(sent+1), `{"a":1}`)); err == nil {
			sent++
		}
	}
	wantError(t, err, connection.ReasonThrottled, thingsboard.Throttled, true)
	<-s.Done()
	wantError(t, s.Err(), connection.ReasonThrottled, thingsboard.Throttled, true)
	if stored := len(w.Telemetry(device)); stored != sent {
		t.Errorf("%d said to be taken, %d stored", sent, stored)
	}
}

func TestJourney_into_another_client_with_the_same_token(t *testing.T) {
	w := self(t, "tb.example.com")
	first, _ := w.open(t, w.client(t, "tb.example.com:443", connection.ProtocolAuto))
	w.open(t, w.client(t, "tb.example.com:443", connection.ProtocolAuto))
	select {
	case <-first.Done():
		wantError(t, first.Err(), connection.ReasonConflict, thingsboard.Conflict, true)
	case <-time.After(5 * time.Second):
		t.Error("two sessions live")
	}
}

func TestJourney_through_a_restart_of_ThingsBoard(t *testing.T) {
	w := self(t, "tb.example.com")
	c := w.client(t, "tb.example.com:443", connection.ProtocolAuto)
	s, ep := w.open(t, c)
	w.wantDelivered(t, s)
	w.Pause()
	<-s.Done()
	if !thingsboard.SessionEnded(s.Err()) {
		t.Errorf("got %v", s.Err())
	}
	g, err := c.Gateway(t.Context(), gateway, "")
	wantError(t, err, connection.ReasonTCPRefused, thingsboard.Transient, false)
	_, err = c.Connect(t.Context(), ep, g)
	wantError(t, err, connection.ReasonTCPRefused, thingsboard.Transient, false)
	if err := w.Resume(); err != nil {
		t.Fatal(err)
	}
	s, _ = w.open(t, c)
	if err := s.Telemetry(t.Context(), device, entry(2, `{"a":1}`)); err != nil {
		t.Error(err)
	}
}

func TestJourney_of_many_devices_at_once(t *testing.T) {
	w := self(t, "tb.example.com")
	w.Set(func(b *sandbox.Behaviour) { b.PubackReorder = 5 })
	s, _ := w.open(t, w.client(t, "tb.example.com:443", connection.ProtocolAuto))
	var all sync.WaitGroup
	for d := range 40 {
		all.Go(func() {
			name := fmt.Sprintf("0018B200000000%02X", d)
			for ts := range int64(10) {
				if err := s.Telemetry(t.Context(), name, entry(ts+1, `{"a":1}`)); err != nil {
					t.Error(err)
					return
				}
			}
			if n := len(w.Telemetry(name)); n != 10 {
				t.Errorf("%s: %d readings stored", name, n)
			}
		})
	}
	all.Wait()
}

func TestJourney_with_an_account_that_will_not_do(t *testing.T) {
	for _, test := range []struct {
		account sandbox.Account
		code    connection.ReasonCode
	}{
		{sandbox.Account{Password: "another"}, connection.ReasonAuthRefused},
		{sandbox.Account{Password: password, TwoFactor: true}, connection.ReasonAuth2FA},
		{sandbox.Account{Password: password, TwoFactorMissing: true}, connection.ReasonAuth2FA},
		{sandbox.Account{Password: password, Disabled: true}, connection.ReasonAuthDisabled},
		{sandbox.Account{Password: password, PasswordExpired: true}, connection.ReasonAuthExpired},
		{sandbox.Account{Password: password, Authority: sandbox.SysAdmin}, connection.ReasonAuthSysAdmin},
	} {
		w := self(t, "tb.example.com")
		test.account.Email = email
		w.AddAccount(test.account)
		c := w.client(t, "tb.example.com:443", connection.ProtocolAuto)
		if err := c.Locate(t.Context()); err != nil {
			t.Fatal(err)
		}
		_, err := c.SignIn(t.Context())
		wantError(t, err, test.code, thingsboard.Auth, false)
		if n := w.LoginAttempts(email); n != 1 {
			t.Errorf("%s: %d sign-ins", test.code, n)
		}
	}
}

func TestJourney_of_a_customer_user(t *testing.T) {
	w := self(t, "tb.example.com")
	w.AddAccount(sandbox.Account{Email: email, Password: password, Authority: sandbox.CustomerUser})
	c := w.client(t, "tb.example.com:443", connection.ProtocolAuto)
	if err := c.Locate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.SignIn(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err := c.Gateway(t.Context(), gateway, "")
	wantError(t, err, connection.ReasonNoGateway, thingsboard.Config, false)
	if _, err := w.AddDevice("their gateway", "default", true); err != nil {
		t.Fatal(err)
	}
	if err := w.Assign("their gateway"); err != nil {
		t.Fatal(err)
	}
	s, _ := w.open(t, c)
	if err := s.Telemetry(t.Context(), device, entry(1, `{"a":1}`)); err != nil {
		t.Error(err)
	}
}

func TestJourney_leaves_no_secret_behind(t *testing.T) {
	w := self(t, "tb.example.com")
	c := w.client(t, "tb.example.com:443", connection.ProtocolAuto)
	var said []error
	s, ep := w.open(t, c)
	g, err := c.Gateway(t.Context(), gateway, "")
	said = append(said, err)
	w.Set(func(b *sandbox.Behaviour) { b.ConnectCode = 0x86 })
	_, err = c.Connect(t.Context(), ep, g)
	said = append(said, err)
	w.Calm()
	w.CloseSessions(0x98)
	<-s.Done()
	said = append(said, s.Err(), s.Telemetry(t.Context(), device, entry(1, `{"a":1}`)))
	w.SetPassword(email, "changed")
	_, err = c.Gateway(t.Context(), gateway, "")
	said = append(said, err)
	w.Pause()
	_, err = c.SignIn(t.Context())
	said = append(said, err, c.Locate(t.Context()))

	token := g.Username.Reveal()
	if token == "" {
		t.Fatal("no token to look for")
	}
	text := w.log.String() + fmt.Sprintf("%v %+v %#v", g, g, g)
	for _, err := range said {
		text += fmt.Sprintf("\n%v %+v %#v", err, err, err)
		for ; err != nil; err = errors.Unwrap(err) {
			text += fmt.Sprintf("\n%v %#v", err, err)
		}
	}
	for _, canary := range []string{password, token, "eyJ"} {
		if i := strings.Index(text, canary); i >= 0 {
			t.Errorf("%q stands in %q", canary, text[max(0, i-200):min(len(text), i+100)])
		}
	}
}
