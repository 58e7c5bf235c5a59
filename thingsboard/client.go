package thingsboard

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"boardlink/connection"
)

// Deadlines towards a peer. Name look-up, connect and TLS handshake together have dialTimeout; a REST call has
// callTimeout from then on to the last byte of its answer.
const (
	dialTimeout   = 10 * time.Second
	callTimeout   = 10 * time.Second
	logoutTimeout = 2 * time.Second
)

// Account is what a connection says about its ThingsBoard account.
type Account struct {
	HostName      string // host:port, as typed
	Username      string
	Password      connection.Secret
	Protocol      connection.Protocol // empty: AUTO
	RestURL       string              // where REST is not at HostName
	MQTTHostName  string              // host or host:port, where MQTT is not where ThingsBoard says
	CACertificate string              // PEM, trusted beside the system's roots
}

// Options are what a [Client] needs of its surroundings.
type Options struct {
	// Dial opens every connection, REST and MQTT; use a netguard.Dialer. Mandatory.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Now is the clock; nil takes time.Now. Only differences count, so a wrong wall clock does no harm.
	Now func() time.Time
	// Log takes what no caller waits for; nil logs nothing.
	Log *slog.Logger
	// SystemRoots are the certificates to trust; nil takes the system's, with SSL_CERT_FILE honoured by the runtime.
	SystemRoots *x509.CertPool
	// RESTPorts are tried in this order, on the account's host, where its port is an MQTT one; nil takes 443, and with
	// the protocol TCP 80 and 8080 too.
	RESTPorts []int
	// BeforeRelogin is asked before the client presents the password by itself, because a token could not be renewed.
	// An error forbids it and is returned to whoever needed the token. Nil allows it. [Client.SignIn] does not ask.
	BeforeRelogin func(ctx context.Context) error
	// MaxInflight bounds the publishes of one session that wait for their PUBACK; 0 takes 64. The server's own limit
	// lowers it.
	MaxInflight int
}

// Client is one account at one ThingsBoard. Make it with [NewClient]; it is safe for concurrent use.
type Client struct {
	account Account
	options Options
	log     *slog.Logger
	now     func() time.Time
	host    string // of HostName
	port    int
	roots   *x509.CertPool
	http    *http.Client
	watch   *watch // of a probe; nil otherwise

	ctx    context.Context // ends when Close begins
	cancel context.CancelFunc
	dials  context.Context // ends when Close has signed out
	hangUp context.CancelFunc
	work   sync.WaitGroup // sign-ins and renewals under way

	mu       sync.Mutex
	base     *url.URL // nil until Locate found it
	mqttPort int      // the account's port where it is, or may be, an MQTT one; 0 where it is the REST port
	user     User
	tokens   tokens
	refused  *Error  // the password was refused; it is not presented again until SignIn is called
	flight   *flight // the sign-in or renewal under way
	timer    *time.Timer
	closed   bool
}

// NewClient checks the account and makes a client for it. It connects to nothing.
func NewClient(a Account, options Options) (*Client, error) {
	if a.Protocol == "" {
		a.Protocol = connection.ProtocolAuto
	}
	if options.Dial == nil {
		return nil, errors.New("make a ThingsBoard client: no dialer")
	}
	host, port, wrong := connection.SplitHostPort(a.HostName)
	if wrong != "" {
		return nil, &Error{Code: connection.ReasonProtocol, Kind: Config, Message: "Domain Name: " + wrong}
	}
	if err := checkRestURL(a); err != nil {
		return nil, err
	}
	roots, err := trust(options.SystemRoots, a.CACertificate)
	if err != nil {
		return nil, err
	}
	c := &Client{account: a, options: options, log: options.Log, now: options.Now, host: host, port: port, roots: roots}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.now == nil {
		c.now = time.Now
	}
	if c.options.MaxInflight <= 0 {
		c.options.MaxInflight = 64
	}
	c.http = c.newHTTPClient()
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.dials, c.hangUp = context.WithCancel(context.Background())
	return c, nil
}

func checkRestURL(a Account) error {
	if a.RestURL == "" {
		return nil
	}
	u, err := url.Parse(a.RestURL)
	if err != nil || u.Host == "" || u.User != nil || (u.Scheme != "https" && u.Scheme != "http") {
		return &Error{Code: connection.ReasonProtocol, Kind: Config, Message: "REST address: write a web address that begins with https://."}
	}
	if u.Scheme == "http" && a.Protocol != connection.ProtocolTCP {
		return fail(connection.ReasonTLSNotOffered, Config, "REST address", nil)
	}
	return nil
}

// trust returns the roots with the extra authority added; the given pool is not changed.
func trust(system *x509.CertPool, extra string) (*x509.CertPool, error) {
	var roots *x509.CertPool
	if system != nil {
		roots = system.Clone()
	} else {
		var err error
		if roots, err = x509.SystemCertPool(); err != nil {
			return nil, fmt.Errorf("read the system's certificates: %w", err)
		}
	}
	if strings.TrimSpace(extra) != "" && !roots.AppendCertsFromPEM([]byte(extra)) {
		return nil, &Error{Code: connection.ReasonTLSUnknownCA, Kind: Config, Message: "CA certificate: no certificate could be read."}
	}
	return roots, nil
}

// Close ends renewals and sign-ins under way, signs out as far as that takes no longer than 2 s, and frees the
// connections of the REST client. Sessions are not touched: close them first. It may be called twice.
func (c *Client) Close() {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return
	}
	c.closed = true
	if c.timer != nil {
		c.timer.Stop()
	}
	access, base := c.tokens.access, c.base
	c.mu.Unlock()

	c.cancel()
	c.work.Wait()
	if access.IsSet() && base != nil {
		ctx, cancel := context.WithTimeout(context.Background(), logoutTimeout)
		defer cancel()
		if err := c.send(ctx, request{method: http.MethodPost, path: "/api/auth/logout", token: access}); err != nil {
			c.log.Debug("Sign-out was not answered", "error", err)
		}
	}
	c.hangUp()
	c.http.CloseIdleConnections()
}

// secrets lists what no message may hold.
func (c *Client) secrets() []connection.Secret {
	c.mu.Lock()
	defer c.mu.Unlock()
	return []connection.Secret{c.account.Password, c.tokens.access, c.tokens.refresh}
}
