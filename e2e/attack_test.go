//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// planted is markup that would be noticed: each piece has the class, and each script that ran says so in the title.
var planted = []string{
	`<script class=planted>document.title='planted'</script>`,
	`"><img class=planted src=x onerror="document.title='planted'">`,
	`</title></textarea></template><svg class=planted onload=document.title='planted'>`,
	`' autofocus onfocus=document.title='planted' class='planted`,
	`<a class=planted href="javascript:document.title='planted'">x</a><!--`,
}

// hostile is a server that claims to be ThingsBoard, and a ThingPark, whose every word is markup.
func hostile(t *testing.T) *httptest.Server {
	t.Helper()
	words := strings.Join(planted, " ")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if strings.HasPrefix(r.URL.Path, "/downlink") {
			w.WriteHeader(350)
			_, _ = io.WriteString(w, "<html><body>"+words+"</body></html>")
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUnauthorized)
		_ = json.NewEncoder(w).Encode(map[string]any{"status": 401, "message": words, "errorCode": 10})
	}))
	t.Cleanup(server.Close)
	return server
}

// namedUplink is an uplink of a device that has a name.
func namedUplink(device, name string, fcnt int) []byte {
	customer, _ := json.Marshal(map[string]any{"name": name, "tags": []string{name}})
	key, _ := json.Marshal(name)
	return fmt.Appendf(nil, `{"DevEUI_uplink":{"Time":%q,"DevEUI":%q,"FPort":2,"FCntUp":%d,"payload_hex":"01","CustomerID":"1","CustomerData":%s,"payload":{%s:%s}}}`,
		time.Now().Format("2006-01-02T15:04:05.000Z07:00"), device, fcnt, customer, key, key)
}

// TestAttack_markup_from_devices_and_peers brings markup in by every way that there is: the names of connections and
// devices, payloads, ThingsBoard's errors and shared attributes, ThingPark's answers. Every page shows it as the text that it
// is; no script of it runs, no element of it appears, and the content security policy has nothing to stop.
func TestAttack_markup_from_devices_and_peers(t *testing.T) {
	both(t, func(t *testing.T, scripts bool) {
		evil := hostile(t)
		r := startRefusing(t)
		device := refusedDevice(0)
		evilPort := evil.Listener.Addr().(*net.TCPAddr).Port
		status, answer := r.api(http.MethodPatch, "/connections/"+r.id, map[string]any{"name": planted[0], "configuration": map[string]any{
			"description": planted[2], "downlinkEnabled": true, "downlinkUrl": fmt.Sprintf("http://127.0.0.1:%d/downlink", evilPort), "downlinkAsId": planted[3],
			"downlinkAsKey": "00112233445566778899aabbccddeeff", "downlinkPort": 1,
		}})
		if status != http.StatusOK {
			t.Fatalf("naming the connection answered %d: %v", status, answer)
		}
		r.reach(r.id, "OPENED", 30*time.Second)
		status, answer = r.api(http.MethodPost, "/connections", map[string]any{
			"connectorId": "actility-thingsboard-iot", "name": planted[1],
			"configuration": map[string]any{"hostName": fmt.Sprintf("127.0.0.1:%d", evilPort), "protocol": "TCP", "username": tenant, "password": tenantPassword},
		})
		if status != http.StatusCreated {
			t.Fatalf("creating a connection answered %d: %v", status, answer)
		}
		refusedID := answer["id"].(string)
		r.reach(refusedID, "AUTHENTICATION_FAILED", 30*time.Second)

		r.refuses.Store(false)
		if status := r.post(http.DefaultClient, r.id, namedUplink(device, planted[0], 1)); status != http.StatusOK {
			t.Fatalf("an uplink was answered %d", status)
		}
		r.await("deliver the uplink", func() bool {
			return r.resource(r.id)["status"].(map[string]any)["lastDeliveredAt"] != nil
		})
		asTenant(t, r.tb).share(device, map[string]any{planted[1]: planted[2]})
		r.refuses.Store(true)
		if status := r.post(http.DefaultClient, r.id, namedUplink(device, planted[4], 2)); status != http.StatusOK {
			t.Fatalf("an uplink was answered %d", status)
		}
		r.await("put the uplink aside", func() bool { return r.parked() == 1 })
		status, answer = r.api(http.MethodPost, "/connections/"+r.id+"/downlinks", map[string]any{"devEUI": device, "payload_hex": "01"})
		if status != http.StatusUnprocessableEntity || !strings.Contains(fmt.Sprint(answer["detail"]), "planted") {
			t.Fatalf("the hostile ThingPark's answer became %d %v", status, answer)
		}

		b := r.signedIn(t, scripts)
		for _, page := range []struct{ path, shows string }{
			{"/", planted[1]},
			{"/connections", planted[0]},
			{"/connections?q=" + "%3Cscript%20class%3Dplanted%3E", planted[0]},
			{"/connections/" + r.id, planted[0]},
			{"/connections/" + refusedID, "class=planted"},
			{"/connections/" + r.id + "/devices", planted[4]},
			{"/connections/" + r.id + "/devices?q=%22%3E%3Cimg%20class%3Dplanted%3E", "No device matches"},
			{"/connections/" + r.id + "/devices/" + device, planted[1]},
			{"/connections/" + r.id + "/parked", "class=planted"},
			{"/connections/" + r.id + "/edit/description", "Description"},
			{"/connections/" + r.id + "/delete", planted[0]},
			{"/events", planted[0]},
			{"/events?devEUI=" + device, "class=planted"},
			{"/signin?next=%22%3E%3Cscript%20class%3Dplanted%3E", "Dashboard"},
			{"/connections/%3Cscript%20class=planted%3E", "Page not found"},
		} {
			b.open(page.path)
			b.see(strings.Join(strings.Fields(page.shows), " "))
			unharmed(t, b, page.path)
		}
		if scripts {
			// What comes in while the page is open is put into it by script.
			b.open("/connections/" + r.id)
			const refusal = "refused the downlink (350)"
			b.see(refusal)
			before := strings.Count(b.text(), refusal)
			if status, _ := r.api(http.MethodPost, "/connections/"+r.id+"/downlinks", map[string]any{"devEUI": device, "payload_hex": "02"}); status != http.StatusUnprocessableEntity {
				t.Errorf("a downlink answered %d", status)
			}
			b.until("tell of it on the open page", func() bool { return strings.Count(b.text(), refusal) > before })
			unharmed(t, b, "the open page")
		}
		b.quiet()
	})
}

