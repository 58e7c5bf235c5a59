package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"boardlink/access"
	"boardlink/connection"
	"boardlink/link"
	"boardlink/operation"
	"boardlink/operation/operationtest"
	"boardlink/thingsboard"
	"boardlink/thingsboard/sandbox"
)

// told is a report as programs read it.
type told struct {
	OK    bool
	Steps []struct {
		Step, Outcome, Detail, ReasonCode, Reason, Hint string
		Milliseconds                                    int64
		Certificate                                     map[string]any
	}
}

func readReport(t *testing.T, body string) (r told, outcomes string) {
	t.Helper()
	if err := json.Unmarshal([]byte(body), &r); err != nil {
		t.Fatalf("%q: %v", body, err)
	}
	for _, s := range r.Steps {
		outcomes += s.Step + "=" + s.Outcome + " "
	}
	return r, strings.TrimSpace(outcomes)
}

// places is a net in which sandboxes have names.
type places struct {
	mu sync.Mutex
	at map[string]string
}

func (p *places) dial(ctx context.Context, network, address string) (net.Conn, error) {
	p.mu.Lock()
	place := p.at[address]
	p.mu.Unlock()
	if place == "" {
		return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
	}
	var d net.Dialer
	return d.DialContext(ctx, network, place)
}

// sandboxAt starts a ThingsBoard under a name, REST at 443 and MQTT at 8883, with the account of [minimal].
func (p *places) sandboxAt(t *testing.T, name string) *sandbox.Sandbox {
	t.Helper()
	s, err := sandbox.Start(sandbox.Options{TLS: true, Hosts: []string{name}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	s.AddAccount(sandbox.Account{Email: "tenant@example.com", Password: operationtest.Password})
	s.Set(func(b *sandbox.Behaviour) { b.Announced.MQTTSPort = 8883 })
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at[name+":443"], p.at[name+":8883"] = s.HTTPAddr(), s.MQTTSAddr()
	return s
}

// probing makes the world's tests go to real sandboxes.
func (w *world) probing(p *places) {
	w.Prober.Instead = link.Prober{Options: thingsboard.Options{Dial: p.dial}, Installation: "0a1b2c3d"}
}

// bodyAt is [minimal] at a place, with the authority of its sandbox.
func bodyAt(s *sandbox.Sandbox, host string, pairs ...string) string {
	ca, _ := json.Marshal(string(s.CAPEM()))
	return with(append(pairs, `"thingsboard.cloud:443"`, `"`+host+`", "caCertificate": `+string(ca))...)
}

func TestTest_of_a_connection_that_is_not_stored(t *testing.T) {
	w, p := newWorld(t), &places{at: map[string]string{}}
	tb := p.sandboxAt(t, "tb.example.com")
	w.probing(p)
	got := w.do("POST", "/connections/test", bodyAt(tb, "tb.example.com:443"))
	r, outcomes := readReport(t, got.Body)
	if got.Status != 200 || got.Header.Get("Content-Type") != "application/json" || !r.OK ||
		outcomes != "address=ok dns=ok tcp=ok tls=ok thingsboard=ok sign_in=ok authority=ok gateway=ok mqtt=ok" {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	if c := r.Steps[3].Certificate; c["issuer"] != "Sandbox throw-away authority" || !strings.HasSuffix(c["notAfter"].(string), "Z") || !slices.Contains(c["names"].([]any), any("tb.example.com")) {
		t.Errorf("certificate %v", c)
	}
	if all := w.Store.AllEvents(); len(all) != 0 || len(tb.Devices()) != 0 || len(tb.Connects()) != 0 {
		t.Errorf("events %v, devices %v, CONNECTs %v", all, tb.Devices(), tb.Connects())
	}
	refused(t, w.do("GET", "/connections/1", ""), 404)

	got = w.do("POST", "/api/v1/connections/test", bodyAt(tb, "nowhere.example.com:443"))
	if r, outcomes = readReport(t, got.Body); got.Status != 200 || r.OK || !strings.HasPrefix(outcomes, "address=ok dns=ok tcp=failed tls=skipped ") {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	if s := r.Steps[2]; s.ReasonCode != "tcp_refused" || s.Reason == "" || s.Hint != connection.ReasonTCPRefused.Text().Hint {
		t.Errorf("TCP %+v", s)
	}
}

func TestTest_is_validated_as_a_creation_is_but_needs_no_name(t *testing.T) {
	w := newWorld(t)
	for body, want := range map[string]string{
		`{}`:                                  "configuration.hostName configuration.password configuration.username",
		with(operationtest.Password, "*****"): "configuration.password",
		with(`"thingsboard.cloud:443"`, `"thingsboard.cloud"`):       "configuration.hostName",
		with(`"hostName"`, `"hostname": 1, "hostName"`):              "configuration.hostname",
		strings.Replace(minimal, "{", `{"colour": 1, `, 1):           "colour",
		with("actility-thingsboard-iot", "another"):                  "connectorId",
		with(`"South"`, `"`+strings.Repeat("x", 256)+`"`):            "name",
		with(`"thingsboard.cloud:443"`, `"a:1", "restUrl": "http:"`): "configuration.restUrl",
	} {
		wrong := refused(t, w.do("POST", "/connections/test", body), 422)
		if paths := strings.Join(slices.Sorted(maps.Keys(wrong)), " "); paths != want {
			t.Errorf("%s: got %s, want %s", body, paths, want)
		}
	}
	if len(w.Prober.Seen()) != 0 {
		t.Error("it was tried")
	}
	nameless := with(`"connectorId": "actility-thingsboard-iot", "name": "South", `, "")
	if got := w.do("POST", "/connections/test", nameless); got.Status != 200 {
		t.Errorf("without a name: %d %s", got.Status, got.Body)
	}
}

func TestTest_of_a_stored_connection_sends_its_password_nowhere_else(t *testing.T) {
	w, p := newWorld(t), &places{at: map[string]string{}}
	ours, evil := p.sandboxAt(t, "tb.example.com"), p.sandboxAt(t, "evil.example.com")
	ours.AddAccount(sandbox.Account{Email: "other@example.com", Password: operationtest.Password})
	w.probing(p)
	if got := w.do("POST", "/connections", bodyAt(ours, "tb.example.com:443")); got.Status != 201 {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	evilCA, _ := json.Marshal(string(evil.CAPEM()))
	for name, test := range map[string]struct {
		body   string
		status int
	}{
		"no body":           {"", 200},
		"an empty change":   {"{}", 200},
		"the mask":          {`{"configuration": {"password": "*****", "hostName": "tb.example.com:443"}}`, 200},
		"another setting":   {`{"name": "West", "configuration": {"createDevices": false}}`, 200},
		"another host":      {`{"configuration": {"hostName": "evil.example.com:443", "caCertificate": ` + string(evilCA) + `}}`, 422},
		"the mask, there":   {`{"configuration": {"hostName": "evil.example.com:443", "password": "*****", "caCertificate": ` + string(evilCA) + `}}`, 422},
		"another port":      {`{"configuration": {"hostName": "tb.example.com:8443"}}`, 422},
		"another user name": {`{"configuration": {"username": "other@example.com"}}`, 422},
		"a REST address":    {`{"configuration": {"restUrl": "https://evil.example.com", "caCertificate": ` + string(evilCA) + `}}`, 422},
		"in clear":          {`{"configuration": {"protocol": "TCP"}}`, 422},
	} {
		got := w.do("POST", "/connections/1/test", test.body)
		if test.status == 422 {
			if wrong := refused(t, got, 422); wrong["configuration.password"] == "" {
				t.Errorf("%s: %v", name, wrong)
			}
			continue
		}
		if r, outcomes := readReport(t, got.Body); got.Status != test.status || !r.OK {
			t.Errorf("%s: %d %s", name, got.Status, outcomes)
		}
	}
	if len(evil.Logins()) != 0 || ours.LoginAttempts("other@example.com") != 0 || ours.LoginAttempts("tenant@example.com") != 4 {
		t.Errorf("logins elsewhere %v, here %v", evil.Logins(), ours.Logins())
	}
	typed := `{"configuration": {"hostName": "evil.example.com:443", "password": "typed", "caCertificate": ` + string(evilCA) + `}}`
	got := w.do("POST", "/connections/1/test", typed)
	if r, outcomes := readReport(t, got.Body); r.OK || !strings.Contains(outcomes, "sign_in=failed") || len(evil.Logins()) != 1 {
		t.Errorf("with a password of its own: %s, logins %v", outcomes, evil.Logins())
	}
	if v, err := w.Get(t.Context(), 1); err != nil || v.Connection.Version != 1 || v.Connection.Name != "South" {
		t.Errorf("something was stored: %+v", v.Connection)
	}
}

func TestTest_counts_refusals_and_then_skips_the_sign_in(t *testing.T) {
	w, p := newWorld(t), &places{at: map[string]string{}}
	tb := p.sandboxAt(t, "tb.example.com")
	tb.SetPassword("tenant@example.com", "changed")
	w.probing(p)
	if got := w.do("POST", "/connections", bodyAt(tb, "tb.example.com:443")); got.Status != 201 {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	for i := range 5 {
		r, outcomes := readReport(t, w.do("POST", "/connections/1/test", "").Body)
		s := r.Steps[5]
		want, code := "failed", connection.ReasonAuthRefused
		if i >= connection.MaxCredentialTries {
			want, code = "skipped", connection.ReasonNoTryLeft
		}
		if r.OK || s.Outcome != want || s.ReasonCode != string(code) || s.Hint != code.Text().Hint {
			t.Errorf("test %d: %s, %+v", i+1, outcomes, s)
		}
	}
	other := bodyAt(tb, "tb.example.com:443", operationtest.Password, "another wrong one")
	for i := range 5 {
		r, _ := readReport(t, w.do("POST", "/connections/test", other).Body)
		s := r.Steps[5]
		want, code := "failed", connection.ReasonAuthRefused
		if i >= 3 {
			want, code = "skipped", connection.ReasonTooManyTries
		}
		if r.OK || s.Outcome != want || s.ReasonCode != string(code) {
			t.Errorf("unsaved test %d: %+v", i+1, s)
		}
	}
	if n := tb.LoginAttempts("tenant@example.com"); n != 6 {
		t.Errorf("%d logins", n)
	}
}

func TestTest_is_streamed_to_who_asks_for_events(t *testing.T) {
	w := newWorld(t)
	w.create()
	hold := make(chan struct{})
	w.Prober.Before = func(context.Context) { <-hold }
	resp := w.site.Visitor().Open("POST", "/connections/1/test", "{}", "Authorization", auth(), "Content-Type", "application/json", "Accept", "text/event-stream")
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream; charset=utf-8" {
		t.Fatalf("%d %v", resp.StatusCode, resp.Header)
	}
	lines := bufio.NewScanner(resp.Body)
	next := func() (event, data string) {
		for lines.Scan() {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			switch name {
			case "event":
				event = value
			case "data":
				data = value
			case "":
				return event, data
			}
		}
		return "", ""
	}
	// The first step is here while the test is held up before its second.
	if event, data := next(); event != "step" || !strings.HasPrefix(data, `{"step":"address","outcome":"ok","milliseconds":0,`) {
		t.Errorf("%s: %s", event, data)
	}
	close(hold)
	if event, data := next(); event != "step" || !strings.Contains(data, `"sign_in"`) {
		t.Errorf("%s: %s", event, data)
	}
	event, data := next()
	if r, outcomes := readReport(t, data); event != "report" || !r.OK || outcomes != "address=ok sign_in=ok" {
		t.Errorf("%s: %s", event, data)
	}
	if event, _ := next(); event != "" {
		t.Errorf("one more event: %s", event)
	}
	// What is refused before the first step is a problem document.
	refused(t, w.do("POST", "/connections/1/test", `{"configuration": {"hostName": "x"}}`, "Accept", "text/event-stream"), 422)
	if got := w.do("POST", "/connections/1/test", "", "Accept", "application/json, text/event-stream;q=0"); got.Header.Get("Content-Type") != "application/json" {
		t.Errorf("streamed to who does not want it: %v", got.Header)
	}
}

func TestTest_ends_when_the_program_leaves(t *testing.T) {
	w := newWorld(t)
	w.create()
	begun, ended := make(chan struct{}), make(chan struct{})
	w.Prober.Before = func(ctx context.Context) {
		close(begun)
		<-ctx.Done()
		close(ended)
	}
	ctx, leave := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.site.URL+"/api/v1/connections/1/test", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", auth())
	gone := make(chan error, 1)
	go func() {
		resp, err := http.DefaultClient.Do(r)
		if err == nil {
			_ = resp.Body.Close()
		}
		gone <- err
	}()
	<-begun
	leave()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("the test goes on")
	}
	if err := <-gone; err == nil {
		t.Error("the program had an answer")
	}
}

func TestTest_ends_when_the_server_goes_down(t *testing.T) {
	for _, accept := range []string{"application/json", "text/event-stream"} {
		w := newWorld(t)
		w.create()
		w.Prober.Before = func(ctx context.Context) {
			go func() { // it waits for this test's answer
				if err := w.site.Shutdown(context.WithoutCancel(ctx)); err != nil {
					t.Errorf("shut down: %v", err)
				}
			}()
			<-ctx.Done()
		}
		got := w.do("POST", "/connections/1/test", "", "Accept", accept)
		if accept == "application/json" {
			refused(t, got, 503)
		} else if !strings.Contains(got.Body, "event: problem\ndata: {") || !strings.Contains(got.Body, "going down") || strings.Contains(got.Body, "report") {
			t.Errorf("streamed %q", got.Body)
		}
	}
}

func TestTests_without_pause_are_429(t *testing.T) {
	w := newWorld(t)
	w.create()
	for range 30 {
		if got := w.do("POST", "/connections/1/test", ""); got.Status != 200 {
			t.Fatalf("%d %s", got.Status, got.Body)
		}
	}
	got := w.do("POST", "/connections/1/test", "")
	refused(t, got, 429)
	if got.Header.Get("Retry-After") != "2" {
		t.Errorf("Retry-After %q", got.Header.Get("Retry-After"))
	}
}

func TestTest_is_for_those_who_may_change_connections(t *testing.T) {
	w := newWorld(t)
	w.create()
	for _, path := range []string{"/connections/test", "/connections/1/test"} {
		header := []string{"Content-Type", "application/json", "Sec-Fetch-Site", "same-origin"}
		refused(t, w.site.Visitor().Do("POST", path, minimal, header...), 401)
		refused(t, w.site.Operator(access.RoleViewer).Do("POST", path, minimal, header...), 403)
		if got := w.site.Operator(access.RoleOperator).Do("POST", path, minimal, header...); got.Status != 200 {
			t.Errorf("%s: %d %s", path, got.Status, got.Body)
		}
	}
	if len(w.Prober.Seen()) != 2 {
		t.Errorf("tried %v", w.Prober.Seen())
	}
}

func TestTests_tell_no_secret(t *testing.T) {
	const canary = operationtest.Password
	w, p := newWorld(t), &places{at: map[string]string{}}
	tb := p.sandboxAt(t, "tb.example.com")
	w.probing(p)
	if _, err := tb.AddDevice(canary, "default", true); err != nil {
		t.Fatal(err)
	}
	var seen strings.Builder
	for _, accept := range []string{"application/json", "text/event-stream"} {
		ask := func(path, body string) {
			got := w.do("POST", path, body, "Accept", accept)
			seen.WriteString(got.Body)
			for name, values := range got.Header {
				seen.WriteString(name + strings.Join(values, ","))
			}
		}
		ask("/connections/test", bodyAt(tb, "tb.example.com:443"))
		ask("/connections/test", minimal[:len(minimal)-2])
		ask("/connections/test", bodyAt(tb, "tb.example.com:443", "tenant@", canary+"@"))
		ask("/connections/test", bodyAt(tb, "tb.example.com:443", `"password"`, `"Password"`))
		w.create()
		ask("/connections/1/test", `{"configuration": {"password": "`+canary+`", "hostName": "x"}}`)
		tb.SetPassword("tenant@example.com", "changed")
		ask("/connections/test", bodyAt(tb, "tb.example.com:443"))
		tb.SetPassword("tenant@example.com", canary)
	}
	for _, e := range w.Store.AllEvents() {
		seen.WriteString(e.Message)
	}
	seen.WriteString(w.log.b.String())
	if text := seen.String(); strings.Contains(text, canary) || !strings.Contains(text, `"step":"mqtt"`) {
		t.Errorf("a secret is told, or nothing at all: %s", text)
	}
}

var _ operation.Prober = link.Prober{}

func TestOpenAPI_describes_tests_and_patches(t *testing.T) {
	w := newWorld(t)
	document := tree(t, w.site.Visitor().Get("/api/openapi.json"))
	at := func(path ...string) map[string]any {
		t.Helper()
		here := document
		for _, name := range path {
			next, ok := here[name].(map[string]any)
			if !ok {
				t.Fatalf("nothing at %v", path)
			}
			here = next
		}
		return here
	}
	for _, path := range []string{"/connections/test", "/connections/{id}/test"} {
		answers := at("paths", path, "post", "responses", "200", "content")
		example, _ := json.Marshal(answers["application/json"].(map[string]any)["example"])
		if r, outcomes := readReport(t, string(example)); answers["text/event-stream"] == nil || len(r.Steps) != len(connection.TrialSteps) || !strings.Contains(outcomes, "tcp=failed") {
			t.Errorf("%s: answers with %v", path, answers)
		}
	}
	if body := at("paths", "/connections/{id}/test", "post", "requestBody"); body["required"] == true {
		t.Error("a test of a stored connection needs no body")
	}
	bodies := at("paths", "/connections/{id}", "patch", "requestBody", "content")
	if len(bodies) != 2 || bodies["application/merge-patch+json"] == nil || bodies["application/json"] == nil {
		t.Errorf("a patch takes %v", slices.Collect(maps.Keys(bodies)))
	}
	for name, required := range map[string]int{"NewConnection": 3, "ChangedConnection": 3, "IdentifiedConnection": 4, "ConnectionTrial": 1, "ConnectionPatch": 0} {
		schema := at("components", "schemas", name)
		list, _ := schema["required"].([]any)
		settings := at("components", "schemas", name, "properties", "configuration", "properties")
		kinds, _ := settings["deviceType"].(map[string]any)["type"].([]any)
		if len(list) != required || schema["additionalProperties"] != false || !slices.Contains(kinds, any("null")) || settings["hostName"].(map[string]any)["type"] != "string" {
			t.Errorf("%s: required %v, deviceType %v", name, list, settings["deviceType"])
		}
	}
}
