package main

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"boardlink/config"
	"boardlink/connection"
	"boardlink/demo"
	"boardlink/operation"
	"boardlink/thingsboard/sandbox"
)

// What the demo listens on; where one is taken, any free port serves.
const (
	demoPageAddr      = "127.0.0.1:8090"
	demoThingParkAddr = "127.0.0.1:0"
	demoFleetSize     = 10
	demoTenant        = "tenant@demo.example"
	demoOperator      = "operator@demo.example"
	demoASID          = "TWA_100009999.1.AS"
	demoActor         = "demo"
)

// runDemo runs Boardlink on a temporary data folder, with a ThingsBoard sandbox, a fleet of simulated devices and a
// simulated ThingPark around it, until ctx ends. Nothing of it is left afterwards.
func runDemo(ctx context.Context, args, environ []string, stdout, stderr io.Writer) (err error) {
	cfg, err := config.Load(args, quietly(environ), stderr)
	if err != nil {
		return err
	}
	log := cfg.Logger(stderr)
	if cfg.DataDir == config.Default().DataDir {
		dir, err := os.MkdirTemp("", "boardlink-demo-")
		if err != nil {
			return fmt.Errorf("make a temporary data folder: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
		cfg.DataDir = filepath.Join(dir, "data")
	}
	secrets, err := newDemoSecrets()
	if err != nil {
		return err
	}
	s, err := newStage(ctx, &cfg, log, secrets)
	if err != nil {
		return err
	}
	defer s.close()
	a, err := assemble(ctx, cfg, log, surroundings{roots: s.roots})
	if err != nil {
		return err
	}
	first, err := s.firstConnection(ctx, a)
	if err != nil {
		a.release()
		return err
	}
	fleet, stop := context.WithCancel(ctx)
	defer stop()
	s.play(fleet, a, first)
	if _, err := io.WriteString(stdout, s.bill(a)); err != nil {
		a.release()
		return err
	}
	return a.run(ctx)
}

// quietly lets the demo log warnings only, unless somebody asks for more: its terminal shows addresses and passwords.
func quietly(environ []string) []string {
	for _, e := range environ {
		if strings.HasPrefix(e, "BOARDLINK_LOG_LEVEL=") {
			return environ
		}
	}
	return append(environ, "BOARDLINK_LOG_LEVEL=warn")
}

// demoSecrets are made anew for each demo.
type demoSecrets struct{ operator, tenant, asKey connection.Secret }

// Format gives the type's name for every verb.
func (demoSecrets) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "demoSecrets") }

func newDemoSecrets() (demoSecrets, error) {
	var made [3]connection.Secret
	for i := range made {
		var b [12]byte
		if _, err := rand.Read(b[:]); err != nil {
			return demoSecrets{}, fmt.Errorf("make a password: %w", err)
		}
		made[i] = connection.Secret(base64.RawURLEncoding.EncodeToString(b[:]))
	}
	return demoSecrets{operator: made[0], tenant: made[1], asKey: connection.Secret(fmt.Sprintf("%032x", []byte(made[2].Reveal()))[:32])}, nil
}

// stage is what stands around Boardlink in the demo.
type stage struct {
	log       *slog.Logger
	secrets   demoSecrets
	operator  string // e-mail
	sandbox   *sandbox.Sandbox
	roots     *x509.CertPool
	hostPort  string // what goes into Domain Name
	thingpark net.Listener
	page      net.Listener
	fleet     *demo.Fleet
	servers   []*http.Server
}

// newStage starts the sandbox and opens the listeners, and lets the settings allow them: loopback is closed otherwise.
func newStage(ctx context.Context, cfg *config.Config, log *slog.Logger, secrets demoSecrets) (s *stage, err error) {
	s = &stage{log: log, secrets: secrets}
	defer func() {
		if err != nil {
			s.close()
			s = nil
		}
	}()
	if s.sandbox, err = sandbox.Start(sandbox.Options{TLS: true, NoPlainMQTT: true, Log: log}); err != nil {
		return nil, fmt.Errorf("start the ThingsBoard sandbox: %w", err)
	}
	s.sandbox.AddAccount(sandbox.Account{Email: demoTenant, Password: secrets.tenant.Reveal()})
	s.roots = x509.NewCertPool()
	if !s.roots.AppendCertsFromPEM(s.sandbox.CAPEM()) {
		return nil, errors.New("the sandbox's authority cannot be read")
	}
	_, port, err := net.SplitHostPort(s.sandbox.HTTPAddr())
	if err != nil {
		return nil, err
	}
	s.hostPort = net.JoinHostPort("localhost", port)
	if s.thingpark, err = listenNear(ctx, demoThingParkAddr); err != nil {
		return nil, err
	}
	if s.page, err = listenNear(ctx, demoPageAddr); err != nil {
		return nil, err
	}
	allow := []string{"localhost", "127.0.0.0/8", "[::1]"}
	if cfg.AllowHosts != "" {
		allow = append(allow, cfg.AllowHosts)
	}
	cfg.AllowHosts = strings.Join(allow, ",")
	if cfg.AdminEmail == "" {
		cfg.AdminEmail, cfg.AdminPassword = demoOperator, secrets.operator
	}
	s.operator, s.secrets.operator = cfg.AdminEmail, cfg.AdminPassword
	if l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Addr); err == nil {
		_ = l.Close()
	} else {
		cfg.Addr = "127.0.0.1:0" // the usual port is taken: the demo is content with any
	}
	s.fleet = demo.NewFleet(demoFleetSize, uint64(time.Now().UnixNano()), &http.Client{Timeout: 10 * time.Second}, log) // a seed
	return s, nil
}

