package link

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"boardlink/connection"
	"boardlink/queue"
	"boardlink/thingsboard"
)

// tell has ThingsBoard tell the gateway something.
func (b *bench) tell(method, params string) {
	b.board.last().commands <- thingsboard.Command{Method: method, Params: json.RawMessage(params)}
	b.pass(time.Second)
}

// log lists what the last session published about devices.
func (b *bench) log() (list []string) {
	for _, p := range b.board.last().log {
		if p.kind != "reply" {
			list = append(list, p.kind+" "+p.device)
		}
	}
	return list
}

func TestRenamed_device_is_called_by_its_new_name_from_then_on(t *testing.T) {
	in(t, func(b *bench) {
		b.start()
		send := func() {
			b.queue.put(deviceA)
			b.pass(time.Second)
		}
		send()
		b.tell(methodRenamed, fmt.Sprintf(`{%q:"Pump"}`, deviceA))
		send()
		b.tell(methodRenamed, `{"Pump":"Pump 2"}`)
		b.tell(methodRenamed, `{"A thing":"of somebody else's"}`)
		send()
		want := []string{"connect " + deviceA, "telemetry " + deviceA, "disconnect " + deviceA, "connect Pump", "telemetry Pump",
			"disconnect Pump", "connect Pump 2", "telemetry Pump 2"}
		if got := b.log(); !slices.Equal(got, want) {
			t.Errorf("published %q", got)
		}
		if n := len(b.board.last().of("reply")); n != 3 {
			t.Errorf("%d answers", n)
		}
		if told := b.store.told(fmt.Sprintf("The device %s was renamed in ThingsBoard, from %q to %q.", deviceA, "Pump", "Pump 2")); len(told) != 1 {
			t.Errorf("events %q", b.store.messages())
		}
		b.seen = []connection.Device{{DevEUI: deviceA}}
		b.stop()
		b.start()
		send()
		if got := b.log(); !slices.Equal(got, []string{"connect Pump 2", "telemetry Pump 2"}) {
			t.Errorf("published after a restart %q", got)
		}
		b.tell(methodRenamed, fmt.Sprintf(`{"Pump 2":%q}`, deviceA))
		if b.board.last().end(lost()); len(b.store.names["gateway-1"]) != 0 {
			t.Errorf("kept %v", b.store.names)
		}
		b.pass(3 * time.Second)
		send()
		if got := b.log(); !slices.Equal(got, []string{"connect " + deviceA, "telemetry " + deviceA}) {
			t.Errorf("published under its own name again %q", got)
		}
	})
}

func TestDeleted_device_is_connected_with_its_type_before_it_is_made_anew(t *testing.T) {
	in(t, func(b *bench) {
		b.start()
		b.queue.put(deviceA)
		b.pass(time.Second)
		b.tell(methodRenamed, fmt.Sprintf(`{%q:"Pump"}`, deviceA))
		b.tell(methodDeleted, `"Pump"`)
		b.board.last().commands <- thingsboard.Command{Device: "Pump", ID: 3, Method: methodDownlink, Params: json.RawMessage(`{}`)}
		b.pass(time.Second)
		for _, p := range b.board.last().of("reply") {
			if p.device != "" {
				t.Errorf("a deleted device was answered: %+v", p)
			}
		}
		b.queue.put(deviceA)
		b.pass(time.Second)
		want := []string{"connect " + deviceA, "telemetry " + deviceA, "disconnect " + deviceA, "disconnect Pump", "connect " + deviceA, "telemetry " + deviceA}
		if got := b.log(); !slices.Equal(got, want) || b.board.last().of("connect")[1].data != connection.DefaultDeviceType {
			t.Errorf("published %q", got)
		}
		if len(b.store.names["gateway-1"]) != 0 || len(b.store.told("Its next uplink makes it anew.")) != 1 {
			t.Errorf("kept %v, events %q", b.store.names, b.store.messages())
		}
	})
}

func TestDeleted_device_is_not_made_anew_where_that_is_switched_off(t *testing.T) {
	in(t, func(b *bench) {
		b.store.edit(one, func(c *connection.Connection) { c.Configuration.CreateDevices = false })
		there := true
		b.board.find = func(string) (bool, error) { return there, nil }
		b.start()
		b.queue.put(deviceA)
		b.pass(time.Second)
		b.board.set(func(*fakeBoard) { there = false })
		b.tell(methodDeleted, fmt.Sprintf("%q", deviceA))
		b.queue.put(deviceA)
		b.pass(time.Minute)
		if got := b.board.last().of("telemetry"); len(got) != 1 || len(b.queue.dropped) != 1 || len(b.store.told("Create devices is off")) != 2 {
			t.Errorf("published %v, events %q", got, b.store.messages())
		}
	})
}

