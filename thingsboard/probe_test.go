package thingsboard_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"boardlink/connection"
	"boardlink/netguard"
	"boardlink/thingsboard"
	"boardlink/thingsboard/sandbox"
)

// trial is a probe of a test's and what it told.
type trial struct {
	account thingsboard.Account
	options thingsboard.Options
	thingsboard.Trial

	mu    sync.Mutex
	steps []connection.StepResult
}

func (w *world) trial(hostName string) *trial {
	t := &trial{
		account: thingsboard.Account{HostName: hostName, Username: email, Password: password, CACertificate: string(w.CAPEM())},
		options: thingsboard.Options{Dial: w.dial, Log: slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))},
		Trial:   thingsboard.Trial{GatewayName: gateway},
	}
	t.Tell = func(r connection.StepResult) {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.steps = append(t.steps, r)
	}
	return t
}

// run probes, and checks what holds for every probe: each step once, in order, and nothing after one that did not succeed.
func (tr *trial) run(t *testing.T) map[connection.TrialStep]connection.StepResult {
	t.Helper()
	if err := thingsboard.Probe(t.Context(), tr.account, tr.options, tr.Trial); err != nil {
		t.Fatal(err)
	}
	return tr.check(t)
}

func (tr *trial) check(t *testing.T) map[connection.TrialStep]connection.StepResult {
	t.Helper()
	tr.mu.Lock()
	defer tr.mu.Unlock()
	var order []connection.TrialStep
	told := map[connection.TrialStep]connection.StepResult{}
	stopped := false
	for _, r := range tr.steps {
		t.Logf("%-12s %-8s %6.1f ms  %s %s %s", r.Step, r.Outcome, float64(r.Took.Microseconds())/1000, r.Detail, r.ReasonCode, r.Reason)
		order = append(order, r.Step)
		told[r.Step] = r
		if failed := r.Outcome == connection.OutcomeFailed; failed != (r.Outcome != connection.OutcomeSkipped && r.ReasonCode != "") || failed && r.Reason == "" {
			t.Errorf("%s is %s with the reason %q: %q", r.Step, r.Outcome, r.ReasonCode, r.Reason)
		}
		if stopped && r.Outcome != connection.OutcomeSkipped {
			t.Errorf("%s was tried after a step that did not succeed", r.Step)
		}
		stopped = stopped || r.Outcome == connection.OutcomeFailed || r.Outcome == connection.OutcomeSkipped
		if r.Took < 0 || r.Took > time.Minute {
			t.Errorf("%s took %v", r.Step, r.Took)
		}
	}
	if !slices.Equal(order, connection.TrialSteps) {
		t.Errorf("the steps came as %v", order)
	}
	return told
}

// wantFailed checks which step failed, and why.
func wantFailed(t *testing.T, told map[connection.TrialStep]connection.StepResult, step connection.TrialStep, code connection.ReasonCode) {
	t.Helper()
	if r := told[step]; r.Outcome != connection.OutcomeFailed || r.ReasonCode != code || r.Hint != code.Text().Hint {
		t.Errorf("%s is %+v, want it failed with %s", step, r, code)
	}
}

