package link

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"boardlink/connection"
	"boardlink/queue"
	"boardlink/thingsboard"
)

// refuse makes new sessions answer telemetry of a device with an error; "" is every device.
func (b *bench) refuse(device string, err func() error) {
	b.board.set(func(f *fakeBoard) {
		f.session = func(s *fakeSession) {
			s.publish = func(_ context.Context, p published) error {
				if p.kind == "telemetry" && (device == "" || p.device == device) {
					return err()
				}
				return nil
			}
		}
	})
}

func refusing(code connection.ReasonCode, kind thingsboard.Kind) func() error {
	return func() error { return &thingsboard.Error{Code: code, Kind: kind, Message: "Refused."} }
}

func TestForwarding_parks_what_is_refused_three_times_and_goes_on(t *testing.T) {
	for _, c := range []struct {
		code connection.ReasonCode
		kind thingsboard.Kind
	}{{connection.ReasonBadPayload, thingsboard.Poison}, {connection.ReasonRefused, thingsboard.Device}} {
		t.Run(string(c.code), func(t *testing.T) {
			in(t, func(b *bench) {
				left := 3
				b.refuse(deviceA, func() error {
					if left--; left < 0 {
						return nil
					}
					return refusing(c.code, c.kind)()
				})
				b.start()
				b.queue.put(deviceA)
				b.queue.put(deviceA)
				b.queue.put(deviceB)
				b.pass(time.Second)
				if len(b.queue.acked) != 1 {
					t.Error("another device had to wait")
				}
				b.want(connection.Opened, connection.ReasonDegraded)
				b.pass(29 * time.Second)
				if len(b.queue.parked) != 1 || len(b.queue.acked) != 2 || b.queue.codes[0] != c.code || b.count.parked != 1 {
					t.Errorf("%d parked (%v), %d delivered", len(b.queue.parked), b.queue.codes, len(b.queue.acked))
				}
				if told := b.store.told("1 event was parked. Refused."); len(told) != 1 {
					t.Errorf("events %q", b.store.messages())
				}
				b.pass(2 * time.Minute)
				b.want(connection.Opened, connection.ReasonConnected)
			})
		})
	}
}

func TestForwarding_counts_refusals_that_end_the_session_too(t *testing.T) {
	in(t, func(b *bench) {
		b.board.session = func(s *fakeSession) {
			s.publish = func(_ context.Context, p published) error {
				if p.kind != "telemetry" || p.device != deviceA {
					return nil
				}
				s.end(lost())
				return &thingsboard.Error{Code: connection.ReasonRefused, Kind: thingsboard.Device, SessionEnded: true}
			}
		}
		b.start()
		b.queue.put(deviceA)
		b.queue.put(deviceB)
		b.pass(time.Minute)
		if len(b.queue.parked) != 1 || len(b.queue.acked) != 1 {
			t.Errorf("%d parked, %d delivered", len(b.queue.parked), len(b.queue.acked))
		}
		b.want(connection.Opened, connection.ReasonConnected)
	})
}

func TestForwarding_of_a_device_over_the_limit_waits_five_minutes(t *testing.T) {
	in(t, func(b *bench) {
		full := true
		b.refuse(deviceA, func() error {
			if full {
				return refusing(connection.ReasonDeviceLimit, thingsboard.Device)()
			}
			return nil
		})
		b.start()
		b.queue.put(deviceA)
		for minute := range 30 {
			b.queue.put(deviceB)
			b.pass(time.Minute)
			if s := b.status(); s.ReasonCode != connection.ReasonDeviceLimit {
				t.Fatalf("minute %d: a device waits, and the link says %q", minute, s.Reason)
			}
		}
		if n := len(b.board.last().of("telemetry")) - 30; n < 6 || n > 7 || len(b.queue.acked) != 30 || len(b.queue.parked) != 0 {
			t.Errorf("%d tries in half an hour, %d delivered, %d parked", n, len(b.queue.acked), len(b.queue.parked))
		}
		full = false
		b.pass(11 * time.Minute)
		if len(b.queue.acked) != 31 {
			t.Error("the event was not delivered when there was room")
		}
		if s := b.status(); s.ReasonCode != connection.ReasonConnected {
			t.Errorf("nothing waits, and the link says %q", s.Reason)
		}
	})
}

