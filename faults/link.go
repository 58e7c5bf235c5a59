package faults

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"boardlink/connection"
	"boardlink/faults/proxy"
	"boardlink/operation"
	"boardlink/thingsboard/sandbox"
)

// Link is one connection of a world, with the proxies on its way.
type Link struct {
	ID      connection.ID
	Devices []string // DevEUIs

	w     *World
	index int
	key   connection.Secret

	gone      atomic.Bool // deleted
	publishes atomic.Int64

	mu    sync.Mutex
	shown []connection.Status // stored or seen, the latest of them
	held  []Wait              // likewise
	ways  map[int]*way        // by ThingsBoard
	at    int                 // the ThingsBoard that the connection is turned to
	lanes []*deviceLane
}

// way is how a link gets to one ThingsBoard.
type way struct{ rest, mqtt *proxy.Proxy }

// deviceLane posts the uplinks of one device one after the other.
type deviceLane struct {
	mu   sync.Mutex
	next int64
}

func (w *World) addLink(i int) {
	l := &Link{w: w, index: i, ways: map[int]*way{}, at: i % len(w.Sandboxes)}
	if w.opt.Own {
		for _, tb := range w.Sandboxes {
			tb.AddAccount(sandbox.Account{Email: l.Account(), Password: Password})
		}
	}
	for d := range w.opt.Devices {
		l.Devices = append(l.Devices, fmt.Sprintf("02B0A2%04X%06X", i, d))
		l.lanes = append(l.lanes, &deviceLane{})
	}
	c := connection.Connection{ConnectorID: connection.ConnectorID, Name: fmt.Sprintf("Link %d", i), Active: true, Configuration: connection.DefaultConfiguration()}
	c.Configuration.Username, c.Configuration.Password = l.Account(), Password
	c.Configuration.TelemetryFormat = connection.FormatMeasurements
	if w.opt.Plain {
		c.Configuration.Protocol = connection.ProtocolTCP
	}
	l.turn(&c, l.at)
	if w.opt.Configure != nil {
		w.opt.Configure(i, &c)
	}
	var v operation.View
	err := l.operate(func(ops *operation.Connections) (err error) {
		v, err = ops.Create(context.Background(), actor, c)
		return err
	})
	if err != nil {
		w.T.Fatalf("make a connection: %v", err)
	}
	l.ID, l.key = v.Connection.ID, v.Connection.UplinkKey
	w.Links = append(w.Links, l)
	w.byID[l.ID] = l
}

// link finds a connection's.
func (w *World) link(id connection.ID) *Link {
	if l := w.byID[id]; l != nil {
		return l
	}
	return &Link{w: w, ID: id} // one that was made without the world
}

// Account is what the connection signs in with, at whatever ThingsBoard.
func (l *Link) Account() string {
	if l.w.opt.Own {
		return fmt.Sprintf("tenant%d@example.com", l.index)
	}
	return Account
}

// turn makes a connection's settings lead to a ThingsBoard.
func (l *Link) turn(c *connection.Connection, to int) {
	way := l.way(to)
	c.Configuration.HostName, c.Configuration.MQTTHostName = way.rest.Addr(), way.mqtt.Addr()
	if !l.w.opt.Plain {
		c.Configuration.CACertificate = string(l.w.Sandboxes[to].CAPEM())
	}
}

// way finds or makes the proxies to a ThingsBoard.
func (l *Link) way(to int) *way {
	l.mu.Lock()
	defer l.mu.Unlock()
	if there := l.ways[to]; there != nil {
		return there
	}
	tb := l.w.Sandboxes[to]
	mqtt := tb.MQTTSAddr()
	if l.w.opt.Plain {
		mqtt = tb.MQTTAddr()
	}
	made := &way{}
	for _, p := range []struct {
		to     string
		become **proxy.Proxy
	}{{tb.HTTPAddr(), &made.rest}, {mqtt, &made.mqtt}} {
		listening, err := proxy.Listen(p.to)
		if err != nil {
			l.w.T.Fatalf("make a proxy: %v", err)
		}
		l.w.T.Cleanup(listening.Close)
		*p.become = listening
	}
	l.ways[to] = made
	return made
}

