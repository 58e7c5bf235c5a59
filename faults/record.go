package faults

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"boardlink/activity"
	"boardlink/connection"
	"boardlink/db"
	"boardlink/faults/history"
	"boardlink/link"
	"boardlink/queue"
	"boardlink/thingpark"
	"boardlink/thingsboard"
)

// What follows stands between the links and what they use, and writes down what passes. Each hands on everything.

// recordingStore writes down the states that are stored, and counts how often a link read its row.
type recordingStore struct {
	*db.DB
	w *World
}

func (s recordingStore) Connection(ctx context.Context, id connection.ID) (connection.Connection, error) {
	s.w.rows.begin(id)
	return s.DB.Connection(ctx, id)
}

// rowReads counts how often the row of a connection was read by its link.
type rowReads struct {
	mu  sync.Mutex
	all map[connection.ID]int
}

func (r *rowReads) begin(id connection.ID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.all == nil {
		r.all = map[connection.ID]int{}
	}
	r.all[id]++
}

func (r *rowReads) of(id connection.ID) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all[id]
}

func (s recordingStore) SaveStatus(ctx context.Context, id connection.ID, status connection.Status) error {
	s.w.History.Saved(id, status)
	s.w.link(id).showed(status)
	return s.DB.SaveStatus(ctx, id, status)
}

// recordingFigures writes down what operators are told of events that were not sent.
type recordingFigures struct {
	*activity.Recorder
	h *history.History
}

func (f recordingFigures) Expired(id connection.ID, n int) {
	f.h.Expired(id, int64(n))
	f.Recorder.Expired(id, n)
}

// recordingQueue writes down what leaves the queue in another way than by delivery.
type recordingQueue struct {
	link.Queue
	w *World
}

func (q recordingQueue) Lanes(id connection.ID) link.Lanes {
	return &recordingLanes{q.Queue.Lanes(id), q.w.History, q.w.link(id)}
}

func (q recordingQueue) Purge(ctx context.Context, id connection.ID) (int64, error) {
	n, err := q.Queue.Purge(ctx, id)
	q.w.History.Deleted(id, n)
	return n, err
}

type recordingLanes struct {
	link.Lanes
	h *history.History
	l *Link
}

func (l *recordingLanes) Retry(e queue.Event, after time.Duration) {
	l.l.waits(Wait{DevEUI: e.DevEUI, Frame: e.FCntUp, After: after})
	l.Lanes.Retry(e, after)
}

func (l *recordingLanes) Ack(ctx context.Context, e queue.Event) error {
	err := l.Lanes.Ack(ctx, e)
	if err != nil { // it was delivered, and will be handed out again
		l.h.Unsettled(e.Connection, e.DevEUI, e.FCntUp, l)
	}
	return err
}

func (l *recordingLanes) Park(ctx context.Context, e queue.Event, code connection.ReasonCode, reason string) error {
	err := l.Lanes.Park(ctx, e, code, reason)
	if err == nil {
		l.h.Parked(e.Connection, e.DevEUI, e.FCntUp)
	}
	return err
}

func (l *recordingLanes) Drop(ctx context.Context, e queue.Event) error {
	err := l.Lanes.Drop(ctx, e)
	if err == nil {
		l.h.Dropped(e.Connection, e.DevEUI, e.FCntUp)
	}
	return err
}

// opener opens real clients whose dials are counted and whose publishes without an outcome are written down.
func (w *World) opener(dial func(context.Context, string, string) (net.Conn, error)) link.Opener {
	return func(c connection.Connection, beforeRelogin func(context.Context) error) (link.Client, error) {
		counted := func(ctx context.Context, network, address string) (net.Conn, error) {
			defer w.dials.begin(c.ID)()
			return dial(ctx, network, address)
		}
		client, err := link.FromThingsBoard(thingsboard.Options{Dial: counted, Log: w.log})(c, beforeRelogin)
		if err != nil {
			return nil, err
		}
		return &recordingClient{Client: client, l: w.link(c.ID)}, nil
	}
}

type recordingClient struct {
	link.Client
	l     *Link
	names sync.Map // of devices, by their ids
}

func (c *recordingClient) Connect(ctx context.Context, ep thingsboard.MQTTEndpoint, g thingsboard.Gateway) (link.Session, error) {
	session, err := c.Client.Connect(ctx, ep, g)
	if err != nil {
		return nil, err
	}
	go func() {
		<-session.Done()
		c.l.w.History.Ended(c.l.ID)
	}()
	return &recordingSession{Session: session, l: c.l, key: new(byte)}, nil
}