func TestProbe_of_a_ThingsBoard_that_is_well(t *testing.T) {
	w := self(t, "tb.example.com")
	before := w.Devices()
	told := w.trial("tb.example.com:443").run(t)
	for _, step := range connection.TrialSteps {
		if told[step].Outcome != connection.OutcomeOK {
			t.Errorf("%s is %+v", step, told[step])
		}
	}
	c := told[connection.TrialTLS].Certificate
	if c == nil || !slices.Contains(c.Names, "tb.example.com") || c.Issuer != "Sandbox throw-away authority" || c.NotAfter.Before(time.Now()) {
		t.Errorf("certificate %+v", c)
	}
	if d := told[connection.TrialGateway].Detail; !strings.Contains(d, "'"+gateway+"' will be created") {
		t.Errorf("gateway: %s", d)
	}
	if d := told[connection.TrialMQTT].Detail; !strings.Contains(d, "mqtts://tb.example.com:") {
		t.Errorf("MQTT: %s", d)
	}
	if after := w.Devices(); !reflect.DeepEqual(before, after) {
		t.Errorf("devices were %v and are %v", before, after)
	}
	if n := len(w.Connects()); n != 0 {
		t.Errorf("%d CONNECTs", n)
	}
	for _, r := range w.Requests() {
		if r.Method != http.MethodGet && !strings.HasPrefix(r.Path, "/api/auth/") {
			t.Errorf("asked %s %s", r.Method, r.Path)
		}
	}
	if last := w.Requests()[len(w.Requests())-1]; !strings.HasPrefix(last.Path, "/api/auth/logout") {
		t.Errorf("it did not sign out: the last request is %s", last.Path)
	}
}

func TestProbe_leaves_the_link_and_its_gateway_as_they_are(t *testing.T) {
	w := self(t, "tb.example.com")
	c := w.client(t, "tb.example.com:443", connection.ProtocolAuto)
	s, _ := w.open(t, c)
	if err := w.SetInfo(gateway, "overwriteActivityTime", false); err != nil { // a link would set it again
		t.Fatal(err)
	}
	sessions, devices, connects := w.Sessions(), w.Devices(), len(w.Connects())
	for _, id := range []string{devices[0].ID, "", "99999999-0000-4000-8000-000000000001"} {
		tr := w.trial("tb.example.com:443")
		tr.GatewayID = id
		told := tr.run(t)
		if r := told[connection.TrialGateway]; r.Outcome != connection.OutcomeOK || !strings.Contains(r.Detail, "'"+gateway+"' was found") {
			t.Errorf("with the id %q: %+v", id, r)
		}
		if r := told[connection.TrialMQTT]; r.Outcome != connection.OutcomeOK {
			t.Errorf("MQTT: %+v", r)
		}
	}
	if !reflect.DeepEqual(sessions, w.Sessions()) || !reflect.DeepEqual(devices, w.Devices()) || len(w.Connects()) != connects {
		t.Errorf("sessions %v, devices %v, %d CONNECTs; before %v, %v, %d", w.Sessions(), w.Devices(), len(w.Connects()), sessions, devices, connects)
	}
	if err := s.Telemetry(t.Context(), device, []thingsboard.Entry{{TS: 1, Values: json.RawMessage(`{"t":1}`)}}); err != nil {
		t.Errorf("the link's session: %v", err)
	}
	if _, _, err := c.FindDevice(t.Context(), device); err != nil {
		t.Errorf("the link's token: %v", err)
	}
}

func TestProbe_survives_a_gateway_that_was_renamed_and_tells_one_that_is_no_gateway(t *testing.T) {
	w := self(t, "tb.example.com")
	if _, err := w.AddDevice("Somebody's", "default", true); err != nil {
		t.Fatal(err)
	}
	if _, err := w.AddDevice(gateway, "default", false); err != nil {
		t.Fatal(err)
	}
	renamed, _ := w.Device("Somebody's")
	tr := w.trial("tb.example.com:443")
	tr.GatewayID = renamed.ID
	if r := tr.run(t)[connection.TrialGateway]; !strings.Contains(r.Detail, "'Somebody's' was found") {
		t.Errorf("by its id: %+v", r)
	}
	if r := w.trial("tb.example.com:443").run(t)[connection.TrialGateway]; !strings.Contains(r.Detail, "will be marked as a gateway") {
		t.Errorf("not marked: %+v", r)
	}
	if d, _ := w.Device(gateway); d.Gateway {
		t.Error("the device was marked")
	}
}

