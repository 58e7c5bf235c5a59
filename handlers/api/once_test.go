package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"boardlink/access"
	"boardlink/connection"
	"boardlink/db"
	"boardlink/handlers/api"
	"boardlink/operation/operationtest"
)

const onceKey = "Idempotency-Key"

// remembering opens a database that remembers requests.
func remembering(t *testing.T, path string, now func() time.Time) *db.DB {
	t.Helper()
	sealer, err := db.NewSealer(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	d, err := db.Open(t.Context(), path, db.Options{Sealer: sealer, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() }) // tests that care close by themselves
	return d
}

func withOnce(t *testing.T, d *db.DB) *world {
	t.Helper()
	return newWorld(t, func(o *api.Options) { o.Once = d })
}

func TestIdempotencyKey_lets_a_connection_be_created_once(t *testing.T) {
	path, now := filepath.Join(t.TempDir(), "boardlink.db"), time.Now()
	d := remembering(t, path, func() time.Time { return now })
	w := withOnce(t, d)
	first := w.do("POST", "/connections", minimal, onceKey, "key-1")
	again := w.do("POST", "/connections", minimal, onceKey, "key-1")
	if first.Status != 201 || again.Status != 201 || first.Body != again.Body || again.Header.Get("Location") != "/connections/1" ||
		again.Header.Get("ETag") != first.Header.Get("ETag") || again.Header.Get("Content-Type") != first.Header.Get("Content-Type") {
		t.Errorf("first %d %s\nagain %d %v %s", first.Status, first.Body, again.Status, again.Header, again.Body)
	}
	if wrong := refused(t, w.do("POST", "/connections", with("South", "North"), onceKey, "key-1"), 422); wrong[onceKey] == "" {
		t.Errorf("another body: %v", wrong)
	}
	if got := w.site.Operator(access.RoleOperator).Do("POST", "/connections", minimal, "Content-Type", "application/json", onceKey, "key-1"); got.Status != 201 || got.Header.Get("Location") != "/connections/2" {
		t.Errorf("the same key of somebody else: %d %s", got.Status, got.Body)
	}
	if got := w.do("POST", "/connections", minimal, onceKey, "key-2"); got.Header.Get("Location") != "/connections/3" {
		t.Errorf("another key: %d %s", got.Status, got.Body)
	}
	for _, key := range []string{"a b", "é", strings.Repeat("x", 256)} {
		if wrong := refused(t, w.do("POST", "/connections", minimal, onceKey, key), 422); wrong[onceKey] == "" {
			t.Errorf("key %q: %v", key, wrong)
		}
	}
	refused(t, w.do("POST", "/connections", with("South", ""), onceKey, "key-3"), 422)
	if got := w.do("POST", "/connections", minimal, onceKey, "key-3"); got.Status != 201 {
		t.Errorf("after a refusal: %d", got.Status)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}

	d = remembering(t, path, func() time.Time { return now }) // the next program
	w = withOnce(t, d)
	if got := w.do("POST", "/connections", minimal, onceKey, "key-1"); got.Body != first.Body {
		t.Errorf("after a restart: %d %s", got.Status, got.Body)
	}
	now = now.Add(connection.OnceFor + time.Second)
	if got := w.do("POST", "/connections", with("South", "North"), onceKey, "key-1"); got.Status != 201 || got.Body == first.Body {
		t.Errorf("after a day: %d %s", got.Status, got.Body)
	}
	if n, err := d.PruneOnce(t.Context(), now); err != nil || n != 3 {
		t.Errorf("%d forgotten, %v", n, err)
	}
	for _, file := range []string{path, path + "-wal"} {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{operationtest.Password, "key-1", "key-3"} {
			if bytes.Contains(raw, []byte(secret)) {
				t.Errorf("%s holds %s", file, secret)
			}
		}
	}
}

// gate is a way to ThingPark that waits.
type gate struct {
	*operationtest.Park
	came, open chan struct{}
}

func (g gate) PostDownlink(ctx context.Context, actor string, c connection.Connection, devEUI string, params json.RawMessage) (connection.Posting, error) {
	g.came <- struct{}{}
	<-g.open
	return g.Park.PostDownlink(ctx, actor, c, devEUI, params)
}

func TestIdempotencyKey_lets_a_downlink_be_posted_once(t *testing.T) {
	path := filepath.Join(t.TempDir(), "boardlink.db")
	d := remembering(t, path, nil)
	w := withOnce(t, d)
	w.create()
	g := gate{&operationtest.Park{}, make(chan struct{}, 1), make(chan struct{})}
	w.Park.Instead = g
	var wg sync.WaitGroup
	wg.Go(func() {
		if got := w.do("POST", downlinks, command, onceKey, "k"); got.Status != 200 {
			t.Errorf("%d %s", got.Status, got.Body)
		}
	})
	<-g.came
	refused(t, w.do("POST", downlinks, command, onceKey, "k"), 409) // it is under way
	close(g.open)
	wg.Wait()
	if got := w.do("POST", downlinks, command, onceKey, "k"); got.Status != 200 || len(g.Park.Sent()) != 1 {
		t.Errorf("%d %s, sent %q", got.Status, got.Body, g.Park.Sent())
	}
}

func TestIdempotencyKey_remembers_what_may_have_been_done_and_nothing_else(t *testing.T) {
	d := remembering(t, filepath.Join(t.TempDir(), "boardlink.db"), nil)
	w := withOnce(t, d)
	w.create()
	park := w.Park.Instead.(parsing).Park
	for state, kept := range map[connection.CommandState]bool{connection.CommandUnknown: true, connection.CommandRefused: true, connection.CommandNotSent: false} {
		before := len(park.Sent())
		for range 2 {
			park.Says = connection.Posting{State: state, Code: string(state), Sentence: "So it is."}
			if got := w.do("POST", downlinks, command, onceKey, string(state)); tree(t, got)["outcome"] != string(state) {
				t.Errorf("%s: %d %s", state, got.Status, got.Body)
			}
		}
		if n := len(park.Sent()) - before; n == 1 != kept {
			t.Errorf("%s: posted %d times", state, n)
		}
	}
	// A program that ended in the middle: the next one does not know what came of it.
	probe := interrupted{Once: d}
	w2 := newWorld(t, func(o *api.Options) { o.Once = probe })
	w2.create()
	if got := w2.do("POST", downlinks, command, onceKey, "cut"); got.Status != 200 {
		t.Fatal(got.Status, got.Body)
	}
	w3 := withOnce(t, d)
	w3.create()
	a := w3.do("POST", downlinks, command, onceKey, "cut")
	refused(t, a, 409)
	if !strings.Contains(a.Body, "interrupted") || len(w3.Park.Instead.(parsing).Park.Sent()) != 0 {
		t.Error(a.Body)
	}
}

// interrupted is a program that ends before it keeps an answer.
type interrupted struct{ api.Once }

func (interrupted) EndOnce(context.Context, string, connection.OnceAnswer) error { return nil }