func (c *recordingClient) FindDevice(ctx context.Context, name string) (id string, found bool, err error) {
	id, found, err = c.Client.FindDevice(ctx, name)
	if found {
		c.names.Store(id, name)
	}
	return id, found, err
}

func (c *recordingClient) SendTelemetry(ctx context.Context, deviceID string, entries []thingsboard.Entry) error {
	err := c.Client.SendTelemetry(ctx, deviceID, entries)
	if name, known := c.names.Load(deviceID); known && withoutOutcome(err) {
		c.l.unsettled(name.(string), entries, "REST")
	}
	return err
}

type recordingSession struct {
	link.Session
	l     *Link
	key   any         // stands for the session in the history, which outlives it
	ended atomic.Bool // a publish was without an outcome: what begins after that is not of the window
}

func (s *recordingSession) Telemetry(ctx context.Context, device string, entries []thingsboard.Entry) error {
	s.l.publishes.Add(1)
	session := s.key
	if s.ended.Load() { // it seldom goes out: the session is over, and not everybody knows
		session = nil
	}
	err := s.Session.Telemetry(ctx, device, entries)
	if withoutOutcome(err) {
		s.ended.Store(true)
		s.l.unsettled(device, entries, session)
	}
	return err
}

// unsettled writes down that what was sent of a device had no outcome. A point without a frame counter is held against
// whoever sent it when it arrives.
func (l *Link) unsettled(device string, entries []thingsboard.Entry, session any) {
	for _, e := range entries {
		var values map[string]json.RawMessage
		if json.Unmarshal(e.Values, &values) != nil {
			continue
		}
		if number, ok := history.FrameOf(values); ok {
			l.w.History.Unsettled(l.ID, device, number, session)
		}
	}
}

// withoutOutcome reports whether what was sent may have been taken for all that the error says.
func withoutOutcome(err error) bool {
	if err == nil {
		return false
	}
	var e *thingsboard.Error
	return !errors.As(err, &e) || !e.Unsent && (e.SessionEnded || e.Kind == thingsboard.Transient)
}

// dialCounts counts the dials of each connection.
type dialCounts struct {
	mu  sync.Mutex
	now map[connection.ID]int
	all map[connection.ID]Dials
}

// Dials is how often a connection's link dialled, and how many dials were under way at once at most.
type Dials struct{ Count, AtOnce int }

func (d *dialCounts) begin(id connection.ID) (end func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.now == nil {
		d.now, d.all = map[connection.ID]int{}, map[connection.ID]Dials{}
	}
	d.now[id]++
	of := d.all[id]
	d.all[id] = Dials{of.Count + 1, max(of.AtOnce, d.now[id])}
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.now[id]--
	}
}

func (d *dialCounts) of(id connection.ID) Dials {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.all[id]
}

// Park is a ThingPark that takes downlinks, or answers as it was told to.
type Park struct {
	answer atomic.Pointer[func(thingpark.Downlink) (thingpark.Answer, error)]

	mu   sync.Mutex
	sent []Posting
}

// Posting is one downlink that came, with where it was posted to and what it was authenticated with.
type Posting struct {
	URL, AsID string
	AsKey     connection.Secret
	Downlink  thingpark.Downlink
}

// Answer has every downlink answered by f from now on; nil: taken.
func (p *Park) Answer(f func(thingpark.Downlink) (thingpark.Answer, error)) {
	if f == nil {
		p.answer.Store(nil)
		return
	}
	p.answer.Store(&f)
}

// Send takes a downlink.
func (p *Park) Send(_ context.Context, url, asID string, asKey connection.Secret, d thingpark.Downlink) (thingpark.Answer, error) {
	p.mu.Lock()
	p.sent = append(p.sent, Posting{url, asID, asKey, d})
	p.mu.Unlock()
	if f := p.answer.Load(); f != nil {
		return (*f)(d)
	}
	return thingpark.Answer{Status: 200, CorrelationID: d.CorrelationID}, nil
}

// Sent are the downlinks that came, in their order.
func (p *Park) Sent() []thingpark.Downlink {
	var sent []thingpark.Downlink
	for _, posting := range p.Postings() {
		sent = append(sent, posting.Downlink)
	}
	return sent
}

// Postings are the downlinks that came, in their order, as they were posted.
func (p *Park) Postings() []Posting {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Posting(nil), p.sent...)
}
