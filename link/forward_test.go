package link

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"boardlink/connection"
	"boardlink/queue"
)

const (
	deviceA = "70B3D5E75E00A001"
	deviceB = "70B3D5E75E00A002"
)

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
		if took := b.count.took; len(took) != 1 || took[0] < 10*time.Second || took[0] > 11*time.Second {
			t.Errorf("the delivery is said to have taken %v", took)
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
		for range 48 * 6 {
			if b.pass(10 * time.Minute); len(b.queue.acked) == 200 {
				break
			}
		}
		if len(b.queue.acked) != 200 {
			t.Fatalf("%d delivered in two days", len(b.queue.acked))
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
		b.store.edit(one, func(c *connection.Connection) { c.Configuration.UplinkTimeValidity = "1h" })
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
