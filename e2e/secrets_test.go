//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"boardlink/thingsboard/sandbox"

	_ "modernc.org/sqlite" // to bring the program's database into disorder
)

// canary is a secret that must not be found anywhere but where it belongs.
type canary struct {
	name, secret string
	at           func(place string) bool // where it belongs; nil: nowhere
}

// forms are the ways in which a secret may be written.
func (c canary) forms() [][]byte {
	b := []byte(c.secret)
	quoted, _ := json.Marshal(c.secret)
	all := [][]byte{b, bytes.Trim(quoted, `"`), []byte(url.QueryEscape(c.secret)), []byte(hex.EncodeToString(b)), []byte(strings.ToUpper(hex.EncodeToString(b)))}
	for _, e := range []*base64.Encoding{base64.StdEncoding, base64.RawURLEncoding} {
		all = append(all, []byte(e.EncodeToString(b)))
	}
	if raw, err := hex.DecodeString(c.secret); err == nil {
		all = append(all, raw, bytes.ToLower(b), bytes.ToUpper(b))
	}
	return all
}

// shared are the secrets that all journeys use.
var shared = []canary{{name: "the API key", secret: apiKey}, {name: "the operator's password", secret: adminPassword}, {name: "the tenant's password", secret: tenantPassword}}

// evidence is all that a run has left behind: answers, log and files, by place.
type evidence struct {
	places []string
	texts  map[string][]byte
}

func (e *evidence) add(place string, text []byte) {
	if e.texts == nil {
		e.texts = map[string][]byte{}
	}
	place = fmt.Sprintf("%03d %s", len(e.places), place)
	e.places = append(e.places, place)
	e.texts[place] = text
}

// found lists the places where a canary is and must not be.
func (e *evidence) found(c canary) []string {
	var all []string
	for _, place := range e.places {
		if c.at != nil && c.at(place) {
			continue
		}
		for _, form := range c.forms() {
			if i := bytes.Index(e.texts[place], form); i >= 0 {
				all = append(all, fmt.Sprintf("%s, byte %d", place, i))
				break
			}
		}
	}
	return all
}

// has reports whether a text is in a place of some kind.
func (e *evidence) has(kind, text string) bool {
	for _, place := range e.places {
		if strings.Contains(place, kind) && bytes.Contains(e.texts[place], []byte(text)) {
			return true
		}
	}
	return false
}

// RoundTrip implements [http.RoundTripper]: it keeps every answer, head and body.
func (e *evidence) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(body))
	var head bytes.Buffer
	_ = resp.Header.Write(&head)
	e.add(fmt.Sprintf("answer %d %s %s", resp.StatusCode, r.Method, r.URL.Path), append(head.Bytes(), body...))
	return resp, err
}

// stream reads a stream for a moment while something happens, and keeps what it told.
func (e *evidence) stream(t *testing.T, client *http.Client, address string, happen func(), header ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	follow := &http.Client{Jar: client.Jar} // what keeps answers would wait for this one's end
	resp, err := follow.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }() // only read
	if resp.StatusCode != http.StatusOK {
		t.Errorf("GET %s answered %d", r.URL.Path, resp.StatusCode)
	}
	var told bytes.Buffer
	_ = resp.Header.Write(&told)
	piece := make([]byte, 4096)
	for at, began := 0, false; at < 3; at++ { // what is there, and what happens
		n, err := resp.Body.Read(piece)
		told.Write(piece[:n])
		if err != nil {
			t.Errorf("GET %s broke off: %v", r.URL.Path, err)
			break
		}
		if !began {
			began = true
			happen()
		}
	}
	e.add(fmt.Sprintf("stream %s", r.URL.Path), told.Bytes())
}