func TestProbe_without_a_link_knows_no_name_for_its_gateway(t *testing.T) {
	w := self(t, "tb.example.com")
	tr := w.trial("tb.example.com:443")
	tr.GatewayName = ""
	if r := tr.run(t)[connection.TrialGateway]; r.Outcome != connection.OutcomeOK || r.Detail != "A gateway device will be created." {
		t.Errorf("%+v", r)
	}
}

func TestProbe_finds_the_announced_port_where_no_gateway_is_there_yet(t *testing.T) {
	for name, older := range map[string]func(*sandbox.Behaviour){
		"4.4": func(*sandbox.Behaviour) {},
		"4.0": func(b *sandbox.Behaviour) { b.NoIoTHub = true },
		"3.5": func(b *sandbox.Behaviour) { b.NoConnectivity = true },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "tb.example.com")
			w.places["tb.example.com:443"], w.places["tb.example.com:8883"], w.places["tb.example.com:9883"] = w.HTTPAddr(), w.MQTTSAddr(), w.MQTTSAddr()
			if _, err := w.AddDevice("a device", "default", false); err != nil {
				t.Fatal(err)
			}
			w.Set(func(b *sandbox.Behaviour) { b.Announced.MQTTSPort = 9883; older(b) })
			want := "mqtts://tb.example.com:9883 "
			if name == "3.5" {
				want = "mqtts://tb.example.com:8883 "
			}
			if r := w.trial("tb.example.com:443").run(t)[connection.TrialMQTT]; r.Outcome != connection.OutcomeOK || !strings.Contains(r.Detail, want) {
				t.Errorf("%+v", r)
			}
		})
	}
}

func TestProbe_at_an_MQTT_port_looks_where_a_link_looks(t *testing.T) {
	w := self(t, "tb.example.com")
	told := w.trial("tb.example.com:8883").run(t)
	if r := told[connection.TrialAddress]; !strings.Contains(r.Detail, "Port 8883 is an MQTT port") || !strings.Contains(r.Detail, "tb.example.com:443") {
		t.Errorf("address: %+v", r)
	}
	if r := told[connection.TrialThingsBoard]; r.Detail != "ThingsBoard answers at https://tb.example.com:443." {
		t.Errorf("found: %+v", r)
	}
	if r := told[connection.TrialMQTT]; r.Outcome != connection.OutcomeOK || !strings.Contains(r.Detail, "mqtts://tb.example.com:8883") {
		t.Errorf("MQTT: %+v", r)
	}
}

