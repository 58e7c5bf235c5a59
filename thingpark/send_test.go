package thingpark

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"boardlink/connection"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// plain is a dialer without a policy, which only tests have.
var plain = (&net.Dialer{Timeout: sendLimit}).DialContext

const (
	asKey = connection.Secret("0f1e2d3c4b5a69788796a5b4c3d2e1f0")
	asID  = "TWA_100000777.1.AS"
)

var (
	timeZero = time.Date(2026, 3, 1, 10, 20, 30, 456e6, time.FixedZone("", 3600))
	command1 = Downlink{DevEUI: device, FPort: 2, PayloadHex: "01ff"}
)

// endpoint is a downlink endpoint of the test's own that keeps what it was asked.
type endpoint struct {
	*httptest.Server
	mu       sync.Mutex
	requests []*http.Request
}

func newEndpoint(t *testing.T, answer http.HandlerFunc) *endpoint {
	e := &endpoint{}
	e.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.mu.Lock()
		e.requests = append(e.requests, r)
		e.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(e.Close)
	return e
}

func (e *endpoint) caller() *Caller {
	pool := x509.NewCertPool()
	pool.AddCert(e.Certificate())
	return &Caller{Dial: plain, RootCAs: pool, Now: func() time.Time { return timeZero }}
}

func (e *endpoint) asked() []*http.Request {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.requests
}

func answering(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, body)
	}
}

func TestSend_posts_a_signed_query_with_the_Token_last(t *testing.T) {
	e := newEndpoint(t, answering(200, "<html><body>Request queued by LRC</body></html>"))
	yes, no, count := true, false, int64(12)
	d := Downlink{DevEUI: device, FPort: 2, PayloadHex: "01ff", FCntDn: &count, Confirmed: &yes, Flush: &no,
		ValidityTime: "2026-03-01T11:20:30.456+01:00", CorrelationID: "00000000000000AB"}
	answer, err := e.caller().Send(t.Context(), e.URL+"/thingpark/lrc/rest/downlink", asID, asKey, d)
	if err != nil {
		t.Fatal(err)
	}
	if answer.Status != 200 || answer.Text != "Request queued by LRC" || answer.CorrelationID != d.CorrelationID || !answer.Time.Equal(timeZero) {
		t.Errorf("%+v", answer)
	}

	r := e.asked()[0]
	const signed = "DevEUI=A1B2C3D4E5F60718&FPort=2&Payload=01ff&FCntDn=12&Confirmed=1&FlushDownlinkQueue=0" +
		"&ValidityTime=2026-03-01T11:20:30.456+01:00&AS_ID=TWA_100000777.1.AS&Time=2026-03-01T09:20:30.456+00:00&CorrelationID=00000000000000AB"
	want := strings.NewReplacer(":", "%3A", "+", "%2B").Replace(signed) + "&Token=" + DownlinkToken(signed, asKey)
	if r.URL.RawQuery != want {
		t.Errorf("query\n%s, want\n%s", r.URL.RawQuery, want)
	}
	if r.Method != http.MethodPost || r.URL.Path != "/thingpark/lrc/rest/downlink" || r.ContentLength != 0 ||
		r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
		t.Errorf("%s %s, %d bytes, %v", r.Method, r.URL.Path, r.ContentLength, r.Header)
	}
	if strings.Contains(fmt.Sprint(r.URL, r.Header), asKey.Reveal()) {
		t.Error("the AS key was sent")
	}
}

func TestSend_makes_a_correlation_id_and_signs_only_with_a_key(t *testing.T) {
	e := newEndpoint(t, answering(200, ""))
	answer, err := e.caller().Send(t.Context(), e.URL, "", "", command1)
	if err != nil {
		t.Fatal(err)
	}
	q := e.asked()[0].URL.Query()
	if len(q) != 4 || q.Get("CorrelationID") != answer.CorrelationID || len(answer.CorrelationID) != 16 || !isHex(answer.CorrelationID) {
		t.Errorf("query %v, correlation id %q", q, answer.CorrelationID)
	}
	if again := NewCorrelationID(); again == answer.CorrelationID {
		t.Errorf("two correlation ids are the same: %s", again)
	}
}

func TestSend_tells_outcomes_apart(t *testing.T) {
	for name, c := range map[string]struct {
		answer  http.HandlerFunc
		outcome Outcome
		says    string
	}{
		"queued":                 {answering(200, "<html><body>Request queued by LRC</body></html>"), "", ""},
		"queued without a word":  {answering(204, ""), "", ""},
		"queued in JSON":         {answering(200, `{"status":"ok"}`), "", ""},
		"refused with 350":       {answering(350, "<html><body>Downlink counter value already used. Expected=1238</body></html>"), OutcomeRefused, "(350): Downlink counter value already used. Expected=1238"},
		"refused with 403":       {answering(403, "<html><head><style>p{}</style></head><body><p>Security check &lt;failed&gt;\n</p></body></html>"), OutcomeRefused, "(403): Security check <failed>"},
		"refused without a word": {answering(401, ""), OutcomeRefused, "status 401"},
		"a redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		}, OutcomeRefused, "redirect"},
		"a server's error":            {answering(502, "<html>bad gateway</html>"), OutcomeUnknown, "status 502"},
		"a page of somebody else":     {answering(200, "<!doctype html><html><body>Sign in to the guest network</body></html>"), OutcomeUnknown, "web page"},
		"a connection that is closed": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, OutcomeUnknown, "not known"},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEndpoint(t, c.answer)
			_, err := e.caller().Send(t.Context(), e.URL, asID, asKey, command1)
			if OutcomeOf(err) != c.outcome || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("%q: %v", OutcomeOf(err), err)
			}
			if n := len(e.asked()); n != 1 {
				t.Errorf("asked %d times", n)
			}
			noSecret(t, err)
		})
	}
}

