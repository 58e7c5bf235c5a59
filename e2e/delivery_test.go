//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"boardlink/faults/history"
	"boardlink/thingsboard/sandbox"
)

const (
	tenant         = "tenant@example.com"
	tenantPassword = "a-tenants-secret"
)

// startSandbox starts a ThingsBoard with TLS and returns it with the environment in which a program reaches it.
func startSandbox(t testing.TB, opt sandbox.Options) (*sandbox.Sandbox, []string) {
	t.Helper()
	opt.TLS = true
	s, err := sandbox.Start(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	s.AddAccount(sandbox.Account{Email: tenant, Password: tenantPassword})
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, s.CAPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	return s, asAdmin("SSL_CERT_FILE="+ca, "BOARDLINK_ALLOW_HOSTS=127.0.0.1,localhost")
}

// connect makes an active connection to host:port and returns its id.
func (p *program) connect(hostPort, password string, more map[string]any) string {
	p.t.Helper()
	configuration := map[string]any{"hostName": hostPort, "username": tenant, "password": password, "telemetryFormat": "MEASUREMENTS"}
	for k, v := range more {
		configuration[k] = v
	}
	status, answer := p.api(http.MethodPost, "/connections", map[string]any{
		"connectorId": "actility-thingsboard-iot", "name": "Under test", "configuration": configuration,
	})
	if status != http.StatusCreated {
		p.t.Fatalf("creating a connection answered %d: %v", status, answer)
	}
	return answer["id"].(string)
}

// resource reads a connection.
func (p *program) resource(id string) map[string]any {
	p.t.Helper()
	status, answer := p.api(http.MethodGet, "/connections/"+id, nil)
	if status != http.StatusOK {
		p.t.Fatalf("reading connection %s answered %d", id, status)
	}
	return answer
}

// reach waits until a connection is in a state and returns the resource then and how long it took.
func (p *program) reach(id, state string, within time.Duration) (map[string]any, time.Duration) {
	p.t.Helper()
	begun := time.Now()
	for {
		r := p.resource(id)
		if r["state"] == state {
			return r, time.Since(begun)
		}
		if time.Since(begun) > within {
			p.t.Fatalf("connection %s is not %s within %v but %v: %v", id, state, within, r["state"], r["status"])
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// post hands an uplink in and returns the status, 0 where nobody answered.
func (p *program) post(client *http.Client, id string, body []byte) int {
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.base+"/connections/"+id+"/uplinks", bytes.NewReader(body))
	if err != nil {
		return 0
	}
	req.Header.Set("Authorization", "Bearer "+apiKey)
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return 0
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

func uplinkOf(device string, fcnt int, at time.Time) []byte {
	return fmt.Appendf(nil, `{"DevEUI_uplink":{"Time":%q,"DevEUI":%q,"FPort":2,"FCntUp":%d,"payload_hex":"0102","LrrRSSI":-71.5,"LrrSNR":8.25,"SpFact":7,"CustomerID":"100000001","payload":{"temperature":21.5,"seq":%d}}}`,
		at.Format("2006-01-02T15:04:05.000Z07:00"), device, fcnt, fcnt)
}

// TestNothingAcceptedIsLost posts 2,000 uplinks of 50 devices while ThingsBoard goes away and comes back and the program
// is killed and started again. The history decides.
func TestNothingAcceptedIsLost(t *testing.T) {
	const devices, each, posters = 50, 40, 10
	r := newLedger(t)
	tb, p := r.tb, r.program
	p.start()
	r.connect()

	begun := time.Now()
	var wg sync.WaitGroup
	for w := range posters {
		wg.Go(func() {
			client := &http.Client{Timeout: 10 * time.Second}
			for n := range int64(each) {
				for d := w; d < devices; d += posters {
					// ThingPark would not post again, but the test wants each one in; what was not answered is no promise.
					for tries := 0; r.post(client, d, n) != history.Accepted; tries++ {
						if tries > 400 {
							t.Errorf("device %d frame %d was never accepted", d, n)
							return
						}
						time.Sleep(25 * time.Millisecond)
					}
				}
			}
		})
	}
	reached := func(n int64) bool { return r.history.Figures().Accepted >= n }
	p.await("accept a fifth", func() bool { return reached(devices * each / 5) })
	tb.Pause()
	p.await("accept half while ThingsBoard is away", func() bool { return reached(devices * each / 2) })
	r.kill()
	p.start()
	p.await("accept three quarters after it was killed", func() bool { return reached(devices * each * 3 / 4) })
	if err := tb.Resume(); err != nil {
		t.Fatal(err)
	}
	r.kill() // once more, while the backlog drains or the link opens
	p.start()
	wg.Wait()
	v := r.finish(60 * time.Second)
	t.Logf("%d uplinks accepted in %v", v.Figures.Accepted, time.Since(begun).Round(time.Millisecond))
	if v.Figures.Accepted != devices*each || v.Figures.Arrived != devices*each {
		t.Errorf("%+v", v.Figures)
	}
	if took := p.stop(); took > 20*time.Second {
		t.Errorf("the program took %v to stop", took)
	}
}

func TestWrongPassword(t *testing.T) {
	tb, env := startSandbox(t, sandbox.Options{})
	p := newProgram(t, env...)
	p.start()
	id := p.connect(tb.HTTPAddr(), "not-the-password", nil)
	r, took := p.reach(id, "AUTHENTICATION_FAILED", 10*time.Second)
	t.Logf("AUTHENTICATION_FAILED after %v", took.Round(time.Millisecond))
	status := r["status"].(map[string]any)
	if status["reasonCode"] != "auth_401" || status["hint"] == "" {
		t.Errorf("the status is %v", status)
	}
	if n := tb.LoginAttempts(tenant); n != 1 {
		t.Errorf("%d sign-ins were tried", n)
	}
	p.kill()
	p.start()
	if r := p.resource(id); r["state"] != "AUTHENTICATION_FAILED" {
		t.Errorf("after a restart of the program the state is %v", r["state"])
	}
	if n := tb.LoginAttempts(tenant); n != 1 {
		t.Errorf("a restart of the program made %d sign-ins", n-1)
	}

	r["configuration"].(map[string]any)["password"] = tenantPassword
	if status, answer := p.api(http.MethodPut, "/connections/"+id, r); status != http.StatusOK {
		t.Fatalf("the edit answered %d: %v", status, answer)
	}
	_, took = p.reach(id, "OPENED", 10*time.Second)
	t.Logf("OPENED %v after the password was corrected", took.Round(time.Millisecond))
}

func TestBlackHole(t *testing.T) {
	hole, err := sandbox.BlackHole()
	if err != nil {
		t.Skipf("no black hole here: %v", err)
	}
	t.Cleanup(hole.Close)
	_, env := startSandbox(t, sandbox.Options{})
	p := newProgram(t, env...)
	p.start()
	id := p.connect(hole.Addr(), tenantPassword, nil)
	p.reach(id, "OPENING", 5*time.Second)
	r, took := p.reach(id, "CLOSED", 30*time.Second)
	status := r["status"].(map[string]any)
	t.Logf("CLOSED after %v: %v", took.Round(time.Millisecond), status)
	if status["reasonCode"] != "tcp_timeout" || status["reason"] == "" || status["nextAttemptAt"] == nil {
		t.Errorf("the status is %v", status)
	}
}

func TestHungPeer(t *testing.T) {
	tb, env := startSandbox(t, sandbox.Options{})
	p := newProgram(t, env...)
	p.start()
	id := p.connect(tb.HTTPAddr(), tenantPassword, nil)
	p.reach(id, "OPENED", 20*time.Second)
	tb.Set(func(b *sandbox.Behaviour) { b.Freeze, b.RESTHang = true, true })
	if status, answer := p.api(http.MethodPost, "/connections/"+id+"/restart", nil); status != http.StatusAccepted {
		t.Fatalf("the restart answered %d: %v", status, answer)
	}
	begun := time.Now()
	for p.resource(id)["state"] == "CLOSING" {
		if time.Since(begun) > 11*time.Second {
			t.Fatal("CLOSING was not left within its deadline of 10 s")
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Logf("CLOSING was left after %v", time.Since(begun).Round(time.Millisecond))

	r := p.resource(id)
	r["active"] = false
	if status, answer := p.api(http.MethodPut, "/connections/"+id, r); status != http.StatusOK {
		t.Fatalf("deactivating answered %d: %v", status, answer)
	}
	if _, took := p.reach(id, "DEACTIVATED", 3*time.Second); took > 2*time.Second {
		t.Errorf("deactivating took %v", took)
	}
}