func TestProbe_in_clear_is_warned_of(t *testing.T) {
	s, err := sandbox.Start(sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	s.AddAccount(sandbox.Account{Email: email, Password: password})
	w := &world{Sandbox: s, places: map[string]string{"tb.example.com:8080": s.HTTPAddr(), "tb.example.com:1883": s.MQTTAddr()}, log: &logbook{}}
	tr := w.trial("tb.example.com:8080")
	tr.account.Protocol, tr.account.CACertificate = connection.ProtocolTCP, ""
	s.Set(func(b *sandbox.Behaviour) { b.Announced.MQTTPort = 1883 })
	told := tr.run(t)
	if r := told[connection.TrialTLS]; r.Outcome != connection.OutcomeWarning || !strings.Contains(r.Detail, "in clear") {
		t.Errorf("TLS: %+v", r)
	}
	if r := told[connection.TrialMQTT]; r.Outcome != connection.OutcomeWarning || !strings.Contains(r.Detail, "mqtt://tb.example.com:1883") || !strings.Contains(r.Detail, "in clear") {
		t.Errorf("MQTT: %+v", r)
	}
	tr = w.trial("tb.example.com:8080")
	tr.account.CACertificate = ""
	wantFailed(t, tr.run(t), connection.TrialTLS, connection.ReasonTLSNotOffered)
	if n := s.LoginAttempts(email); n != 1 {
		t.Errorf("%d logins: without TCP there must be none", n)
	}
}

func TestProbe_tells_which_step_failed(t *testing.T) {
	const host = "tb.example.com:443"
	customer := sandbox.Account{Email: email, Password: password, Authority: sandbox.CustomerUser}
	for _, test := range []struct {
		name string
		set  func(t *testing.T, w *world, tr *trial)
		step connection.TrialStep
		code connection.ReasonCode
		says string
	}{
		{"not an address", func(_ *testing.T, _ *world, tr *trial) { tr.account.HostName = "tb.example.com" }, connection.TrialAddress, connection.ReasonProtocol, "Add the port"},
		{"not a certificate", func(_ *testing.T, _ *world, tr *trial) { tr.account.CACertificate = "hello" }, connection.TrialAddress, connection.ReasonTLSUnknownCA, ""},
		{"an unknown name", func(_ *testing.T, _ *world, tr *trial) {
			tr.options.Dial = func(context.Context, string, string) (net.Conn, error) {
				return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", IsNotFound: true}}
			}
		}, connection.TrialDNS, connection.ReasonDNSNotFound, "https://tb.example.com:443"},
		{"a silent name server", func(_ *testing.T, _ *world, tr *trial) { tr.options.Dial = silentNameServer }, connection.TrialDNS, connection.ReasonDNSTimeout, ""},
		{"nothing listens", func(_ *testing.T, w *world, _ *trial) { delete(w.places, host) }, connection.TrialTCP, connection.ReasonTCPRefused, ""},
		{"a black hole", func(t *testing.T, w *world, tr *trial) {
			hole, err := sandbox.BlackHole()
			if err != nil {
				t.Skip(err)
			}
			t.Cleanup(hole.Close)
			w.places[host] = hole.Addr()
			tr.options.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				ctx, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
				defer cancel()
				return w.dial(ctx, network, address)
			}
		}, connection.TrialTCP, connection.ReasonTCPTimeout, ""},
		{"an address that is not allowed", func(_ *testing.T, _ *world, tr *trial) {
			tr.account.HostName, tr.options.Dial = "127.0.0.1:443", netguard.Policy{}.Dialer(time.Second).DialContext
		}, connection.TrialTCP, connection.ReasonAddress, ""},
		{"an unknown authority", func(_ *testing.T, _ *world, tr *trial) { tr.account.CACertificate = "" }, connection.TrialTLS, connection.ReasonTLSUnknownCA, "signed by Sandbox throw-away authority"},
		{"another name", func(_ *testing.T, w *world, tr *trial) {
			w.places["other.example.com:443"], tr.account.HostName = w.HTTPAddr(), "other.example.com:443"
		}, connection.TrialTLS, connection.ReasonTLSName, "is for localhost, tb.example.com, 127.0.0.1 and others"},
		{"a port without TLS", func(_ *testing.T, w *world, _ *trial) { w.places[host] = plainWeb(t) }, connection.TrialTLS, connection.ReasonTLSNotOffered, ""},
		{"a portal", func(_ *testing.T, w *world, _ *trial) { w.Set(func(b *sandbox.Behaviour) { b.RESTHTML = true }) }, connection.TrialThingsBoard, connection.ReasonNotThingsBoard, ""},
		{"a proxy without its server", func(_ *testing.T, w *world, _ *trial) { w.Set(func(b *sandbox.Behaviour) { b.RESTStatus = 502 }) }, connection.TrialThingsBoard, connection.ReasonServerError, ""},
		{"a wrong password", func(_ *testing.T, _ *world, tr *trial) { tr.account.Password = "wrong" }, connection.TrialSignIn, connection.ReasonAuthRefused, ""},
		{"a disabled account", func(_ *testing.T, w *world, _ *trial) { w.SetDisabled(email, true) }, connection.TrialSignIn, connection.ReasonAuthDisabled, ""},
		{"an account that is locked now", func(_ *testing.T, w *world, tr *trial) {
			w.Set(func(b *sandbox.Behaviour) { b.MaxFailedLogins = 1 })
			tr.account.Password = "wrong"
			_ = thingsboard.Probe(context.Background(), tr.account, tr.options, thingsboard.Trial{})
		}, connection.TrialSignIn, connection.ReasonAuthDisabled, "locked"},
		{"an expired password", func(_ *testing.T, w *world, _ *trial) {
			w.AddAccount(sandbox.Account{Email: email, Password: password, PasswordExpired: true})
		}, connection.TrialSignIn, connection.ReasonAuthExpired, ""},
		{"a second factor", func(_ *testing.T, w *world, _ *trial) {
			w.AddAccount(sandbox.Account{Email: email, Password: password, TwoFactor: true})
		}, connection.TrialSignIn, connection.ReasonAuth2FA, ""},
		{"a system administrator", func(_ *testing.T, w *world, _ *trial) {
			w.AddAccount(sandbox.Account{Email: email, Password: password, Authority: sandbox.SysAdmin})
		}, connection.TrialAuthority, connection.ReasonAuthSysAdmin, ""},
		{"a customer without gateway", func(_ *testing.T, w *world, _ *trial) { w.AddAccount(customer) }, connection.TrialGateway, connection.ReasonNoGateway, ""},
		{"MQTT is closed", func(_ *testing.T, w *world, tr *trial) { tr.account.MQTTHostName = "tb.example.com:9999" }, connection.TrialMQTT, connection.ReasonTCPRefused, "mqtts://tb.example.com:9999"},
		{"MQTT without TLS", func(_ *testing.T, w *world, tr *trial) { tr.account.MQTTHostName = "tb.example.com:1883" }, connection.TrialMQTT, connection.ReasonTLSNotOffered, ""},
		{"MQTT under another name", func(_ *testing.T, w *world, tr *trial) {
			w.places["mqtt.example.com:8883"], tr.account.MQTTHostName = w.MQTTSAddr(), "mqtt.example.com"
		}, connection.TrialMQTT, connection.ReasonTLSName, "tb.example.com"},
		{"MQTT is not announced with TLS", func(_ *testing.T, w *world, _ *trial) {
			w.Set(func(b *sandbox.Behaviour) { b.Announced.NoMQTTS = true })
			delete(w.places, "tb.example.com:8883")
		}, connection.TrialMQTT, connection.ReasonTLSNotOffered, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := self(t, "tb.example.com")
			tr := w.trial(host)
			test.set(t, w, tr)
			told := tr.run(t)
			wantFailed(t, told, test.step, test.code)
			if r := told[test.step]; !strings.Contains(r.Reason+" "+r.Detail, test.says) {
				t.Errorf("%q, %q do not say %q", r.Reason, r.Detail, test.says)
			}
			if len(w.Connects()) != 0 || len(w.Devices()) != 0 {
				t.Errorf("%d CONNECTs, devices %v", len(w.Connects()), w.Devices())
			}
		})
	}
}

