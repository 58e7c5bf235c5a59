//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"boardlink/connection"
	"boardlink/faults"
	"boardlink/faults/history"
	"boardlink/thingsboard/sandbox"
)

// ledger is the real program against a ThingsBoard, with the history of what was posted and what arrived.
type ledger struct {
	t       testing.TB
	tb      *sandbox.Sandbox
	program *program
	history *history.History
	id      string
	link    connection.ID
	epoch   time.Time
	seed    uint64
}

func newLedger(t testing.TB) *ledger {
	t.Helper()
	l := &ledger{t: t, history: history.New(history.Options{}), epoch: time.Now().Add(-time.Hour).Truncate(time.Second), seed: faults.SeedFromEnvironment()}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("Seed %d: FAULTS_SEED=%d makes the same choices again.", l.seed, l.seed)
		}
	})
	tb, env := startSandbox(t, sandbox.Options{OnTelemetry: func(device string, p sandbox.Point) {
		l.history.Point("ThingsBoard", device, p.TS, p.Values, time.Now())
	}})
	l.tb, l.program = tb, newProgram(t, env...)
	return l
}

// connect makes the connection and waits until it is open.
func (l *ledger) connect() {
	l.t.Helper()
	l.id = l.program.connect(l.tb.HTTPAddr(), tenantPassword, nil)
	id, err := connection.ParseID(l.id)
	if err != nil {
		l.t.Fatal(err)
	}
	l.link = id
	l.program.reach(l.id, "OPENED", 20*time.Second)
}

// post posts a frame of a device. That nobody answers leaves it open whether it was taken.
func (l *ledger) post(client *http.Client, device int, frame int64) history.Outcome {
	name, at := fmt.Sprintf("02B0A2D1000E%04X", device), l.epoch.Add(time.Duration(frame)*time.Second)
	post := l.history.Post(l.link, name, frame, at)
	o := history.Refused
	switch l.program.post(client, l.id, uplinkOf(name, int(frame), at)) {
	case http.StatusOK:
		o = history.Accepted
	case 0:
		o = history.Unknown
	}
	post.Answered(o)
	return o
}

// kill kills the program and lets the history know.
func (l *ledger) kill() {
	l.program.kill()
	l.history.Killed()
}

// look writes down what the API says of the link; what cannot be read is left out.
func (l *ledger) look() {
	r := l.program.glance(l.id)
	shown, ok := r["status"].(map[string]any)
	if !ok {
		return
	}
	text := func(key string) string { s, _ := shown[key].(string); return s }
	moment := func(key string) time.Time { at, _ := time.Parse(time.RFC3339, text(key)); return at }
	number := func(key string) int64 { n, _ := shown[key].(float64); return int64(n) }
	state, _ := r["state"].(string)
	l.history.State(l.link, connection.Status{State: connection.State(state), Since: moment("since"), ReasonCode: connection.ReasonCode(text("reasonCode")),
		Reason: text("reason"), Hint: text("hint"), NextAttemptAt: moment("nextAttemptAt"), LastDeliveredAt: moment("lastDeliveredAt"), Backlog: number("backlog")}, time.Now())
}

// glance reads a connection where the program answers; nil where it does not.
func (p *program) glance(id string) (r map[string]any) {
	client := &http.Client{Timeout: 2 * time.Second}
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, p.base+"/api/v1/connections/"+id, nil)
	if err != nil {
		return nil
	}
	req.Header.Set("Authorization", "Bearer "+apiKey)
	resp, err := client.Do(req)
	if err != nil {
		return nil
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK || json.NewDecoder(resp.Body).Decode(&r) != nil {
		return nil
	}
	return r
}

// finish waits until everything has come to its end and has the history decide.
func (l *ledger) finish(limit time.Duration) history.Verdict {
	l.t.Helper()
	for end := time.Now().Add(limit); l.history.Owed() > 0; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			l.t.Fatalf("not everything arrived within %v: %v\n%s", limit, l.program.resource(l.id)["status"], l.history.Verdict())
		}
		l.look()
	}
	l.program.await("empty its queue", func() bool {
		status := l.program.resource(l.id)["status"].(map[string]any)
		return status["backlog"] == float64(0) && status["parked"] == float64(0)
	})
	v := l.history.Verdict()
	if err := v.Err(); err != nil {
		l.t.Errorf("%v", err)
	}
	l.t.Logf("%s", v)
	return v
}
