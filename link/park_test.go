package link_test

import (
	"context"
	"encoding/json"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"boardlink/connection"
	"boardlink/thingpark"
	"boardlink/thingsboard/sandbox"
)

// httpPark is ThingPark's downlink endpoint on a real socket. It answers each device as a test says.
type httpPark struct {
	server *httptest.Server

	mu      sync.Mutex
	posts   []url.Values
	at      []time.Time
	answers map[string]http.HandlerFunc // by DevEUI; a device without one is answered with 200
}

func newHTTPPark(t *testing.T) *httpPark {
	p := &httpPark{answers: map[string]http.HandlerFunc{}}
	p.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		p.mu.Lock()
		p.posts, p.at = append(p.posts, query), append(p.at, time.Now())
		f := p.answers[query.Get("DevEUI")]
		p.mu.Unlock()
		if f == nil {
			f = says(http.StatusOK, "Request queued by LRC")
		}
		f(w, r)
	}))
	t.Cleanup(p.server.Close)
	return p
}

func (p *httpPark) answer(devEUI string, f http.HandlerFunc) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answers[devEUI] = f
}

// of lists the downlinks that were posted for a device.
func (p *httpPark) of(devEUI string) []url.Values {
	p.mu.Lock()
	defer p.mu.Unlock()
	var found []url.Values
	for _, q := range p.posts {
		if q.Get("DevEUI") == devEUI {
			found = append(found, q)
		}
	}
	return found
}

// says answers as ThingPark does.
func says(status int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte("<html><body>" + text + "</body></html>"))
	}
}

// hangs answers never: until the caller leaves.
func hangs(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// hangsUp reads the request and closes the connection without a word.
func hangsUp(w http.ResponseWriter, _ *http.Request) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_ = conn.Close()
	}
}

// takesTime answers after a while, as a slow ThingPark.
func takesTime(d time.Duration, then http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			then(w, r)
		case <-r.Context().Done():
		}
	}
}

// newParkWorld is a world whose connection posts to a ThingPark on a socket.
func newParkWorld(t *testing.T, change ...func(*connection.Connection)) (*world, *httpPark) {
	park := newHTTPPark(t)
	w := newWorld(t, append([]func(*connection.Connection){func(c *connection.Connection) {
		c.Configuration.DownlinkURL = park.server.URL + "/thingpark/lrc/rest/downlink"
		c.Configuration.DownlinkAsID, c.Configuration.DownlinkAsKey = "TWA_1.1.AS", "00112233445566778899aabbccddeeff"
	}}, change...)...)
	w.caller = &thingpark.Caller{Dial: (&net.Dialer{}).DialContext}
	return w, park
}

// reply is what ThingsBoard's user reads as the answer to a command.
type reply struct {
	Status, Code, Message, CorrelationID string
	took                                 time.Duration
	err                                  error
}

// command sends a command as a user of ThingsBoard does, and waits for its answer.
func (w *world) command(devEUI string, timeout time.Duration) reply {
	begun := time.Now()
	said, err := w.tb.SendRPC(context.Background(), devEUI, "downlink", map[string]any{"FPort": 3, "payload_hex": "0a0b"}, sandbox.RPCOptions{Timeout: timeout})
	r := reply{took: time.Since(begun), err: err}
	if err == nil {
		r.err = json.Unmarshal(said, &r)
	}
	return r
}

// heard has devices speak, so that commands reach them over the session that is open.
func (w *world) heard(devices ...string) {
	w.t.Helper()
	for _, d := range devices {
		w.put(d, time.Now().UnixMilli()&math.MaxUint32, map[string]any{"t": 1})
	}
	for _, d := range devices {
		w.until("the device "+d, 20*time.Second, func() bool { found, ok := w.tb.Device(d); return ok && found.Connected })
	}
}

// commands lists what is written down, the latest first.
func (w *world) commands() []connection.Command {
	w.t.Helper()
	page, err := w.db.Commands(context.Background(), w.conn.ID, dbAll)
	if err != nil {
		w.t.Fatal(err)
	}
	return page
}