// files adds every file of the data folder as it lies there, but for the key that seals.
func (e *evidence) files(t testing.TB, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err == nil {
			e.add("file "+filepath.Base(path), text)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// keptSecrets tells where secrets of a journey were and must not have been: in an answer that its program gave, in its log,
// or in its data folder.
func (p *program) keptSecrets() {
	p.t.Helper()
	if p.out == nil {
		return
	}
	_, found := lookout.take(strings.TrimPrefix(p.base, "http://"))
	for _, l := range found {
		p.t.Errorf("%s is in %s", l.name, l.place)
	}
	left := &evidence{}
	for _, said := range p.said {
		left.add("log", []byte(said.String()))
	}
	left.files(p.t, p.data)
	for _, c := range shared {
		for _, place := range left.found(c) {
			p.t.Errorf("%s is in %s", c.name, place)
		}
	}
}

// TestSecretsStayWhereTheyBelong does what a person and programs do, rightly and wrongly, with secrets that are told apart,
// and then looks for these in every answer, head and body, in the log at its finest, and in all files of the data folder.
func TestSecretsStayWhereTheyBelong(t *testing.T) {
	const (
		wrong     = "canary-wrong-5d1e77a0b3"  // in requests that are refused
		second    = "canary-second-91c0ffee42" // a password that replaces the first
		asKey     = "c0ffee00deadbeefc0ffee11deadbeef"
		operatorX = "canary-operator-wrong-77ab12"
		known     = "marker-of-the-test-0d3f"
	)
	tb, env := startSandbox(t, sandbox.Options{})
	park := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "<html><body>Request queued by LRC</body></html>")
	}))
	t.Cleanup(park.Close)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	scrapes := l.Addr().String()
	_ = l.Close()
	p := newProgram(t, append(env, "BOARDLINK_LOG_LEVEL=debug", "BOARDLINK_METRICS_ADDR="+scrapes)...)
	p.start()

	all := &evidence{}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	person := &http.Client{Transport: all, Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	program := &http.Client{Transport: all, CheckRedirect: person.CheckRedirect}
	ask := func(client *http.Client, method, target, body string, header ...string) (int, string) {
		t.Helper()
		if strings.HasPrefix(target, "/") {
			target = p.base + target
		}
		r, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if body != "" {
			r.Header.Set("Content-Type", "application/json")
		}
		for i := 0; i+1 < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(text)
	}
	rest := func(want int, method, path, body string, header ...string) string {
		t.Helper()
		status, text := ask(program, method, "/api/v1"+path, body, append([]string{"Authorization", "Bearer " + apiKey}, header...)...)
		if status != want {
			t.Errorf("%s %s answered %d, want %d: %s", method, path, status, want, text)
		}
		return text
	}
	form := func(want int, path string, values url.Values) string {
		t.Helper()
		status, text := ask(person, "POST", path, values.Encode(), "Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin", "Accept", "text/html")
		if status != want {
			t.Errorf("POST %s answered %d, want %d", path, status, want)
		}
		return text
	}

	t.Log("a connection, and what is refused")
	settings := func(password, host, more string) string {
		return fmt.Sprintf(`{"connectorId":"actility-thingsboard-iot","name":%q,"configuration":{"hostName":%q,"username":%q,"password":%q,"downlinkUrl":%q,"downlinkAsId":"AS","downlinkAsKey":%q%s}}`,
			known, host, tenant, password, park.URL+"/thingpark/lrc/rest/downlink", asKey, more)
	}
	var made struct{ ID string }
	if err := json.Unmarshal([]byte(rest(201, "POST", "/connections", settings(tenantPassword, tb.HTTPAddr(), ""))), &made); err != nil {
		t.Fatal(err)
	}
	id := "/connections/" + made.ID
	p.reach(made.ID, "OPENED", 20*time.Second)
	for _, body := range []string{
		settings(wrong, "nowhere", ""), settings(wrong, wrong, ""), settings(strings.Repeat(wrong, 60), tb.HTTPAddr(), ""),
		settings(wrong, tb.HTTPAddr(), `,"uplinkTimeValidity":"`+wrong+`"`), settings(wrong, tb.HTTPAddr(), `,"colour":"`+wrong+`"`),
		settings(wrong, tb.HTTPAddr(), `,"caCertificate":"`+wrong+`"`), settings(wrong, tb.HTTPAddr(), `,"downlinkPort":"`+wrong+`"`),
	} {
		rest(422, "POST", "/connections", body)
		rest(422, "PUT", id, body)
		rest(422, "PATCH", id, body)
		rest(422, "POST", "/connections/test", body)
	}
	rest(400, "POST", "/connections", `{"password":"`+wrong+`"`)
	rest(400, "POST", "/connections", `"`+wrong+`"`)
	rest(422, "PATCH", id, `{"configuration":{"password":["`+wrong+`"],"downlinkAsKey":"`+wrong+`"}}`)
	rest(415, "PATCH", id, `{"configuration":{"password":"`+wrong+`"}}`, "Content-Type", "text/"+wrong)
	rest(412, "PATCH", id, `{"configuration":{"password":"`+wrong+`"}}`, "If-Match", `"`+wrong+`"`)
	rest(422, "GET", "/events?devEUI="+wrong, "")
	rest(422, "DELETE", id+"/parked?ids="+wrong, "")
	rest(422, "POST", id+"/parked", `{"action":"`+wrong+`"}`)

	t.Log("every way to read")
	for _, path := range []string{"/connectors", "/connections", id, id + "/metrics", id + "/devices", id + "/parked", "/events?limit=1000"} {
		rest(200, "GET", path, "")
	}
	rest(200, "PUT", id, settings(tenantPassword, tb.HTTPAddr(), ""))
	rest(200, "PATCH", id, `{"configuration":{"description":"`+known+`"}}`)
	rest(200, "POST", id+"/test", "")
	rest(200, "POST", id+"/test", `{"configuration":{"password":"`+wrong+`"}}`)
	rest(200, "POST", "/connections/test", settings(wrong, tb.HTTPAddr(), ""), "Accept", "text/event-stream")
	rest(202, "POST", id+"/restart", "")
	rest(202, "POST", id+"/retry", "")
	for _, path := range []string{"/api/openapi.json", "/api/docs", "/healthz"} {
		ask(program, "GET", path, "")
	}

	t.Log("a person")
	form(422, "/signin", url.Values{"email": {adminEmail}, "password": {operatorX}})
	form(303, "/signin", url.Values{"email": {adminEmail}, "password": {adminPassword}})
	here, err := url.Parse(p.base)
	if err != nil || len(jar.Cookies(here)) == 0 {
		t.Fatal("nobody is signed in")
	}
	session := jar.Cookies(here)[0].Value
	for _, path := range []string{"/", "/connections", id, id + "/edit/password", id + "/parked", id + "/devices", "/events", "/connections/new?type=actility-thingsboard-iot"} {
		if status, _ := ask(person, "GET", path, "", "Accept", "text/html"); status != 200 {
			t.Errorf("GET %s answered %d", path, status)
		}
	}
	page := form(200, id+"/uplink-key", url.Values{"action": {"show"}})
	m := regexp.MustCompile(`>([A-Za-z0-9_-]{32,})<|value="([A-Za-z0-9_-]{32,})"`).FindStringSubmatch(page)
	if m == nil {
		t.Fatal("the page shows no uplink key")
	}
	uplinkKey := m[1] + m[2]

	t.Log("uplinks and a command")
	const device = "02B0A2D1000E2EC0"
	p.reach(made.ID, "OPENED", 20*time.Second)
	uplink := string(uplinkOf(device, 1, time.Now()))
	for _, try := range []struct {
		want   int
		path   string
		header []string
	}{
		{200, id + "/uplinks", []string{"X-Boardlink-Key", uplinkKey}}, {200, id + "/uplinks?key=" + uplinkKey, nil},
		{401, id + "/uplinks", []string{"X-Boardlink-Key", wrong}}, {401, id + "/uplinks?key=" + wrong, nil},
		{401, "/api/v1/connections", []string{"Authorization", "Bearer " + wrong}},
	} {
		method, body := "POST", uplink
		if strings.HasPrefix(try.path, "/api/") {
			method, body = "GET", ""
		}
		if status, _ := ask(program, method, try.path, body, try.header...); status != try.want {
			t.Errorf("%s answered %d, want %d", strings.ReplaceAll(try.path, uplinkKey, "KEY"), status, try.want)
		}
	}
	p.await("connect the device", func() bool { d, ok := tb.Device(device); return ok && d.Connected })
	answer, err := tb.SendRPC(t.Context(), device, "downlink", map[string]any{"FPort": 1, "payload_hex": "01ff"}, sandbox.RPCOptions{Timeout: 20 * time.Second})
	if err != nil || !bytes.Contains(answer, []byte("queued")) {
		t.Errorf("the command was answered %s, %v", answer, err)
	}

	t.Log("downlinks by hand, streams, what a program gets once, and what is thrown away")
	down := `{"devEUI":"` + device + `","FPort":1,"payload_hex":"03ff"}`
	rest(200, "POST", id+"/downlinks", down, "Idempotency-Key", known)
	rest(200, "POST", id+"/downlinks", down, "Idempotency-Key", known)
	rest(422, "POST", id+"/downlinks", `{"devEUI":"`+device+`","AS_KEY":"`+wrong+`","payload_hex":"`+wrong+`"}`)
	rest(422, "POST", id+"/downlinks", `{"devEUI":"`+wrong+`","payload_hex":"03ff"}`)
	twice := settings(tenantPassword, tb.HTTPAddr(), `,"description":"`+known+` twice"`)
	for range 2 {
		rest(201, "POST", "/connections", twice, "Idempotency-Key", known+"-made")
	}
	rest(422, "POST", "/connections", settings(wrong, tb.HTTPAddr(), ""), "Idempotency-Key", known+"-made")
	for _, format := range []string{"json", "curl"} {
		if text := rest(200, "GET", id+"/config?format="+format, ""); !strings.Contains(text, "<password>") {
			t.Errorf("the configuration as %s has no placeholder: %s", format, text)
		}
	}
	rest(422, "GET", id+"/config?format="+wrong, "")
	rest(422, "GET", "/connections?limt="+wrong, "")
	for _, path := range []string{"/api/v1/stream", "/api/v1/stream?connectionId=" + made.ID, "/stream"} {
		who, header := program, []string{"Authorization", "Bearer " + apiKey}
		if path == "/stream" {
			who, header = person, nil
		}
		all.stream(t, who, p.base+path, func() { rest(202, "POST", id+"/restart", "") }, header...)
	}
	p.reach(made.ID, "OPENED", 20*time.Second)
	rest(200, "POST", id+"/purge", "")

	t.Log("a password that ThingsBoard no longer takes, and a ThingPark that is not there")
	park.Close()
	_, _ = tb.SendRPC(t.Context(), device, "downlink", map[string]any{"FPort": 1, "payload_hex": "02ff"}, sandbox.RPCOptions{Timeout: 20 * time.Second})
	rest(200, "PATCH", id, `{"configuration":{"password":"`+second+`"}}`)
	p.reach(made.ID, "AUTHENTICATION_FAILED", 20*time.Second)
	rest(200, "GET", "/events?limit=1000", "")
	ask(program, "GET", "http://"+scrapes+"/metrics", "")

	t.Log("a database that breaks under the program")
	broken, err := sql.Open("sqlite", filepath.Join(p.data, "boardlink.db")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := broken.ExecContext(t.Context(), `ALTER TABLE events RENAME TO hidden`); err != nil {
		t.Fatal(err)
	}
	if err := broken.Close(); err != nil {
		t.Fatal(err)
	}
	rest(500, "GET", "/events", "")
	rest(500, "POST", "/connections", settings(wrong, tb.HTTPAddr(), ""))
	rest(500, "PATCH", id, `{"configuration":{"password":"`+wrong+`"}}`)

	all.files(t, p.data) // as they are while the program runs, the write-ahead log too
	p.stop()
	all.files(t, p.data)
	all.add("log", []byte(p.out.String()))

	token, err := tb.AccessToken(gatewayOf(tb))
	if err != nil {
		t.Fatal(err)
	}
	canaries := []canary{
		{name: "the password", secret: tenantPassword}, {name: "the second password", secret: second}, {name: "the AS key", secret: asKey},
		{name: "the API key", secret: apiKey}, {name: "the operator's password", secret: adminPassword}, {name: "a wrong operator's password", secret: operatorX},
		{name: "a refused value", secret: wrong}, {name: "the gateway's access token", secret: token},
		{name: "the uplink key", secret: uplinkKey, at: func(place string) bool { return strings.HasSuffix(place, "POST "+id+"/uplink-key") }},
		{name: "the session id", secret: session, at: func(place string) bool { return strings.HasSuffix(place, "303 POST /signin") }},
	}
	for _, c := range canaries {
		if len(c.secret) < 10 {
			t.Fatalf("%s is too short to be looked for: %q", c.name, c.secret)
		}
		for _, place := range all.found(c) {
			t.Errorf("%s is in %s", c.name, place)
		}
	}
	for _, kind := range []string{"answer 20", "file boardlink.db", "log"} { // what looks everywhere must be seen to find something
		text := known
		if kind == "log" {
			text = "request_id="
		}
		if !all.has(kind, text) {
			t.Errorf("what stands in %q was not found: the test looks at too little", kind)
		}
	}
	t.Logf("%d answers and files were searched for %d secrets", len(all.places), len(canaries))
}

// gatewayOf names the gateway device that the program made.
func gatewayOf(tb *sandbox.Sandbox) string {
	for _, d := range tb.Snapshot().Devices {
		if d.Gateway {
			return d.Name
		}
	}
	return ""
}
