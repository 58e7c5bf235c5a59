package link_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"boardlink/activity"
	"boardlink/connection"
	"boardlink/db"
	"boardlink/link"
	"boardlink/live"
	"boardlink/queue"
	"boardlink/thingpark"
	"boardlink/thingsboard"
	"boardlink/thingsboard/sandbox"
)

const (
	account  = "tenant@example.com"
	password = "correct horse"
)

// packetIDs is after how many numbered downlinks of a session ThingsBoard's numbers reach 0, which ends it; 65,536 in truth.
const packetIDs = 60

// world is everything but the web: a ThingsBoard on real sockets, real files, a manager.
type world struct {
	t       *testing.T
	tb      *sandbox.Sandbox
	db      *db.DB
	path    string // of the database
	queue   *queue.Queue
	figures *activity.Recorder
	feed    *live.Feed
	dial    func(ctx context.Context, network, address string) (net.Conn, error)
	park    *recordingPark // takes downlinks, unless there is a caller
	caller  *thingpark.Caller

	links *link.Manager
	conn  connection.Connection
	stop  func() // the manager

	mu      sync.Mutex
	arrived map[string][]int64 // timestamps as they were stored, by device
}

// newWorld makes a world with one connection that is not running yet.
func newWorld(t *testing.T, change ...func(*connection.Connection)) *world {
	t.Helper()
	w := &world{t: t, feed: &live.Feed{}, park: &recordingPark{}, arrived: map[string][]int64{}, dial: (&net.Dialer{}).DialContext}
	ctx := context.Background()
	var err error
	w.tb, err = sandbox.Start(sandbox.Options{TLS: true, PacketIDs: packetIDs, OnTelemetry: func(device string, p sandbox.Point) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.arrived[device] = append(w.arrived[device], p.TS)
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.tb.Close)
	w.tb.AddAccount(sandbox.Account{Email: account, Password: password})

	sealer, err := db.NewSealer(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	w.path = filepath.Join(t.TempDir(), "boardlink.db")
	if w.db, err = db.Open(ctx, w.path, db.Options{Sealer: sealer}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.db.Close() })
	if w.queue, err = queue.Open(ctx, filepath.Join(t.TempDir(), "queue.db"), queue.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.queue.Close() })
	w.figures = activity.New(activity.Options{Store: seen{w.db}, Feed: w.feed})

	c := connection.Connection{ConnectorID: connection.ConnectorID, Name: "Ours", Active: true, UplinkKey: "uplink key",
		Configuration: connection.DefaultConfiguration()}
	c.Configuration.HostName, c.Configuration.Username, c.Configuration.Password = w.tb.HTTPAddr(), account, password
	c.Configuration.CACertificate = string(w.tb.CAPEM())
	for _, f := range change {
		f(&c)
	}
	if w.conn, err = w.db.CreateConnection(ctx, c, connection.Event{Kind: connection.KindCreated, Message: "Created."}); err != nil {
		t.Fatal(err)
	}
	return w
}

// start runs a manager until the test ends or stop is called.
func (w *world) start() {
	w.t.Helper()
	var downlinks link.Downlinks = w.park
	if w.caller != nil {
		downlinks = w.caller
	}
	w.links = link.NewManager(link.Options{Store: w.db, Queue: link.FromQueue(w.queue), Figures: w.figures, Feed: w.feed,
		Open:      link.FromThingsBoard(thingsboard.Options{Dial: w.dial}),
		Downlinks: downlinks, Installation: "0a1b2c3d", Node: "here", Random: func() float64 { return 0.1 }})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := w.links.Run(ctx); err != nil {
			w.t.Errorf("run: %v", err)
		}
	}()
	w.stop = sync.OnceFunc(func() {
		cancel()
		<-done
	})
	w.t.Cleanup(w.stop)
}

