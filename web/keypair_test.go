package web

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"boardlink/access"
	"boardlink/connection"
	"boardlink/live"
)

// pairFiles holds a certificate and its key in files.
type pairFiles struct {
	cert, key string
	roots     *x509.CertPool
}

// newPair makes a certificate for localhost that ends then.
func newPair(t *testing.T, serial int64, end time.Time) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), NotBefore: end.Add(-365 * 24 * time.Hour), NotAfter: end,
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
}

func (p *pairFiles) put(t *testing.T, cert, key []byte) {
	t.Helper()
	for path, text := range map[string][]byte{p.cert: cert, p.key: key} {
		if text == nil {
			continue
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if cert != nil {
		p.roots = x509.NewCertPool()
		p.roots.AppendCertsFromPEM(cert)
	}
}

func filesFor(t *testing.T) *pairFiles {
	dir := t.TempDir()
	return &pairFiles{cert: filepath.Join(dir, "cert.pem"), key: filepath.Join(dir, "key.pem")}
}

func (k *KeyPair) serial() int64 { return k.current.Load().Leaf.SerialNumber.Int64() }

// logged is a log that is read while it is written.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestKeyPair_follows_its_files_and_keeps_what_works(t *testing.T) {
	files := filesFor(t)
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex // of what is told; to sleep is no order that the race detector knows
		var told []string
		var log logged
		end := time.Now().Add(90 * 24 * time.Hour)
		cert1, key1 := newPair(t, 1, end)
		files.put(t, cert1, key1)
		k, err := OpenKeyPair(files.cert, files.key, KeyPairOptions{
			Log: slog.New(slog.NewTextHandler(&log, nil)),
			Tell: func(_ context.Context, e connection.Event) bool {
				mu.Lock()
				defer mu.Unlock()
				told = append(told, string(e.Level)+" "+string(e.Kind)+": "+e.Message)
				return true
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go k.Run(ctx)
		// after lets minutes pass and tells how many events came meanwhile.
		after := func(minutes int) (now []string) {
			mu.Lock()
			told = nil
			mu.Unlock()
			time.Sleep(time.Duration(minutes)*lookEvery + time.Second)
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			return told
		}
		if got := after(3); len(got) != 0 {
			t.Errorf("nothing changed: %q", got)
		}
		cert2, key2 := newPair(t, 2, end)
		files.put(t, cert2, nil) // half of the new pair
		if got := after(1); len(got) != 0 || k.serial() != 1 || !strings.Contains(log.String(), "looked at again") {
			t.Errorf("half a pair: serial %d, %q, log %s", k.serial(), got, log.String())
		}
		files.put(t, nil, key2)
		if got := after(1); len(got) != 1 || k.serial() != 2 || !strings.HasPrefix(got[0], "info system: A new TLS certificate is in use, valid until ") {
			t.Errorf("a new pair: serial %d, %q", k.serial(), got)
		}
		for name, text := range map[string]string{"no certificate": "canary", "no file": ""} {
			if text == "" {
				_ = os.Remove(files.key)
			} else {
				files.put(t, []byte(text), nil)
			}
			got := after(5)
			if len(got) != 1 || k.serial() != 2 || !strings.HasPrefix(got[0], "error alarm: The new TLS certificate cannot be used, so the former one stays in use. ") || strings.Contains(got[0], "canary") {
				t.Errorf("%s: serial %d, %q", name, k.serial(), got)
			}
			files.put(t, cert2, key2)
			if got := after(2); len(got) != 0 || k.serial() != 2 {
				t.Errorf("put back: serial %d, %q", k.serial(), got)
			}
		}
	})
}

func TestKeyPair_warns_before_the_certificate_ends(t *testing.T) {
	files := filesFor(t)
	end := time.Now().Add(90 * 24 * time.Hour).Truncate(time.Second)
	now, taken := time.Now(), true
	var told []string
	cert, key := newPair(t, 1, end)
	files.put(t, cert, key)
	k, err := OpenKeyPair(files.cert, files.key, KeyPairOptions{
		Now: func() time.Time { return now },
		Tell: func(_ context.Context, e connection.Event) bool {
			told = append(told, string(e.Level)+": "+e.Message)
			return taken
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	at := func(when time.Time, want ...string) {
		t.Helper()
		now, told = when, nil
		k.watchEnd(t.Context())
		k.watchEnd(t.Context())
		if len(told) != len(want) {
			t.Fatalf("%v before the end: %q, want %q", end.Sub(when), told, want)
		}
		for i := range want {
			if !strings.HasPrefix(told[i], want[i]) {
				t.Errorf("%v before the end: %q, want %q", end.Sub(when), told, want)
			}
		}
	}
	const soon, over = "warning: The TLS certificate ends on ", "error: The TLS certificate ended on "
	at(end.Add(-15 * 24 * time.Hour))
	taken = false // the database takes no event: it is told again
	at(end.Add(-14*24*time.Hour), soon, soon)
	taken = true
	at(end.Add(-14*24*time.Hour), soon+day(end))
	at(end.Add(-time.Hour))
	at(end, over+day(end))
	at(end.Add(time.Hour))
	cert, key = newPair(t, 2, end.Add(time.Hour*24*20))
	files.put(t, cert, key)
	k.look(t.Context())
	at(end.Add(time.Hour))
	at(end.Add(7*24*time.Hour), soon)
}

func TestOpenKeyPair_says_what_is_wrong(t *testing.T) {
	files := filesFor(t)
	end := time.Now().Add(time.Hour)
	cert, key := newPair(t, 1, end)
	_, other := newPair(t, 2, end)
	for name, test := range map[string]struct {
		cert, key []byte
		want      string
	}{
		"no certificate": {nil, key, "BOARDLINK_TLS_CERT: the file " + files.cert + " cannot be read: no such file or directory."},
		"no key":         {cert, nil, "BOARDLINK_TLS_KEY: the file " + files.key + " cannot be read: no such file or directory."},
		"another's key":  {cert, other, "private key does not match public key"},
		"no PEM":         {[]byte("canary"), key, "are no certificate and its key as PEM"},
		"too large":      {bytes.Repeat([]byte("x"), maxPEM+1), key, "it is too large"},
		"swapped":        {key, cert, "are no certificate and its key as PEM"},
	} {
		_, _ = os.Remove(files.cert), os.Remove(files.key)
		files.put(t, test.cert, test.key)
		_, err := OpenKeyPair(files.cert, files.key, KeyPairOptions{})
		if connection.CodeOf(err) != connection.CodeUnavailable || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestServer_speaks_TLS(t *testing.T) {
	files := filesFor(t)
	cert, key := newPair(t, 1, time.Now().Add(time.Hour))
	files.put(t, cert, key)
	pair, err := OpenKeyPair(files.cert, files.key, KeyPairOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(Options{PublicURL: "http://localhost", TLS: pair}); err == nil {
		t.Error("TLS with a public address of http was taken")
	}
	s, err := New(Options{PublicURL: "https://localhost", TLS: pair, Sessions: &memory{rows: map[access.Digest]access.SessionRow{}}, People: everybody{}, Keys: access.NewKeys(""), Feed: &live.Feed{}})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(listener) }()
	defer func() {
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	}()
	get := func(scheme string, config *tls.Config) (*http.Response, error) {
		transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true, DisableKeepAlives: true}
		defer transport.CloseIdleConnections()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, scheme+"://"+listener.Addr().String()+"/healthz", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := transport.RoundTrip(r)
		if err == nil {
			_ = resp.Body.Close()
		}
		return resp, err
	}
	resp, err := get("https", &tls.Config{RootCAs: files.roots})
	if err != nil || resp.StatusCode != http.StatusOK || resp.ProtoMajor != 1 || resp.Header.Get("Strict-Transport-Security") == "" {
		t.Fatalf("%v, %v", resp, err)
	}
	if resp, err := get("https", &tls.Config{RootCAs: files.roots, MaxVersion: tls.VersionTLS12}); err != nil || resp.TLS.Version != tls.VersionTLS12 {
		t.Errorf("TLS 1.2: %v, %v", resp, err)
	}
	if _, err := get("https", &tls.Config{RootCAs: files.roots, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("TLS 1.1 was spoken")
	}
	if resp, err := get("http", nil); err != nil || resp.StatusCode != http.StatusBadRequest {
		t.Errorf("plain HTTP: %v, %v", resp, err)
	}
	// The next handshake has the next certificate; the old one is not trusted any more.
	cert, key = newPair(t, 2, time.Now().Add(time.Hour))
	files.put(t, cert, key)
	pair.look(t.Context())
	if resp, err := get("https", &tls.Config{RootCAs: files.roots}); err != nil || resp.TLS.PeerCertificates[0].SerialNumber.Int64() != 2 {
		t.Errorf("after the change: %v, %v", resp, err)
	}
}
