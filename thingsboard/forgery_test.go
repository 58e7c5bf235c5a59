package thingsboard

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"boardlink/connection"
	"boardlink/netguard"
)

// Ways to write places that nobody may be sent to. %s is a port at which somebody listens on 127.0.0.1.
var forbidden = []string{
	"127.0.0.1:%s", "localhost:%s", "LOCALHOST:%s", "127.9.8.7:%s", "[::1]:%s", "[0:0:0:0:0:0:0:1]:%s", "[::ffff:127.0.0.1]:%s", "[::ffff:7f00:1]:%s",
	"[::127.0.0.1]:%s", "[64:ff9b::127.0.0.1]:%s", "[64:ff9b:1:7f00:0:100::]:%s", "[2002:7f00:1::]:%s", "[2001:0:7f00:1::]:%s", "[fd12::5efe:127.0.0.1]:%s",
	"0.0.0.0:%s", "0.1.2.3:%s", "[::]:%s", "169.254.169.254:80", "[::ffff:169.254.169.254]:80", "[64:ff9b::a9fe:a9fe]:80", "[fd00:ec2::254]:80",
	"100.100.100.200:80", "168.63.129.16:80", "[fe80::1]:%s", "224.0.0.1:%s", "[ff02::1]:%s", "255.255.255.255:%s",
}

// inward listens on loopback and counts who comes.
func inward(t *testing.T) (port string, came *atomic.Int32) {
	t.Helper()
	came = &atomic.Int32{}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, map[string]any{}) }))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			came.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port, came
}

// failure is the first step that failed.
func failure(told map[connection.TrialStep]connection.StepResult) connection.StepResult {
	for _, step := range connection.TrialSteps {
		if told[step].Outcome == connection.OutcomeFailed {
			return told[step]
		}
	}
	return connection.StepResult{}
}

func probeWith(t *testing.T, a Account, dial Options) map[connection.TrialStep]connection.StepResult {
	t.Helper()
	told := map[connection.TrialStep]connection.StepResult{}
	a.Username, a.Password = testUser, canaryPassword
	if err := Probe(t.Context(), a, dial, Trial{GatewayName: gatewayName, Tell: func(r connection.StepResult) { told[r.Step] = r }}); err != nil {
		t.Fatal(err)
	}
	return told
}

// A person who may type addresses must not be able to send this program where the network would not let that person go.
func TestProbe_goes_nowhere_that_the_policy_forbids(t *testing.T) {
	board := httptest.NewServer(newREST())
	t.Cleanup(board.Close)
	place := strings.TrimPrefix(board.URL, "http://")
	port, came := inward(t)
	policy, err := netguard.ParsePolicy(place)
	if err != nil {
		t.Fatal(err)
	}
	dial := Options{Dial: policy.Dialer(2 * time.Second).DialContext}
	for _, form := range forbidden {
		to := strings.Replace(form, "%s", port, 1)
		for field, account := range map[string]Account{
			"hostName":     {HostName: to, Protocol: connection.ProtocolTCP},
			"restUrl":      {HostName: place, RestURL: "http://" + to, Protocol: connection.ProtocolTCP},
			"mqttHostName": {HostName: place, MQTTHostName: to, Protocol: connection.ProtocolTCP},
		} {
			told := probeWith(t, account, dial)
			if r := failure(told); r.ReasonCode != connection.ReasonAddress {
				t.Errorf("%s %s: %+v", field, to, r)
			}
			if field == "mqttHostName" && told[connection.TrialSignIn].Outcome != connection.OutcomeOK {
				t.Errorf("%s was never looked at: %+v", to, failure(told))
			}
		}
	}
	if n := came.Load(); n != 0 {
		t.Errorf("%d connections were made", n)
	}
}

