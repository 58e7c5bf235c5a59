package link_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"boardlink/connection"
	"boardlink/thingsboard/sandbox"
)

// row is a way in which ThingsBoard fails, and what the link makes of it. In each, three devices send five uplinks, the
// first of device 0 with the payload "odd".
type row struct {
	behave  func(w *world, b *sandbox.Behaviour)              // from before the uplinks
	judge   func(p sandbox.Publish, odd bool) sandbox.Verdict // likewise
	disturb func(w *world)                                    // while uplinks come
	calm    bool                                              // ThingsBoard gets well once the link showed what it makes of it

	shows    connection.ReasonCode // at some time
	in       connection.State      // the state beside it
	pause    time.Duration         // least time until the next try then
	urge     bool                  // a person restarts the link then, because the pause is long
	waits    bool                  // device 0 waits longer than the test
	parked   connection.ReasonCode // of the odd uplink; empty: it is delivered
	connects [2]int                // least and most MQTT sessions
}

// once gives a verdict on the first odd telemetry only.
func once(v sandbox.Verdict) func(sandbox.Publish, bool) sandbox.Verdict {
	var done atomic.Bool
	return func(_ sandbox.Publish, odd bool) sandbox.Verdict {
		if odd && done.CompareAndSwap(false, true) {
			return v
		}
		return sandbox.Verdict{}
	}
}

func always(v sandbox.Verdict) func(sandbox.Publish, bool) sandbox.Verdict {
	return func(_ sandbox.Publish, odd bool) sandbox.Verdict {
		if odd {
			return v
		}
		return sandbox.Verdict{}
	}
}

var matrix = map[string]row{
	"0x97, the session stays: the device limit": {
		judge: always(sandbox.Verdict{Code: 0x97}), shows: connection.ReasonDeviceLimit, in: connection.Opened, waits: true, connects: [2]int{1, 1}},
	"0x97, then it closes: too fast": {
		judge: once(sandbox.Verdict{Code: 0x97, Close: true}), shows: connection.ReasonThrottled, in: connection.Closed, pause: 4 * time.Second, connects: [2]int{2, 2}},
	"0x80, the session stays: the device cannot be made": {
		judge: always(sandbox.Verdict{Code: 0x80}), shows: connection.ReasonDegraded, in: connection.Opened, parked: connection.ReasonRefused, connects: [2]int{1, 1}},
	"0x80, then it closes: ThingsBoard's queue": {
		judge: once(sandbox.Verdict{Code: 0x80, Close: true}), shows: connection.ReasonServerError, in: connection.Closed, connects: [2]int{2, 2}},
	"0x99: the payload": {
		judge: always(sandbox.Verdict{Code: 0x99}), shows: connection.ReasonDegraded, in: connection.Opened, parked: connection.ReasonBadPayload, connects: [2]int{1, 1}},
	"0x83, then DISCONNECT 0x83: the payload": {
		judge: always(sandbox.Verdict{Code: 0x83, Disconnect: 0x83}), shows: connection.ReasonConnectionLost, in: connection.Closed,
		parked: connection.ReasonBadPayload, connects: [2]int{4, 5}},
	"DISCONNECT 0x83 without a PUBACK": {
		judge: always(sandbox.Verdict{Withhold: true, Lose: true, Disconnect: 0x83}), shows: connection.ReasonConnectionLost, in: connection.Closed,
		parked: connection.ReasonRefused, connects: [2]int{7, 8}},
	"DISCONNECT 0x8B while a device's session opens: too fast": {
		behave: func(_ *world, b *sandbox.Behaviour) { b.OpeningRefused = true }, calm: true,
		shows: connection.ReasonConnectionLost, in: connection.Closed, connects: [2]int{2, 5}},
	"DISCONNECT 0x8E: taken over": {
		disturb: func(w *world) { w.tb.CloseSessions(0x8E) }, shows: connection.ReasonConflict, in: connection.Closed,
		pause: 29 * time.Second, urge: true, connects: [2]int{2, 2}},
	"DISCONNECT 0x98: the gateway device was deleted": {
		disturb: func(w *world) {
			if err := w.tb.Delete("Boardlink 0a1b2c3d " + w.conn.ID.String()); err != nil {
				w.t.Error(err)
			}
		}, shows: connection.ReasonMQTTRefused, in: connection.Closed, connects: [2]int{2, 3}},
	"silence": {
		behave: func(_ *world, b *sandbox.Behaviour) { b.Freeze = true }, calm: true,
		shows: connection.ReasonNoAck, in: connection.Closed, connects: [2]int{2, 3}},
	"a PUBACK that comes late": {
		behave: func(_ *world, b *sandbox.Behaviour) { b.PubackDelay = time.Second }, connects: [2]int{1, 1}},
	"PUBACKs out of order": {
		behave: func(_ *world, b *sandbox.Behaviour) { b.PubackReorder = 3 }, connects: [2]int{1, 1}},
	"a PUBACK that is lost": {
		judge: once(sandbox.Verdict{Withhold: true, Close: true}), shows: connection.ReasonConnectionLost, in: connection.Closed, connects: [2]int{2, 2}},
	"an old server that tells no limits": {
		behave: func(_ *world, b *sandbox.Behaviour) { b.NoSessionLimits, b.NoIoTHub = true, true }, connects: [2]int{1, 1}},
}

func TestFailures_of_ThingsBoard_one_by_one(t *testing.T) {
	for name, r := range matrix {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r.run(t)
		})
	}
}

