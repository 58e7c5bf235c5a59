package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"boardlink/db"
)

// certificate writes a certificate for localhost that ends then, and its key.
func certificate(t *testing.T, end time.Time) (certFile, keyFile string, roots *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: end, DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for path, text := range map[string][]byte{certFile: cert, keyFile: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	roots = x509.NewCertPool()
	roots.AppendCertsFromPEM(cert)
	return certFile, keyFile, roots
}

func TestServe_speaks_TLS_with_cookies_that_no_other_host_can_set(t *testing.T) {
	cfg := settings(t)
	var roots *x509.CertPool
	end := time.Now().Add(10 * 24 * time.Hour)
	cfg.TLSCert, cfg.TLSKey, roots = certificate(t, end)
	s := start(t, cfg, surroundings{})
	if !strings.HasPrefix(s.public, "https://localhost:") {
		t.Errorf("the public address is %s", s.public)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	c := &http.Client{Transport: transport, Timeout: 20 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	form := url.Values{"email": {"ada@example.com"}, "password": {canaryAdmin}}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.public+"/signin", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	cookies := resp.Cookies()
	if resp.StatusCode != http.StatusSeeOther || len(cookies) == 0 {
		t.Errorf("%d, cookies %v", resp.StatusCode, cookies)
	}
	for _, c := range cookies {
		if !strings.HasPrefix(c.Name, "__Host-") || !c.Secure || !c.HttpOnly || c.Path != "/" || c.Domain != "" {
			t.Errorf("cookie %v", c)
		}
	}
	if got := resp.Header.Get("Strict-Transport-Security"); got != "max-age=31536000; includeSubDomains" {
		t.Errorf("Strict-Transport-Security: %q", got)
	}
	// The end is near: an event tells it.
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		events, err := s.db.Events(t.Context(), db.EventFilter{})
		if err != nil {
			t.Fatal(err)
		}
		told := false
		for _, e := range events {
			told = told || strings.HasPrefix(e.Message, "The TLS certificate ends on "+end.UTC().Format("2006-01-02"))
		}
		if told {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("nobody is warned: %+v", events)
		}
	}
}

func TestRun_names_what_is_wrong_with_TLS_settings(t *testing.T) {
	certFile, keyFile, _ := certificate(t, time.Now().Add(time.Hour))
	data := filepath.Join(t.TempDir(), "data")
	for name, test := range map[string]struct {
		environ []string
		code    int
		want    string
	}{
		"the key is missing":         {[]string{"BOARDLINK_TLS_CERT=" + certFile}, exitUsage, "boardlink: BOARDLINK_TLS_KEY: is missing"},
		"the certificate is missing": {[]string{"BOARDLINK_TLS_KEY=" + keyFile}, exitUsage, "boardlink: BOARDLINK_TLS_CERT: is missing"},
		"the address is http":        {[]string{"BOARDLINK_TLS_CERT=" + certFile, "BOARDLINK_TLS_KEY=" + keyFile, "BOARDLINK_PUBLIC_URL=http://x"}, exitUsage, "boardlink: BOARDLINK_PUBLIC_URL: must begin with https://"},
		"there is no such file":      {[]string{"BOARDLINK_TLS_CERT=" + certFile + ".no", "BOARDLINK_TLS_KEY=" + keyFile}, exitFailed, "boardlink: BOARDLINK_TLS_CERT: the file " + certFile + ".no cannot be read: no such file or directory."},
		"they are swapped":           {[]string{"BOARDLINK_TLS_CERT=" + keyFile, "BOARDLINK_TLS_KEY=" + certFile}, exitFailed, "are no certificate and its key as PEM"},
	} {
		var out, errs bytes.Buffer
		ctx, cancel := context.WithCancel(t.Context())
		code := run(ctx, []string{"--addr", "127.0.0.1:0", "--data", data}, test.environ, &out, &errs)
		cancel()
		if code != test.code || !strings.Contains(errs.String(), test.want) || strings.Count(errs.String(), "\n") != 1 {
			t.Errorf("%s: code %d, %q", name, code, errs.String())
		}
	}
	if _, err := os.Stat(data); !os.IsNotExist(err) {
		t.Errorf("the data folder was made: %v", err)
	}
}
