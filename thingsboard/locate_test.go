package thingsboard

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"boardlink/connection"
	"boardlink/netguard"
)

// closesAtOnce is a port that hangs up when something comes, as ThingsBoard's MQTT port does on what is not MQTT.
func closesAtOnce(t *testing.T, l net.Listener) {
	t.Helper()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = conn.Read(make([]byte, 1))
				_ = conn.Close()
			}()
		}
	}()
}

func base(c *Client) string {
	if c.base == nil {
		return ""
	}
	return c.base.String()
}

func tcp(a *Account) { a.Protocol = connection.ProtocolTCP }

func TestLocate_thingsboard_cloud_443(t *testing.T) {
	n, server := newNetwork(), newREST()
	serveHTTP(t, n.tlsListen(t, "thingsboard.cloud:443"), server)
	c := newTestClient(t, n, "thingsboard.cloud:443")
	if err := c.Locate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if base(c) != "https://thingsboard.cloud:443" || c.mqttPort != 0 {
		t.Errorf("got base %s, MQTT port %d", base(c), c.mqttPort)
	}
	if server.logins != 0 {
		t.Error("the account was touched")
	}
}

func TestLocate_cloud_thingsboard_io_1883(t *testing.T) {
	for _, protocol := range []connection.Protocol{connection.ProtocolAuto, connection.ProtocolSSL, connection.ProtocolTCP} {
		t.Run(string(protocol), func(t *testing.T) {
			n := newNetwork()
			serveHTTP(t, n.tlsListen(t, "cloud.thingsboard.io:443"), newREST())
			serveHTTP(t, n.listen(t, "cloud.thingsboard.io:80"), http.RedirectHandler("https://cloud.thingsboard.io/", http.StatusMovedPermanently))
			closesAtOnce(t, n.listen(t, "cloud.thingsboard.io:1883"))
			c := newTestClient(t, n, "cloud.thingsboard.io:1883", func(a *Account) { a.Protocol = protocol })
			if err := c.Locate(t.Context()); err != nil {
				t.Fatal(err)
			}
			if base(c) != "https://cloud.thingsboard.io:443" || c.mqttPort != 1883 {
				t.Errorf("got base %s, MQTT port %d", base(c), c.mqttPort)
			}
			if slices.Contains(n.dials(), "cloud.thingsboard.io:1883") {
				t.Error("a known MQTT port was asked for REST")
			}
		})
	}
}

func TestLocate_myhostname_com_8883(t *testing.T) {
	n := newNetwork()
	serveHTTP(t, n.tlsListen(t, "myhostname.com:443"), newREST())
	closesAtOnce(t, n.tlsListen(t, "myhostname.com:8883"))
	c := newTestClient(t, n, "myhostname.com:8883")
	if err := c.Locate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if base(c) != "https://myhostname.com:443" || c.mqttPort != 8883 {
		t.Errorf("got base %s, MQTT port %d", base(c), c.mqttPort)
	}
}

func TestLocate_finds_an_MQTT_port_by_its_behaviour(t *testing.T) {
	for name, listen := range map[string]func(*network) net.Listener{
		"TLS":   func(n *network) net.Listener { return n.tlsListen(t, "tb.example.com:7883") },
		"plain": func(n *network) net.Listener { return n.listen(t, "tb.example.com:7883") },
	} {
		t.Run(name, func(t *testing.T) {
			n := newNetwork()
			closesAtOnce(t, listen(n))
			serveHTTP(t, n.tlsListen(t, "tb.example.com:443"), newREST())
			c := newTestClient(t, n, "tb.example.com:7883")
			if err := c.Locate(t.Context()); err != nil {
				t.Fatal(err)
			}
			if base(c) != "https://tb.example.com:443" || c.mqttPort != 7883 {
				t.Errorf("got base %s, MQTT port %d", base(c), c.mqttPort)
			}
		})
	}
}

func TestLocate_speaks_in_clear_only_with_TCP(t *testing.T) {
	n := newNetwork()
	serveHTTP(t, n.listen(t, "tb.example.com:8080"), newREST())
	c := newTestClient(t, n, "tb.example.com:8080")
	wantCode(t, c.Locate(t.Context()), connection.ReasonTLSNotOffered, Config)

	c = newTestClient(t, n, "tb.example.com:8080", tcp)
	if err := c.Locate(t.Context()); err != nil || base(c) != "http://tb.example.com:8080" {
		t.Errorf("with TCP: got %q, %v", base(c), err)
	}
	c = newTestClient(t, n, "tb.example.com:1883", tcp)
	if err := c.Locate(t.Context()); err != nil || base(c) != "http://tb.example.com:8080" || c.mqttPort != 1883 {
		t.Errorf("with TCP at 1883: got %q, MQTT port %d, %v", base(c), c.mqttPort, err)
	}
}

