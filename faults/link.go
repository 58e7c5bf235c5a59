package faults

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"boardlink/connection"
	"boardlink/faults/proxy"
	"boardlink/operation"
)

// Link is one connection of a world, with the proxies on its way.
type Link struct {
	ID      connection.ID
	Devices []string // DevEUIs

	w     *World
	index int
	key   connection.Secret
	gone  atomic.Bool // deleted

	mu    sync.Mutex
	ways  map[int]*way // by ThingsBoard
	at    int          // the ThingsBoard that the connection is turned to
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
	for d := range w.opt.Devices {
		l.Devices = append(l.Devices, fmt.Sprintf("02B0A2%04X%06X", i, d))
		l.lanes = append(l.lanes, &deviceLane{})
	}
	c := connection.Connection{ConnectorID: connection.ConnectorID, Name: fmt.Sprintf("Link %d", i), Active: true, Configuration: connection.DefaultConfiguration()}
	c.Configuration.Username, c.Configuration.Password = Account, Password
	c.Configuration.TelemetryFormat = connection.FormatMeasurements
	if w.opt.Plain {
		c.Configuration.Protocol = connection.ProtocolTCP
	}
	l.turn(&c, l.at)
	if w.opt.Configure != nil {
		w.opt.Configure(i, &c)
	}
	v, err := w.operations().Create(context.Background(), actor, c)
	if err != nil {
		w.T.Fatalf("make a connection: %v", err)
	}
	l.ID, l.key = v.Connection.ID, v.Connection.UplinkKey
	w.Links = append(w.Links, l)
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

// Dials counts the dials of the link.
func (l *Link) Dials() Dials { return l.w.dials.of(l.ID) }

// Reaches waits until the link is in a state, and returns what it shows then.
func (l *Link) Reaches(state connection.State, limit time.Duration) connection.Status {
	l.w.T.Helper()
	var s connection.Status
	l.w.Until(fmt.Sprintf("connection %s to be %s", l.ID, state), limit, func() bool { s = l.Status(); return s.State == state })
	return s
}

// Edit changes the connection as an operator does, and returns when that was committed. It reports an error where the
// operation refuses the change.
func (l *Link) Edit(change func(*connection.Connection)) (committed time.Time, err error) {
	ops := l.w.operations()
	if ops == nil {
		return time.Time{}, errDown
	}
	ctx := context.Background()
	v, err := ops.Get(ctx, l.ID)
	if err != nil {
		return time.Time{}, err
	}
	c := v.Connection
	change(&c)
	_, err = ops.Replace(ctx, actor, c, operation.Secrets{})
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

// Turn edits the connection so that it leads to another ThingsBoard, waits until the link is open there, and lets the
// history hold every event against it that still goes elsewhere.
func (l *Link) Turn(to int, limit time.Duration) {
	l.w.T.Helper()
	committed, err := l.Edit(func(c *connection.Connection) { l.turn(c, to) })
	if err != nil {
		l.w.T.Fatalf("turn connection %s: %v", l.ID, err)
	}
	l.mu.Lock()
	l.at = to
	l.mu.Unlock()
	l.w.Until("the link to open at "+storeName(to), limit, func() bool {
		s := l.Status()
		return s.State == connection.Opened && s.StartupTime.After(committed.Add(-time.Millisecond))
	})
	l.w.History.Aim(l.ID, storeName(to))
}

// Activate makes the connection active or not.
func (l *Link) Activate(active bool) (committed time.Time, err error) {
	ops := l.w.operations()
	if ops == nil {
		return time.Time{}, errDown
	}
	_, err = ops.SetActive(context.Background(), actor, l.ID, active)
	return time.Now(), err
}

// Delete deletes the connection.
func (l *Link) Delete() error {
	ops := l.w.operations()
	if ops == nil {
		return errDown
	}
	err := ops.Delete(context.Background(), actor, l.ID)
	if err == nil {
		l.gone.Store(true)
	}
	return err
}

// Retry chooses Retry now.
func (l *Link) Retry() error {
	ops := l.w.operations()
	if ops == nil {
		return errDown
	}
	_, err := ops.Retry(context.Background(), actor, l.ID)
	return err
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
