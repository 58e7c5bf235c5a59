package link

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"boardlink/connection"
	"boardlink/queue"
	"boardlink/telemetry"
	"boardlink/thingsboard"
)

func (c *fakeClient) LabelDevice(_ context.Context, device, label string) (bool, error) {
	c.b.mu.Lock()
	c.b.labels = append(c.b.labels, device+" "+label)
	f := c.b.label
	c.b.mu.Unlock()
	if f == nil {
		return true, nil
	}
	err := f(device, label)
	return err == nil, err
}

// putNamed queues an uplink of a device that ThingPark calls by a name.
func (b *bench) putNamed(devEUI, name string) {
	b.queue.put(devEUI, func(e *queue.Event) {
		e.Body = fmt.Appendf(nil, `{"DevEUI_uplink":{"DevEUI":%q,"FPort":2,"FCntUp":1,"payload_hex":"01","CustomerData":{"name":%q}}}`, devEUI, name)
	})
}

func (b *bench) wantLabels(want ...string) {
	b.t.Helper()
	b.fence()
	if !slices.Equal(b.board.labels, want) {
		b.t.Errorf("labelled %q, not %q", b.board.labels, want)
	}
}

func TestLabel_is_asked_for_once_for_a_device_and_a_name(t *testing.T) {
	in(t, func(b *bench) {
		b.start()
		for range 5 {
			b.putNamed(deviceA, "Cold room 3")
			b.queue.put(deviceB) // has no name
			b.pass(time.Second)
		}
		b.wantLabels(deviceA + " Cold room 3")
		b.putNamed(deviceA, "Cold room 4")
		b.pass(time.Second)
		b.board.last().end(lost())
		b.pass(3 * time.Second)
		b.putNamed(deviceA, "Cold room 4")
		b.pass(time.Second)
		b.wantLabels(deviceA+" Cold room 3", deviceA+" Cold room 4")
	})
}

func TestLabel_is_set_anew_on_a_device_that_was_deleted(t *testing.T) {
	in(t, func(b *bench) {
		b.start()
		b.putNamed(deviceA, "Cold room 3")
		b.pass(time.Second)
		b.board.last().commands <- thingsboard.Command{ID: 1, Method: "gateway_device_deleted", Params: []byte(`"` + deviceA + `"`)}
		b.pass(time.Second)
		b.putNamed(deviceA, "Cold room 3")
		b.pass(time.Second)
		b.wantLabels(deviceA+" Cold room 3", deviceA+" Cold room 3")
	})
}

func TestLabel_follows_delivery_and_keeps_a_pace_that_telemetry_does_not(t *testing.T) {
	in(t, func(b *bench) {
		b.board.label = func(string, string) error { time.Sleep(5 * time.Second); return nil } // ThingsBoard is slow
		b.start()
		for i := range 40 {
			b.putNamed(fmt.Sprintf("70B3D5E75E00B0%02d", i), "Meter")
		}
		b.pass(time.Second)
		if len(b.queue.acked) != 40 || len(b.board.labels) != 1 {
			t.Errorf("%d delivered and %d labelled", len(b.queue.acked), len(b.board.labels))
		}
		b.pass(20 * time.Second)
		b.board.set(func(f *fakeBoard) { f.label = nil })
		b.pass(6 * time.Second)
		before := len(b.board.labels)
		b.pass(2 * time.Second)
		if n := len(b.board.labels) - before; n < 7 || n > 8 {
			t.Errorf("%d labelled in 2 s", n)
		}
	})
}

func TestLabel_that_could_not_be_set_is_tried_again_only_where_that_may_help(t *testing.T) {
	for name, test := range map[string]struct {
		err   error
		again bool
	}{
		"somebody changed the device": {fmt.Errorf("label a device: %w", thingsboard.ErrChangedMeanwhile), true},
		"ThingsBoard has trouble":     {&thingsboard.Error{Code: connection.ReasonServerError, Kind: thingsboard.Transient}, true},
		"too many requests":           {&thingsboard.Error{Code: connection.ReasonRateLimited, Kind: thingsboard.Throttled}, true},
		"something else":              {errors.New("x"), true},
		"the account may not":         {&thingsboard.Error{Code: connection.ReasonPermission, Kind: thingsboard.Config}, false},
		"the label is refused":        {&thingsboard.Error{Code: connection.ReasonBadPayload, Kind: thingsboard.Poison}, false},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(b *bench) {
				b.board.label = func(string, string) error { return test.err }
				b.start()
				before := len(b.store.messages())
				for range 5 {
					b.putNamed(deviceA, "Cold room 3")
					b.pass(5 * time.Second)
				}
				b.wantLabels(deviceA + " Cold room 3")
				b.pass(time.Minute)
				b.putNamed(deviceA, "Cold room 3")
				b.pass(time.Minute)
				want := []string{deviceA + " Cold room 3"}
				if test.again {
					want = append(want, want[0])
				}
				b.wantLabels(want...)
				if b.status().State != connection.Opened || b.status().ReasonCode != connection.ReasonConnected || len(b.store.messages()) != before {
					t.Errorf("it was told: %+v, %q", b.status(), b.store.messages()[before:])
				}
			})
		})
	}
}

func TestLabel_that_finds_no_place_comes_with_the_next_uplink(t *testing.T) {
	in(t, func(b *bench) {
		l := newLabels(time.Now)
		for i := range labelsWaiting + 1 {
			l.want(messageOf(fmt.Sprint(i)))
		}
		last := fmt.Sprint(labelsWaiting)
		if _, asked := l.asked[last]; asked || len(l.wants) != labelsWaiting {
			t.Errorf("%d wait", len(l.wants))
		}
		<-l.wants
		l.want(messageOf(last))
		if _, asked := l.asked[last]; !asked {
			t.Error("it found no place though there is one")
		}
	})
}

func messageOf(device string) telemetry.Message {
	return telemetry.Message{Device: device, Label: "Meter " + device}
}