func TestLocate_with_TCP_takes_https_where_the_port_speaks_it(t *testing.T) {
	n := newNetwork()
	serveHTTP(t, n.tlsListen(t, "tb.example.com:9443"), newREST())
	c := newTestClient(t, n, "tb.example.com:9443", tcp)
	if err := c.Locate(t.Context()); err != nil || base(c) != "https://tb.example.com:9443" {
		t.Errorf("got %q, %v", base(c), err)
	}
}

func TestLocate_asks_the_REST_address_of_the_settings(t *testing.T) {
	n := newNetwork()
	prefix := http.NewServeMux()
	prefix.Handle("/iot/", http.StripPrefix("/iot", newREST()))
	serveHTTP(t, n.tlsListen(t, "rest.example.com:8443"), prefix)
	c := newTestClient(t, n, "mqtt.example.com:18883", func(a *Account) { a.RestURL = "https://rest.example.com:8443/iot/" })
	if err := c.Locate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if base(c) != "https://rest.example.com:8443/iot" || c.mqttPort != 18883 {
		t.Errorf("got base %s, MQTT port %d", base(c), c.mqttPort)
	}
	if _, err := c.SignIn(t.Context()); err != nil {
		t.Errorf("sign in under a path: %v", err)
	}
}

func TestLocate_tells_why_it_failed(t *testing.T) {
	at := "tb.example.com:443"
	bad := func(name string, until time.Time, max uint16) func(*testing.T, *network) {
		return func(t *testing.T, n *network) {
			cert := testAuthority().certificate(t, name, until)
			serveHTTP(t, tls.NewListener(n.listen(t, at), &tls.Config{Certificates: []tls.Certificate{cert}, MaxVersion: max}), newREST())
		}
	}
	far := time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC)
	web := func(h http.HandlerFunc) func(*testing.T, *network) {
		return func(t *testing.T, n *network) { serveHTTP(t, n.tlsListen(t, at), h) }
	}
	for _, test := range []struct {
		name   string
		set    func(*testing.T, *network)
		client func(*Account)
		code   connection.ReasonCode
		kind   Kind
		says   string
	}{
		{name: "nothing listens", code: connection.ReasonTCPRefused, says: "https://tb.example.com:443: "},
		{name: "another name", set: bad("other.example.com", far, 0), code: connection.ReasonTLSName, kind: Config},
		{name: "expired", set: bad("tb.example.com", time.Date(2020, 2, 3, 0, 0, 0, 0, time.UTC), 0), code: connection.ReasonTLSExpired, kind: Config, says: "to 2020-02-03"},
		{name: "unknown authority", set: bad("tb.example.com", far, 0), client: func(a *Account) { a.CACertificate = "" }, code: connection.ReasonTLSUnknownCA, kind: Config},
		{name: "TLS 1.1 only", set: bad("tb.example.com", far, tls.VersionTLS11), code: connection.ReasonTLSFailed, kind: Config, says: "protocol version not supported."},
		{name: "a page", set: web(page(200)), code: connection.ReasonNotThingsBoard, kind: Config},
		{name: "a page not found", set: web(page(404)), code: connection.ReasonNotThingsBoard, kind: Config},
		{name: "a redirect", set: web(http.RedirectHandler("https://elsewhere.example.com/", http.StatusFound).ServeHTTP), code: connection.ReasonNotThingsBoard, kind: Config},
		{name: "a proxy without its server", set: web(page(502)), code: connection.ReasonServerError},
		{name: "too many requests", set: web(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "7")
			refuse(w, 429, 33, "Too many requests for current tenant!")
		}), code: connection.ReasonRateLimited, kind: Throttled},
		{name: "JSON that is no object", set: web(func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, "hello") }), code: connection.ReasonProtocol, kind: Config},
		{name: "an endless body", set: web(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			for range 3 << 10 {
				_, _ = io.WriteString(w, strings.Repeat(" ", 1<<10))
			}
		}), code: connection.ReasonProtocol, kind: Config, says: "1 MiB"},
	} {
		t.Run(test.name, func(t *testing.T) {
			n := newNetwork()
			if test.set != nil {
				test.set(t, n)
			}
			if test.client == nil {
				test.client = func(*Account) {}
			}
			err := newTestClient(t, n, at, test.client).Locate(t.Context())
			wantCode(t, err, test.code, test.kind)
			if err != nil && !strings.Contains(err.Error(), test.says) {
				t.Errorf("%q does not say %q", err, test.says)
			}
			for _, address := range n.dials() {
				if address != at {
					t.Errorf("dialled %s", address)
				}
			}
		})
	}
}