// listenNear listens on the address, or on any free port of the same host where it is taken.
func listenNear(ctx context.Context, addr string) (net.Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err == nil {
		return l, nil
	}
	host, _, splitErr := net.SplitHostPort(addr)
	if splitErr != nil {
		return nil, splitErr
	}
	if l, err = (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(host, "0")); err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return l, nil
}

// firstConnection makes the connection that is there when somebody first looks.
func (s *stage) firstConnection(ctx context.Context, a *application) (demo.Target, error) {
	c := connection.Connection{ConnectorID: connection.ConnectorID, Name: "Demo ThingsBoard", Active: true, Configuration: connection.DefaultConfiguration()}
	cfg := &c.Configuration
	cfg.Description = "The sandbox that the demo brings, fed by ten simulated devices."
	cfg.HostName, cfg.Username, cfg.Password = s.hostPort, demoTenant, s.secrets.tenant
	cfg.TelemetryFormat = connection.FormatMeasurements
	s.downlinksTo(cfg)
	v, err := a.operations.Create(ctx, demoActor, c)
	if err != nil {
		return demo.Target{}, fmt.Errorf("make the demo's connection: %w", err)
	}
	return targetOf(v), nil
}

func (s *stage) downlinksTo(cfg *connection.Configuration) {
	cfg.DownlinkURL, cfg.DownlinkAsID, cfg.DownlinkAsKey = s.parkURL(), demoASID, s.secrets.asKey
}

func (s *stage) parkURL() string {
	return "http://" + s.thingpark.Addr().String() + "/thingpark/lrc/rest/downlink"
}

// retryClosed lets every link that waits for its next try make it now.
func retryClosed(ctx context.Context, a *application) error {
	views, _, err := a.operations.List(ctx, operation.Filter{States: []connection.State{connection.Closed}})
	if err != nil {
		return err
	}
	for _, v := range views {
		if _, err := a.operations.Retry(ctx, demoActor, v.Connection.ID); err != nil {
			return err
		}
	}
	return nil
}

func targetOf(v operation.View) demo.Target {
	return demo.Target{ID: v.Connection.ID, Name: v.Connection.Name, URL: v.UplinkURL, Key: v.Connection.UplinkKey}
}

// play lets the fleet send, and serves the simulated ThingPark and the demo's page.
func (s *stage) play(ctx context.Context, a *application, first demo.Target) {
	s.fleet.SetTarget(first)
	park := &demo.ThingPark{ASID: demoASID, ASKey: s.secrets.asKey, ReportAfter: 3 * time.Second, Fleet: s.fleet, Log: s.log}
	console := &demo.Console{
		Address: a.public, Email: s.operator, Password: s.secrets.operator.Reveal(),
		TBHostPort: s.hostPort, TBEmail: demoTenant, TBPassword: s.secrets.tenant.Reveal(),
		ParkURL: s.parkURL(), ASID: demoASID, ASKey: s.secrets.asKey,
		Sandbox: s.sandbox, Fleet: s.fleet, Log: s.log,
		Pointed: func(ctx context.Context, id connection.ID) error {
			_, err := a.operations.Restart(ctx, demoActor, id)
			return err
		},
		Started: func(ctx context.Context) error { return retryClosed(ctx, a) },
		Targets: func(ctx context.Context) ([]demo.Target, error) {
			views, _, err := a.operations.List(ctx, operation.Filter{})
			if err != nil {
				return nil, err
			}
			targets := make([]demo.Target, 0, len(views))
			for _, v := range views {
				whole, err := a.operations.Get(ctx, v.Connection.ID) // a list has no key
				if err != nil {
					return nil, err
				}
				targets = append(targets, targetOf(whole))
			}
			return targets, nil
		},
	}
	s.serve(s.thingpark, park.Handler(ctx))
	s.serve(s.page, console.Handler())
	go s.fleet.Run(ctx)
}

func (s *stage) serve(l net.Listener, h http.Handler) {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, WriteTimeout: 30 * time.Second}
	s.servers = append(s.servers, server)
	go func() {
		if err := server.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("A part of the demo stopped", "error", err)
		}
	}()
}

// bill tells where everything is.
func (s *stage) bill(a *application) string {
	return fmt.Sprintf(`
Boardlink's demo is running. Ctrl-C ends it; nothing of it is kept.

  Boardlink           %s
    sign in as        %s
    with password     %s

  The demo's page     %s
    what ThingsBoard received, commands to devices, stop and start of the sandbox

  ThingsBoard sandbox, for a connection of your own; then let the fleet post to it, on the demo's page
    Domain Name       %s
    Username          %s
    Password          %s
    for commands, under Advanced settings
    Downlink address  %s
    AS ID             %s
    AS key            %s

`, a.public, s.operator, s.secrets.operator.Reveal(), "http://localhost:"+portOf(s.page), s.hostPort, demoTenant, s.secrets.tenant.Reveal(),
		s.parkURL(), demoASID, s.secrets.asKey.Reveal())
}

func portOf(l net.Listener) string {
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return ""
	}
	return port
}

func (s *stage) close() {
	for _, server := range s.servers {
		_ = server.Close()
	}
	for _, l := range []net.Listener{s.thingpark, s.page} {
		if l != nil {
			_ = l.Close()
		}
	}
	if s.sandbox != nil {
		s.sandbox.Close()
	}
}
