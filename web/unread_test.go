package web

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"boardlink/access"
	"boardlink/live"

	"github.com/labstack/echo/v4"
)

// front is a server with a way in for raw texts, by TLS or without.
type front struct {
	*Server
	address string
	config  *tls.Config // nil without TLS
	log     *lines
	served  chan error
}

// lines keeps what is logged.
type lines struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

func openFront(t *testing.T, secured bool, change ...func(*Server)) *front {
	t.Helper()
	f := &front{log: &lines{}, served: make(chan error, 1)}
	opt := Options{PublicURL: "http://localhost", Sessions: &memory{rows: map[access.Digest]access.SessionRow{}}, People: everybody{}, Keys: access.NewKeys(""), Feed: &live.Feed{},
		Log: slog.New(slog.NewTextHandler(f.log, nil))}
	if secured {
		files := filesFor(t)
		cert, key := newPair(t, 1, time.Now().Add(time.Hour))
		files.put(t, cert, key)
		pair, err := OpenKeyPair(files.cert, files.key, KeyPairOptions{})
		if err != nil {
			t.Fatal(err)
		}
		opt.TLS, opt.PublicURL = pair, "https://localhost"
		f.config = &tls.Config{RootCAs: files.roots, ServerName: "127.0.0.1"}
	}
	var err error
	if f.Server, err = New(opt); err != nil {
		t.Fatal(err)
	}
	for _, c := range change {
		c(f.Server)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f.address = listener.Addr().String()
	go func() { f.served <- f.Serve(listener) }()
	t.Cleanup(func() {
		if err := f.Shutdown(t.Context()); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
		if err := <-f.served; err != nil {
			t.Error(err)
		}
	})
	return f
}

// dial opens a connection that speaks no TLS.
func (f *front) dial(t *testing.T) net.Conn {
	t.Helper()
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", f.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	return c
}

// send writes a text of HTTP/1, over TLS where the server speaks it.
func (f *front) send(t *testing.T, text string) net.Conn {
	t.Helper()
	c := f.dial(t)
	if f.config != nil {
		c = tls.Client(c, f.config)
	}
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	return c
}

// each runs a test against a server with TLS and one without.
func each(t *testing.T, test func(t *testing.T, secured bool)) {
	for _, secured := range []bool{false, true} {
		t.Run(map[bool]string{false: "in clear", true: "over TLS"}[secured], func(t *testing.T) { test(t, secured) })
	}
}

// bears tells which of the house's headers an answer lacks or has otherwise.
func bears(h http.Header, secure bool) (wrong []string) {
	want := http.Header{}
	setSecurityHeaders(want, secure)
	for name := range want {
		if got := h.Values(name); len(got) != 1 || got[0] != want.Get(name) {
			wrong = append(wrong, fmt.Sprintf("%s: %q", name, got))
		}
	}
	return wrong
}

func TestAnswers_before_any_handler_bear_the_headers_and_say_what_was_wrong(t *testing.T) {
	each(t, func(t *testing.T, secured bool) {
		f := openFront(t, secured)
		const good = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
		for name, test := range map[string]struct {
			text   string
			status int
			says   string
		}{
			"no request":                   {"hello\r\n\r\n", 400, "cannot be read as a request"},
			"a method that is none":        {"GE(T / HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, "cannot be read as a request"},
			"another protocol":             {"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n", 505, "unsupported protocol version"},
			"no host":                      {"GET / HTTP/1.1\r\n\r\n", 400, "missing required Host header"},
			"two hosts":                    {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "cannot be read as a request"},
			"a host that is none":          {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, "malformed Host header"},
			"a name that is none":          {"GET / HTTP/1.1\r\nHost: localhost\r\nX\x01: a\r\n\r\n", 400, "cannot be read as a request"},
			"a value that is none":         {"GET / HTTP/1.1\r\nHost: localhost\r\nX: a\x01\r\n\r\n", 400, "cannot be read as a request"},
			"an unknown coding":            {"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: x\r\n\r\n", 501, "Unsupported transfer encoding"},
			"too much of a header":         {"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + strings.Repeat("x", 32<<10) + "\r\n\r\n", 431, "all headers together may have 16 KiB"},
			"an expectation":               {"GET / HTTP/1.1\r\nHost: localhost\r\nExpect: wonders\r\n\r\n", 417, "no other expectation than 100-continue is met"},
			"of the server as a whole":     {"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", 404, ""},
			"after an answer of a handler": {good + "GET / HTTP/1.1\r\n\r\n", 400, "missing required Host header"},
		} {
			in := bufio.NewReader(f.send(t, test.text))
			if strings.HasPrefix(test.text, good) {
				resp, err := http.ReadResponse(in, nil)
				if err != nil || resp.StatusCode != http.StatusOK {
					t.Errorf("%s: the first: %v, %v", name, resp, err)
					continue
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			}
			resp, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			body, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if err != nil || resp.StatusCode != test.status || !strings.Contains(string(body), test.says) || strings.Contains(string(body), "wonders") {
				t.Errorf("%s: %d %q, %v", name, resp.StatusCode, body, err)
			}
			if wrong := bears(resp.Header, secured); len(wrong) > 0 {
				t.Errorf("%s: %v", name, wrong)
			}
			if test.says != "" && (resp.Header.Get("Content-Type") != "text/plain; charset=utf-8" || !resp.Close) {
				t.Errorf("%s: %v, closed %v", name, resp.Header, resp.Close)
			}
		}
	})
}

// What a handler writes may look like an answer; it is on its way as it was written.
func TestAnswers_of_handlers_go_out_as_they_were_written(t *testing.T) {
	const forged = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request"
	want := strings.Repeat("x", 4<<10) + strings.Repeat(forged, 100)
	each(t, func(t *testing.T, secured bool) {
		f := openFront(t, secured, func(s *Server) {
			s.Mount(Route{Method: http.MethodPost, Path: "/give", Public: true, Handler: func(c echo.Context) error {
				sent, err := io.ReadAll(c.Request().Body) // after 100 Continue
				if err != nil || string(sent) != "{}" {
					return NewProblem(http.StatusBadRequest, "It broke off.")
				}
				w := c.Response()
				w.Header().Set("Content-Length", fmt.Sprint(len(want)))
				w.WriteHeader(http.StatusOK)
				_, _ = io.WriteString(w, want[:4<<10])
				w.Flush() // so that the next write begins like an answer
				_, err = io.WriteString(w, want[4<<10:])
				return err
			}})
		})
		c := f.send(t, strings.Repeat("POST /give HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}", 3))
		in := bufio.NewReader(c)
		for range 3 {
			resp, err := http.ReadResponse(in, nil)
			for err == nil && resp.StatusCode == http.StatusContinue {
				resp, err = http.ReadResponse(in, nil)
			}
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if err != nil || resp.StatusCode != http.StatusOK || string(body) != want {
				t.Errorf("%d, %d bytes of %d, %v", resp.StatusCode, len(body), len(want), err)
			}
		}
	})
}
