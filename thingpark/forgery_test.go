package thingpark

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// A downlink is signed, so wherever it were led it would be worth something there: it goes where the operator says and
// nowhere else.
func TestSend_follows_no_redirect(t *testing.T) {
	var came atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { came.Add(1) }))
	t.Cleanup(other.Close)
	for _, status := range []int{300, 301, 302, 303, 304, 307, 308, 350} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", other.URL)
			w.WriteHeader(status)
		}))
		_, err := (&Caller{Dial: plain}).Send(t.Context(), s.URL, "as", "00112233445566778899aabbccddeeff", Downlink{DevEUI: "A1B2C3D4E5F60718", FPort: 1, PayloadHex: "00"})
		s.Close()
		if OutcomeOf(err) != OutcomeRefused {
			t.Errorf("%d: %v", status, err)
		}
	}
	if n := came.Load(); n != 0 {
		t.Errorf("%d downlinks were led elsewhere", n)
	}
}

// What else is in reach at a downlink address is told as a class: what it says is not read to whoever sent the command,
// unless it is the answer to a request that it took or refused.
func TestSend_tells_hostile_words_cleaned_and_bounded(t *testing.T) {
	for name, body := range map[string]string{
		"markup":     `<html><body><script>alert(1)</script><img src=x onerror=alert(1)>refused</body></html>`,
		"terminal":   "refused \x1b[31m\x1b]0;title\x07 \u009b31m",
		"other ways": "refused \u202egnp.exe \u2066x\u2069 \u200b\u200d\ufeff",
		"lines":      "refused\r\nlevel=error msg=forged\n\n",
		"long":       "refused " + strings.Repeat("x", 100_000),
		"no UTF-8":   "refused \xff\xfe\xc3\x28",
		"entities":   "refused &lt;script&gt;alert(1)&lt;/script&gt;",
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, body)
		}))
		_, err := (&Caller{Dial: plain}).Send(t.Context(), s.URL, "as", "", Downlink{DevEUI: "A1B2C3D4E5F60718", FPort: 1, PayloadHex: "00"})
		s.Close()
		text := err.(*SendError).Text //nolint:errorlint // Send gives nothing else
		if !strings.Contains(text, "refused") || len([]rune(text)) > 600 || strings.ContainsAny(text, "\x1b\x07\r\n\u009b\u202e\u2066\u2069\u200b\ufeff\ufffd") {
			t.Errorf("%s: %q", name, text)
		}
		if strings.Contains(text, "<img") {
			t.Errorf("%s: markup came through: %q", name, text)
		}
	}
}

func TestSend_tells_no_banner_of_what_does_not_speak_HTTP(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, "SSH-2.0-s3cret-banner\r\n")
			_ = conn.Close()
		}
	}()
	_, err = (&Caller{Dial: plain}).Send(t.Context(), "http://"+l.Addr().String(), "as", "", Downlink{DevEUI: "A1B2C3D4E5F60718", FPort: 1, PayloadHex: "00"})
	if e, ok := err.(*SendError); !ok || strings.Contains(fmt.Sprint(e.Text), "banner") { //nolint:errorlint // Send gives nothing else
		t.Errorf("%v", err)
	}
}

// Every text of a document that is shown somewhere is cleaned where it comes in, whatever form it has there.
func TestDocument_tells_texts_cleaned_and_bounded(t *testing.T) {
	for name, text := range map[string]string{
		"a terminal's": `no \u001b[31m\u001b]0;x\u0007 \u009b1m`,
		"lines":        `no\r\ntime=now level=error`,
		"another way":  `no \u202egnp.exe\u2066 \u200b\ufeff`,
		"long":         "no " + strings.Repeat("x", 60_000),
		"markup":       `no <script>alert(1)</script>`,
	} {
		d := mustParse(t, `{"DevEUI_uplink":{"DevEUI":"A1B2C3D4E5F60718","CustomerData":{"name":"`+text+`"}}}`)
		rejected := mustParse(t, `{"DevEUI_downlink_Rejected":{"DevEUI":"A1B2C3D4E5F60718","DownlinkRejectionCause":"`+text+`"}}`)
		v, ok := rejected.Delivery()
		if !ok {
			t.Fatal("it is no delivery")
		}
		for what, got := range map[string]string{"the name": d.Name, "the cause": v.Reason} {
			if !strings.Contains(got, "no") || len([]rune(got)) > 700 || strings.ContainsAny(got, "\x1b\x07\r\n\u009b\u202e\u2066\u200b\ufeff") {
				t.Errorf("%s, %s: %q", what, name, got)
			}
		}
		if kind := ReducedKind(text); strings.Trim(kind, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" || len(kind) > 64 {
			t.Errorf("the kind becomes %q", kind)
		}
	}
}