func TestLocate_takes_ThingsBoards_own_refusal_for_ThingsBoard(t *testing.T) {
	n := newNetwork()
	server := newREST()
	server.override["/api/noauth/userPasswordPolicy"] = func(w http.ResponseWriter, _ *http.Request) { refuse(w, 401, 10, "Authentication failed") }
	serveHTTP(t, n.tlsListen(t, "tb.example.com:443"), server)
	if err := newTestClient(t, n, "tb.example.com:443").Locate(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestLocate_reports_the_port_that_was_typed_where_no_other_answers(t *testing.T) {
	n := newNetwork()
	closesAtOnce(t, n.listen(t, "tb.example.com:7883"))
	err := newTestClient(t, n, "tb.example.com:7883").Locate(t.Context())
	wantCode(t, err, connection.ReasonTLSFailed, Transient)
	if err != nil && !strings.Contains(err.Error(), "tb.example.com:7883") {
		t.Errorf("%q does not name the port", err)
	}
}

func TestLocate_at_an_MQTT_port_says_where_it_looked(t *testing.T) {
	for _, ports := range [][]int{nil, {}} {
		c, err := NewClient(Account{HostName: "tb.example.com:8883"}, Options{Dial: newNetwork().Dial, RESTPorts: ports})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.Locate(t.Context()); err == nil || !strings.Contains(err.Error(), "Port 8883 is an MQTT port") {
			t.Errorf("got %v", err)
		}
	}
}

func TestLocate_asks_no_port_twice(t *testing.T) {
	n := newNetwork()
	closesAtOnce(t, n.listen(t, "tb.example.com:443"))
	wantCode(t, newTestClient(t, n, "tb.example.com:443").Locate(t.Context()), connection.ReasonTLSFailed, Transient)
	if len(n.dials()) != 1 {
		t.Errorf("dialled %v", n.dials())
	}
}

func TestLocate_passes_the_address_policy_on(t *testing.T) {
	n := newNetwork()
	n.set("tb.example.com:443", func(context.Context) (net.Conn, error) { return nil, fmt.Errorf("dial: %w", netguard.ErrNotAllowed) })
	wantCode(t, newTestClient(t, n, "tb.example.com:443").Locate(t.Context()), connection.ReasonAddress, Config)
}

func TestLocate_knows_the_troubles_of_names(t *testing.T) {
	for _, test := range []struct {
		dns  net.DNSError
		code connection.ReasonCode
		kind Kind
	}{
		{net.DNSError{Err: "no such host", IsNotFound: true}, connection.ReasonDNSNotFound, Config},
		{net.DNSError{Err: "i/o timeout", IsTimeout: true}, connection.ReasonDNSTimeout, Transient},
		{net.DNSError{Err: "server misbehaving", IsTemporary: true}, connection.ReasonDNSTimeout, Transient},
	} {
		n := newNetwork()
		n.set("tb.example.com:443", func(context.Context) (net.Conn, error) { return nil, &net.OpError{Op: "dial", Err: &test.dns} })
		wantCode(t, newTestClient(t, n, "tb.example.com:443").Locate(t.Context()), test.code, test.kind)
	}
}

func TestNewClient_refuses_settings_it_cannot_use(t *testing.T) {
	n := newNetwork()
	for name, change := range map[string]func(*Account){
		"no port":           func(a *Account) { a.HostName = "tb.example.com" },
		"http without TCP":  func(a *Account) { a.RestURL = "http://tb.example.com" },
		"not a web address": func(a *Account) { a.RestURL = "ftp://tb.example.com" },
		"not a certificate": func(a *Account) { a.CACertificate = "hello" },
	} {
		a := Account{HostName: "tb.example.com:443", Username: testUser, Password: canaryPassword}
		change(&a)
		if _, err := NewClient(a, Options{Dial: n.Dial}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := NewClient(Account{HostName: "tb.example.com:443"}, Options{}); err == nil {
		t.Error("accepted without a dialer")
	}
}
