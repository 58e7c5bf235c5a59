package metrics

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"boardlink/connection"
	"boardlink/queue"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// things are how things stand in a test.
type things struct {
	statuses map[connection.ID]connection.Status
	fill     float64
	totals   connection.Totals
	block    chan struct{} // where not nil, the statuses wait for it
}

func (t *things) Statuses() map[connection.ID]connection.Status {
	if t.block != nil {
		<-t.block
	}
	return t.statuses
}
func (t *things) Fill() float64             { return t.fill }
func (t *things) Totals() connection.Totals { return t.totals }

func newTestMetrics(t *things) *Metrics {
	m := New(Options{Version: "v1.2.3", Refusals: []string{"key", "queue_full"}, Results: []string{"delivered", "refused"}, Outcomes: []string{"queued", "refused"}})
	m.Watch(t, t, t)
	return m
}

func scrape(t *testing.T, h http.Handler) string {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

// series counts what a scrape would show, a histogram as one.
func series(t *testing.T, m *Metrics) (n int) {
	t.Helper()
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		n += len(f.GetMetric())
	}
	return n
}

// ours keeps the lines of our own metrics, without the comments.
func ours(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, namespace+"_") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

func busy() *things {
	return &things{
		statuses: map[connection.ID]connection.Status{
			1: {State: connection.Opened, Backlog: 3, OldestAge: 1500 * time.Millisecond, Parked: 2, Reason: "canary", Owner: "canary"},
			2: {State: connection.Closed, Reason: "canary", Hint: "canary"},
			3: {State: connection.Deactivated},
			4: {}, // not looked at yet
		},
		fill: 0.25, totals: connection.Totals{Uplinks: 10, Delivered: 7, Parked: 2, Expired: 1},
	}
}

func count(m *Metrics) {
	for range 10 {
		m.Accepted()
	}
	m.Refused("key")
	m.Published("delivered", 20*time.Millisecond)
	m.Published("refused", 2*time.Second)
	m.Answered("queued")
	m.Requested("/connections/:id", http.MethodGet, 200, 3*time.Millisecond)
	m.Requested("/connections/:id", http.MethodGet, 404, time.Millisecond)
	m.Requested("unmatched", "BREW", 418, time.Millisecond)
}

func TestScrape_shows_what_was_counted_and_how_things_stand(t *testing.T) {
	m := newTestMetrics(busy())
	count(m)
	got := ours(scrape(t, m.Handler(slog.New(slog.DiscardHandler))))
	for _, want := range []string{
		`boardlink_links{state="OPENED"} 1`, `boardlink_links{state="CLOSED"} 1`, `boardlink_links{state="DEACTIVATED"} 1`, `boardlink_links{state="UNREACHABLE"} 0`,
		`boardlink_link_state{connection="1",state="OPENED"} 1`, `boardlink_link_state{connection="2",state="CLOSED"} 1`,
		`boardlink_link_opened{connection="1"} 1`, `boardlink_link_opened{connection="2"} 0`,
		`boardlink_queue_depth{connection="1"} 3`, `boardlink_queue_depth{connection="3"} 0`, `boardlink_queue_oldest_age_seconds{connection="1"} 1.5`,
		`boardlink_queue_parked{connection="1"} 2`, `boardlink_queue_fill_ratio 0.25`,
		`boardlink_uplinks_accepted_total 10`, `boardlink_uplinks_delivered_total 7`, `boardlink_uplinks_parked_total 2`, `boardlink_uplinks_expired_total 1`,
		`boardlink_uplinks_refused_total{reason="key"} 1`, `boardlink_uplinks_refused_total{reason="queue_full"} 0`,
		`boardlink_publish_duration_seconds_bucket{result="delivered",le="0.01"} 0`, `boardlink_publish_duration_seconds_bucket{result="delivered",le="0.025"} 1`,
		`boardlink_publish_duration_seconds_sum{result="refused"} 2`,
		`boardlink_downlinks_total{outcome="queued"} 1`, `boardlink_downlinks_total{outcome="refused"} 0`,
		`boardlink_http_requests_total{code="2xx",method="GET",route="/connections/:id"} 1`, `boardlink_http_requests_total{code="4xx",method="GET",route="/connections/:id"} 1`,
		`boardlink_http_requests_total{code="4xx",method="other",route="unmatched"} 1`, `boardlink_http_request_duration_seconds_count{method="GET",route="/connections/:id"} 2`,
	} {
		if !slices.Contains(got, want) {
			t.Errorf("lacks %s", want)
		}
	}
	text := strings.Join(got, "\n")
	for _, not := range []string{`connection="4"`, `link_opened{connection="3"}`, "canary", `state=""`} {
		if strings.Contains(text, not) {
			t.Errorf("holds %s", not)
		}
	}
	if !strings.Contains(text, `boardlink_build_info{goversion="go1.`) || !strings.Contains(text, `version="v1.2.3"} 1`) {
		t.Error("does not say which program runs")
	}
}