// until waits for a condition, at most limit.
func (w *world) until(what string, limit time.Duration, cond func() bool) {
	w.t.Helper()
	deadline := time.Now().Add(limit)
	for !cond() {
		if time.Now().After(deadline) {
			events, _ := w.db.Events(context.Background(), db.EventFilter{})
			w.t.Fatalf("%s: not within %v; status %+v, events %+v", what, limit, w.links.Status(w.conn.ID), events)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (w *world) reaches(state connection.State, limit time.Duration) {
	w.t.Helper()
	w.until(string(state), limit, func() bool { return w.links.Status(w.conn.ID).State == state })
}

// edit changes the row, as an operation does, and returns when it was committed.
func (w *world) edit(change func(*connection.Connection)) time.Time {
	w.t.Helper()
	ctx := context.Background()
	c, err := w.db.Connection(ctx, w.conn.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	before := c
	change(&c)
	if connection.ChangesCredentials(before, c) {
		c.CredentialVersion++
	}
	if _, err := w.db.UpdateConnection(ctx, c, connection.Event{Kind: connection.KindUpdated, Message: "Edited."}); err != nil {
		w.t.Fatal(err)
	}
	committed := time.Now()
	w.links.Reconcile(w.conn.ID)
	return committed
}

func device(i int) string { return fmt.Sprintf("70B3D5E75E00B%03X", i) }

// put accepts one uplink.
func (w *world) put(devEUI string, frame int64, payload any) {
	w.t.Helper()
	now := time.Now()
	body, err := json.Marshal(map[string]any{"DevEUI_uplink": map[string]any{"DevEUI": devEUI, "FPort": 1, "FCntUp": frame,
		"Time": now.Format(time.RFC3339Nano), "payload": payload}})
	if err != nil {
		w.t.Fatal(err)
	}
	_, err = w.queue.Put(context.Background(), queue.Event{Connection: w.conn.ID, DevEUI: devEUI, Kind: thingpark.KindUplink, FCntUp: frame,
		Time: now, ReceivedAt: now, Body: body})
	if err != nil {
		w.t.Errorf("put: %v", err)
	}
}

// putDocument accepts a document of any kind.
func (w *world) putDocument(body []byte) {
	w.t.Helper()
	doc, err := thingpark.Parse(body)
	if err != nil {
		w.t.Fatal(err)
	}
	_, err = w.queue.Put(context.Background(), queue.Event{Connection: w.conn.ID, DevEUI: doc.DevEUI, Kind: thingpark.ReducedKind(doc.Kind),
		FCntUp: queue.NoFrame, Time: doc.Time, ReceivedAt: time.Now(), Body: body})
	if err != nil {
		w.t.Errorf("put: %v", err)
	}
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	body, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// share sets shared attributes as a user of ThingsBoard does.
func (w *world) share(device, values string) {
	w.t.Helper()
	w.asUser(http.MethodPost, device, "attributes/SHARED_SCOPE", values)
}

// unshare deletes shared attributes.
func (w *world) unshare(device string, keys ...string) {
	w.t.Helper()
	w.asUser(http.MethodDelete, device, "SHARED_SCOPE?keys="+strings.Join(keys, ","), "")
}

// asUser calls ThingsBoard's REST for the attributes of a device.
func (w *world) asUser(method, device, path, body string) {
	w.t.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(w.tb.CAPEM())
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 20 * time.Second}
	do := func(method, path, token, body string) []byte {
		r, err := http.NewRequest(method, w.tb.URL()+path, strings.NewReader(body))
		if err != nil {
			w.t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		if token != "" {
			r.Header.Set("X-Authorization", "Bearer "+token)
		}
		answer, err := client.Do(r)
		if err != nil {
			w.t.Fatal(err)
		}
		defer func() { _ = answer.Body.Close() }()
		said, err := io.ReadAll(answer.Body)
		if err != nil || answer.StatusCode != http.StatusOK {
			w.t.Fatalf("%s %s answered %d: %s, %v", method, path, answer.StatusCode, said, err)
		}
		return said
	}
	var login struct{ Token string }
	if err := json.Unmarshal(do(http.MethodPost, "/api/auth/login", "", fmt.Sprintf(`{"username":%q,"password":%q}`, account, password)), &login); err != nil {
		w.t.Fatal(err)
	}
	found, _ := w.tb.Device(device)
	do(method, "/api/plugins/telemetry/DEVICE/"+found.ID+"/"+path, login.Token, body)
}

// first lists the timestamps of a device in the order in which they first arrived.
func (w *world) first(devEUI string) []int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	seen := map[int64]bool{}
	var order []int64
	for _, ts := range w.arrived[devEUI] {
		if !seen[ts] {
			seen[ts] = true
			order = append(order, ts)
		}
	}
	return order
}

// recordingPark takes downlinks.
type recordingPark struct {
	mu   sync.Mutex
	sent []thingpark.Downlink
}

func (p *recordingPark) Send(_ context.Context, _, _ string, _ connection.Secret, d thingpark.Downlink) (thingpark.Answer, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent = append(p.sent, d)
	return thingpark.Answer{Status: 200, CorrelationID: d.CorrelationID}, nil
}

func (p *recordingPark) all() []thingpark.Downlink {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]thingpark.Downlink(nil), p.sent...)
}

// seen gives the database to whoever counts.
type seen struct{ *db.DB }

func (s seen) AddDevices(ctx context.Context, devices []connection.Device) error {
	return s.SeenDevices(ctx, devices)
}
