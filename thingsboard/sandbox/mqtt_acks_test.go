package sandbox_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"boardlink/thingsboard/sandbox"
)

func telemetryOf(device string, ts int) string {
	return fmt.Sprintf(`{%q:[{"ts":%d,"values":{"x":1}}]}`, device, ts)
}

func TestPuback_comes_before_storing_where_storing_takes_time(t *testing.T) {
	sb := start(t)
	sb.Set(func(b *sandbox.Behaviour) { b.StoreDelay = 200 * time.Millisecond })
	c := connect(t, sb, gateway(t, sb))
	begin := time.Now()
	for ts := 1; ts <= 5; ts++ {
		c.publish("v1/gateway/telemetry", telemetryOf("A", ts))
	}
	if n := len(sb.Telemetry("A")); n != 0 && time.Since(begin) < 200*time.Millisecond {
		t.Errorf("%d points stored by the PUBACK", n)
	}
	await(t, sb, func() bool { return len(sb.Telemetry("A")) == 5 })
	if !slices.IsSortedFunc(sb.Telemetry("A"), func(a, b sandbox.Point) int { return int(a.TS - b.TS) }) {
		t.Errorf("stored out of order: %v", sb.Telemetry("A"))
	}
}

func TestPuback_can_be_a_lie(t *testing.T) {
	sb := start(t)
	sb.Set(func(b *sandbox.Behaviour) { b.LoseAcked = true })
	c := connect(t, sb, gateway(t, sb))
	if code := c.publish("v1/gateway/telemetry", one); code != 0 || len(sb.Telemetry("A")) != 0 {
		t.Errorf("code %#x, %d points", code, len(sb.Telemetry("A")))
	}
	sb.Calm()
	sb.Set(func(b *sandbox.Behaviour) { b.StoreDelay = time.Hour })
	c.publish("v1/gateway/telemetry", one)
	sb.Pause() // what was in the queue of a crashed server is gone
	if err := sb.Resume(); err != nil {
		t.Fatal(err)
	}
	if n := len(sb.Telemetry("A")); n != 0 {
		t.Errorf("%d points", n)
	}
}

func TestPuback_can_be_late_withheld_or_out_of_order(t *testing.T) {
	t.Parallel()
	sb := start(t)
	access := gateway(t, sb)
	w := newWire(t, sb, 5).open(access)

	sb.Set(func(b *sandbox.Behaviour) { b.PubackDelay = 100 * time.Millisecond })
	begin := time.Now()
	w.publish("v1/gateway/telemetry", telemetryOf("A", 1), 1, 1)
	w.expect(packets.Puback)
	if took := time.Since(begin); took < 100*time.Millisecond {
		t.Errorf("PUBACK after %s", took)
	}

	sb.Calm()
	sb.Set(func(b *sandbox.Behaviour) { b.PubackWithhold = true })
	w.publish("v1/gateway/telemetry", telemetryOf("A", 2), 1, 2)
	if got := w.end(); got != "silence" || len(sb.Telemetry("A")) != 2 {
		t.Errorf("withheld: %s, %d points", got, len(sb.Telemetry("A")))
	}

	sb.Calm()
	sb.Set(func(b *sandbox.Behaviour) { b.PubackReorder = 3 })
	for id := range uint16(4) {
		w.publish("v1/gateway/telemetry", telemetryOf("A", 10+int(id)), 1, 10+id)
	}
	var order []uint16
	for range 4 {
		order = append(order, w.expect(packets.Puback).PacketID)
	}
	if !slices.Equal(order, []uint16{12, 11, 10, 13}) {
		t.Errorf("order %v", order)
	}
}

func TestJudge_decides_on_each_publish(t *testing.T) {
	sb := start(t)
	access := gateway(t, sb)
	for name, c := range map[string]struct {
		verdict sandbox.Verdict
		want    string
		stored  int
	}{
		"nothing special":          {sandbox.Verdict{}, "Puback, silence", 1},
		"device limit":             {sandbox.Verdict{Code: 0x97}, "Puback 0x97, silence", 0},
		"rate limit":               {sandbox.Verdict{Code: 0x97, Close: true}, "Puback 0x97, close", 0},
		"unspecified":              {sandbox.Verdict{Code: 0x80}, "Puback 0x80, silence", 0},
		"payload":                  {sandbox.Verdict{Code: 0x99}, "Puback 0x99, silence", 0},
		"protocol":                 {sandbox.Verdict{Code: 0x83, Disconnect: 0x83}, "Puback 0x83, Disconnect 0x83, close", 0},
		"stored, PUBACK lost":      {sandbox.Verdict{Withhold: true, Close: true}, "close", 1},
		"neither stored nor acked": {sandbox.Verdict{Withhold: true, Lose: true}, "silence", 0},
		"acked and lost":           {sandbox.Verdict{Lose: true}, "Puback, silence", 0},
	} {
		t.Run(name, func(t *testing.T) {
			device := "for " + name
			var judged sandbox.Publish
			sb.Set(func(b *sandbox.Behaviour) {
				b.Judge = func(p sandbox.Publish) sandbox.Verdict { judged = p; return c.verdict }
			})
			w := newWire(t, sb, 5).open(access)
			w.publish("v1/gateway/telemetry", telemetryOf(device, 1), 1, 9)
			if got := w.end(); got != c.want || len(sb.Telemetry(device)) != c.stored {
				t.Errorf("got %s and %d points, want %s and %d", got, len(sb.Telemetry(device)), c.want, c.stored)
			}
			if judged.Device != "gateway" || judged.PacketID != 9 || judged.Topic != "v1/gateway/telemetry" {
				t.Errorf("judged %+v", judged)
			}
		})
	}
}

func TestPublishes_and_connects_are_logged_within_bounds(t *testing.T) {
	sb := start(t, func(o *sandbox.Options) { o.LogSize = 3 })
	c := connect(t, sb, gateway(t, sb))
	for ts := 1; ts <= 5; ts++ {
		c.publish("v1/gateway/telemetry", telemetryOf("A", ts))
	}
	log := sb.Publishes()
	if len(log) != 3 || string(log[0].Payload) != telemetryOf("A", 3) || string(log[2].Payload) != telemetryOf("A", 5) {
		t.Errorf("log %v", log)
	}
	if log := sb.Connects(); len(log) != 1 || log[0].Device != "gateway" || log[0].ClientID != "test" || log[0].Version != 5 {
		t.Errorf("connects %+v", log)
	}
}