func (l *Link) pass() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, way := range l.ways {
		for _, p := range []*proxy.Proxy{way.rest, way.mqtt} {
			if err := p.Pass(); err != nil {
				return err
			}
		}
	}
	return nil
}

// REST is the proxy before the REST API of the ThingsBoard that the connection is turned to, MQTT the one before its
// MQTT transport.
func (l *Link) REST() *proxy.Proxy { return l.way(l.Target()).rest }

// MQTT is the proxy before the MQTT transport.
func (l *Link) MQTT() *proxy.Proxy { return l.way(l.Target()).mqtt }

// Target is the number of the ThingsBoard that the connection is turned to.
func (l *Link) Target() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.at
}

// Net sets what both proxies do.
func (l *Link) Net(f proxy.Fault) {
	l.w.T.Helper()
	for _, p := range []*proxy.Proxy{l.REST(), l.MQTT()} {
		if err := p.Set(f); err != nil {
			l.w.T.Errorf("set a fault: %v", err)
		}
	}
}

// Status is where the link stands, with its backlog; the zero value while Boardlink is down.
func (l *Link) Status() (s connection.Status) {
	l.w.with(func(in *inside) { s = in.links.Status(l.ID) })
	return s
}

// mostNoted is how many states and waits of a link are kept.
const mostNoted = 1000

// Wait is an event that goes back to the head of its device's lane, which waits.
type Wait struct {
	DevEUI string
	Frame  int64
	After  time.Duration
}

// Shown are the states that the link stored or that were seen at a look, each once. One that lasts less long than a look
// takes may be missing, since the database gets the last of several.
func (l *Link) Shown() []connection.Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]connection.Status(nil), l.shown...)
}

// Waits are the waits that a device's lane was given, oldest first.
func (l *Link) Waits(device int) (waits []Wait) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, w := range l.held {
		if w.DevEUI == l.Devices[device] {
			waits = append(waits, w)
		}
	}
	return waits
}

func (l *Link) showed(s connection.Status) {
	l.mu.Lock()
	defer l.mu.Unlock()
	same := func(o connection.Status) bool {
		return o.State == s.State && o.ReasonCode == s.ReasonCode && o.NextAttemptAt.Equal(s.NextAttemptAt)
	}
	if !slices.ContainsFunc(l.shown[max(len(l.shown)-8, 0):], same) {
		l.shown = latest(append(l.shown, s))
	}
}

func (l *Link) waits(w Wait) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held = latest(append(l.held, w))
}

func latest[T any](all []T) []T { return all[max(len(all)-mostNoted, 0):] }

// Publishes counts the telemetry that the link has begun to send over MQTT.
func (l *Link) Publishes() int64 { return l.publishes.Load() }

// Dials counts the dials of the link.
func (l *Link) Dials() Dials { return l.w.dials.of(l.ID) }

// Reaches waits until the link is in a state, and returns what it shows then.
func (l *Link) Reaches(state connection.State, limit time.Duration) connection.Status {
	l.w.T.Helper()
	var s connection.Status
	l.w.Until(fmt.Sprintf("connection %s to be %s", l.ID, state), limit, func() bool { s = l.Status(); return s.State == state })
	return s
}

// Fails waits until a try of the link has failed and it waits for the next one, and returns what it shows then.
func (l *Link) Fails(limit time.Duration) connection.Status {
	l.w.T.Helper()
	var s connection.Status
	l.w.Until(fmt.Sprintf("a try of connection %s to fail", l.ID), limit, func() bool {
		s = l.Status()
		return s.State == connection.Closed && !s.NextAttemptAt.IsZero()
	})
	return s
}