// silentNameServer dials as a dialer does whose name server keeps silent.
func silentNameServer(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{Timeout: 150 * time.Millisecond, Resolver: &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}}}
	return d.DialContext(ctx, network, address)
}

// plainWeb runs a web server without TLS and gives its address.
func plainWeb(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

func TestProbe_as_a_customer_with_a_gateway(t *testing.T) {
	w := self(t, "tb.example.com")
	w.AddAccount(sandbox.Account{Email: email, Password: password, Authority: sandbox.CustomerUser})
	for _, name := range []string{"first", "theirs"} {
		if _, err := w.AddDevice(name, "default", name == "theirs"); err != nil {
			t.Fatal(err)
		}
		if err := w.Assign(name); err != nil {
			t.Fatal(err)
		}
	}
	before := w.Devices()
	told := w.trial("tb.example.com:443").run(t)
	if r := told[connection.TrialAuthority]; r.Outcome != connection.OutcomeOK || !strings.Contains(r.Detail, "customer user") {
		t.Errorf("authority: %+v", r)
	}
	if r := told[connection.TrialGateway]; r.Outcome != connection.OutcomeOK || !strings.Contains(r.Detail, "'theirs' was found") {
		t.Errorf("gateway: %+v", r)
	}
	if told[connection.TrialMQTT].Outcome != connection.OutcomeOK || !reflect.DeepEqual(before, w.Devices()) {
		t.Errorf("MQTT %+v, devices %v", told[connection.TrialMQTT], w.Devices())
	}
}

func TestProbe_warns_of_a_certificate_that_ends_soon(t *testing.T) {
	w := self(t, "tb.example.com")
	tr := w.trial("tb.example.com:443")
	tr.options.Now = func() time.Time { return time.Now().Add(20 * 24 * time.Hour) } // the sandbox's lives for 30 days
	told := tr.run(t)
	for _, step := range []connection.TrialStep{connection.TrialTLS, connection.TrialMQTT} {
		if r := told[step]; r.Outcome != connection.OutcomeWarning || !strings.Contains(r.Detail, "It ends in 9 days: renew it.") {
			t.Errorf("%s: %+v", step, r)
		}
	}
}

func TestProbe_ends_at_its_deadline_whichever_step_is_under_way(t *testing.T) {
	for _, test := range []struct {
		name string
		set  func(t *testing.T, w *world, tr *trial)
		step connection.TrialStep
		code connection.ReasonCode
	}{
		{"connecting", func(_ *testing.T, _ *world, tr *trial) {
			tr.options.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }
		}, connection.TrialTCP, connection.ReasonTCPTimeout},
		{"shaking hands", func(t *testing.T, w *world, _ *trial) {
			mute, err := sandbox.Mute()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(mute.Close)
			w.places["tb.example.com:443"] = mute.Addr()
		}, connection.TrialTLS, connection.ReasonTimeout},
		{"looking for ThingsBoard", func(_ *testing.T, w *world, _ *trial) {
			w.Set(func(b *sandbox.Behaviour) { b.RESTDelay = time.Minute })
		}, connection.TrialThingsBoard, connection.ReasonTimeout},
		{"signing in", func(_ *testing.T, w *world, tr *trial) {
			tr.Present = func(context.Context) (func(context.Context, connection.Verdict), error) {
				w.Set(func(b *sandbox.Behaviour) { b.RESTDelay = time.Minute })
				return func(context.Context, connection.Verdict) {}, nil
			}
		}, connection.TrialSignIn, connection.ReasonTimeout},
		{"knocking at MQTT", func(_ *testing.T, w *world, _ *trial) {
			w.Set(func(b *sandbox.Behaviour) { b.MQTTHang = true })
		}, connection.TrialMQTT, connection.ReasonTimeout},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := self(t, "tb.example.com")
			tr := w.trial("tb.example.com:443")
			test.set(t, w, tr)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := thingsboard.Probe(ctx, tr.account, tr.options, tr.Trial); err != nil {
				t.Fatal(err)
			}
			wantFailed(t, tr.check(t), test.step, test.code)
		})
	}
}

