package thingsboard

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"boardlink/connection"
)

// probed runs a probe against the test's own net and gives what it told, by step.
func probedBy(t *testing.T, n *network, hostName string) map[connection.TrialStep]connection.StepResult {
	t.Helper()
	told := map[connection.TrialStep]connection.StepResult{}
	err := Probe(t.Context(), Account{
		HostName: hostName, Username: testUser, Password: canaryPassword, CACertificate: testAuthority().pem,
	}, Options{Dial: n.Dial}, Trial{GatewayName: gatewayName, Tell: func(r connection.StepResult) { told[r.Step] = r }})
	if err != nil {
		t.Fatal(err)
	}
	return told
}

func TestProbe_shows_the_certificate_that_has_expired(t *testing.T) {
	n := newNetwork()
	end := time.Date(2020, 2, 3, 0, 0, 0, 0, time.UTC)
	cert := testAuthority().certificate(t, "tb.example.com", end)
	serveHTTP(t, tls.NewListener(n.listen(t, "tb.example.com:443"), &tls.Config{Certificates: []tls.Certificate{cert}}), newREST())
	r := probedBy(t, n, "tb.example.com:443")[connection.TrialTLS]
	if r.Outcome != connection.OutcomeFailed || r.ReasonCode != connection.ReasonTLSExpired || !strings.Contains(r.Reason, "to 2020-02-03") {
		t.Errorf("%+v", r)
	}
	if c := r.Certificate; c == nil || !c.NotAfter.Equal(end) || c.Issuer != "Test authority" || len(c.Names) != 1 || c.Names[0] != "tb.example.com" {
		t.Errorf("certificate %+v", c)
	}
}

func TestProbe_finds_an_MQTT_port_by_its_behaviour_as_a_link_does(t *testing.T) {
	n := newNetwork()
	closesAtOnce(t, n.tlsListen(t, "tb.example.com:7883"))
	serveHTTP(t, n.tlsListen(t, "tb.example.com:443"), newREST())
	told := probedBy(t, n, "tb.example.com:7883")
	for _, step := range connection.TrialSteps {
		if told[step].Outcome != connection.OutcomeOK {
			t.Errorf("%s: %+v", step, told[step])
		}
	}
	if d := told[connection.TrialMQTT].Detail; !strings.Contains(d, "mqtts://tb.example.com:7883") {
		t.Errorf("MQTT at %q", d)
	}
}

// TestProbe_shows_a_hostile_peers_words_cleaned_bounded_and_without_secrets has a peer send back what it was sent, in
// every place that is shown: the certificate, the refusal, the name of a device.
func TestProbe_shows_a_hostile_peers_words_cleaned_bounded_and_without_secrets(t *testing.T) {
	long := strings.Repeat("x", 5000) + "\u202e\x1b[31m"
	for name, message := range map[string]string{canaryPassword: canaryPassword, "flood.example.com": long} {
		n, server := newNetwork(), newREST()
		cert := testAuthority().certificate(t, "tb.example.com", time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC))
		serveHTTP(t, tls.NewListener(n.listen(t, "tb.example.com:443"), &tls.Config{Certificates: []tls.Certificate{cert}}), server)
		mqtt := testAuthority().certificate(t, name, time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC))
		closesAtOnce(t, tls.NewListener(n.listen(t, "tb.example.com:8883"), &tls.Config{Certificates: []tls.Certificate{mqtt}}))
		server.addDevice(map[string]any{"name": message, "additionalInfo": map[string]any{"gateway": true}})
		server.override["/api/tenant/devices"] = func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, server.devices[0]) }
		shown := fmt.Sprintf("%+v", probedBy(t, n, "tb.example.com:443"))
		server.set(func(r *rest) {
			r.override["/api/auth/login"] = func(w http.ResponseWriter, q *http.Request) {
				body, _ := io.ReadAll(q.Body)
				refuse(w, 401, 10, "You sent "+string(body)+message)
			}
		})
		told := probedBy(t, n, "tb.example.com:443")
		shown += fmt.Sprintf("%+v", told)
		if told[connection.TrialSignIn].ReasonCode != connection.ReasonAuthRefused {
			t.Errorf("%s: sign-in %+v", name, told[connection.TrialSignIn])
		}
		if strings.Contains(shown, canaryPassword) || strings.ContainsAny(shown, "\u202e\x1b") || len(shown) > 12_000 {
			t.Errorf("%s: %d characters: %s", name, len(shown), shown)
		}
	}
}