func TestForwarding_that_is_too_fast_slows_down_and_loses_nothing(t *testing.T) {
	in(t, func(b *bench) {
		// Twenty publishes a second, as a token bucket; over that ThingsBoard refuses one and cuts the connection.
		var mu sync.Mutex
		tokens, filled := 20.0, time.Now()
		b.board.session = func(s *fakeSession) {
			s.publish = func(_ context.Context, p published) error {
				mu.Lock()
				defer mu.Unlock()
				tokens, filled = min(tokens+20*time.Since(filled).Seconds(), 20), time.Now()
				if tokens--; tokens >= 0 {
					return nil
				}
				e := &thingsboard.Error{Code: connection.ReasonThrottled, Kind: thingsboard.Throttled, SessionEnded: true}
				s.end(e)
				return e
			}
		}
		for i := range 2_000 {
			b.queue.put(fmt.Sprintf("70B3D5E75E00%04X", i%64))
		}
		b.start()
		b.pass(10 * time.Minute)
		_, _, before := b.board.count()
		b.pass(10 * time.Minute)
		if _, _, after := b.board.count(); after-before > 10 {
			t.Errorf("%d disconnects in ten minutes", after-before)
		}
		b.pass(20 * time.Minute)
		if len(b.queue.acked) != 2_000 {
			t.Errorf("%d delivered in 40 minutes", len(b.queue.acked))
		}
	})
}

func TestForwarding_sends_what_is_too_large_over_REST(t *testing.T) {
	tooLarge := refusing(connection.ReasonTooLarge, thingsboard.Poison)
	for name, c := range map[string]struct {
		answer            error
		parked, delivered int
	}{
		"and has it stored":                       {nil, 0, 1},
		"or parks it where the account may not":   {refusing(connection.ReasonPermission, thingsboard.Config)(), 1, 0},
		"or parks it where REST refuses it":       {refusing(connection.ReasonBadPayload, thingsboard.Poison)(), 1, 0},
		"or keeps it while REST cannot be asked":  {unreachable(context.Background()), 0, 0},
		"or keeps it while REST asks for a pause": {refusing(connection.ReasonRateLimited, thingsboard.Throttled)(), 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(b *bench) {
				b.refuse("", tooLarge)
				b.board.large = func() error { return c.answer }
				b.start()
				b.queue.put(deviceA)
				b.pass(time.Minute)
				if len(b.queue.parked) != c.parked || len(b.queue.acked) != c.delivered {
					t.Errorf("%d parked, %d delivered", len(b.queue.parked), len(b.queue.acked))
				}
				if _, _, sessions := b.board.count(); sessions != 1 {
					t.Error("the session was given up")
				}
			})
		})
	}
}

func TestForwarding_keeps_events_that_find_no_room_to_be_parked(t *testing.T) {
	in(t, func(b *bench) {
		b.queue.parkErr = queue.ErrParkedFull
		b.refuse(deviceA, refusing(connection.ReasonTooLarge, thingsboard.Poison))
		b.board.large = func() error { return refusing(connection.ReasonTooLarge, thingsboard.Poison)() }
		b.start()
		b.queue.put(deviceA)
		b.pass(time.Minute)
		if b.queue.waiting() != 1 || len(b.store.told("no room for another parked event")) != 1 {
			t.Errorf("%d wait, events %q", b.queue.waiting(), b.store.messages())
		}
	})
}