func TestProbe_ends_when_its_caller_leaves(t *testing.T) {
	w := self(t, "tb.example.com")
	tr := w.trial("tb.example.com:443")
	ctx, leave := context.WithCancel(t.Context())
	dialled := make(chan struct{})
	tr.options.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
		close(dialled)
		<-ctx.Done()
		return nil, ctx.Err()
	}
	go func() { <-dialled; leave() }()
	if err := thingsboard.Probe(ctx, tr.account, tr.options, tr.Trial); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// guarded is a [connection.Presenter] of a test's.
type guarded struct {
	refuse   error
	asked    int
	verdicts []connection.Verdict
}

func (g *guarded) present(context.Context) (func(context.Context, connection.Verdict), error) {
	g.asked++
	if g.refuse != nil {
		return nil, g.refuse
	}
	return func(_ context.Context, v connection.Verdict) { g.verdicts = append(g.verdicts, v) }, nil
}

func TestProbe_has_its_password_guarded(t *testing.T) {
	for _, test := range []struct {
		name    string
		set     func(w *world, tr *trial)
		verdict connection.Verdict
	}{
		{"taken", func(*world, *trial) {}, connection.Accepted},
		{"refused", func(_ *world, tr *trial) { tr.account.Password = "wrong" }, connection.Refused},
		{"taken, but of no use", func(w *world, _ *trial) {
			w.AddAccount(sandbox.Account{Email: email, Password: password, Authority: sandbox.SysAdmin})
		}, connection.Refused},
		{"not judged", func(w *world, tr *trial) {
			open := tr.Present
			tr.Present = func(ctx context.Context) (func(context.Context, connection.Verdict), error) {
				w.Set(func(b *sandbox.Behaviour) { b.RESTStatus = 503 })
				return open(ctx)
			}
		}, connection.NoVerdict},
	} {
		t.Run(test.name, func(t *testing.T) {
			w, g := self(t, "tb.example.com"), &guarded{}
			tr := w.trial("tb.example.com:443")
			tr.Present = g.present
			test.set(w, tr)
			tr.run(t)
			if g.asked != 1 || !slices.Equal(g.verdicts, []connection.Verdict{test.verdict}) {
				t.Errorf("asked %d times, verdicts %v", g.asked, g.verdicts)
			}
		})
	}
}

