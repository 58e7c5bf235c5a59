package link

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"boardlink/connection"
	"boardlink/queue"
	"boardlink/thingsboard"
)

const (
	deviceA = "70B3D5E75E00A001"
	deviceB = "70B3D5E75E00A002"
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

func TestForwarding_connects_a_device_with_its_type_before_its_first_telemetry(t *testing.T) {
	in(t, func(b *bench) {
		b.start()
		for range 3 {
			b.queue.put(deviceA)
			b.queue.put(deviceB)
		}
		b.pass(time.Second)
		s := b.board.last()
		for _, device := range []string{deviceA, deviceB} {
			var kinds []string
			for _, p := range s.log {
				if p.device == device {
					kinds = append(kinds, p.kind)
				}
			}
			if want := []string{"connect", "telemetry", "telemetry", "telemetry"}; !slices.Equal(kinds, want) {
				t.Errorf("published %v", kinds)
			}
		}
		if got := s.of("connect")[0].data; got != connection.DefaultDeviceType {
			t.Errorf("device type %v", got)
		}
		if len(b.queue.acked) != 6 || b.count.delivered != 6 || b.status().LastDeliveredAt.IsZero() {
			t.Errorf("%d acknowledged, %d counted", len(b.queue.acked), b.count.delivered)
		}
	})
}

func TestForwarding_acknowledges_nothing_before_ThingsBoard_did(t *testing.T) {
	in(t, func(b *bench) {
		b.board.session = func(s *fakeSession) {
			s.publish = func(ctx context.Context, _ published) error { return sleep(ctx, 5*time.Second) }
		}
		b.start()
		b.queue.put(deviceA)
		b.pass(9 * time.Second) // connect and half of the telemetry
		if len(b.queue.acked) != 0 {
			t.Error("acknowledged too early")
		}
		b.pass(2 * time.Second)
		if len(b.queue.acked) != 1 {
			t.Error("not acknowledged")
		}
	})
}

func TestForwarding_holds_no_more_than_the_servers_limit(t *testing.T) {
	in(t, func(b *bench) {
		b.board.session = func(s *fakeSession) {
			s.limit = 3
			s.publish = func(ctx context.Context, _ published) error { <-ctx.Done(); return ctx.Err() }
		}
		b.start()
		for i := range 20 {
			b.queue.put(fmt.Sprintf("70B3D5E75E00A0%02X", i))
		}
		b.pass(time.Second)
		if n := len(b.board.last().of("connect")); n != 3 {
			t.Errorf("%d publishes under way", n)
		}
	})
}

func TestForwarding_brings_everything_over_a_loss_in_order(t *testing.T) {
	in(t, func(b *bench) {
		var n atomic.Int64
		b.board.session = func(s *fakeSession) {
			s.publish = func(ctx context.Context, p published) error {
				if n.Add(1)%17 == 0 {
					s.end(lost())
					return lost()
				}
				return sleep(ctx, 10*time.Millisecond)
			}
		}
		b.start()
		for i := range 200 {
			b.queue.put([]string{deviceA, deviceB}[i%2])
		}
		b.pass(48 * time.Hour)
		if len(b.queue.acked) != 200 {
			t.Fatalf("%d delivered", len(b.queue.acked))
		}
		for _, device := range []string{deviceA, deviceB} {
			last := int64(0)
			for _, e := range b.queue.acked {
				if e.DevEUI == device && e.ID < last {
					t.Fatal("out of order")
				} else if e.DevEUI == device {
					last = e.ID
				}
			}
		}
	})
}

func TestForwarding_drops_what_is_too_old_and_tells_once(t *testing.T) {
	in(t, func(b *bench) {
		b.store.edit(one, func(c *connection.Connection) { c.Configuration.UplinkTimeValidity = connection.Duration(time.Hour) })
		old := func(e *queue.Event) { e.Time = e.Time.Add(-2 * time.Hour) }
		for range 5 {
			b.queue.put(deviceA, old)
		}
		b.queue.put(deviceB, func(e *queue.Event) { e.Time, e.ReceivedAt = time.Time{}, e.ReceivedAt.Add(-2*time.Hour) })
		b.queue.put(deviceB)
		b.start()
		b.pass(20 * time.Second)
		if len(b.queue.dropped) != 6 || len(b.queue.acked) != 1 || b.count.expired != 6 {
			t.Errorf("%d dropped, %d delivered, %d counted", len(b.queue.dropped), len(b.queue.acked), b.count.expired)
		}
		told := b.store.told("older than the validity of 1h")
		if len(told) != 1 || !strings.HasPrefix(told[0], "6 uplinks were") {
			t.Errorf("events %q", told)
		}
	})
}

func TestForwarding_skips_unknown_devices_where_it_may_not_create_them(t *testing.T) {
	in(t, func(b *bench) {
		b.store.edit(one, func(c *connection.Connection) { c.Configuration.CreateDevices = false })
		asked := 0
		known := false
		b.board.find = func(device string) (bool, error) {
			asked++
			return device == deviceB || known, nil
		}
		b.start()
		for range 10 {
			b.queue.put(deviceA)
			b.queue.put(deviceB)
			b.pass(time.Second)
		}
		s := b.board.last()
		for _, p := range s.log {
			if p.device == deviceA {
				t.Errorf("an unknown device was named: %+v", p)
			}
		}
		if len(b.queue.dropped) != 10 || len(b.queue.acked) != 10 || asked != 2 || b.count.expired != 10 {
			t.Errorf("%d dropped, %d delivered, asked %d times", len(b.queue.dropped), len(b.queue.acked), asked)
		}
		b.pass(time.Hour)
		told := b.store.told("ThingsBoard has no device " + deviceA)
		if len(told) != 2 || !strings.Contains(told[0], "1 event was skipped") || !strings.Contains(told[1], "9 events were skipped") {
			t.Errorf("events %q", told)
		}
		known = true
		b.queue.put(deviceA)
		b.pass(time.Second)
		if len(b.queue.acked) != 11 {
			t.Error("a device made in the meantime is not noticed")
		}
	})
}

func TestForwarding_waits_where_ThingsBoard_cannot_be_asked_for_a_device(t *testing.T) {
	in(t, func(b *bench) {
		b.store.edit(one, func(c *connection.Connection) { c.Configuration.CreateDevices = false })
		b.board.find = func(string) (bool, error) { return false, unreachable(context.Background()) }
		b.start()
		b.queue.put(deviceA)
		b.pass(5 * time.Minute)
		b.want(connection.Opened, connection.ReasonDegraded)
		if len(b.queue.dropped) != 0 || b.queue.waiting() != 1 {
			t.Error("the event did not wait")
		}
		b.board.set(func(f *fakeBoard) { f.find = nil })
		b.pass(2 * time.Minute)
		b.want(connection.Opened, connection.ReasonConnected)
		if len(b.queue.acked) != 1 {
			t.Error("the event was not delivered")
		}
	})
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
		for range 30 {
			b.queue.put(deviceB)
			b.pass(time.Minute)
		}
		if n := len(b.board.last().of("telemetry")) - 30; n < 6 || n > 7 || len(b.queue.acked) != 30 || len(b.queue.parked) != 0 {
			t.Errorf("%d tries in half an hour, %d delivered, %d parked", n, len(b.queue.acked), len(b.queue.parked))
		}
		full = false
		b.pass(6 * time.Minute)
		if len(b.queue.acked) != 31 {
			t.Error("the event was not delivered when there was room")
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

func TestForwarding_sends_what_is_about_no_device_as_the_gateways_own(t *testing.T) {
	in(t, func(b *bench) {
		b.start()
		b.queue.put("", func(e *queue.Event) { e.Kind, e.Body = "BS_alarm", []byte(`{"BS_alarm":{"state":2}}`) })
		b.pass(time.Second)
		if len(b.board.last().of("own")) != 1 || len(b.queue.acked) != 1 {
			t.Errorf("published %v", b.board.last().log)
		}
	})
}

func TestForwarding_drops_what_the_settings_filter(t *testing.T) {
	in(t, func(b *bench) {
		b.store.edit(one, func(c *connection.Connection) { c.Configuration.SendMetadata = true })
		b.start()
		b.queue.put(deviceA, func(e *queue.Event) {
			e.Body = fmt.Appendf(nil, `{"DevEUI_downlink_Sent":{"DevEUI":%q}}`, deviceA)
		})
		b.pass(time.Second)
		if len(b.queue.dropped) != 1 || len(b.board.last().log) != 0 || b.count.expired != 0 {
			t.Errorf("published %v", b.board.last().log)
		}
	})
}

func TestForwarding_sends_attributes_only_when_they_changed(t *testing.T) {
	in(t, func(b *bench) {
		b.store.edit(one, func(c *connection.Connection) { c.Configuration.TelemetryFormat = connection.FormatMeasurements })
		named := func(name string) func(*queue.Event) {
			return func(e *queue.Event) {
				e.Body = fmt.Appendf(nil, `{"DevEUI_uplink":{"DevEUI":%q,"FPort":1,"CustomerData":{"name":%q}}}`, deviceA, name)
			}
		}
		b.start()
		for _, name := range []string{"Pump", "Pump", "Pump", "Pump 2", "Pump 2"} {
			b.queue.put(deviceA, named(name))
			b.pass(time.Second)
		}
		b.board.last().end(lost())
		b.pass(3 * time.Second)
		b.queue.put(deviceA, named("Pump 2"))
		b.pass(time.Second)
		n := 0
		for _, s := range b.board.sessions {
			n += len(s.of("attributes"))
		}
		if n != 2 || len(b.queue.acked) != 6 {
			t.Errorf("attributes sent %d times, %d delivered", n, len(b.queue.acked))
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

func TestOpened_link_connects_the_devices_seen_lately(t *testing.T) {
	in(t, func(b *bench) {
		b.seen = []connection.Device{{DevEUI: deviceA}, {DevEUI: deviceB}}
		b.start()
		b.queue.put(deviceB)
		b.pass(time.Second)
		if got := b.board.last().of("connect"); len(got) != 2 {
			t.Errorf("connected %v", got)
		}
		b.board.last().end(lost())
		b.pass(3 * time.Second)
		if got := b.board.last().of("connect"); len(got) != 2 {
			t.Errorf("connected after a reconnect %v", got)
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
