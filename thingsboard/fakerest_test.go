package thingsboard

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"boardlink/connection"
)

const (
	canaryPassword = "canary-pass-9w3b"
	canaryToken    = "canaryAccessToken4Xk"
	testUser       = "tenant@example.com"
	gatewayName    = "Boardlink 0a1b2c3d 7"
	customerID     = "c0ffee00-0000-4000-8000-000000000001"
)

// rest is a small ThingsBoard of the test's, REST only. Its fields may be changed under mu between calls.
type rest struct {
	mu         sync.Mutex
	password   string
	authority  string
	life       time.Duration
	now        func() time.Time // the server's own clock
	minted     int
	live       map[string]time.Time // access tokens and when they end, by the server's clock
	refreshes  map[string]bool
	devices    []map[string]any
	credential map[string]any
	conflicts  int // updates to be refused for their version

	logins, renewals int
	calls            []string // method and path of each
	override         map[string]http.HandlerFunc
}

func newREST() *rest {
	return &rest{
		password: canaryPassword, authority: TenantAdmin, life: 9000 * time.Second, now: time.Now,
		live: map[string]time.Time{}, refreshes: map[string]bool{}, override: map[string]http.HandlerFunc{},
		credential: map[string]any{"credentialsType": "ACCESS_TOKEN", "credentialsId": canaryToken, "credentialsValue": nil},
	}
}

// set changes the server while it runs.
func (r *rest) set(change func(*rest)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(r)
}

func (r *rest) counts() (logins, renewals int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.logins, r.renewals
}

func (r *rest) called() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.calls...)
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// refuse writes ThingsBoard's error object.
func refuse(w http.ResponseWriter, status, code int, message string) {
	answer(w, status, map[string]any{"status": status, "message": message, "errorCode": code, "timestamp": 1719900000000})
}

// page answers like a proxy or a sign-in page.
func page(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "<html><body>Welcome</body></html>")
	}
}

func (r *rest) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, q.Method+" "+q.URL.Path)
	if h := r.override[q.URL.Path]; h != nil {
		h(w, q)
		return
	}
	switch q.URL.Path {
	case "/api/noauth/userPasswordPolicy":
		answer(w, 200, map[string]any{"minimumLength": 6})
		return
	case "/api/auth/login":
		r.login(w, q)
		return
	case "/api/auth/token":
		r.renew(w, q)
		return
	}
	token := strings.TrimPrefix(q.Header.Get("X-Authorization"), "Bearer ")
	if end, known := r.live[token]; !known || r.now().After(end) {
		refuse(w, 401, 11, "Token has expired")
		return
	}
	r.signedIn(w, q)
}

func (r *rest) mint() map[string]any {
	r.minted++
	issued := r.now()
	claims, _ := json.Marshal(map[string]any{"iat": issued.Unix(), "exp": issued.Add(r.life).Unix(), "n": r.minted})
	token := "e30." + base64.RawURLEncoding.EncodeToString(claims) + ".c2ln"
	refresh := fmt.Sprintf("canary-refresh-%d", r.minted)
	r.live[token], r.refreshes[refresh] = issued.Add(r.life), true
	return map[string]any{"token": token, "refreshToken": refresh}
}

func (r *rest) login(w http.ResponseWriter, q *http.Request) {
	r.logins++
	var body struct{ Username, Password string }
	if json.NewDecoder(q.Body).Decode(&body) != nil || body.Username != testUser || body.Password != r.password {
		refuse(w, 401, 10, "Invalid username or password")
		return
	}
	answer(w, 200, r.mint())
}

func (r *rest) renew(w http.ResponseWriter, q *http.Request) {
	r.renewals++
	var body struct{ RefreshToken string }
	if json.NewDecoder(q.Body).Decode(&body) != nil || !r.refreshes[body.RefreshToken] {
		refuse(w, 401, 10, "Token is outdated")
		return
	}
	answer(w, 200, r.mint())
}

// outdate makes every token worthless, as a changed password does.
func (r *rest) outdate() {
	r.live, r.refreshes = map[string]time.Time{}, map[string]bool{}
}