func TestProbe_sends_no_password_that_is_withheld(t *testing.T) {
	w := self(t, "tb.example.com")
	g := &guarded{refuse: fmt.Errorf("guard: %w", &connection.Withheld{Code: connection.ReasonNoTryLeft})}
	tr := w.trial("tb.example.com:443")
	tr.Present = g.present
	told := tr.run(t)
	if r := told[connection.TrialSignIn]; r.Outcome != connection.OutcomeSkipped || r.ReasonCode != connection.ReasonNoTryLeft || r.Reason == "" || r.Hint == "" {
		t.Errorf("%+v", r)
	}
	g.refuse = errors.New("the disk is full")
	tr = w.trial("tb.example.com:443")
	tr.Present = g.present
	wantFailed(t, tr.run(t), connection.TrialSignIn, connection.ReasonInternal)
	if n := w.LoginAttempts(email); n != 0 {
		t.Errorf("%d logins", n)
	}
}

func TestProbe_books_the_verdict_of_a_caller_who_left(t *testing.T) {
	w, g := self(t, "tb.example.com"), &guarded{}
	ctx, leave := context.WithCancel(t.Context())
	tr := w.trial("tb.example.com:443")
	tr.account.Password = "wrong"
	tr.Present = func(ctx context.Context) (func(context.Context, connection.Verdict), error) {
		w.Set(func(b *sandbox.Behaviour) { b.RESTDelay = 300 * time.Millisecond })
		defer leave()
		return g.present(ctx)
	}
	if err := thingsboard.Probe(ctx, tr.account, tr.options, tr.Trial); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if !slices.Equal(g.verdicts, []connection.Verdict{connection.Refused}) {
		t.Errorf("verdicts %v", g.verdicts)
	}
}

func TestProbe_tells_no_secret_and_keeps_none_in_the_log(t *testing.T) {
	w := self(t, "tb.example.com")
	if _, err := w.AddDevice(password, "default", true); err != nil { // a peer may call its devices what it likes
		t.Fatal(err)
	}
	tr := w.trial("tb.example.com:443")
	tr.GatewayID = w.Devices()[0].ID
	if r := tr.run(t)[connection.TrialGateway]; r.Outcome != connection.OutcomeOK || r.Detail != "" {
		t.Errorf("%+v", r)
	}
	if text := fmt.Sprintf("%+v", tr.steps) + w.log.String(); strings.Contains(text, password) {
		t.Errorf("the password is told: %s", text)
	}
}