// While telemetry is under way under the old name, the old name stays; nothing is published under it once the session
// of that name was closed, because that would make a second device.
func TestRename_waits_for_what_is_under_way(t *testing.T) {
	in(t, func(b *bench) {
		b.board.session = func(s *fakeSession) {
			s.publish = func(ctx context.Context, p published) error {
				if p.kind == "telemetry" {
					return s.takes(ctx, 3*time.Second)
				}
				return nil
			}
		}
		b.start()
		for range 3 {
			b.queue.put(deviceA)
		}
		b.queue.put(deviceB)
		b.pass(time.Second)
		b.tell(methodRenamed, fmt.Sprintf(`{%q:"Pump"}`, deviceA))
		if n := len(b.board.last().of("disconnect")); n != 0 {
			t.Error("the session of the old name was closed under way")
		}
		b.pass(20 * time.Second)
		var got []string
		for _, line := range b.log() {
			if line != "connect "+deviceB && line != "telemetry "+deviceB {
				got = append(got, line)
			}
		}
		want := []string{"connect " + deviceA, "telemetry " + deviceA, "disconnect " + deviceA, "connect Pump", "telemetry Pump", "telemetry Pump"}
		if !slices.Equal(got, want) || len(b.queue.acked) != 4 {
			t.Errorf("published %q, %d delivered", got, len(b.queue.acked))
		}
	})
}

func TestRename_that_cannot_be_written_down_holds_while_the_program_runs(t *testing.T) {
	in(t, func(b *bench) {
		b.start()
		b.store.fail(context.DeadlineExceeded)
		b.tell(methodRenamed, fmt.Sprintf(`{%q:"Pump"}`, deviceA))
		b.queue.put(deviceA, func(*queue.Event) {})
		b.pass(time.Minute)
		b.store.fail(nil)
		if got := b.log(); !slices.Equal(got, []string{"disconnect " + deviceA, "connect Pump", "telemetry Pump"}) {
			t.Errorf("published %q", got)
		}
	})
}

func TestCommand_for_a_new_name_belongs_to_its_device(t *testing.T) {
	in(t, func(b *bench) {
		b.store.edit(one, func(c *connection.Connection) {
			c.Configuration.DownlinkURL, c.Configuration.DownlinkAsID = "https://park.example.com/thingpark/lrc/rest/downlink", "TWA_1.1.AS"
			c.Configuration.DownlinkAsKey = "00112233445566778899aabbccddeeff"
		})
		b.start()
		b.tell(methodRenamed, fmt.Sprintf(`{%q:"Pump"}`, deviceA))
		for i, name := range []string{"Pump", deviceA} { // the old one may still be on its way
			b.board.last().commands <- thingsboard.Command{Device: name, ID: int64(i), Method: methodDownlink,
				Params: json.RawMessage(`{"FPort":1,"payload_hex":"01"}`)}
		}
		b.pass(time.Second)
		if len(b.park.sent) != 2 || b.park.sent[0].DevEUI != deviceA || b.park.sent[1].DevEUI != deviceA {
			t.Errorf("sent %+v", b.park.sent)
		}
		for _, p := range b.board.last().of("reply") {
			if p.device != "" && p.device != "Pump" {
				t.Errorf("answered under the name %q", p.device)
			}
		}
	})
}

func TestNames_change_one_at_a_time(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNames()
		_, done, err := n.use(t.Context(), deviceA)
		if err != nil {
			t.Fatal(err)
		}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := n.change(short, deviceA); err == nil {
			t.Error("changed while in use")
		}
		done()
		end, err := n.change(t.Context(), deviceA)
		if err != nil {
			t.Fatal(err)
		}
		again, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, _, err := n.use(again, deviceA); err == nil {
			t.Error("used while it changes")
		}
		n.rename(deviceA, "Pump")
		end()
		if name, _, err := n.use(t.Context(), deviceA); name != "Pump" || err != nil || n.devEUI("Pump") != deviceA || n.devEUI(deviceA) != deviceA {
			t.Errorf("called %q, %v", name, err)
		}
		// Two devices that swap their names.
		n.rename(deviceB, deviceA)
		if n.devEUI(deviceA) != deviceB || n.devEUI("Pump") != deviceA || n.name(deviceB) != deviceA {
			t.Error("names that were swapped are mixed up")
		}
	})
}

func TestNotices_name_their_devices(t *testing.T) {
	for params, want := range map[string][]notice{
		`"Pump"`:                  {{"Pump", ""}},
		`{"Pump": "Pump 2"}`:      {{"Pump", "Pump 2"}},
		`{"b": "c", "a": "b"}`:    {{"a", "b"}, {"b", "c"}},
		`null`:                    nil,
		`""`:                      nil,
		`{"": "x", "y": ""}`:      nil,
		`{"Pump": {"new": "no"}}`: nil,
		`[1, 2]`:                  nil,
		``:                        nil,
	} {
		if got := noticed(json.RawMessage(params)); !slices.Equal(got, want) {
			t.Errorf("%s names %v, want %v", params, got, want)
		}
	}
}

func FuzzNotices(f *testing.F) {
	f.Add([]byte(`"Pump"`))
	f.Add([]byte(`{"Pump": "Pump 2"}`))
	f.Fuzz(func(t *testing.T, params []byte) {
		if names := noticed(params); len(names) > len(params) {
			t.Errorf("%d names in %d bytes", len(names), len(params))
		}
	})
}
