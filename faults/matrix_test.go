package faults_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"boardlink/connection"
	"boardlink/faults"
	"boardlink/faults/history"
	"boardlink/thingsboard/sandbox"
)

// The rows of docs/thingsboard.md: how ThingsBoard answers one event or ends a session, and what must hold. Waits that are
// long are read from the status and from the lanes, not slept through.

const (
	culprit = 0 // the device whose frame badFrame is answered in the row's way
	fresh   = 5 // a device that ThingsBoard does not know when the row begins
	// badFrame is the frame that is answered in the row's way; the one after it shows that the lane goes on.
	badFrame = 1
	// laneFree is how long an event that is refused may hold its device up, as the link plans it.
	laneFree = 30 * time.Second
	// patience is for the machine.
	patience = 90 * time.Second
)

// told is what an operator must have been shown, and for how long the link then waits.
type told struct {
	state  connection.State
	code   connection.ReasonCode
	after  time.Duration // the least wait until the next try, where the state is CLOSED
	before time.Duration // the longest
}

// row is one row of the matrix.
type row struct {
	device  int                             // whose event it is about: culprit or fresh
	options func(*faults.Options)           // of the world
	behave  func(*sandbox.Behaviour)        // from when the row begins
	judge   func(nth int) sandbox.Verdict   // on the nth try to publish the event, from 1
	strike  func(*testing.T, *faults.World) // happens when the row begins
	// alone: nothing else is under way until the operator was told. A server that closes on what it did not read resets the
	// connection, and a reset may take the DISCONNECT with it.
	alone  bool
	told   told                            // zero: all is well all the time
	waits  []time.Duration                 // that the device's lane was given
	parked connection.ReasonCode           // the event is parked for this reason; empty: it arrives
	kept   bool                            // the event waits until the row is over, and arrives then
	again  func(*testing.T, *faults.World) // lets it go on then; nil: Retry now where the wait is long
	least  int                             // sessions that are opened in the row, besides the first
	most   int                             // where they may be more; 0: as many as least
	calm   connection.ReasonCode           // what the open link says in the end; empty: connected
	also   func(*testing.T, *faults.World) // what else must hold in the end
}

// each answers every try in the same way, once only the first.
func each(v sandbox.Verdict) func(int) sandbox.Verdict {
	return func(int) sandbox.Verdict { return v }
}

func once(v sandbox.Verdict) func(int) sandbox.Verdict {
	return func(nth int) sandbox.Verdict {
		if nth == 1 {
			return v
		}
		return sandbox.Verdict{}
	}
}

// soonAfter is the wait of the first quick try after a loss.
func soonAfter(code connection.ReasonCode) told {
	return told{state: connection.Closed, code: code, after: 200 * time.Millisecond, before: 2 * time.Second}
}

// slowly is the wait of a link was too fast.
func slowly() told {
	return told{state: connection.Closed, code: connection.ReasonThrottled, after: 5 * time.Second, before: 7500 * time.Millisecond}
}

func open(code connection.ReasonCode) told { return told{state: connection.Opened, code: code} }

var refusalWaits = []time.Duration{time.Second, 5 * time.Second}

func large(device int, frame int64) int {
	if device == culprit && frame == badFrame {
		return 61 << 10
	}
	return 0
}