// operate does something with the connection as an operator does; Boardlink does not go down meanwhile.
func (l *Link) operate(f func(ops *operation.Connections) error) error {
	err := errDown
	l.w.with(func(in *inside) { err = f(in.operations) })
	return err
}

// Edit changes the connection as an operator does, and returns when that was committed. It reports an error where the
// operation refuses the change.
func (l *Link) Edit(change func(*connection.Connection)) (committed time.Time, err error) {
	err = l.operate(func(ops *operation.Connections) error {
		ctx := context.Background()
		v, err := ops.Get(ctx, l.ID)
		if err != nil {
			return err
		}
		c := v.Connection
		change(&c)
		_, err = ops.Replace(ctx, actor, c, operation.Secrets{})
		return err
	})
	return time.Now(), err
}

// TakenOver waits until the link knows its settings as they are now.
func (l *Link) TakenOver(limit time.Duration) bool {
	for range 2 { // a link reads its row again only when it has taken in what it read before
		before := l.w.rows.of(l.ID)
		l.w.with(func(in *inside) { in.links.Reconcile(l.ID) })
		if !l.w.Within(limit, func() bool { return l.w.rows.of(l.ID) > before }) {
			return false
		}
	}
	return true
}

// Aim edits the connection so that it leads to another ThingsBoard, and returns when that was committed. The history
// forgets where the connection was turned to before.
func (l *Link) Aim(to int) (committed time.Time, err error) {
	l.w.History.Aim(l.ID, "")
	committed, err = l.Edit(func(c *connection.Connection) { l.turn(c, to) })
	if err == nil {
		l.mu.Lock()
		l.at = to
		l.mu.Unlock()
	}
	return committed, err
}

// Turn is [Link.Aim] that waits until the link is open at the other ThingsBoard, and lets the history hold every event
// against it that still goes elsewhere.
func (l *Link) Turn(to int, limit time.Duration) {
	l.w.T.Helper()
	committed, err := l.Aim(to)
	if err != nil {
		l.w.T.Fatalf("turn %s: %v", l, err)
	}
	l.w.Until("the link to open at "+storeName(to), limit, func() bool { return l.openedAfter(committed) })
	l.w.History.Aim(l.ID, storeName(to))
}

// openedAfter reports whether the link is open since a later moment.
func (l *Link) openedAfter(t time.Time) bool {
	s := l.Status()
	return s.State == connection.Opened && s.StartupTime.After(t)
}

// Activate makes the connection active or not.
func (l *Link) Activate(active bool) (committed time.Time, err error) {
	err = l.operate(func(ops *operation.Connections) error {
		_, err := ops.SetActive(context.Background(), actor, l.ID, active)
		return err
	})
	return time.Now(), err
}

// Delete deletes the connection.
func (l *Link) Delete() error {
	err := l.operate(func(ops *operation.Connections) error { return ops.Delete(context.Background(), actor, l.ID) })
	if err == nil {
		l.gone.Store(true)
	}
	return err
}

// Retry chooses Retry now.
func (l *Link) Retry() error {
	return l.operate(func(ops *operation.Connections) error {
		_, err := ops.Retry(context.Background(), actor, l.ID)
		return err
	})
}

// Restart chooses Restart.
func (l *Link) Restart() error {
	return l.operate(func(ops *operation.Connections) error {
		_, err := ops.Restart(context.Background(), actor, l.ID)
		return err
	})
}

// RetryParked lets every parked event of the connection go out again.
func (l *Link) RetryParked() {
	l.w.T.Helper()
	for _, e := range l.w.Parked(l.ID) {
		l.w.History.Unparked(l.ID, e.DevEUI, e.FCntUp)
	}
	var err error
	l.w.with(func(in *inside) { _, err = in.queue.RetryParked(context.Background(), l.ID, nil) })
	if err != nil {
		l.w.T.Errorf("retry parked events: %v", err)
	}
}

// String names the link in messages.
func (l *Link) String() string { return "connection " + strconv.FormatInt(int64(l.ID), 10) }
