package web

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"boardlink/access"
	"boardlink/live"

	"github.com/labstack/echo/v4"
)

// shop is a server with one operator, without the helpers that would import this package.
type shop struct {
	*Server
	url    string
	feed   *live.Feed
	rows   *memory
	cookie string
	served chan error
}

// open starts a server that pings that often; change may set more before it listens.
func open(t *testing.T, ping time.Duration, change ...func(*Server)) *shop {
	t.Helper()
	s := &shop{feed: &live.Feed{}, rows: &memory{rows: map[access.Digest]access.SessionRow{}}, served: make(chan error, 1)}
	var err error
	s.Server, err = New(Options{PublicURL: "http://localhost", Sessions: s.rows, People: everybody{}, Keys: access.NewKeys(""), Feed: s.feed})
	if err != nil {
		t.Fatal(err)
	}
	s.pingEvery = ping
	for _, c := range change {
		c(s.Server)
	}
	r, w := httptest.NewRequest("GET", "/", nil), httptest.NewRecorder()
	session, err := s.Sessions().Get(r, access.SessionName)
	if err == nil {
		err = s.Sessions().Renew(r, w, session, access.Identity{Kind: access.OperatorKind, ID: 1, Role: access.RoleAdmin})
	}
	if err != nil {
		t.Fatal(err)
	}
	s.cookie = w.Result().Cookies()[0].String()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.url = "http://" + listener.Addr().String()
	go func() { s.served <- s.Serve(listener) }()
	t.Cleanup(func() { s.stop(t, 5*time.Second) })
	return s
}

// stop shuts the server down once.
func (s *shop) stop(t *testing.T, limit time.Duration) {
	t.Helper()
	if s.served == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Errorf("shut down: %v", err)
	}
	if err := <-s.served; err != nil {
		t.Errorf("serve: %v", err)
	}
	s.served = nil
}

// listen opens a stream and gives its lines, one by one, until it ends.
func (s *shop) listen(t *testing.T) (lines <-chan string, leave func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, "GET", s.url+StreamPath, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Cookie", s.cookie)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream; charset=utf-8" || resp.Header.Get("X-Accel-Buffering") != "no" {
		t.Fatalf("stream: %d %v", resp.StatusCode, resp.Header)
	}
	out := make(chan string, 100)
	go func() {
		defer close(out)
		defer resp.Body.Close() // read until it ends
		for in := bufio.NewScanner(resp.Body); in.Scan(); {
			if in.Text() != "" {
				out <- in.Text()
			}
		}
	}()
	t.Cleanup(cancel)
	return out, cancel
}

// expect waits for a line; "" stands for the end.
func expect(t *testing.T, lines <-chan string, want string) {
	t.Helper()
	timeout := time.After(5 * time.Second)
	var seen []string
	for {
		select {
		case line, more := <-lines:
			if line == want && (more || want == "") {
				return
			}
			if !more {
				t.Fatalf("the stream ended after %q, want %q", seen, want)
			}
			seen = append(seen, line)
		case <-timeout:
			t.Fatalf("no %q came, only %q", want, seen)
		}
	}
}

func TestStream_tells_changes(t *testing.T) {
	s := open(t, time.Hour)
	lines, _ := s.listen(t)
	expect(t, lines, "retry: 3000")
	expect(t, lines, ": hello")
	s.publish(t, live.Change{Topic: live.Connection, ID: "5"})
	expect(t, lines, "event: change")
	expect(t, lines, `data: [{"topic":"connection","id":"5"}]`)
	s.publish(t, live.Change{Topic: live.Events, ID: ""})
	expect(t, lines, `data: [{"topic":"events","id":""}]`)
}

// publish returns when the feed has taken the change. A stream that has sent its first line listens already.
func (s *shop) publish(t *testing.T, c live.Change) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	own := s.feed.Subscribe(ctx)
	s.feed.Publish(c)
	select {
	case <-own:
	case <-time.After(5 * time.Second):
		t.Fatal("the feed is stuck")
	}
}

func TestStream_pings_what_is_silent(t *testing.T) {
	s := open(t, 20*time.Millisecond)
	lines, _ := s.listen(t)
	expect(t, lines, ": ping")
	expect(t, lines, ": ping")
}

func TestStream_outlives_the_deadlines_of_ordinary_requests(t *testing.T) {
	s := open(t, 50*time.Millisecond, func(s *Server) {
		s.http.ReadTimeout, s.http.WriteTimeout = 100*time.Millisecond, 100*time.Millisecond
	})
	lines, _ := s.listen(t)
	end := time.Now().Add(400 * time.Millisecond)
	for time.Now().Before(end) {
		expect(t, lines, ": ping")
	}
}

