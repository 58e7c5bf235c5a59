package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"boardlink/config"
	"boardlink/connection"
	"boardlink/thingsboard/sandbox"
)

const (
	canaryPassword = "canary-password-of-thingsboard"
	canaryASKey    = "0c0a0a0a0c0a0a0a0c0a0a0a0c0a0a0a"
	canaryAPIKey   = "canary-api-key-0123456789-0123456789"
	canaryAdmin    = "canary admin password"
	canaryDevEUI   = "C0FFEE00CA11A4B1"
)

// started is a whole Boardlink in this process.
type started struct {
	*application
	t    *testing.T
	stop func() error
}

func start(t *testing.T, cfg config.Config, around surroundings) *started {
	t.Helper()
	a, err := assemble(t.Context(), cfg, slog.New(slog.DiscardHandler), around)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.run(ctx) }()
	s := &started{application: a, t: t}
	stopped := false
	s.stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return <-done
	}
	t.Cleanup(func() { _ = s.stop() })
	return s
}

// settings are those of a Boardlink on ports of its own.
func settings(t testing.TB) config.Config {
	t.Helper()
	cfg, err := config.Load([]string{"--addr", "127.0.0.1:0", "--data", filepath.Join(t.TempDir(), "data")}, []string{
		"BOARDLINK_METRICS_ADDR=127.0.0.1:0", "BOARDLINK_ALLOW_HOSTS=127.0.0.0/8", "BOARDLINK_API_KEY=" + canaryAPIKey,
		"BOARDLINK_ADMIN_EMAIL=ada@example.com", "BOARDLINK_ADMIN_PASSWORD=" + canaryAdmin,
	}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func client(t *testing.T) *http.Client {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 20 * time.Second}
}

// metricsText scrapes.
func (s *started) metricsText() string {
	s.t.Helper()
	resp, err := client(s.t).Get("http://" + s.scrapes.Addr().String() + "/metrics")
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		s.t.Fatalf("%v, %v: %s", err, resp.StatusCode, text)
	}
	return string(text)
}

// until waits for a line of the metrics.
func (s *started) until(line string) string {
	s.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		text := s.metricsText()
		if strings.Contains(text, "\n"+line+"\n") {
			return text
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%s is not there:\n%s", line, text)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (s *started) post(path, body string, header ...string) int {
	s.t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://"+s.listener.Addr().String()+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := client(s.t).Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

func TestMetrics_show_an_uplink_on_its_way_and_no_secret(t *testing.T) {
	tb, err := sandbox.Start(sandbox.Options{TLS: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tb.Close)
	tb.AddAccount(sandbox.Account{Email: "tenant@example.com", Password: canaryPassword})
	s := start(t, settings(t), surroundings{})
	c := connection.Connection{ConnectorID: connection.ConnectorID, Name: "canary name", Active: true, Configuration: connection.DefaultConfiguration()}
	c.Configuration.HostName, c.Configuration.Username, c.Configuration.Password = tb.HTTPAddr(), "tenant@example.com", canaryPassword
	c.Configuration.CACertificate = string(tb.CAPEM())
	c.Configuration.DownlinkURL = "https://park.example.com/downlink"
	c.Configuration.DownlinkAsID, c.Configuration.DownlinkAsKey = "TWA_1.1.AS", canaryASKey
	v, err := s.operations.Create(t.Context(), "ada@example.com", c)
	if err != nil {
		t.Fatal(err)
	}
	id, key := v.Connection.ID.String(), v.Connection.UplinkKey.Reveal()
	s.until(`boardlink_link_opened{connection="` + id + `"} 1`)

	uplink := `{"DevEUI_uplink": {"DevEUI": "` + canaryDevEUI + `", "FPort": 1, "FCntUp": 1, "payload": {"t": 1}}}`
	if status := s.post("/connections/"+id+"/uplinks?key="+key, uplink); status != http.StatusOK {
		t.Fatalf("status %d", status)
	}
	if status := s.post("/connections/"+id+"/uplinks?key=canary-wrong-key", uplink); status != http.StatusUnauthorized {
		t.Fatalf("status %d", status)
	}
	s.post("/connections/"+id+"/uplinks", "{canary", "Authorization", "Bearer "+canaryAPIKey)
	s.post("/canary/"+canaryAPIKey, uplink)

	s.until("boardlink_uplinks_delivered_total 1")
	text := s.until(`boardlink_queue_depth{connection="` + id + `"} 0`)
	for _, line := range []string{
		"boardlink_uplinks_accepted_total 1", `boardlink_uplinks_refused_total{reason="key"} 1`, `boardlink_uplinks_refused_total{reason="document"} 1`,
		`boardlink_links{state="OPENED"} 1`, `boardlink_publish_duration_seconds_count{result="delivered"} 1`,
		`boardlink_http_requests_total{code="2xx",method="POST",route="/api/v1/connections/:id/uplinks"} 1`,
		`boardlink_http_requests_total{code="4xx",method="POST",route="/api/v1/connections/:id/uplinks"} 2`,
	} {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("lacks %s", line)
		}
	}
	for _, secret := range []string{"canary", canaryASKey, canaryDevEUI, key, "tenant@example.com", "ada@example.com", tb.HTTPAddr()} {
		if strings.Contains(strings.ToLower(text), strings.ToLower(secret)) {
			t.Errorf("%s is in the metrics", secret)
		}
	}

	addr := s.scrapes.Addr().String()
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	if conn, err := net.DialTimeout("tcp", addr, time.Second); err == nil {
		_ = conn.Close()
		t.Error("the listener of metrics outlives the program")
	}
}

func TestMetrics_have_no_listener_unless_asked_for(t *testing.T) {
	cfg := settings(t)
	cfg.MetricsAddr = ""
	s := start(t, cfg, surroundings{})
	if s.scrapes != nil {
		t.Error("there is one")
	}
	resp, err := client(t).Get("http://" + s.listener.Addr().String() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode == http.StatusOK {
		t.Error("the console serves metrics")
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
}

func TestMetrics_that_cannot_be_served_fail_the_start_and_name_the_setting(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	cfg := settings(t)
	for _, addr := range []string{taken.Addr().String(), "203.0.113.1:9464"} {
		cfg.MetricsAddr = addr
		_, err := assemble(t.Context(), cfg, slog.New(slog.DiscardHandler), surroundings{})
		var failure *connection.Failure
		if !errors.As(err, &failure) {
			t.Fatalf("error %v", err)
		}
		var out bytes.Buffer
		if code := report(err, &out); code != exitFailed || !strings.Contains(out.String(), addr) || !strings.Contains(out.String(), "BOARDLINK_METRICS_ADDR") || strings.Count(out.String(), "\n") != 1 {
			t.Errorf("exit code %d, %q", code, out.String())
		}
	}
	cfg.MetricsAddr = "" // what was opened before was closed: the folder can be taken again
	if err := start(t, cfg, surroundings{}).stop(); err != nil {
		t.Error(err)
	}
}
