//go:build e2e

package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/packets"
	"github.com/eclipse/paho.golang/paho"

	"boardlink/thingsboard/sandbox"
)

// mosquitto is Eclipse Mosquitto with a TLS listener of the sandbox's authority. It has never heard of ThingsBoard: what
// it understands is MQTT 5. At first it lets nobody in. Later it is told of the user names that may publish and read, for
// ThingsBoard knows a gateway by a token that stands alone as user name; Mosquitto's password file wants passwords.
type mosquitto struct {
	t    testing.TB
	dir  string
	port int
	cmd  *exec.Cmd
	out  *output
	done chan error
}

// observerName is the user name of the second client.
const observerName = "observer"

func newMosquitto(t testing.TB, tb *sandbox.Sandbox) *mosquitto {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &mosquitto{t: t, dir: t.TempDir(), port: l.Addr().(*net.TCPAddr).Port}
	_ = l.Close()
	certificate, key, err := tb.CertificatePEM()
	if err != nil {
		t.Fatal(err)
	}
	m.write("certificate.pem", string(certificate))
	m.write("key.pem", string(key))
	m.write("mosquitto.conf", m.settings("allow_anonymous false"))
	m.start()
	t.Cleanup(func() {
		m.kill()
		if t.Failed() {
			t.Logf("mosquitto said:\n%s", tail(m.out.String(), 6000))
		}
	})
	return m
}

func (m *mosquitto) settings(who ...string) string {
	return strings.Join(append(who,
		"user root", // the test's own user where that is another one
		fmt.Sprintf("listener %d 127.0.0.1", m.port),
		"certfile "+filepath.Join(m.dir, "certificate.pem"),
		"keyfile "+filepath.Join(m.dir, "key.pem"),
		"tls_version tlsv1.2",
		"persistence false",
		"max_inflight_messages 8", // also the Receive Maximum of its CONNACK: more without a PUBACK is a protocol error
		"max_queued_messages 0",   // for the observer, who must miss nothing: no limit
		"log_dest stderr",
		"log_type all",
	), "\n") + "\n"
}

func (m *mosquitto) write(name, text string) {
	m.t.Helper()
	if err := os.WriteFile(filepath.Join(m.dir, name), []byte(text), 0o600); err != nil {
		m.t.Fatal(err)
	}
}

func (m *mosquitto) addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(m.port)) }

// start runs it on the port that it always has.
func (m *mosquitto) start() {
	m.t.Helper()
	name := os.Getenv("MOSQUITTO")
	for _, usual := range []string{"mosquitto", "/usr/sbin/mosquitto"} {
		if name == "" {
			name, _ = exec.LookPath(usual)
		}
	}
	if name == "" {
		m.t.Fatal("Mosquitto is not here: scripts/ensure-mosquitto installs it")
	}
	m.out, m.done = &output{}, make(chan error, 1)
	m.cmd = exec.Command(name, "-c", filepath.Join(m.dir, "mosquitto.conf"))
	m.cmd.Stdout, m.cmd.Stderr = m.out, m.out
	if err := m.cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	go func(cmd *exec.Cmd, done chan<- error) { done <- cmd.Wait() }(m.cmd, m.done)
	m.awaitWords(" running")
}

// kill ends it without a word to anybody.
func (m *mosquitto) kill() {
	if m.cmd == nil {
		return
	}
	_ = m.cmd.Process.Kill()
	<-m.done
	m.cmd = nil
}

// admit lets a user publish and read, and the observer too, and returns when that is in force.
func (m *mosquitto) admit(user string) {
	m.t.Helper()
	m.write("users", fmt.Sprintf("user %s\ntopic readwrite #\nuser %s\ntopic readwrite #\n", observerName, user))
	m.write("mosquitto.conf", m.settings("allow_anonymous true", "acl_file "+filepath.Join(m.dir, "users")))
	if err := m.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		m.t.Fatal(err)
	}
	m.awaitWords("Reloading config.")
}

func (m *mosquitto) awaitWords(words string) {
	m.t.Helper()
	for end := time.Now().Add(20 * time.Second); !strings.Contains(m.out.String(), words); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			m.t.Fatalf("mosquitto did not say %q within 20 s:\n%s", words, m.out.String())
		}
	}
}

// delivered is one message as the observer got it.
type delivered struct{ topic, payload string }

// observer is a second client of the broker, subscribed to all that a gateway says. It asks for QoS 0: Mosquitto then
// writes a message to it before it acknowledges the message to us, so that what was acknowledged has been delivered even
// where the broker is killed the next moment.
type observer struct {
	t      testing.TB
	mu     sync.Mutex
	seen   []delivered
	client *paho.Client // nil while it has no session
}

// observe subscribes and returns when the subscription stands. It comes back by itself when the broker does.
func (m *mosquitto) observe(tb *sandbox.Sandbox) *observer {
	m.t.Helper()
	o := &observer{t: m.t}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(tb.CAPEM())
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			o.session(ctx, m.addr(), &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12})
			select {
			case <-ctx.Done():
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	m.t.Cleanup(func() { cancel(); <-done })
	o.await("subscribe", o.subscribed)
	return o
}

// session holds one session until it or ctx ends.
func (o *observer) session(ctx context.Context, addr string, config *tls.Config) {
	dialer := tls.Dialer{Config: config}
	conn, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	// The library writes from two goroutines, and a TLS connection does not keep their packets apart.
	client := paho.NewClient(paho.ClientConfig{Conn: packets.NewThreadSafeConn(conn), OnPublishReceived: []func(paho.PublishReceived) (bool, error){o.received}})
	if _, err := client.Connect(ctx, &paho.Connect{ClientID: "observer", CleanStart: true, KeepAlive: 30, Username: observerName, UsernameFlag: true}); err != nil {
		return
	}
	if _, err := client.Subscribe(ctx, &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{
		{Topic: "v1/gateway/#", NoLocal: true}, {Topic: "v1/devices/me/#", NoLocal: true},
	}}); err != nil {
		return
	}
	o.mu.Lock()
	o.client = client
	o.mu.Unlock()
	select {
	case <-client.Done():
	case <-ctx.Done():
	}
	o.mu.Lock()
	o.client = nil
	o.mu.Unlock()
}

func (o *observer) subscribed() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.client != nil
}

func (o *observer) received(p paho.PublishReceived) (bool, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.seen = append(o.seen, delivered{p.Packet.Topic, string(p.Packet.Payload)})
	return true, nil
}

func (o *observer) all() []delivered {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]delivered(nil), o.seen...)
}

// publish sends a message to whoever is subscribed, which must be somebody.
func (o *observer) publish(topic, payload string) {
	o.t.Helper()
	o.mu.Lock()
	client := o.client
	o.mu.Unlock()
	if client == nil {
		o.t.Fatal("the observer has no session")
	}
	ctx, cancel := context.WithTimeout(o.t.Context(), 10*time.Second)
	defer cancel()
	answer, err := client.Publish(ctx, &paho.Publish{Topic: topic, QoS: 1, Payload: []byte(payload)})
	if err != nil || answer.ReasonCode != 0 {
		o.t.Fatalf("publish to %s: %v, %+v", topic, err, answer)
	}
}

func (o *observer) await(what string, ok func() bool) {
	o.t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			o.t.Fatalf("the observer did not %s within 30 s", what)
		}
	}
}
