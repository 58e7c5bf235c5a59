package link_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"boardlink/connection"
	"boardlink/db"
	"boardlink/thingsboard/sandbox"
)

// devices lists the names of ThingsBoard's devices but the gateway.
func (w *world) devices() (names []string) {
	for _, d := range w.tb.Devices() {
		if !d.Gateway {
			names = append(names, d.Name)
		}
	}
	slices.Sort(names)
	return names
}

// told reports whether an event of the log holds a text.
func (w *world) told(part string) bool {
	events, err := w.db.Events(context.Background(), db.EventFilter{})
	if err != nil {
		w.t.Fatal(err)
	}
	return slices.ContainsFunc(events, func(e connection.Event) bool { return strings.Contains(e.Message, part) })
}

func (w *world) frames(name string) int { return len(w.tb.Telemetry(name)) }

func TestRename_in_ThingsBoard_is_followed_while_uplinks_come(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *connection.Connection) {
		c.Configuration.DownlinkURL = "https://park.example.com/thingpark/lrc/rest/downlink"
		c.Configuration.DownlinkAsID, c.Configuration.DownlinkAsKey = "TWA_1.1.AS", "00112233445566778899aabbccddeeff"
	})
	w.tb.Set(func(b *sandbox.Behaviour) { b.PubackDelay = 5 * time.Millisecond }) // so that most renames meet one under way
	w.start()
	frame := int64(0)
	feed := func(n int) {
		for range n {
			frame++
			w.put(device(1), frame, map[string]any{"t": frame})
		}
	}
	feed(5)
	name := device(1)
	w.until("the device", 10*time.Second, func() bool { return w.frames(name) > 0 })
	for _, next := range []string{"Pump", "Pump 2", "Pump", device(1), "Pump 3"} {
		feed(20)
		if err := w.tb.Rename(name, next); err != nil {
			t.Fatal(err)
		}
		name = next
		feed(20)
		w.until("all of it under "+next, 10*time.Second, func() bool { return w.frames(name) == int(frame) })
		w.until("the event about "+next, 5*time.Second, func() bool { return w.told(`to "` + next + `"`) })
	}
	w.tb.CutSessions()
	feed(20)
	w.until("all of it after a reconnect", 20*time.Second, func() bool { return w.frames(name) == int(frame) })
	w.stop()
	feed(20)
	w.start()
	w.until("all of it after a restart", 20*time.Second, func() bool { return w.frames(name) == int(frame) })
	if got := w.devices(); !slices.Equal(got, []string{"Pump 3"}) {
		t.Errorf("devices %q", got)
	}
	w.until("the device's session", 5*time.Second, func() bool { d, _ := w.tb.Device(name); return d.Connected })
	if _, err := w.tb.SendRPC(context.Background(), name, "downlink", map[string]any{"FPort": 3, "payload_hex": "0a0b"}, sandbox.RPCOptions{}); err != nil {
		t.Error(err)
	}
	if sent := w.park.all(); len(sent) != 1 || sent[0].DevEUI != device(1) {
		t.Errorf("sent %+v", sent)
	}
}

func TestRename_while_the_link_is_away_is_followed_when_it_comes_back(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.put(device(1), 1, map[string]any{"t": 1})
	w.until("the device", 10*time.Second, func() bool { return w.frames(device(1)) == 1 })
	w.stop()
	if err := w.tb.Rename(device(1), "Pump"); err != nil {
		t.Fatal(err)
	}
	w.put(device(1), 2, map[string]any{"t": 2})
	w.start()
	w.until("both under the new name", 10*time.Second, func() bool { return w.frames("Pump") == 2 })
	if got := w.devices(); !slices.Equal(got, []string{"Pump"}) {
		t.Errorf("devices %q", got)
	}
}

func TestDeleted_device_comes_back_with_its_type_and_loses_nothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.put(device(1), 1, map[string]any{"t": 1})
	w.until("the device", 10*time.Second, func() bool { return w.frames(device(1)) == 1 })
	if err := w.tb.Rename(device(1), "Pump"); err != nil {
		t.Fatal(err)
	}
	if err := w.tb.Delete("Pump"); err != nil { // its session under the old name would swallow what comes
		t.Fatal(err)
	}
	w.until("the event", 10*time.Second, func() bool { return w.told("was deleted in ThingsBoard") })
	w.put(device(1), 2, map[string]any{"t": 2})
	w.until("the device anew", 10*time.Second, func() bool { return w.frames(device(1)) == 1 })
	if d, _ := w.tb.Device(device(1)); d.Profile != connection.DefaultDeviceType || len(w.devices()) != 1 {
		t.Errorf("profile %q, devices %q", d.Profile, w.devices())
	}
}

func TestDeleted_device_stays_away_where_devices_are_not_made(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *connection.Connection) { c.Configuration.CreateDevices = false })
	if _, err := w.tb.AddDevice(device(1), "LoRaWAN", false); err != nil {
		t.Fatal(err)
	}
	w.start()
	w.put(device(1), 1, map[string]any{"t": 1})
	w.until("the first", 10*time.Second, func() bool { return w.frames(device(1)) == 1 })
	if err := w.tb.Delete(device(1)); err != nil {
		t.Fatal(err)
	}
	w.until("the event", 10*time.Second, func() bool { return w.told("Create devices is off") })
	w.put(device(1), 2, map[string]any{"t": 2})
	w.until("an empty queue", 10*time.Second, func() bool { return w.links.Status(w.conn.ID).Backlog == 0 })
	if len(w.devices()) != 0 {
		t.Errorf("devices %q", w.devices())
	}
	if err := w.tb.Delete(device(1)); !errors.Is(err, sandbox.ErrNoDevice) {
		t.Errorf("got %v", err)
	}
}