var matrix = map[string]row{
	"PUBACK 0x97 and the session stays: no room for another device": {
		device: fresh, behave: func(b *sandbox.Behaviour) { b.DeviceLimit = 1 },
		told: open(connection.ReasonDeviceLimit), waits: []time.Duration{5 * time.Minute}, kept: true,
		again: restart, least: 1, calm: connection.ReasonConnected,
	},
	"PUBACK 0x97, then closed: a rate limit": {
		judge: once(sandbox.Verdict{Code: 0x97, Close: true}), alone: true, told: slowly(), least: 1, calm: connection.ReasonThrottled,
	},
	"PUBACK 0x80 and the session stays: the device cannot be made for a while": {
		device: fresh, behave: func(b *sandbox.Behaviour) { b.CreationFails = true },
		told: open(connection.ReasonDegraded), waits: refusalWaits, kept: true, calm: connection.ReasonDegraded,
	},
	"PUBACK 0x80 to one event and the session stays": {
		judge: each(sandbox.Verdict{Code: 0x80}), told: open(connection.ReasonDegraded), waits: refusalWaits, parked: connection.ReasonRefused,
		calm: connection.ReasonDegraded,
	},
	"PUBACK 0x80, then closed: ThingsBoard's queue failed": {
		judge: once(sandbox.Verdict{Code: 0x80, Close: true}), alone: true, told: soonAfter(connection.ReasonServerError), least: 1,
	},
	"PUBACK 0x80, then closed, to every event": {
		behave: func(b *sandbox.Behaviour) { b.QueueFails = true }, told: soonAfter(connection.ReasonServerError), kept: true, least: 1, most: 9,
	},
	"PUBACK 0x99: content": {
		judge: each(sandbox.Verdict{Code: 0x99}), told: open(connection.ReasonDegraded), waits: refusalWaits, parked: connection.ReasonBadPayload,
		calm: connection.ReasonDegraded,
	},
	"PUBACK 0x99 that passes": {
		judge: once(sandbox.Verdict{Code: 0x99}), told: open(connection.ReasonDegraded), waits: refusalWaits[:1], calm: connection.ReasonDegraded,
	},
	"PUBACK 0x9B and other codes that ThingsBoard does not send": {
		judge: once(sandbox.Verdict{Code: 0x9B}), told: open(connection.ReasonDegraded), waits: refusalWaits[:1], calm: connection.ReasonDegraded,
	},
	"PUBACK 0x83, then DISCONNECT 0x83: form": {
		judge: each(sandbox.Verdict{Code: 0x83, Disconnect: 0x83}), told: soonAfter(connection.ReasonConnectionLost), parked: connection.ReasonBadPayload,
		waits: refusalWaits, least: 3, calm: connection.ReasonConnected,
	},
	"PUBACK 0x87: the gateway may not publish": {
		judge: once(sandbox.Verdict{Code: 0x87}), told: soonAfter(connection.ReasonPermission), least: 1,
	},
	"PUBACK 0x90: not ThingsBoard's topics": {
		judge: once(sandbox.Verdict{Code: 0x90}), told: soonAfter(connection.ReasonNotThingsBoard), least: 1,
	},
	"PUBACK 0x91: packet identifier in use": {
		judge: once(sandbox.Verdict{Code: 0x91}), told: soonAfter(connection.ReasonProtocol), least: 1,
	},
	"DISCONNECT 0x8B without PUBACK while a device's session opens": {
		device: fresh, behave: func(b *sandbox.Behaviour) { b.OpeningRefused = true }, alone: true, told: slowly(), kept: true, least: 1, most: 2,
		calm: connection.ReasonThrottled,
	},
	"DISCONNECT 0x8B without PUBACK: ThingsBoard shuts down": {
		judge: once(sandbox.Verdict{Withhold: true, Lose: true, Disconnect: 0x8B}), told: soonAfter(connection.ReasonConnectionLost), least: 1,
	},
	"DISCONNECT 0x83 on its own, once": {
		judge: once(sandbox.Verdict{Withhold: true, Lose: true, Disconnect: 0x83}), told: soonAfter(connection.ReasonConnectionLost), least: 1,
	},
	"DISCONNECT 0x83 on its own, each time that one event is sent": {
		judge: each(sandbox.Verdict{Withhold: true, Lose: true, Disconnect: 0x83}), told: soonAfter(connection.ReasonConnectionLost),
		parked: connection.ReasonRefused, least: 6, most: 7,
	},
	"DISCONNECT 0x81: too large a packet": {
		judge: once(sandbox.Verdict{Withhold: true, Lose: true, Disconnect: 0x81}), alone: true, told: soonAfter(connection.ReasonProtocol), least: 1,
	},
	"DISCONNECT 0x96: message rate too high": {
		judge: once(sandbox.Verdict{Withhold: true, Lose: true, Disconnect: 0x96}), alone: true, told: slowly(), least: 1, calm: connection.ReasonThrottled,
	},
	"DISCONNECT 0x98: credentials changed": {
		strike: func(t *testing.T, w *faults.World) {
			if _, err := w.TB().RotateToken(gateways(w.TB())[0]); err != nil {
				t.Error(err)
			}
		},
		alone: true,
		told:  told{connection.Closed, connection.ReasonMQTTRefused, 15 * time.Second, 16 * time.Second}, kept: true, least: 1,
	},
	"closed without a word, once": {
		judge: once(sandbox.Verdict{Withhold: true, Lose: true, Close: true}), told: soonAfter(connection.ReasonConnectionLost), least: 1,
	},
	"closed without a word, each time that one event is sent": {
		judge: each(sandbox.Verdict{Withhold: true, Lose: true, Close: true}), told: soonAfter(connection.ReasonConnectionLost),
		parked: connection.ReasonRefused, least: 6, most: 7,
	},
	"stored, and closed before the PUBACK": {
		judge: once(sandbox.Verdict{Withhold: true, Close: true}), told: soonAfter(connection.ReasonConnectionLost), least: 1,
	},
	"PUBACK late": {
		behave: func(b *sandbox.Behaviour) { b.PubackDelay = 300 * time.Millisecond },
	},
	"PUBACKs out of order": {
		behave: func(b *sandbox.Behaviour) { b.PubackReorder = 4 },
	},
	"PUBACK before the event is stored": {
		behave: func(b *sandbox.Behaviour) { b.StoreDelay = 200 * time.Millisecond },
	},
	"over 60 KiB: REST stores it": {
		options: func(o *faults.Options) { o.PadOf = large },
		also: func(t *testing.T, w *faults.World) {
			if n := calls(w.TB(), "POST", "/api/plugins/telemetry/DEVICE/", 200); n != 1 {
				t.Errorf("%d events went over REST", n)
			}
			for _, p := range w.TB().Publishes() {
				if len(p.Payload) > 60<<10 {
					t.Errorf("%d bytes went over MQTT", len(p.Payload))
				}
			}
		},
	},
	"over 60 KiB, and the account may not write over REST": {
		options: func(o *faults.Options) { o.PadOf = large },
		behave:  func(b *sandbox.Behaviour) { b.TelemetryDenied = true },
		told:    open(connection.ReasonDegraded), parked: connection.ReasonTooLarge, calm: connection.ReasonDegraded,
	},
	"over 60 KiB, and REST is away": {
		options: func(o *faults.Options) { o.PadOf = large },
		behave:  func(b *sandbox.Behaviour) { b.RESTStatus = 503 },
		told:    open(connection.ReasonDegraded), waits: []time.Duration{30 * time.Second}, kept: true, again: restart, least: 1,
	},
}