func TestForwarding_parks_what_it_cannot_read(t *testing.T) {
	in(t, func(b *bench) {
		b.start()
		b.queue.put(deviceA, func(e *queue.Event) { e.Body = []byte(`{"DevEUI_uplink"`) })
		b.pass(time.Second)
		if len(b.queue.parked) != 1 || b.queue.codes[0] != connection.ReasonBadPayload {
			t.Errorf("%d parked", len(b.queue.parked))
		}
	})
}

func TestForwarding_survives_an_event_that_makes_it_panic(t *testing.T) {
	in(t, func(b *bench) {
		b.board.session = func(s *fakeSession) {
			s.publish = func(_ context.Context, p published) error {
				if p.kind == "telemetry" && p.device == deviceA {
					panic("boom")
				}
				return nil
			}
		}
		b.start()
		b.queue.put(deviceA)
		b.pass(time.Minute)
		b.queue.put(deviceB)
		b.pass(10 * time.Minute)
		b.want(connection.Opened, connection.ReasonConnected)
		if len(b.queue.parked) != 1 || b.queue.codes[0] != connection.ReasonInternal || len(b.queue.acked) != 1 {
			t.Errorf("%d parked %v, %d delivered", len(b.queue.parked), b.queue.codes, len(b.queue.acked))
		}
	})
}

func TestRefusals_are_judged(t *testing.T) {
	ended := func(code connection.ReasonCode, kind thingsboard.Kind) error {
		return &thingsboard.Error{Code: code, Kind: kind, SessionEnded: true}
	}
	for name, c := range map[string]struct {
		err      error
		refusals int
		do       action
		ends     bool
		slow     bool
	}{
		"the link is ending":                     {err: errHalted, do: giveBack},
		"the context ended":                      {err: fmt.Errorf("publish: %w", context.Canceled), do: giveBack},
		"something unknown":                      {err: errors.New("?"), do: giveBack, ends: true},
		"the connection was lost":                {err: ended(connection.ReasonConnectionLost, thingsboard.Transient), do: giveBack},
		"no PUBACK, the session still open":      {err: refusing(connection.ReasonNoAck, thingsboard.Transient)(), do: giveBack, ends: true},
		"0x80, and the session ended":            {err: ended(connection.ReasonServerError, thingsboard.Transient), do: giveBack},
		"0x97, and the session ended":            {err: ended(connection.ReasonThrottled, thingsboard.Throttled), do: giveBack, slow: true},
		"0x97, the session open":                 {err: refusing(connection.ReasonDeviceLimit, thingsboard.Device)(), do: retryLater, refusals: 9},
		"0x99 for the first time":                {err: refusing(connection.ReasonBadPayload, thingsboard.Poison)(), do: retryLater},
		"0x99 for the third time":                {err: refusing(connection.ReasonBadPayload, thingsboard.Poison)(), refusals: 2, do: parkIt},
		"0x83, and the session ended":            {err: ended(connection.ReasonRefused, thingsboard.Device), do: retryLater},
		"too large":                              {err: refusing(connection.ReasonTooLarge, thingsboard.Poison)(), do: parkIt},
		"taken over":                             {err: ended(connection.ReasonConflict, thingsboard.Conflict), do: giveBack},
		"not allowed to publish at all":          {err: refusing(connection.ReasonPermission, thingsboard.Config)(), do: giveBack, ends: true},
		"REST is away":                           {err: &restFailure{unreachable(context.Background())}, do: retryLater},
		"REST is away because the link is ended": {err: &restFailure{context.Canceled}, do: giveBack},
	} {
		t.Run(name, func(t *testing.T) {
			v := judge(c.err, func() int { c.refusals++; return c.refusals })
			if v.do != c.do || v.ends != c.ends || v.slow != c.slow {
				t.Errorf("verdict %+v", v)
			}
			if v.do == retryLater && v.after <= 0 || v.do == parkIt && (v.code == "" || v.reason == "") {
				t.Errorf("verdict %+v", v)
			}
		})
	}
}
