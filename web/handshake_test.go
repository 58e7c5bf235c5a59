package web

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
)

func TestHandshakes_plain_HTTP_is_told_where_to_ask(t *testing.T) {
	f := openFront(t, true)
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
		c := f.dial(t)
		if _, err := io.WriteString(c, method+" /signin HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Errorf("%s: %v", method, err)
			continue
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusBadRequest || string(body) != "400 Bad Request: this port speaks https. Ask for https://localhost/ instead.\n" {
			t.Errorf("%s: %d %q, %v", method, resp.StatusCode, body, err)
		}
		// In clear, nobody may be told to come by https for a year (RFC 6797, section 7.2).
		if wrong := bears(resp.Header, false); len(wrong) > 0 || resp.Header.Get("Strict-Transport-Security") != "" {
			t.Errorf("%s: %v, %v", method, wrong, resp.Header)
		}
	}
	if text := f.log.String(); strings.Contains(text, "handshake") {
		t.Errorf("logged: %s", text)
	}
}

func TestHandshakes_that_fail_are_told_once_a_minute(t *testing.T) {
	f := openFront(t, true)
	for range 20 {
		c := f.dial(t)
		_, _ = io.WriteString(c, "SSH-2.0-OpenSSH_9.9\r\n")
		if _, err := io.Copy(io.Discard, c); err != nil && !errors.Is(err, io.EOF) {
			t.Log(err) // the server may close with something unread
		}
		_ = f.dial(t).Close()
	}
	if n := strings.Count(f.log.String(), "TLS handshakes failed"); n != 1 {
		t.Errorf("told %d times: %s", n, f.log.String())
	}
}

func TestHandshakes_that_are_not_done_in_time_are_cut_and_hold_nobody_up(t *testing.T) {
	f := openFront(t, true, func(s *Server) { s.http.ReadHeaderTimeout = 500 * time.Millisecond })
	silent, half := f.dial(t), f.dial(t)
	if _, err := half.Write([]byte{22, 3, 1}); err != nil { // the beginning of a record
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(f.send(t, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")), nil)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("beside them: %v, %v", resp, err)
	}
	_ = resp.Body.Close()
	for name, c := range map[string]io.Reader{"silent": silent, "half": half} {
		if got, err := io.ReadAll(c); len(got) > 0 && got[0] != 21 { // but for an alert
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestHandshakes_end_with_the_server(t *testing.T) {
	f := openFront(t, true, func(s *Server) { s.http.ReadHeaderTimeout = time.Hour })
	silent := f.dial(t)
	// A whole request beside it shows that it was accepted.
	resp, err := http.ReadResponse(bufio.NewReader(f.send(t, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := f.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	err = <-f.served // once all are gone
	f.served <- err  // and once more for the test's end
	if err != nil {
		t.Error(err)
	}
	if got, _ := io.ReadAll(silent); len(got) > 0 {
		t.Errorf("%q", got)
	}
}

// All goes on as net/http has it: who asks for TLS sees it, streams set deadlines of their own, slow ones are cut.
func TestHandshakes_lead_to_HTTP_1_also_who_would_rather_speak_2(t *testing.T) {
	cut := make(chan error, 2)
	f := openFront(t, true, func(s *Server) {
		s.http.ReadHeaderTimeout, s.http.ReadTimeout, s.http.WriteTimeout = 5*time.Second, 300*time.Millisecond, 300*time.Millisecond
		s.Mount(
			Route{Method: http.MethodGet, Path: "/see", Public: true, Handler: func(c echo.Context) error {
				r := c.Request()
				if r.TLS == nil || !r.TLS.HandshakeComplete || r.TLS.Version < tls.VersionTLS12 || r.TLS.ServerName != "localhost" {
					return NewProblem(http.StatusInternalServerError, "No TLS.")
				}
				return c.String(http.StatusOK, r.Proto)
			}},
			// Longer than WriteTimeout, as the stream of changes is.
			Route{Method: http.MethodGet, Path: "/long", Public: true, Handler: func(c echo.Context) error {
				control := http.NewResponseController(c.Response())
				for range 4 {
					if err := control.SetWriteDeadline(time.Now().Add(5 * time.Second)); err != nil {
						return err
					}
					if _, err := io.WriteString(c.Response(), "more\n"); err != nil {
						return err
					}
					if err := control.Flush(); err != nil {
						return err
					}
					select {
					case <-time.After(150 * time.Millisecond):
					case <-c.Request().Context().Done():
						return c.Request().Context().Err()
					}
				}
				return nil
			}},
			Route{Method: http.MethodPost, Path: "/take", Public: true, Handler: func(c echo.Context) error {
				_, err := io.ReadAll(c.Request().Body)
				cut <- err
				return NewProblem(http.StatusBadRequest, "It broke off.")
			}},
		)
	})
	const proto = "HTTP/1.1"
	for _, two := range []bool{false, true} {
		config := f.config.Clone()
		config.ServerName = "localhost"
		transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: two}
		do := func(method, path string, body io.Reader) (*http.Response, string, error) {
			r, err := http.NewRequestWithContext(t.Context(), method, "https://"+f.address+path, body)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/json")
			resp, err := transport.RoundTrip(r)
			if err != nil {
				return nil, "", err
			}
			defer resp.Body.Close() // read to its end
			text, err := io.ReadAll(resp.Body)
			return resp, string(text), err
		}
		resp, text, err := do(http.MethodGet, "/see", nil)
		if err != nil || resp.Proto != proto || text != proto {
			t.Errorf("%s: %q, %v", proto, text, err)
			continue
		}
		if wrong := bears(resp.Header, true); len(wrong) > 0 {
			t.Errorf("%s: %v", proto, wrong)
		}
		if _, text, err := do(http.MethodGet, "/long", nil); err != nil || text != strings.Repeat("more\n", 4) {
			t.Errorf("%s: a long answer: %q, %v", proto, text, err)
		}
		slow, end := io.Pipe()
		go func() { _, _ = io.WriteString(end, "{") }() // and never more
		answered := make(chan struct{})
		go func() {
			defer close(answered)
			_, _, _ = do(http.MethodPost, "/take", slow)
		}()
		select {
		case err := <-cut:
			if err == nil {
				t.Errorf("%s: a slow body was taken", proto)
			}
		case <-time.After(20 * time.Second):
			t.Errorf("%s: a slow body was waited for", proto)
		}
		_ = slow.Close() // the client waits for it where the server only hangs up
		<-answered
		transport.CloseIdleConnections()
	}
}