func restart(t *testing.T, w *faults.World) {
	t.Helper()
	if err := w.Links[0].Restart(); err != nil {
		t.Error(err)
	}
}

func TestMatrix_of_what_ThingsBoard_answers(t *testing.T) {
	t.Parallel()
	for name, r := range matrix {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r.play(t)
		})
	}
}

// play runs one row.
func (r row) play(t *testing.T) {
	opt := faults.Options{Devices: 6, Look: 20 * time.Millisecond, Sandbox: sandbox.Options{LogSize: 10_000, DeviceLimitMemory: 100 * time.Millisecond}}
	if r.options != nil {
		r.options(&opt)
	}
	w := faults.New(t, opt)
	tb, l := w.TB(), w.Links[0]
	w.Start()
	l.Reaches(connection.Opened, patience)
	for d := range fresh {
		l.Put(d)
	}
	w.Until("the devices to be known", patience, func() bool { return w.Arrived() == fresh })
	if r.device == fresh {
		l.Put(culprit) // so that each device has had as many
	}
	before, shownBefore := len(tb.Connects()), len(l.Shown())

	var tries atomic.Int64
	bad := int64(badFrame)
	if r.device == fresh {
		bad = 0
	}
	tb.Set(func(b *sandbox.Behaviour) {
		if r.behave != nil {
			r.behave(b)
		}
		if r.judge != nil {
			b.Judge = func(p sandbox.Publish) sandbox.Verdict {
				if !holds(p, l.Devices[r.device], bad) {
					return sandbox.Verdict{}
				}
				return r.judge(int(tries.Add(1)))
			}
		}
	})
	if r.strike != nil {
		r.strike(t, w)
	}
	begun := time.Now()
	if r.alone {
		if r.strike == nil {
			l.Put(r.device)
		}
		r.wantTold(t, w, shownBefore)
	}
	for range 3 {
		for d := range fresh {
			if d != r.device {
				l.Put(d)
			}
		}
		l.Put(r.device)
	}

	if r.told != (told{}) && !r.alone {
		r.wantTold(t, w, shownBefore)
	}
	switch {
	case r.parked != "":
		r.wantParked(t, w, bad, begun)
	case r.kept:
		if len(r.waits) > 0 && r.waits[0] >= laneFree {
			w.Until("the others to go on", patience, func() bool { return r.othersArrived(w) })
		}
		if parked := w.Parked(l.ID); len(parked) != 0 {
			t.Errorf("parked %+v", parked)
		}
		if frames := arrivals(tb, l.Devices[r.device]); slices.Contains(frames, bad) {
			t.Errorf("it arrived: %v", frames)
		}
	default:
		w.Settle(patience)
	}
	tb.Calm()
	if r.kept && r.again != nil {
		time.Sleep(opt.Sandbox.DeviceLimitMemory) // the server forgets
		r.again(t, w)
	}
	v := w.Finish(patience)
	l.Reaches(connection.Opened, patience)
	r.wantEnd(t, w, v, before)
}