func TestStream_ends_with_the_session(t *testing.T) {
	s := open(t, 20*time.Millisecond)
	lines, _ := s.listen(t)
	expect(t, lines, ": ping")
	s.rows.clear()
	expect(t, lines, "")
}

func TestStream_that_is_open_does_not_keep_its_session_alive(t *testing.T) {
	s := open(t, 20*time.Millisecond)
	s.rows.change(func(r *access.SessionRow) { r.LastSeenAt = time.Now().Add(time.Second - access.SessionIdle) })
	lines, _ := s.listen(t) // opening it is no use of the session, nor is what it tells
	expect(t, lines, ": ping")
	s.publish(t, live.Change{Topic: live.Connection, ID: "5"})
	expect(t, lines, "event: change")
	expect(t, lines, "") // the second is over
	r, _ := http.NewRequestWithContext(t.Context(), "GET", s.url+StreamPath, nil)
	r.Header.Set("Cookie", s.cookie)
	resp, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() // only its status counts
	if resp.StatusCode != http.StatusSeeOther {
		t.Errorf("the stream opens again: %d", resp.StatusCode)
	}
}

func TestStream_tells_nothing_more_once_the_session_has_ended(t *testing.T) {
	s := open(t, time.Hour)
	lines, _ := s.listen(t)
	expect(t, lines, ": hello")
	s.rows.clear()
	for { // the stream may not have subscribed yet
		s.feed.Publish(live.Change{Topic: live.Connection, ID: "5"})
		select {
		case line, more := <-lines:
			if more {
				t.Fatalf("told %q", line)
			}
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func TestStream_ends_when_the_server_goes_down(t *testing.T) {
	s := open(t, time.Hour)
	lines, _ := s.listen(t)
	expect(t, lines, ": hello")
	begin := time.Now()
	s.stop(t, 5*time.Second)
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("an open stream held the server up for %v", took)
	}
	expect(t, lines, "")
}

func TestStream_leaves_nothing_behind_when_its_reader_goes(t *testing.T) {
	s := open(t, 10*time.Millisecond)
	lines, leave := s.listen(t)
	expect(t, lines, ": ping")
	leave()
	for deadline := time.Now().Add(5 * time.Second); s.streams.number() != 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d streams are still open", s.streams.number())
		}
	}
}

func TestStreams_are_bounded(t *testing.T) {
	s := open(t, time.Hour)
	ask := func() *http.Response {
		t.Helper()
		r, _ := http.NewRequestWithContext(t.Context(), "GET", s.url+StreamPath, nil)
		r.Header.Set("Cookie", s.cookie)
		r.Header.Set("Accept", "application/json")
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close() // only its header counts
		return resp
	}
	fill := func(who access.Identity, n int) (empty func()) {
		t.Helper()
		var leave []func()
		for range n {
			l, err := s.streams.enter(who)
			if err != nil {
				t.Fatal(err)
			}
			leave = append(leave, l)
		}
		return func() {
			for _, l := range leave {
				l()
			}
		}
	}
	me, _ := everybody{}.Identify(t.Context(), 1)
	empty := fill(me, maxStreamsOfOne)
	if resp := ask(); resp.StatusCode != http.StatusTooManyRequests || resp.Header.Get("Retry-After") == "" || s.streams.number() != maxStreamsOfOne {
		t.Errorf("one too many of one person: %d, %d open", resp.StatusCode, s.streams.number())
	}
	empty()
	for i := range maxStreams / maxStreamsOfOne {
		defer fill(access.Identity{Kind: access.KeyKind, ID: int64(i)}, maxStreamsOfOne)()
	}
	if resp := ask(); resp.StatusCode != http.StatusServiceUnavailable || s.streams.number() != maxStreams {
		t.Errorf("one too many in all: %d, %d open", resp.StatusCode, s.streams.number())
	}
}

func TestShutdown_lets_requests_finish(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	s := open(t, time.Hour, func(s *Server) {
		s.Mount(Route{Method: "GET", Path: "/slow", Public: true, Handler: func(c echo.Context) error {
			close(entered)
			<-release
			return c.String(200, "finished")
		}})
	})
	answer := make(chan string, 1)
	go func() {
		resp, err := http.Get(s.url + "/slow") // ends with the server
		if err != nil {
			answer <- err.Error()
			return
		}
		defer resp.Body.Close() // read to its end
		body, _ := io.ReadAll(resp.Body)
		answer <- string(body)
	}()
	<-entered
	go func() {
		<-s.closing.Done() // shutting down has begun
		close(release)
	}()
	s.stop(t, 5*time.Second)
	if got := <-answer; got != "finished" {
		t.Errorf("the request under way got %q", got)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest("GET", "/readyz", nil))
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "going down") {
		t.Errorf("ready while going down: %d", w.Code)
	}
}
