package sandbox_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/packets"
	"github.com/eclipse/paho.golang/paho"
	"go.uber.org/goleak"

	"boardlink/thingsboard/sandbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	email    = "tenant@example.org"
	password = "right"
	patience = 5 * time.Second
)

// start runs a sandbox with one tenant administrator.
func start(t *testing.T, change ...func(*sandbox.Options)) *sandbox.Sandbox {
	t.Helper()
	var opt sandbox.Options
	for _, f := range change {
		f(&opt)
	}
	sb, err := sandbox.Start(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sb.Close)
	sb.AddAccount(sandbox.Account{Email: email, Password: password})
	return sb
}

func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// await fails the test where cond does not become true in time.
func await(t *testing.T, sb *sandbox.Sandbox, cond func() bool) {
	t.Helper()
	if err := sb.Await(soon(t), cond); err != nil {
		t.Fatal(err)
	}
}

// browser trusts the sandbox and keeps no idle connections.
func browser(sb *sandbox.Sandbox) *http.Client {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(sb.CAPEM())
	return &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: roots}}}
}

// visit asks for a page; nil where there was any answer.
func visit(ctx context.Context, c *http.Client, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := c.Do(req)
	if err == nil {
		err = resp.Body.Close()
	}
	return err
}

// reply is what REST answered.
type reply struct {
	Status int
	Header http.Header
	Text   string
	JSON   map[string]any // nil where the body is no object
}

func (r reply) code() int {
	n, _ := r.JSON["errorCode"].(float64)
	return int(n)
}

func (r reply) id() string {
	id, _ := r.JSON["id"].(map[string]any)
	text, _ := id["id"].(string)
	return text
}

// rest sends a request; token may be empty, body is JSON or nil.
func rest(t *testing.T, sb *sandbox.Sandbox, token, method, path string, body any, headers ...string) reply {
	t.Helper()
	var in io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		in = strings.NewReader(b)
	default:
		raw, err := json.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		in = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, sb.URL()+path, in)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("X-Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := browser(sb).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	out := reply{Status: resp.StatusCode, Header: resp.Header, Text: string(text)}
	_ = json.Unmarshal(text, &out.JSON) // bare texts stay texts
	return out
}

func signIn(t *testing.T, sb *sandbox.Sandbox, email, password string) reply {
	t.Helper()
	return rest(t, sb, "", "POST", "/api/auth/login", map[string]string{"username": email, "password": password})
}

// token signs the tenant administrator in.
func token(t *testing.T, sb *sandbox.Sandbox) string {
	t.Helper()
	r := signIn(t, sb, email, password)
	if r.Status != 200 {
		t.Fatalf("login: %d %s", r.Status, r.Text)
	}
	return r.JSON["token"].(string)
}

// gateway makes a gateway device and gives its access token.
func gateway(t *testing.T, sb *sandbox.Sandbox) string {
	t.Helper()
	token, err := sb.AddDevice("gateway", "default", true)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// client is a paho client with what it heard.
type client struct {
	*paho.Client
	t        *testing.T
	messages chan *paho.Publish
	byeCode  chan byte  // reason code of a DISCONNECT
	lost     chan error // the connection ended without one
}

func dial(t *testing.T, sb *sandbox.Sandbox, secure bool) net.Conn {
	t.Helper()
	if secure {
		return dialTLS(t, sb, "localhost")
	}
	return dialTCP(t, sb.MQTTAddr())
}

func dialTCP(t *testing.T, addr string) net.Conn {
	t.Helper()
	var d net.Dialer
	conn, err := d.DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// dialTLS expects the MQTT server to bear a name. The handshake is not done yet.
func dialTLS(t *testing.T, sb *sandbox.Sandbox, name string) *tls.Conn {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(sb.CAPEM())
	return tls.Client(dialTCP(t, sb.MQTTSAddr()), &tls.Config{RootCAs: roots, ServerName: name})
}

// newClient makes a client that is not connected.
func newClient(t *testing.T, conn net.Conn) *client {
	t.Helper()
	c := &client{t: t, messages: make(chan *paho.Publish, 1000), byeCode: make(chan byte, 1), lost: make(chan error, 1)}
	c.Client = paho.NewClient(paho.ClientConfig{
		Conn: packets.NewThreadSafeConn(conn), PacketTimeout: patience, // paho writes from several goroutines
		OnPublishReceived: []func(paho.PublishReceived) (bool, error){func(p paho.PublishReceived) (bool, error) {
			c.messages <- p.Packet
			return true, nil
		}},
		OnServerDisconnect: func(d *paho.Disconnect) { c.byeCode <- d.ReasonCode },
		OnClientError:      func(err error) { c.lost <- err },
	})
	t.Cleanup(func() {
		_ = c.Disconnect(&paho.Disconnect{})
		_ = conn.Close()
		<-c.Done()
	})
	return c
}

// connect opens a session with an access token.
func connect(t *testing.T, sb *sandbox.Sandbox, token string) *client {
	t.Helper()
	return connectClient(t, newClient(t, dial(t, sb, false)), token)
}

func connectClient(t *testing.T, c *client, token string) *client {
	t.Helper()
	ack, err := c.Connect(soon(t), &paho.Connect{ClientID: "test", CleanStart: true, KeepAlive: 60, Username: token, UsernameFlag: true})
	if err != nil {
		t.Fatalf("connect: %v %+v", err, ack)
	}
	return c
}

// publish sends with QoS 1 and gives the reason code of the PUBACK.
func (c *client) publish(topic, payload string) byte {
	c.t.Helper()
	code, err := c.tryPublish(topic, payload)
	if err != nil {
		c.t.Fatalf("publish %s: %v", payload, err)
	}
	return code
}

func (c *client) tryPublish(topic, payload string) (byte, error) {
	resp, err := c.Client.Publish(soon(c.t), &paho.Publish{Topic: topic, QoS: 1, Payload: []byte(payload)})
	if resp != nil && resp.ReasonCode != 0 {
		return resp.ReasonCode, nil
	}
	return 0, err
}

func (c *client) subscribe(qos byte, filters ...string) []byte {
	c.t.Helper()
	var list []paho.SubscribeOptions
	for _, f := range filters {
		list = append(list, paho.SubscribeOptions{Topic: f, QoS: qos})
	}
	ack, err := c.Subscribe(soon(c.t), &paho.Subscribe{Subscriptions: list})
	if ack == nil {
		c.t.Fatal(err)
	}
	return ack.Reasons
}

// next is the next message.
func (c *client) next() *paho.Publish {
	c.t.Helper()
	select {
	case m := <-c.messages:
		return m
	case <-time.After(patience):
		c.t.Fatal("no message came")
		return nil
	}
}

// bye waits for the end of the connection: the code of a DISCONNECT, or 0 without one.
func (c *client) bye() byte {
	c.t.Helper()
	select {
	case code := <-c.byeCode:
		return code
	case <-c.lost:
		return 0
	case <-time.After(patience):
		c.t.Fatal("the connection did not end")
		return 0
	}
}