func TestScrape_shows_the_runtime(t *testing.T) {
	text := scrape(t, newTestMetrics(busy()).Handler(slog.New(slog.DiscardHandler)))
	for _, name := range []string{"\ngo_goroutines ", "\ngo_gc_duration_seconds_count "} {
		if !strings.Contains(text, name) {
			t.Errorf("lacks%q", name)
		}
	}
}

func TestScrape_changes_nothing(t *testing.T) {
	m := newTestMetrics(busy())
	count(m)
	h := m.Handler(slog.New(slog.DiscardHandler))
	first := ours(scrape(t, h))
	var all sync.WaitGroup
	for range maxScrapes {
		all.Go(func() {
			for range 5 {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
			}
		})
	}
	all.Wait()
	if again := ours(scrape(t, h)); !slices.Equal(first, again) {
		t.Errorf("at first\n%s\nlater\n%s", strings.Join(first, "\n"), strings.Join(again, "\n"))
	}
}

func TestNames_follow_the_conventions_of_Prometheus(t *testing.T) {
	m := newTestMetrics(busy())
	count(m)
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestLabels_are_bounded_whatever_comes(t *testing.T) {
	m := newTestMetrics(&things{})
	count(m)
	before := series(t, m)
	for i := range 1000 {
		word := fmt.Sprintf("word %d", i)
		m.Refused(word)
		m.Published(word, time.Second)
		m.Answered(word)
		m.Requested("unmatched", word, 418, time.Second)
		m.Requested("unmatched", word, 1000+i, time.Second)
	}
	after := series(t, m)
	if after-before > 3 { // results and classes of a status that are new, each once
		t.Errorf("%d series became %d", before, after)
	}
}

// waiting are links whose uplinks wait in a real queue.
type waiting struct {
	*queue.Queue
	many int
}

func (w waiting) Statuses() map[connection.ID]connection.Status {
	all := map[connection.ID]connection.Status{}
	for id := connection.ID(1); int(id) <= w.many; id++ {
		s := connection.Status{State: connection.Closed}
		var oldest time.Time
		s.Backlog, oldest, s.Parked = w.Depth(id)
		s.OldestAge = time.Since(oldest)
		all[id] = s
	}
	return all
}

func TestThousand_connections_with_a_backlog_are_five_thousand_series_and_quick(t *testing.T) {
	const many = 1000
	q, err := queue.Open(t.Context(), filepath.Join(t.TempDir(), "queue.db"), queue.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = q.Close() }()
	var puts sync.WaitGroup
	for id := connection.ID(1); id <= many; id++ {
		puts.Go(func() {
			for frame := range int64(3) {
				if _, err := q.Put(t.Context(), queue.Event{Connection: id, DevEUI: "70B3D5E75E00A001", Kind: "DevEUI_uplink", FCntUp: frame, Body: []byte("{}")}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	puts.Wait()
	none := series(t, newTestMetrics(&things{}))
	m := New(Options{Version: "v1.2.3", Refusals: []string{"key", "queue_full"}, Results: []string{"delivered", "refused"}, Outcomes: []string{"queued", "refused"}})
	m.Watch(waiting{q, many}, q, &things{})
	h := m.Handler(slog.New(slog.DiscardHandler))
	for _, scraped := range []string{"the first scrape, which looks up the oldest of each", "the next"} {
		began := time.Now()
		text := scrape(t, h)
		took := time.Since(began)
		t.Logf("%s: %v, %d KB", scraped, took, len(text)>>10)
		if took > scrapeLimit/2 {
			t.Errorf("%s took %v", scraped, took)
		}
		if n := strings.Count(text, "} 3\n"); n < many {
			t.Errorf("%d backlogs", n)
		}
	}
	if grown := series(t, m) - none; grown > 5*many {
		t.Errorf("%d series more", grown)
	}
}

func TestHandler_answers_nothing_but_GET_metrics(t *testing.T) {
	h := newTestMetrics(busy()).Handler(slog.New(slog.DiscardHandler))
	for request, want := range map[string]int{
		"GET /metrics": 200, "HEAD /metrics": 200, "POST /metrics": 405, "DELETE /metrics": 405, "GET /metrics/": 404, "GET /": 404, "GET /healthz": 404,
		"GET /debug/pprof/": 404, "GET /connections": 404,
	} {
		method, path, _ := strings.Cut(request, " ")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
		if w.Code != want {
			t.Errorf("%s: %d", request, w.Code)
		}
	}
}

func TestHandler_gives_up_a_scrape_that_hangs_and_piles_up_none(t *testing.T) {
	things := busy()
	things.block = make(chan struct{})
	h := newTestMetrics(things).handler(slog.New(slog.DiscardHandler), 20*time.Millisecond)
	for range 2 * maxScrapes {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		if w.Code != http.StatusServiceUnavailable {
			t.Errorf("status %d", w.Code)
		}
	}
	close(things.block)
	deadline := time.Now().Add(10 * time.Second)
	for {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		if w.Code == http.StatusOK {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("it does not come back")
		}
		time.Sleep(time.Millisecond)
	}
}

func TestServer_serves_until_it_is_shut_down(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := newTestMetrics(busy()).NewServer(slog.New(slog.DiscardHandler))
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get("http://" + l.Addr().String() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil || !strings.Contains(string(text), "boardlink_links") || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/plain; version=0.0.4") {
		t.Errorf("%v, %v, %.100s", err, resp.Header, text)
	}
	if err := s.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
	if _, err := client.Get("http://" + l.Addr().String() + "/metrics"); err == nil {
		t.Error("it answers after its end")
	}
}

// names lists the series names that a scrape of ours may show, histograms with their endings.
func names(t *testing.T) []string {
	t.Helper()
	m := newTestMetrics(busy())
	count(m)
	text := scrape(t, m.Handler(slog.New(slog.DiscardHandler)))
	set := map[string]bool{}
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "#") {
			set[line[:strings.IndexAny(line, "{ ")]] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

func TestHandler_protects_every_answer(t *testing.T) {
	h := New(Options{}).Handler(slog.New(slog.DiscardHandler))
	for path, want := range map[string]int{"GET /metrics": 200, "HEAD /metrics": 200, "GET /": 404, "POST /metrics": 405, "TRACE /metrics": 405, "GET /metrics/../metrics": 307} {
		method, path, _ := strings.Cut(path, " ")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
		if w.Code != want {
			t.Errorf("%s %s: %d, want %d", method, path, w.Code, want)
		}
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
			"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'", "Cross-Origin-Resource-Policy": "same-origin",
		} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s %s: %s is %q", method, path, name, got)
			}
		}
	}
}