func TestSend_never_tells_a_Token_that_the_endpoint_repeats(t *testing.T) {
	e := newEndpoint(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = fmt.Fprintf(w, "Bad request: %s and %s", r.URL.RawQuery, strings.ToUpper(r.URL.RawQuery))
	})
	_, err := e.caller().Send(t.Context(), e.URL, asID, asKey, command1)
	if OutcomeOf(err) != OutcomeRefused || strings.Count(err.Error(), connection.Mask) != 2 {
		t.Errorf("%v", err)
	}
	if token := e.asked()[0].URL.Query().Get("Token"); strings.Contains(strings.ToLower(err.Error()), token) {
		t.Error("the error holds the Token")
	}
}

func TestSend_does_not_wait_longer_than_it_may(t *testing.T) {
	release := make(chan struct{})
	e := newEndpoint(t, func(http.ResponseWriter, *http.Request) { <-release })
	defer close(release)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := e.caller().Send(ctx, e.URL, asID, asKey, command1)
	if OutcomeOf(err) != OutcomeUnknown || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%q: %v", OutcomeOf(err), err)
	}
	noSecret(t, err)
}

func TestSend_tells_that_nothing_was_sent(t *testing.T) {
	errRefused := errors.New("not there")
	e := newEndpoint(t, answering(200, ""))
	for name, c := range map[string]struct {
		caller *Caller
		base   string
	}{
		"nobody listens":             {&Caller{Dial: func(context.Context, string, string) (net.Conn, error) { return nil, errRefused }}, "https://thingpark.example/downlink"},
		"an authority not trusted":   {&Caller{Dial: plain}, e.URL},
		"no dialer":                  {&Caller{RootCAs: e.caller().RootCAs}, e.URL},
		"no address":                 {&Caller{}, ""},
		"an address of another sort": {&Caller{}, "ftp://thingpark.example"},
		"an address that is none":    {&Caller{}, "https://%zz"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.caller.Send(t.Context(), c.base, asID, asKey, command1)
			if OutcomeOf(err) != OutcomeNotSent {
				t.Errorf("%q: %v", OutcomeOf(err), err)
			}
			if name == "nobody listens" && !errors.Is(err, errRefused) {
				t.Errorf("the cause is lost: %v", err)
			}
			noSecret(t, err)
		})
	}
	if n := len(e.asked()); n != 0 {
		t.Errorf("asked %d times", n)
	}
}

func TestSend_says_why_nothing_was_sent(t *testing.T) {
	secure, clear := newEndpoint(t, answering(200, "")), httptest.NewServer(answering(200, ""))
	defer clear.Close()
	trusting := secure.caller()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := l.Addr().String()
	_ = l.Close()
	failing := func(err error) *Caller {
		return &Caller{Dial: func(context.Context, string, string) (net.Conn, error) { return nil, err }}
	}
	_, port, _ := net.SplitHostPort(secure.Listener.Addr().String())
	anywhere := secure.caller()
	anywhere.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, secure.Listener.Addr().String())
	}
	for name, c := range map[string]struct {
		caller *Caller
		base   string
		says   string
	}{
		"a name that does not exist": {failing(&net.OpError{Op: "dial", Err: &net.DNSError{IsNotFound: true}}), "https://thingpark.exmaple", "does not exist"},
		"a mute name server":         {failing(&net.OpError{Op: "dial", Err: &net.DNSError{IsTimeout: true}}), "https://thingpark.example", "name server"},
		"a refused port":             {&Caller{Dial: plain}, "https://" + nobody, "refused the connection"},
		"an unknown authority":       {&Caller{Dial: plain}, secure.URL, "not trusted"},
		"another name":               {anywhere, "https://thingpark.example:" + port, "another name"},
		"a port without TLS":         {trusting, strings.Replace(clear.URL, "http:", "https:", 1), "without TLS"},
		"silence":                    {failing(context.DeadlineExceeded), "https://thingpark.example", "in time"},
		"something else":             {failing(errors.New("?")), "https://thingpark.example", "could not be reached"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.caller.Send(t.Context(), c.base, asID, asKey, command1)
			var sent *SendError
			if !errors.As(err, &sent) || sent.Outcome != OutcomeNotSent || !strings.Contains(sent.Text, c.says) ||
				!strings.HasSuffix(sent.Text, ". The downlink was not sent.") {
				t.Errorf("%v", err)
			}
			noSecret(t, err)
		})
	}
}

func TestSend_reads_a_bounded_answer(t *testing.T) {
	e := newEndpoint(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		chunk := strings.Repeat("no ", 1000)
		for r.Context().Err() == nil {
			if _, err := fmt.Fprint(w, chunk); err != nil {
				return
			}
		}
	})
	_, err := e.caller().Send(t.Context(), e.URL, asID, asKey, command1)
	if OutcomeOf(err) != OutcomeRefused || len(err.Error()) > 700 {
		t.Errorf("%d bytes: %.80s", len(err.Error()), err)
	}
}

// noSecret fails where an error would show what signs a downlink.
func noSecret(t *testing.T, err error) {
	t.Helper()
	for ; err != nil; err = errors.Unwrap(err) {
		var withURL *url.Error
		if strings.Contains(err.Error(), asKey.Reveal()) || strings.Contains(err.Error(), "Token=") || errors.As(err, &withURL) {
			t.Errorf("the error tells a secret: %v", err)
		}
	}
}
