package web_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode"

	"boardlink/access"
	"boardlink/web"
	"boardlink/web/webtest"
)

// raw sends a request as it is written and gives the answer as it came.
func raw(t *testing.T, site *webtest.Site, text string) string {
	t.Helper()
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(site.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	answer, _ := io.ReadAll(c)
	return string(answer)
}

func TestLog_cannot_be_written_into(t *testing.T) {
	for format, handler := range map[string]func(io.Writer) slog.Handler{
		"text": func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) },
		"json": func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) },
	} {
		var log lines
		site := webtest.New(t, func(o *web.Options) { o.Log = slog.New(handler(&log)) }, failing(), gates())
		const forged = `time=2026-11-24T12:00:00Z level=INFO msg="Request answered" who=forged`
		b := site.Operator(access.RoleViewer)
		for _, path := range []string{"/a%0D%0A" + strings.ReplaceAll(strings.ReplaceAll(forged, " ", "%20"), `"`, "%22"), "/%1b%5b31mred", "/%00%08%7f", "/%c2%85%e2%80%a8", "/%ff%fe", "/" + strings.Repeat("%0A", 300)} {
			b.Get(path, "User-Agent", "canary-agent", "Referer", "http://canary-referer/", "X-Request-Id", "canary-id", "X-Forwarded-For", "canary-address", "Accept", "canary-accept")
		}
		for _, header := range []string{"User-Agent: a\x1b[31m", "X-Request-Id: a\x07", "Cookie: boardlink=\x1b[2J", "Authorization: Bearer \x1b[2J", "X-Evil: a\rb"} {
			raw(t, site, "GET /open HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"+header+"\r\n\r\n")
		}
		raw(t, site, "GET\x1b[31m /open HTTP/1.1\r\nHost: localhost\r\n\r\n")
		raw(t, site, "\x16\x03\x01\x1b[31m\r\n\r\n")
		text := log.String()
		if strings.ContainsFunc(strings.ReplaceAll(text, "\n", ""), unicode.IsControl) || strings.Contains(text, "canary") {
			t.Errorf("%s: %q", format, text)
		}
		entries := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
		if len(entries) < 6 {
			t.Errorf("%s: only %d entries: %s", format, len(entries), text)
		}
		for _, entry := range entries {
			if strings.HasPrefix(entry, forged) || format == "text" && !strings.HasPrefix(entry, "time=") {
				t.Errorf("%s: a forged entry: %q", format, entry)
			}
			if format == "json" && !json.Valid([]byte(entry)) {
				t.Errorf("no entry: %q", entry)
			}
		}
	}
}

func TestHeaders_cannot_be_written_into(t *testing.T) {
	site := webtest.New(t, nil, failing(), gates())
	for _, path := range []string{"/look%0d%0aSet-Cookie:%20a=b", "/look?next=%0d%0aSet-Cookie:%20a=b", "/%0d%0a%0d%0a<script>"} {
		answer := raw(t, site, "GET "+path+" HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nConnection: close\r\nX-Request-Id: a\r\n\r\n")
		head, _, _ := strings.Cut(answer, "\r\n\r\n")
		for _, line := range strings.Split(head, "\r\n") {
			if strings.HasPrefix(line, "Set-Cookie:") || strings.HasPrefix(line, "<script>") || strings.HasPrefix(line, "X-Request-Id: a") && len(line) == len("X-Request-Id: a") {
				t.Errorf("%s is answered with %q", path, line)
			}
		}
	}
	// What a page's own script tells of its address leads nowhere else.
	b := site.Visitor()
	for _, at := range []string{"https://evil.example.com/look", "//evil.example.com", `/\evil.example.com`, "javascript:alert(1)", "/look\tx", "http://[::1", "https://evil.example.com//evil.example.com"} {
		a := b.Get("/look", "HX-Request", "true", "HX-Current-URL", at)
		if to := a.Header.Get("HX-Redirect"); a.Status != http.StatusUnauthorized || !strings.HasPrefix(to, "/signin?next=%2F") || strings.HasPrefix(to, "/signin?next=%2F%2F") || strings.Contains(to, "evil.example.com") {
			t.Errorf("%q leads to %q", at, to)
		}
	}
}

func TestWarnings_of_the_server_itself_are_one_line_each(t *testing.T) {
	var out bytes.Buffer
	logger := slog.NewLogLogger(slog.NewTextHandler(&out, nil), slog.LevelWarn)
	logger.Printf("http: TLS handshake error from %s: %s", "192.0.2.7", "first record\r\nlevel=INFO msg=forged\x1b[31m")
	if strings.Count(out.String(), "\n") != 1 || strings.ContainsAny(out.String(), "\r\x1b") {
		t.Errorf("%q", out.String())
	}
}
