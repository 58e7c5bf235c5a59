//go:build e2e

package e2e

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"boardlink/thingsboard/sandbox"

	"github.com/chromedp/chromedp/kb"
)

// tenantREST asks ThingsBoard as the tenant does, beside Boardlink.
type tenantREST struct {
	t      testing.TB
	base   string
	token  string
	client *http.Client
}

func asTenant(t testing.TB, tb *sandbox.Sandbox) *tenantREST {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(tb.CAPEM())
	r := &tenantREST{t: t, base: "https://" + tb.HTTPAddr(), client: &http.Client{
		Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}},
	}}
	t.Cleanup(r.client.CloseIdleConnections)
	var answer struct{ Token string }
	r.do(http.MethodPost, "/api/auth/login", map[string]string{"username": tenant, "password": tenantPassword}, &answer)
	r.token = answer.Token
	return r
}

func (r *tenantREST) do(method, path string, body, into any) {
	r.t.Helper()
	encoded, err := json.Marshal(body)
	if err != nil {
		r.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.base+path, bytes.NewReader(encoded))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if r.token != "" {
		req.Header.Set("X-Authorization", "Bearer "+r.token)
	}
	resp, err := r.client.Do(req)
	if err != nil {
		r.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		r.t.Fatalf("%s %s: ThingsBoard answers %d", method, path, resp.StatusCode)
	}
	if into != nil {
		if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
			r.t.Fatalf("%s %s: %v", method, path, err)
		}
	}
}

// share sets shared attributes of a device.
func (r *tenantREST) share(device string, values map[string]any) {
	r.t.Helper()
	var found struct{ ID struct{ ID string } }
	r.do(http.MethodGet, "/api/tenant/devices?deviceName="+device, nil, &found)
	r.do(http.MethodPost, "/api/plugins/telemetry/DEVICE/"+found.ID.ID+"/SHARED_SCOPE", values, nil)
}

// TestDevices finds a device by the begin of its DevEUI and looks at what is known of it.
func TestDevices(t *testing.T) {
	both(t, func(t *testing.T, scripts bool) {
		r := startRefusing(t)
		b := r.signedIn(t, scripts)
		b.open("/connections/" + r.id)
		b.click("link", "See all devices")
		b.see("No devices yet")
		r.park(1)
		for i := range 60 {
			if status := r.post(http.DefaultClient, r.id, uplinkOf(fmt.Sprintf("02B0A2D10BE4%04X", i), 1, time.Now())); status != http.StatusOK {
				t.Fatalf("an uplink was answered %d", status)
			}
		}
		r.await("have seen the devices", func() bool {
			_, answer := r.api(http.MethodGet, "/connections/"+r.id+"/devices?limit=1000", nil)
			return len(answer["items"].([]any)) == 61
		})
		r.await("tell of the parked event", func() bool {
			_, answer := r.api(http.MethodGet, "/events?connectionId="+r.id+"&devEUI="+refusedDevice(0), nil)
			return len(answer["items"].([]any)) == 1
		})
		b.open("/connections/" + r.id + "/devices")
		b.find("link", refusedDevice(0))
		b.click("link", "Next page")
		b.find("link", "02B0A2D10BE4003B")
		b.fill("searchbox", "Search begin of the DevEUI or part of the name", "nothing-like-this")
		b.key(kb.Enter)
		b.see("No device matches")
		b.click("link", "Clear search")
		b.fill("searchbox", "Search begin of the DevEUI or part of the name", "02b0a2d10bad")
		b.click("button", "Search")
		b.until("show the one device", func() bool { return b.has("link", refusedDevice(0)) && !b.has("link", "02B0A2D10BE40000") })
		b.click("link", refusedDevice(0))
		b.find("heading", refusedDevice(0))
		b.see("1 event was parked. ")
		b.click("link", "See all events of this device")
		b.see("1 event was parked. ")
		b.until("show events of the device alone", func() bool { return !strings.Contains(b.text(), "Opened: connected") })
		b.quiet()
	})
}

// TestDevice_shows_attributes_and_commands lets ThingsBoard share attributes with a device and send it a command.
func TestDevice_shows_attributes_and_commands(t *testing.T) {
	park := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, "<html><body>Request queued by LRC</body></html>")
	}))
	t.Cleanup(park.Close)
	both(t, func(t *testing.T, scripts bool) {
		const device = "02B0A2D10BE40001"
		tb, env := startSandbox(t, sandbox.Options{})
		r := &refusing{program: newProgram(t, append(env, "BOARDLINK_LOG_LEVEL=warn")...), tb: tb}
		r.start()
		r.id = r.connect(tb.HTTPAddr(), tenantPassword, map[string]any{
			"downlinkUrl": park.URL + "/thingpark/lrc/rest/downlink", "downlinkAsId": "TWA_100002167.1111.AS", "downlinkAsKey": strings.Repeat("0c", 16),
		})
		r.reach(r.id, "OPENED", 20*time.Second)
		if status := r.post(http.DefaultClient, r.id, uplinkOf(device, 1, time.Now())); status != http.StatusOK {
			t.Fatalf("an uplink was answered %d", status)
		}
		r.await("deliver the uplink", func() bool { return len(tb.Telemetry(device)) == 1 })

		b := r.signedIn(t, scripts)
		path := "/connections/" + r.id + "/devices/" + device
		r.await("have seen the device", func() bool {
			_, answer := r.api(http.MethodGet, "/connections/"+r.id+"/devices", nil)
			return len(answer["items"].([]any)) == 1
		})
		b.open(path)
		b.see("ThingsBoard has shared none with this device.", "No command was sent to this device lately.")
		// Without scripts the page is asked for again until it shows the change; with them it is left alone.
		shows := func(texts ...string) {
			t.Helper()
			b.until("show "+strings.Join(texts, ", "), func() bool {
				if !scripts {
					b.open(path)
				}
				said := b.text()
				for _, want := range texts {
					if !strings.Contains(said, want) {
						return false
					}
				}
				return true
			})
		}
		asTenant(t, tb).share(device, map[string]any{"interval": 600, "note": "<b>twice a day</b>"})
		shows("interval", "600", `"<b>twice a day</b>"`)
		reply, err := tb.SendRPC(t.Context(), device, "downlink", map[string]any{"payload_hex": "0102ff", "FPort": 7}, sandbox.RPCOptions{})
		if err != nil || !strings.Contains(string(reply), "queued") {
			t.Fatalf("the command was answered %s, %v", reply, err)
		}
		shows("queued", "Port 7, asked for ")
		shows("Last telemetry", "temperature", "21.5", "ThingsBoard acknowledged it")
		b.quiet()
	})
}