// wantTold waits until the operator was told, and looks at the next try.
func (r row) wantTold(t *testing.T, w *faults.World, from int) {
	t.Helper()
	var s connection.Status
	w.Until(fmt.Sprintf("%s by %s", r.told.state, r.told.code), patience, func() bool {
		all := append(w.Links[0].Shown()[from:], w.Links[0].Status())
		i := slices.IndexFunc(all, func(s connection.Status) bool { return s.State == r.told.state && s.ReasonCode == r.told.code })
		if i >= 0 {
			s = all[i]
		}
		return i >= 0
	})
	if s.Reason == "" || s.Hint == "" {
		t.Errorf("the page says too little: %+v", s)
	}
	if r.told.state != connection.Closed {
		return
	}
	wantWait(t, s, r.told.after, r.told.before)
}

// wantWait looks at how long after a loss the next try comes. The state is shown a moment after that was reckoned.
func wantWait(t *testing.T, s connection.Status, least, most time.Duration) {
	t.Helper()
	if wait := s.NextAttemptAt.Sub(s.Since); wait < least-min(least/2, time.Second) || wait > most {
		t.Errorf("the next try comes after %v, want %v to %v", wait, least, most)
	}
}

// wantParked waits until the event is parked and its lane goes on, and looks whether it held anybody else up.
func (r row) wantParked(t *testing.T, w *faults.World, bad int64, begun time.Time) {
	t.Helper()
	tb, l := w.TB(), w.Links[0]
	device := l.Devices[r.device]
	w.Until("the others to go on", patience, func() bool { return r.othersArrived(w) })
	w.Until("it to be parked", patience, func() bool { return len(w.Parked(l.ID)) > 0 })
	w.Until("its lane to go on", patience, func() bool { return slices.Contains(arrivals(tb, device), bad+2) })
	planned := time.Duration(0)
	for _, wait := range l.Waits(r.device) {
		planned += wait.After
	}
	for _, s := range l.Shown() {
		if s.State == connection.Closed && s.ReasonCode == r.told.code {
			planned += s.NextAttemptAt.Sub(s.Since)
		}
	}
	if planned > laneFree {
		t.Errorf("the lane was held up for %v", planned)
	}
	t.Logf("the lane went on after %v, of which %v were waits", time.Since(begun).Round(10*time.Millisecond), planned.Round(10*time.Millisecond))
	for _, p := range w.Parked(l.ID) {
		if p.DevEUI != device || p.Code != r.parked || p.Reason == "" || p.FCntUp != bad {
			t.Errorf("parked %s frame %d: %s: %s", p.DevEUI, p.FCntUp, p.Code, p.Reason)
		}
	}
	if len(w.Parked(l.ID)) != 1 {
		t.Errorf("%d are parked", len(w.Parked(l.ID)))
	}
}