func (r *rest) signedIn(w http.ResponseWriter, q *http.Request) {
	switch path := q.URL.Path; {
	case path == "/api/auth/user":
		answer(w, 200, map[string]any{
			"id": entityID{"USER", "11111111-0000-4000-8000-000000000001"}, "customerId": entityID{"CUSTOMER", customerID},
			"email": testUser, "authority": r.authority,
		})
	case path == "/api/auth/logout":
		w.WriteHeader(200)
	case path == "/api/tenant/devices" && r.authority == TenantAdmin:
		for _, d := range r.devices {
			if d["name"] == q.URL.Query().Get("deviceName") {
				answer(w, 200, d)
				return
			}
		}
		refuse(w, 404, 32, "Requested item wasn't found!")
	case path == "/api/customer/"+customerID+"/devices":
		r.page(w, q)
	case path == "/api/device" && q.Method == http.MethodPost:
		r.saveDevice(w, q)
	case strings.HasSuffix(path, "/credentials"):
		answer(w, 200, r.credential)
	case strings.HasPrefix(path, "/api/device/"):
		for _, d := range r.devices {
			if deviceID(d) == strings.TrimPrefix(path, "/api/device/") {
				answer(w, 200, d)
				return
			}
		}
		refuse(w, 404, 32, "Device is not found")
	case r.authority != TenantAdmin:
		refuse(w, 403, 20, "You don't have permission to perform this operation!")
	default:
		refuse(w, 404, 32, "Requested item wasn't found!")
	}
}

func deviceID(d map[string]any) string {
	switch id := d["id"].(type) {
	case entityID:
		return id.ID
	case map[string]any:
		s, _ := id["id"].(string)
		return s
	}
	return ""
}

func (r *rest) page(w http.ResponseWriter, q *http.Request) {
	var size, number int
	_, _ = fmt.Sscan(q.URL.Query().Get("pageSize"), &size)
	_, _ = fmt.Sscan(q.URL.Query().Get("page"), &number)
	from := min(size*number, len(r.devices))
	to := min(from+size, len(r.devices))
	answer(w, 200, map[string]any{"data": r.devices[from:to], "hasNext": to < len(r.devices)})
}

func (r *rest) saveDevice(w http.ResponseWriter, q *http.Request) {
	var d map[string]any
	if err := json.NewDecoder(q.Body).Decode(&d); err != nil {
		refuse(w, 400, 31, "Malformed")
		return
	}
	if d["id"] == nil {
		if r.authority != TenantAdmin {
			refuse(w, 403, 20, "You don't have permission to perform this operation!")
			return
		}
		for _, known := range r.devices {
			if known["name"] == d["name"] {
				refuse(w, 400, 31, "Device with such name already exists!")
				return
			}
		}
		r.addDevice(d)
		answer(w, 200, d)
		return
	}
	for i, known := range r.devices {
		if deviceID(known) != deviceID(d) {
			continue
		}
		if r.conflicts > 0 || fmt.Sprint(known["version"]) != fmt.Sprint(d["version"]) {
			r.conflicts--
			known["label"] = "changed meanwhile"
			known["version"] = number(known["version"]) + 1
			refuse(w, 409, 35, "Version conflict")
			return
		}
		d["version"] = number(known["version"]) + 1
		r.devices[i] = d
		answer(w, 200, d)
		return
	}
	refuse(w, 404, 32, "Device is not found")
}

func number(v any) float64 {
	switch n := v.(type) {
	case int:
		return float64(n)
	case float64:
		return n
	}
	return 0
}

// addDevice gives a device its id and keeps it; it returns the id.
func (r *rest) addDevice(d map[string]any) string {
	id := fmt.Sprintf("dddddddd-0000-4000-8000-%012d", len(r.devices)+1)
	d["id"], d["version"] = entityID{"DEVICE", id}, 1
	r.devices = append(r.devices, d)
	return id
}

// cloud runs a REST server under a name and returns a client of it that has located it.
func cloud(t *testing.T, change ...func(*Account)) (*rest, *Client) {
	t.Helper()
	n, server := newNetwork(), newREST()
	serveHTTP(t, n.tlsListen(t, "thingsboard.cloud:443"), server)
	c := newTestClient(t, n, "thingsboard.cloud:443", change...)
	if err := c.Locate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return server, c
}

func newTestClient(t *testing.T, n *network, hostName string, change ...func(*Account)) *Client {
	t.Helper()
	a := Account{
		HostName: hostName, Username: testUser, Password: connection.Secret(canaryPassword), CACertificate: testAuthority().pem,
	}
	for _, f := range change {
		f(&a)
	}
	c, err := NewClient(a, Options{Dial: n.Dial})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// wantCode fails the test unless err is an Error with code and kind.
func wantCode(t *testing.T, err error, code connection.ReasonCode, kind Kind) {
	t.Helper()
	if err == nil {
		t.Fatalf("got no error, want %s", code)
	}
	if CodeOf(err) != code || KindOf(err) != kind {
		t.Errorf("got %s (%v): %v; want %s (%v)", CodeOf(err), KindOf(err), err, code, kind)
	}
}
