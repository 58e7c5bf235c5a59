package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"boardlink/access"
	"boardlink/connection"
	"boardlink/handlers/api"
	"boardlink/ingest"
	"boardlink/operation/operationtest"
	"boardlink/thingpark"
	"boardlink/web"
	"boardlink/web/webtest"
)

// uplinks is a door for uplinks that notes what came in.
type uplinks struct {
	mu   sync.Mutex
	fail error
	got  []string
	keys map[connection.ID]string
	bad  int // refused unread
}

func (u *uplinks) Unreadable(connection.ID) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.bad++
}

func (u *uplinks) Authorize(id connection.ID, c ingest.Credential) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	key, known := u.keys[id]
	switch {
	case known && (c.Authorized || key == c.UplinkKey.Reveal()):
		return nil
	case c.Authorized:
		return connection.Fail(connection.CodeNotFound, "There is no such connection.")
	}
	return connection.Fail(connection.CodeUnauthorized, "Uplinks need a key.")
}

func (u *uplinks) Accept(_ context.Context, id connection.ID, _ ingest.Credential, query string, body []byte) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.fail != nil {
		return u.fail
	}
	u.got = append(u.got, id.String()+" "+query+" "+string(body))
	return nil
}

// log collects what the server wrote down.
type log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// world is the API on a real server over operations in memory.
type world struct {
	*operationtest.World
	site    *webtest.Site
	people  *peopleOnDisk
	uplinks *uplinks
	log     *log
	t       *testing.T
}

func newWorld(t *testing.T, change ...func(*api.Options)) *world {
	t.Helper()
	w := &world{World: operationtest.New(nil), people: &peopleOnDisk{t: t}, uplinks: &uplinks{keys: map[connection.ID]string{1: "uplink-key-1"}}, log: &log{}, t: t}
	w.Park.Instead = parsing{&operationtest.Park{}}
	var keys *access.Keys
	logger := func(o *web.Options) {
		keys = o.Keys.(*access.Keys)
		o.Log = slog.New(slog.NewJSONHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	w.site = webtest.New(t, logger, func(s *web.Server) {
		opt := api.Options{Operations: w.Connections, People: w.people, Uplinks: w.uplinks, Keys: keys, Account: account{}, Version: "1.0"}
		for _, f := range change {
			f(&opt)
		}
		api.Mount(s, opt)
	})
	return w
}

// parsing is a way to ThingPark that reads commands as the real one does.
type parsing struct{ *operationtest.Park }

func (p parsing) PostDownlink(ctx context.Context, actor string, c connection.Connection, devEUI string, params json.RawMessage) (connection.Posting, error) {
	if _, err := thingpark.ParseCommand(params, c.Configuration.DownlinkPort); err != nil {
		return connection.Posting{}, err
	}
	return p.Park.PostDownlink(ctx, actor, c, devEUI, params)
}

// create makes the connection with id 1.
func (w *world) create() {
	w.t.Helper()
	if _, err := w.Create(w.t.Context(), "ann@example.com", operationtest.Valid()); err != nil {
		w.t.Fatal(err)
	}
}

// do asks with an API key.
func (w *world) do(method, path, body string, header ...string) webtest.Answer {
	w.t.Helper()
	all := []string{"Authorization", "Bearer " + webtest.Key}
	if body != "" {
		all = append(all, "Content-Type", "application/json")
	}
	return w.site.Visitor().Do(method, path, body, append(all, header...)...)
}

// tree reads a JSON answer.
func tree(t *testing.T, a webtest.Answer) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(a.Body), &v); err != nil {
		t.Fatalf("%d %q: %v", a.Status, a.Body, err)
	}
	return v
}

// refused checks a problem document and gives its errors by path.
func refused(t *testing.T, a webtest.Answer, status int) map[string]string {
	t.Helper()
	var p web.Problem
	if err := json.Unmarshal([]byte(a.Body), &p); err != nil || a.Header.Get("Content-Type") != web.ProblemType {
		t.Fatalf("no problem document: %d %s %q", a.Status, a.Header.Get("Content-Type"), a.Body)
	}
	if a.Status != status || p.Status != status || p.Title != http.StatusText(status) || p.Detail == "" {
		t.Errorf("got %d %+v, want %d", a.Status, p, status)
	}
	paths := map[string]string{}
	for _, e := range p.Errors {
		if e.Message == "" {
			t.Errorf("%s: no message", e.Path)
		}
		paths[e.Path] = e.Message
	}
	return paths
}

const minimal = `{"connectorId": "actility-thingsboard-iot", "name": "South", "configuration": {"hostName": "thingsboard.cloud:443", "username": "tenant@example.com", "password": "` + operationtest.Password + `"}}`

// with gives the minimal body with a change: pairs of old and new text.
func with(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(minimal) }
