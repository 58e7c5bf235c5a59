package web

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"boardlink/access"
	"boardlink/connection"

	"github.com/labstack/echo/v4"
)

func TestBuckets_fill_with_time_and_are_told_apart(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	b := newBuckets[string](2, 3)
	for i := range 3 {
		if wait := b.take("a", now); wait != 0 {
			t.Errorf("request %d must wait %d s", i, wait)
		}
	}
	if wait := b.take("a", now); wait != 1 {
		t.Errorf("the fourth must wait %d s", wait)
	}
	if wait := b.take("b", now); wait != 0 {
		t.Errorf("another must wait %d s", wait)
	}
	if wait := b.take("a", now.Add(time.Second/2)); wait != 0 {
		t.Errorf("half a second later: %d s", wait)
	}
	slow := newBuckets[string](0.1, 1)
	_ = slow.take("a", now)
	if wait := slow.take("a", now.Add(time.Second)); wait != 9 {
		t.Errorf("one in ten seconds: %d s", wait)
	}
	if wait := slow.take("a", now.Add(10*time.Second)); wait != 0 {
		t.Errorf("refusals must not cost: %d s", wait)
	}
	none := newBuckets[string](0, 0)
	for range 1000 {
		if none.take("a", now) != 0 {
			t.Fatal("a bound where none is set")
		}
	}
}

func TestBuckets_hold_no_more_than_their_bound(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	b := newBuckets[int](1, 2)
	b.take(-1, now)
	b.take(-1, now)
	for i := range 3 * maxBuckets {
		b.take(i, now)
	}
	if len(b.each) > maxBuckets {
		t.Errorf("%d buckets", len(b.each))
	}
	b.take(-2, now.Add(time.Hour)) // all are full again by then, so all of them go
	if len(b.each) > maxBuckets/2 {
		t.Errorf("%d buckets an hour later", len(b.each))
	}
}

func TestNetwork_is_an_IPv4_address_or_what_an_IPv6_subscriber_has(t *testing.T) {
	for address, want := range map[string]string{"192.0.2.7": "192.0.2.7/32", "2001:db8:1:2:3::4": "2001:db8:1:2::/64"} {
		if got := network(netip.MustParseAddr(address)).String(); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
	if network(netip.Addr{}) != (netip.Prefix{}) {
		t.Error("no address has a network")
	}
}

func TestRefusals_are_told_by_address_and_actor_and_are_bounded(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	var r refusals
	told := func(at time.Time) (list []string) {
		for _, e := range r.due(at) {
			if e.Kind != connection.KindAccess || e.Level != connection.LevelWarning || !e.Time.Equal(at) {
				t.Errorf("event %+v", e)
			}
			list = append(list, e.Actor+"|"+e.Address+"|"+e.Message)
		}
		return list
	}
	expect := func(at time.Time, want ...string) {
		t.Helper()
		if got := told(at); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("told %q, want %q", got, want)
		}
	}
	expect(now)
	r.add(refusalKey{refusedRight, "192.0.2.7", "ann@example.com"}, "GET /people", now)
	expect(now.Add(time.Second), "ann@example.com|192.0.2.7|A request was refused, because neither role nor scope allows it: GET /people.")
	for i := range 3 {
		r.add(refusalKey{refusedRight, "192.0.2.7", "ann@example.com"}, "GET /keys", now.Add(time.Duration(i+2)*time.Second))
	}
	expect(now.Add(time.Minute)) // quiet for ten minutes
	expect(now.Add(tellRefusalsEvery+time.Second), "ann@example.com|192.0.2.7|3 requests were refused since 2026-11-24 12:00:02 UTC, each because neither role nor scope allows it; the last was GET /keys.")
	expect(now.Add(3 * tellRefusalsEvery))
	if len(r.each) != 0 {
		t.Errorf("%d are remembered", len(r.each))
	}
	for i := range 10 * maxRefusalKeys {
		r.add(refusalKey{refusedCredential, fmt.Sprint("192.0.2.", i), connection.System}, "POST /x", now)
	}
	list := told(now.Add(24 * time.Hour))
	if len(r.each) > maxRefusalKeys+5 || len(list) > maxRefusalKeys+5 || !strings.Contains(strings.Join(list, "\n"), "1800 requests from several addresses were refused since") {
		t.Errorf("%d are remembered, %d told: %.300q", len(r.each), len(list), list)
	}
}

// pipeListener hands out connections that claim to come from an address.
type claimed struct {
	net.Conn
	from string
}

func (c claimed) RemoteAddr() net.Addr {
	a, _ := netip.ParseAddrPort(c.from)
	return net.TCPAddrFromAddrPort(a)
}