// othersArrived reports whether all that was posted of other devices is in ThingsBoard.
func (r row) othersArrived(w *faults.World) bool {
	l := w.Links[0]
	for d := range l.Devices {
		if d != r.device && int64(len(arrivals(w.TB(), l.Devices[d]))) < l.Frames(d) {
			return false
		}
	}
	return true
}

// wantEnd looks at what the row left behind.
func (r row) wantEnd(t *testing.T, w *faults.World, v history.Verdict, before int) {
	t.Helper()
	tb, l := w.TB(), w.Links[0]
	if v.Figures.Repeats > 0 && r.least == 0 { // where a session was lost, the history counts them
		t.Errorf("%d repeats", v.Figures.Repeats)
	}
	most := max(r.least, r.most)
	if n := len(tb.Connects()) - before; n < r.least || n > most {
		t.Errorf("%d more sessions, want %d to %d", n, r.least, most)
	}
	// Each try signs in once, and nothing else does.
	if n := tb.LoginAttempts(faults.Account); n != len(tb.Connects()) {
		t.Errorf("%d sign-ins for %d sessions", n, len(tb.Connects()))
	}
	var waits []time.Duration
	for _, wait := range l.Waits(r.device) {
		waits = append(waits, wait.After)
	}
	if len(waits) > len(r.waits) || len(r.waits) > 0 && !slices.Equal(waits, r.waits[:max(len(waits), 1)]) {
		t.Errorf("its lane waited %v, want %v", waits, r.waits)
	}
	calm := r.calm
	if calm == "" {
		calm = connection.ReasonConnected
	}
	if s := l.Status(); s.State != connection.Opened || s.ReasonCode != calm {
		t.Errorf("in the end the link is %s (%s), want %s", s.State, s.ReasonCode, calm)
	}
	for d := range l.Devices {
		if d != r.device && len(l.Waits(d)) > 0 {
			t.Errorf("another device's lane was held up: %v", l.Waits(d))
		}
	}
	if r.also != nil {
		r.also(t, w)
	}
}

// holds reports whether a publish carries a frame of a device.
func holds(p sandbox.Publish, device string, frame int64) bool {
	for _, got := range framesOf(p)[device] {
		if got == frame {
			return true
		}
	}
	return false
}

// framesOf reads which frames of which devices a telemetry publish carries; nil for any other publish.
func framesOf(p sandbox.Publish) map[string][]int64 {
	if p.Topic != "v1/gateway/telemetry" {
		return nil
	}
	var body map[string][]struct {
		Values map[string]json.RawMessage
	}
	if json.Unmarshal(p.Payload, &body) != nil {
		return nil
	}
	frames := map[string][]int64{}
	for device, entries := range body {
		for _, e := range entries {
			if frame, ok := history.FrameOf(e.Values); ok {
				frames[device] = append(frames[device], frame)
			}
		}
	}
	return frames
}

// arrivals are the frames of a device that are in ThingsBoard, in their order.
func arrivals(tb *sandbox.Sandbox, device string) (frames []int64) {
	for _, p := range tb.Telemetry(device) {
		if frame, ok := history.FrameOf(p.Values); ok && p.Times == 1 {
			frames = append(frames, frame)
		}
	}
	return frames
}