// unharmed looks for what the markup would have left.
func unharmed(t *testing.T, b *browser, where string) {
	t.Helper()
	if b.css(".planted") != 0 {
		t.Errorf("%s has an element of the markup", where)
	}
	if b.title() == "planted" {
		t.Errorf("%s ran a script of the markup", where)
	}
}

// TestAttack_searches_are_no_queries searches with pieces of SQL: nothing is found, nothing is gone.
func TestAttack_searches_are_no_queries(t *testing.T) {
	p := newProgram(t, asAdmin()...)
	p.start()
	id := p.connection("North")
	for _, text := range []string{`' OR 1=1 --`, `"; DROP TABLE connections; --`, `%' UNION SELECT password FROM connections --`, `%`, `_orth`, `\`, "x' OR 'a'='a"} {
		for _, path := range []string{"/connections?search=", "/connections/" + id + "/devices?search="} {
			status, answer := p.api(http.MethodGet, path+url.QueryEscape(text), nil)
			if items, _ := answer["items"].([]any); status != http.StatusOK || len(items) != 0 {
				t.Errorf("%s%s: %d with %d items", path, text, status, len(items))
			}
		}
		for _, path := range []string{"/connections?sort=", "/connections?state=", "/events?kind=", "/events?cursor=", "/events?devEUI=", "/connections/" + id + "/metrics?window=", "/connections?sort=name&cursor="} {
			if status, _ := p.api(http.MethodGet, path+url.QueryEscape(text), nil); status != http.StatusUnprocessableEntity {
				t.Errorf("%s%s: %d", path, text, status)
			}
		}
	}
	if p.setting(id, "username") != "tenant@example.com" {
		t.Error("the connection is not what it was")
	}
}