type claims struct {
	net.Listener
	next chan net.Conn
}

func (l claims) Accept() (net.Conn, error) {
	c, ok := <-l.next
	if !ok {
		return nil, errors.New("no more")
	}
	return c, nil
}

func TestListener_bounds_connections_in_all_and_of_each_address(t *testing.T) {
	source := claims{next: make(chan net.Conn, 20)}
	l := &boundedListener{Listener: source, max: 5, perNetwork: 2, log: slog.New(slog.DiscardHandler), each: map[netip.Prefix]int{},
		exempt: func(a netip.Addr) bool { return a.String() == "10.0.0.1" }}
	dial := func(from string) (far net.Conn) {
		near, far := net.Pipe()
		source.next <- claimed{near, from}
		return far
	}
	cut := func(far net.Conn) bool {
		t.Helper()
		_ = far.SetReadDeadline(time.Now().Add(5 * time.Second))
		_, err := far.Read(make([]byte, 1))
		return errors.Is(err, io.EOF)
	}
	accept := func() net.Conn {
		t.Helper()
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	dial("192.0.2.1:1")
	first := accept()
	dial("192.0.2.1:2")
	accept()
	third := dial("192.0.2.1:3") // one too many of this address
	dial("192.0.2.2:1")
	accept()
	if !cut(third) {
		t.Error("the third connection of an address is open")
	}
	_ = first.Close()
	_ = first.Close() // gives one place back, not two
	dial("192.0.2.1:4")
	accept()
	dial("10.0.0.1:1") // the proxy has no bound of its own, but for the one in all
	accept()
	dial("10.0.0.1:2")
	accept()
	far := dial("10.0.0.1:3")
	close(source.next)
	if _, err := l.Accept(); err == nil {
		t.Error("a sixth connection was accepted")
	}
	if !cut(far) {
		t.Error("the sixth connection is open")
	}
	if l.open != 5 || len(l.each) != 3 {
		t.Errorf("%d are counted, of %v", l.open, l.each)
	}
}

// send opens a connection of its own and writes text as it is.
func (s *shop) send(t *testing.T, text string) net.Conn {
	t.Helper()
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSlow_clients_are_cut(t *testing.T) {
	const short = 200 * time.Millisecond
	written := make(chan error, 1)
	s := open(t, time.Hour, func(s *Server) {
		s.http.ReadHeaderTimeout, s.http.ReadTimeout, s.http.WriteTimeout, s.http.IdleTimeout = short, 2*short, 3*short, short
		s.Mount(Route{Method: http.MethodPost, Path: "/take", Public: true, Handler: func(c echo.Context) error {
			if _, err := io.ReadAll(c.Request().Body); err != nil {
				return NewProblem(http.StatusBadRequest, "It broke off.")
			}
			return c.NoContent(http.StatusNoContent)
		}}, Route{Method: http.MethodGet, Path: "/give", Public: true, Handler: func(c echo.Context) error {
			var err error
			for chunk := make([]byte, 1<<20); err == nil; {
				_, err = c.Response().Write(chunk)
			}
			written <- err
			return nil
		}})
	})
	header := s.send(t, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n")
	body := s.send(t, "POST /take HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{")
	idle := s.send(t, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
	s.send(t, "GET /give HTTP/1.1\r\nHost: localhost\r\n\r\n") // and never reads
	for name, test := range map[string]struct {
		conn net.Conn
		want string
	}{"header": {header, ""}, "body": {body, "HTTP/1.1 400 Bad Request"}, "idle": {idle, "HTTP/1.1 200 OK"}} {
		got, err := io.ReadAll(test.conn) // up to its end, which the server makes
		if line, _, _ := strings.Cut(string(got), "\r\n"); line != test.want && !(name == "header" && strings.HasPrefix(line, "HTTP/1.1 408")) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	select {
	case err := <-written:
		if err == nil {
			t.Error("all was written")
		}
	case <-time.After(20 * time.Second):
		t.Error("who does not read holds his answer up")
	}
}

func TestServer_has_a_limit_for_every_wait(t *testing.T) {
	s, err := New(Options{PublicURL: "http://localhost"})
	if err != nil {
		t.Fatal(err)
	}
	h := s.http
	for name, limit := range map[string]time.Duration{"header": h.ReadHeaderTimeout, "request": h.ReadTimeout, "answer": h.WriteTimeout, "idle": h.IdleTimeout} {
		if limit <= 0 || limit > time.Minute {
			t.Errorf("%s: %v", name, limit)
		}
	}
	if h.MaxHeaderBytes <= 0 || h.MaxHeaderBytes > 32<<10 {
		t.Errorf("headers of %d bytes", h.MaxHeaderBytes)
	}
}

// Each is a request that two servers in a row might read in two ways.
func TestAmbiguous_requests_are_refused(t *testing.T) {
	asked := make(chan string, 100)
	s := open(t, time.Hour, func(s *Server) {
		s.Mount(Route{Method: http.MethodPost, Path: "/take", Public: true, Handler: func(c echo.Context) error {
			b, err := io.ReadAll(c.Request().Body)
			if err != nil {
				return NewProblem(http.StatusBadRequest, "It broke off.")
			}
			asked <- string(b)
			return c.NoContent(http.StatusNoContent)
		}}, Route{Method: http.MethodGet, Path: "/smuggled", Public: true, Handler: func(c echo.Context) error {
			asked <- "smuggled"
			return c.NoContent(http.StatusNoContent)
		}})
	})
	const post, smuggled = "POST /take HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n", "GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
	for name, text := range map[string]string{
		"two lengths":                    post + "Content-Length: 2\r\nContent-Length: 60\r\n\r\n{}" + smuggled,
		"two lengths in one":             post + "Content-Length: 2, 60\r\n\r\n{}" + smuggled,
		"a negative length":              post + "Content-Length: -1\r\n\r\n{}" + smuggled,
		"a signed length":                post + "Content-Length: +2\r\n\r\n{}" + smuggled,
		"an unknown coding":              post + "Transfer-Encoding: identity\r\n\r\n{}" + smuggled,
		"two codings":                    post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + smuggled,
		"a coding with a space":          post + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + smuggled,
		"a coding with a control":        post + "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n" + smuggled,
		"a chunk with a bad size":        post + "Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n" + smuggled,
		"a header with a bare CR":        post + "X: a\rContent-Length: 60\r\n\r\n" + smuggled,
		"a header that is folded first":  "POST /take HTTP/1.1\r\n X: a\r\nHost: localhost\r\n\r\n" + smuggled,
		"no host":                        "GET /smuggled HTTP/1.1\r\n\r\n",
		"two hosts":                      "GET /smuggled HTTP/1.1\r\nHost: localhost\r\nHost: evil.example.com\r\n\r\n",
		"a host that is none":            "GET /smuggled HTTP/1.1\r\nHost: a b\r\n\r\n",
		"a method that is none":          "GE(T /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"another protocol":               "GET /smuggled HTTP/9.9\r\nHost: localhost\r\n\r\n",
		"a header of more than is taken": "GET /smuggled HTTP/1.1\r\nHost: localhost\r\nX: " + strings.Repeat("x", 32<<10) + "\r\n\r\n",
	} {
		resp, err := http.ReadResponse(bufio.NewReader(s.send(t, text)), nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		_ = resp.Body.Close()
		if resp.StatusCode < 400 || resp.StatusCode == http.StatusInternalServerError || !resp.Close {
			t.Errorf("%s: %d, closed %v", name, resp.StatusCode, resp.Close)
		}
	}
	// Both a coding and a length: the coding counts, so the body is what it says.
	resp, err := http.ReadResponse(bufio.NewReader(s.send(t, post+"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if body := <-asked; resp.StatusCode != http.StatusNoContent || body != "{}" {
		t.Errorf("both: %d, body %q", resp.StatusCode, body)
	}
	close(asked)
	for body := range asked {
		if body == "smuggled" {
			t.Error("a smuggled request was answered")
		}
	}
}

func TestUplinks_are_told_to_wait_only_after_bad_credentials(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	s, err := New(Options{
		PublicURL: "http://localhost", Sessions: &memory{rows: map[access.Digest]access.SessionRow{}}, People: everybody{}, Keys: access.NewKeys("a-key-of-thirty-two-characters-xx"),
		Now: func() time.Time { return now }, AddressRate: 1, KeyRate: 2,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Mount(
		Route{Method: http.MethodPost, Path: Base + "/connections/:id/uplinks", OwnCredential: true, Handler: func(c echo.Context) error {
			if c.Request().Header.Get(KeyHeader) != "good" {
				return connection.Fail(connection.CodeUnauthorized, "This is not the key.")
			}
			return c.NoContent(http.StatusOK)
		}},
		Route{Method: http.MethodGet, Path: Base + "/read", Least: access.RoleViewer, Scope: access.ScopeRead, Handler: s.healthy},
		Route{Method: http.MethodGet, Path: "/page", Public: true, Handler: s.healthy},
	)
	// ask sends the same request so often and counts the answers by status.
	ask := func(n int, method, path, from string, header ...string) map[int]int {
		t.Helper()
		statuses := map[int]int{}
		for range n {
			w := record(s, method, path, from, header...)
			statuses[w.Code]++
			if (w.Code == http.StatusTooManyRequests) != (w.Header().Get("Retry-After") != "") {
				t.Errorf("%s %s: %d with Retry-After %q", method, path, w.Code, w.Header().Get("Retry-After"))
			}
		}
		return statuses
	}
	expect := func(name string, got map[int]int, want map[int]int) {
		t.Helper()
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	const uplinks = "/connections/1/uplinks"
	expect("good uplinks", ask(500, "POST", uplinks, "192.0.2.1:1", KeyHeader, "good"), map[int]int{200: 500})
	expect("bad uplinks", ask(50, "POST", uplinks, "192.0.2.1:1", KeyHeader, "bad"), map[int]int{401: guessBurst, 429: 50 - guessBurst})
	expect("good uplinks beside bad ones", ask(50, "POST", uplinks, "192.0.2.1:1", KeyHeader, "good"), map[int]int{200: 50})
	expect("bad keys of the API", ask(5, "GET", Base+"/read", "192.0.2.1:1", "Authorization", "Bearer no"), map[int]int{429: 5})
	expect("bad keys from elsewhere", ask(5, "GET", Base+"/read", "192.0.2.2:1", "Authorization", "Bearer no"), map[int]int{401: 5})
	good := []string{"Authorization", "Bearer a-key-of-thirty-two-characters-xx"}
	expect("a good key from an address with bad ones", ask(1, "GET", Base+"/read", "192.0.2.1:1", good...), map[int]int{200: 1})
	expect("a key's own rate, wherever from", ask(30, "GET", Base+"/read", "192.0.2.3:1", good...), map[int]int{200: 2*burstOf - 1, 429: 30 - 2*burstOf + 1})
	expect("an address's rate", ask(30, "GET", "/page", "192.0.2.4:1"), map[int]int{200: burstOf, 429: 30 - burstOf})
	expect("health is always told", ask(30, "GET", "/healthz", "192.0.2.4:1"), map[int]int{200: 30})
	expect("another address", ask(1, "GET", "/page", "192.0.2.5:1"), map[int]int{200: 1})
	now = now.Add(3 * time.Second)
	expect("three seconds later", ask(5, "GET", "/page", "192.0.2.4:1"), map[int]int{200: 3, 429: 2})

	page := record(s, "GET", "/page", "192.0.2.4:1", "Accept", "text/html")
	if page.Code != http.StatusTooManyRequests || !strings.Contains(page.Body.String(), "Too many requests") || !strings.HasPrefix(page.Header().Get("Content-Type"), "text/html") || page.Header().Get("Retry-After") != "1" {
		t.Errorf("the page: %d %q %s", page.Code, page.Header().Get("Retry-After"), page.Body)
	}
	problem := record(s, "GET", Base+"/read", "192.0.2.3:1", append(good, "Accept", "application/json")...)
	for range 10 {
		problem = record(s, "GET", Base+"/read", "192.0.2.3:1", append(good, "Accept", "application/json")...)
	}
	if problem.Code != http.StatusTooManyRequests || problem.Header().Get("Content-Type") != ProblemType || problem.Header().Get("Retry-After") != "1" {
		t.Errorf("the problem: %d %v", problem.Code, problem.Header())
	}
	// All of it was told, by address.
	var told []string
	s.ReportRefusals(t.Context(), func(e connection.Event) { told = append(told, e.Address+": "+e.Message) })
	all := strings.Join(told, "\n")
	for _, want := range []string{"192.0.2.1: 55 requests were refused since 2026-11-24 12:00:00 UTC, each because the key that came with it is not valid; the last was GET /api/v1/read.",
		"192.0.2.4: ", "each because there were too many; the last was GET /page."} {
		if !strings.Contains(all, want) {
			t.Errorf("told %s\nwithout %s", all, want)
		}
	}
	// To be asked for the password once more is no refusal.
	s.Mount(Route{Method: http.MethodGet, Path: "/confirm-me", Public: true, Handler: func(echo.Context) error { return errConfirm() }})
	now = now.Add(time.Hour)
	visitor := record(s, "GET", "/confirm-me", "192.0.2.8:1", "Accept", "application/json")
	if visitor.Code != http.StatusForbidden {
		t.Errorf("confirmation: %d", visitor.Code)
	}
	s.ReportRefusals(t.Context(), func(e connection.Event) {
		if e.Address == "192.0.2.8" {
			t.Errorf("told: %s", e.Message)
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.ReportRefusals(ctx, func(e connection.Event) { t.Errorf("told twice: %+v", e) })
}