func (r row) run(t *testing.T) {
	const devices, frames = 3, 5
	w := newWorld(t)
	w.start()
	w.reaches(connection.Opened, 20*time.Second)
	w.tb.Set(func(b *sandbox.Behaviour) {
		if r.behave != nil {
			r.behave(w, b)
		}
		if r.judge != nil {
			b.Judge = func(p sandbox.Publish) sandbox.Verdict {
				return r.judge(p, strings.HasSuffix(p.Topic, "telemetry") && strings.Contains(string(p.Payload), `"odd"`))
			}
		}
	})
	w.put(device(0), 0, map[string]any{"t": "odd"})
	for f := range frames {
		for d := range devices {
			if d > 0 || f > 0 {
				w.put(device(d), int64(f), map[string]any{"t": f})
			}
		}
	}
	if r.disturb != nil {
		w.until("the first arrivals", 10*time.Second, func() bool { return len(w.first(device(1))) > 0 })
		r.disturb(w)
	}
	if r.shows != "" {
		w.until(fmt.Sprintf("%s (%s)", r.in, r.shows), 25*time.Second, func() bool {
			s := w.links.Status(w.conn.ID)
			if s.ReasonCode == r.shows && s.State == r.in && s.State == connection.Closed {
				if left := time.Until(s.NextAttemptAt); left < r.pause || s.Reason == "" || s.Hint == "" {
					t.Errorf("the next try comes in %v: %+v", left, s)
				}
			}
			return s.ReasonCode == r.shows && s.State == r.in
		})
	}
	if r.calm {
		w.tb.Calm()
	}
	if r.urge {
		w.edit(func(c *connection.Connection) { c.RestartRequest++ })
	}

	want := map[int]int{0: frames, 1: frames, 2: frames}
	switch {
	case r.waits:
		want[0] = 0
	case r.parked != "":
		want[0] = frames - 1
	}
	for d := range devices {
		w.until(fmt.Sprintf("%d uplinks of device %d", want[d], d), 40*time.Second, func() bool { return len(w.first(device(d))) >= want[d] })
		if order := w.first(device(d)); len(order) != want[d] || !slices.IsSorted(order) {
			t.Errorf("device %d arrived as %v", d, order)
		}
	}
	if !r.waits {
		w.until("an empty queue", 10*time.Second, func() bool { return w.links.Status(w.conn.ID).Backlog == 0 })
	}
	parked, err := w.queue.Parked(context.Background(), w.conn.ID, 0, 10)
	if err != nil || (len(parked) > 0) != (r.parked != "") || len(parked) > 0 && (parked[0].Code != r.parked || parked[0].FCntUp != 0 || parked[0].Reason == "") {
		t.Errorf("parked %+v, %v", parked, err)
	}
	w.reaches(connection.Opened, 20*time.Second)
	if n := len(w.tb.Connects()); n < r.connects[0] || n > r.connects[1] {
		t.Errorf("%d MQTT sessions, want %v", n, r.connects)
	}
	for _, p := range w.tb.Publishes() { // an old server acknowledges after the first device of a publish
		var of map[string]json.RawMessage
		if p.Topic == "v1/gateway/telemetry" && (json.Unmarshal(p.Payload, &of) != nil || len(of) != 1) {
			t.Errorf("a publish of several devices: %s", p.Payload)
		}
	}
}

func TestRefused_CONNECT_is_told_and_tried_again(t *testing.T) {
	for code, want := range map[byte]struct {
		reason connection.ReasonCode
		pause  time.Duration
	}{
		0x85: {connection.ReasonMQTTRefused, 14 * time.Second},
		0x86: {connection.ReasonMQTTRefused, 14 * time.Second},
		0x87: {connection.ReasonMQTTRefused, 14 * time.Second},
		0x88: {connection.ReasonServerError, 0},
		0x97: {connection.ReasonThrottled, 4 * time.Second},
		0x9F: {connection.ReasonThrottled, 4 * time.Second},
	} {
		t.Run(fmt.Sprintf("0x%02X", code), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.tb.Set(func(b *sandbox.Behaviour) { b.ConnectCode = code })
			w.put(device(1), 1, map[string]any{"t": 1})
			w.start()
			w.until("CLOSED", 10*time.Second, func() bool { return w.links.Status(w.conn.ID).ReasonCode == want.reason })
			if s := w.links.Status(w.conn.ID); s.State != connection.Closed || time.Until(s.NextAttemptAt) < want.pause || s.Backlog != 1 {
				t.Errorf("status %+v", s)
			}
			if n := w.tb.LoginAttempts(account); n > 3 {
				t.Errorf("%d logins", n)
			}
			w.tb.Calm()
			w.edit(func(c *connection.Connection) { c.RestartRequest++ })
			w.until("the uplink", 10*time.Second, func() bool { return len(w.first(device(1))) == 1 })
		})
	}
}

// ThingsBoard numbers what it sends at QoS 1 without bound, and ends the session at the number 0.
func TestCommands_without_number_never_end_a_session(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.put(device(1), 1, map[string]any{"t": 1})
	w.until("the device", 10*time.Second, func() bool { d, ok := w.tb.Device(device(1)); return ok && d.Connected })
	for i := range 3 * packetIDs {
		if _, err := w.tb.SendRPC(context.Background(), device(1), "nonsense", i, sandbox.RPCOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(w.tb.Connects()); n != 1 {
		t.Errorf("%d MQTT sessions", n)
	}
}