// What else is in reach of this machine, and speaks first or answers HTTP, is not read to whoever asks.
func TestProbe_tells_classes_and_no_banners(t *testing.T) {
	const banner = "s3cret-banner-9.6p1"
	speaks := func(text string) func(t *testing.T, l net.Listener) {
		return func(t *testing.T, l net.Listener) {
			go func() {
				for {
					conn, err := l.Accept()
					if err != nil {
						return
					}
					_, _ = io.WriteString(conn, text)
					_ = conn.Close()
				}
			}()
		}
	}
	answers := func(status int, kind, body string, header ...string) func(t *testing.T, l net.Listener) {
		return func(t *testing.T, l net.Listener) {
			serveHTTP(t, l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", kind)
				w.Header().Set("Server", banner)
				for i := 0; i+1 < len(header); i += 2 {
					w.Header().Set(header[i], header[i+1])
				}
				w.WriteHeader(status)
				_, _ = io.WriteString(w, body)
			}))
		}
	}
	for name, serve := range map[string]func(t *testing.T, l net.Listener){
		"SSH":                       speaks("SSH-2.0-" + banner + "\r\n"),
		"SMTP":                      speaks("220 mail.example.com " + banner + "\r\n"),
		"a database":                speaks("\x4a\x00\x00\x00\x0a" + banner + "\x00"),
		"half an answer":            speaks("HTTP/1.1 200 OK\r\nServer: " + banner + "\r\nContent-Length: 100\r\n\r\n" + banner),
		"an answer that is none":    speaks("HTTP/9.9 abc " + banner + "\r\n\r\n"),
		"a page":                    answers(200, "text/html", "<title>"+banner+"</title>"),
		"JSON of another sort":      answers(200, "application/json", `{"version":"`+banner+`"}`),
		"no JSON at all":            answers(200, "application/json", banner),
		"a refusal in words":        answers(403, "text/plain", banner),
		"a refusal as JSON":         answers(403, "application/json", `{"message":"`+banner+`"}`),
		"a wrong password":          answers(401, "text/plain", banner, "WWW-Authenticate", `Basic realm="`+banner+`"`),
		"an error in words":         answers(500, "text/plain", "panic: "+banner),
		"an error as JSON":          answers(503, "application/json", `{"message":"`+banner+`"}`),
		"too many":                  answers(429, "text/plain", banner),
		"a redirect":                answers(302, "text/plain", banner, "Location", "http://inside.example.com:80/"+banner),
		"a redirect that keeps all": answers(307, "text/plain", banner, "Location", "http://inside.example.com:80/"+banner),
		"a permanent redirect":      answers(308, "text/plain", "", "Location", "//inside.example.com:80/"),
	} {
		t.Run(name, func(t *testing.T) {
			n := newNetwork()
			serve(t, n.listen(t, "tb.example.com:8080"))
			serveHTTP(t, n.listen(t, "inside.example.com:80"), newREST())
			told := probeWith(t, Account{HostName: "tb.example.com:8080", Protocol: connection.ProtocolTCP}, Options{Dial: n.Dial})
			if failure(told).ReasonCode == "" {
				t.Fatal("it was taken for ThingsBoard")
			}
			if shown := fmt.Sprintf("%+v", told); strings.Contains(shown, banner) {
				t.Errorf("it is told: %s", shown)
			}
			for _, place := range n.dials() {
				if !strings.HasPrefix(place, "tb.example.com:") {
					t.Errorf("it was sent to %s", place)
				}
			}
		})
	}
	t.Run("at the place of MQTT", func(t *testing.T) {
		n := newNetwork()
		serveHTTP(t, n.listen(t, "tb.example.com:8080"), newREST())
		speaks("SSH-2.0-"+banner+"\r\n")(t, n.listen(t, "inside.example.com:22"))
		told := probeWith(t, Account{HostName: "tb.example.com:8080", MQTTHostName: "inside.example.com:22", Protocol: connection.ProtocolTCP}, Options{Dial: n.Dial})
		if told[connection.TrialMQTT].Outcome == connection.OutcomeSkipped || strings.Contains(fmt.Sprintf("%+v", told), banner) {
			t.Errorf("%+v", told)
		}
	})
}

// What a broker says when it ends a session is shown as text: without what nobody sees, and not without end.
func TestSession_tells_a_brokers_words_cleaned_and_bounded(t *testing.T) {
	for name, words := range map[string]string{
		"a terminal's": "no \x1b[31m\x1b]0;x\x07 \u009b1m",
		"lines":        "no\r\ntime=now level=error msg=forged",
		"another way":  "no \u202egnp.exe\u2066 \u200b\ufeff",
		"long":         "no " + strings.Repeat("x", 60_000),
		"blank":        "no " + strings.Repeat("\u3164", 5000),
	} {
		synctest.Test(t, func(t *testing.T) {
			b := &broker{}
			s := open(t, b)
			b.lastPeer().disconnect(0x8b, words)
			<-s.Done()
			text := s.Err().Error()
			if !strings.Contains(text, "no") || len([]rune(text)) > 800 || strings.ContainsAny(text, "\x1b\x07\r\n\u009b\u202e\u2066\u200b\ufeff\u3164") {
				t.Errorf("%s: %q", name, text)
			}
		})
	}
}
