package link_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"boardlink/connection"
	"boardlink/db"
	"boardlink/thingsboard/sandbox"
)

func TestEverything_arrives_in_order_while_ThingsBoard_and_the_program_stop_and_start(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	const devices, frames = 8, 40
	fed := make(chan struct{})
	go func() {
		defer close(fed)
		for f := range frames {
			for d := range devices {
				w.put(device(d), int64(f), map[string]any{"t": f})
			}
			time.Sleep(20 * time.Millisecond)
		}
	}()
	w.until("the first arrivals", 20*time.Second, func() bool { return len(w.first(device(0))) > 3 })
	w.tb.Pause()
	w.until("the loss", 10*time.Second, func() bool { return w.links.Status(w.conn.ID).State != connection.Opened })
	if err := w.tb.Resume(); err != nil {
		t.Fatal(err)
	}
	w.reaches(connection.Opened, 30*time.Second)
	w.stop()
	w.start()
	w.tb.CutSessions()
	<-fed
	for d := range devices {
		w.until("all frames of "+device(d), 40*time.Second, func() bool { return len(w.first(device(d))) == frames })
		if !slices.IsSorted(w.first(device(d))) {
			t.Errorf("%s arrived out of order: %v", device(d), w.first(device(d)))
		}
	}
	w.until("an empty queue", 5*time.Second, func() bool { return w.links.Status(w.conn.ID).Backlog == 0 })
	if d, _ := w.tb.Device(device(0)); d.Profile != connection.DefaultDeviceType {
		t.Errorf("device profile %q", d.Profile)
	}
}

func TestWrong_password_is_told_within_ten_seconds_and_presented_once(t *testing.T) {
	w := newWorld(t, func(c *connection.Connection) { c.Configuration.Password = "wrong" })
	w.start()
	w.reaches(connection.AuthenticationFailed, 10*time.Second)
	s := w.links.Status(w.conn.ID)
	if s.ReasonCode != connection.ReasonAuthRefused || time.Until(s.NextAttemptAt) > time.Minute || time.Until(s.NextAttemptAt) < 30*time.Second {
		t.Errorf("status %+v", s)
	}
	if n := w.tb.LoginAttempts(account); n != 1 {
		t.Errorf("%d logins", n)
	}
	w.stop()
	w.start()
	w.reaches(connection.AuthenticationFailed, time.Second)
	w.edit(func(c *connection.Connection) { c.Configuration.Password = password })
	w.reaches(connection.Opened, 10*time.Second)
	if n := w.tb.LoginAttempts(account); n != 2 {
		t.Errorf("%d logins", n)
	}
	events, err := w.db.Events(context.Background(), db.EventFilter{})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if strings.Contains(e.Message, password) || strings.Contains(e.Message, "wrong") {
			t.Errorf("an event holds the password: %q", e.Message)
		}
	}
}

func TestHung_peer_is_left_within_a_second_of_the_deactivation(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.reaches(connection.Opened, 10*time.Second)
	w.put(device(1), 1, map[string]any{"t": 1})
	w.until("the first arrival", 10*time.Second, func() bool { return len(w.first(device(1))) == 1 })
	w.tb.Set(func(b *sandbox.Behaviour) { b.Freeze = true })
	for d := range 5 {
		w.put(device(d), 2, map[string]any{"t": 2})
	}
	w.until("publishes under way", 5*time.Second, func() bool { return w.links.Status(w.conn.ID).Backlog == 5 })
	committed := w.edit(func(c *connection.Connection) { c.Active = false })
	w.reaches(connection.Deactivated, time.Second)
	if took := time.Since(committed); took > time.Second {
		t.Errorf("took %v", took)
	}
	w.tb.Set(func(b *sandbox.Behaviour) { b.Freeze = false })
	w.edit(func(c *connection.Connection) { c.Active = true })
	w.reaches(connection.Opened, 10*time.Second)
	for d := range 5 {
		w.until("what came back to the queue", 10*time.Second, func() bool {
			order := w.first(device(d))
			return len(order) > 0 && w.links.Status(w.conn.ID).Backlog == 0
		})
	}
}

func TestCommand_reaches_ThingPark_and_is_answered(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *connection.Connection) {
		c.Configuration.DownlinkURL = "https://park.example.com/thingpark/lrc/rest/downlink"
		c.Configuration.DownlinkAsID, c.Configuration.DownlinkAsKey = "TWA_1.1.AS", "00112233445566778899aabbccddeeff"
	})
	w.start()
	w.put(device(1), 1, map[string]any{"t": 1})
	w.until("the device", 10*time.Second, func() bool { d, ok := w.tb.Device(device(1)); return ok && d.Connected })
	said, err := w.tb.SendRPC(context.Background(), device(1), "downlink", map[string]any{"FPort": 3, "payload_hex": "0a0b"}, sandbox.RPCOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var got struct{ Status, CorrelationID string }
	if err := json.Unmarshal(said, &got); err != nil || got.Status != "queued" || len(got.CorrelationID) != 16 {
		t.Errorf("answer %s", said)
	}
	if sent := w.park.all(); len(sent) != 1 || sent[0].DevEUI != device(1) || sent[0].PayloadHex != "0a0b" || sent[0].FPort != 3 {
		t.Errorf("sent %+v", sent)
	}
}

func TestUnknown_devices_are_not_made_where_that_is_switched_off(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *connection.Connection) { c.Configuration.CreateDevices = false })
	if _, err := w.tb.AddDevice(device(1), "LoRaWAN", false); err != nil {
		t.Fatal(err)
	}
	w.start()
	w.put(device(1), 1, map[string]any{"t": 1})
	w.put(device(2), 1, map[string]any{"t": 1})
	w.until("the known device's uplink", 10*time.Second, func() bool { return len(w.first(device(1))) == 1 })
	w.until("an empty queue", 5*time.Second, func() bool { return w.links.Status(w.conn.ID).Backlog == 0 })
	if _, there := w.tb.Device(device(2)); there {
		t.Error("the device was made")
	}
}

func TestLarge_events_go_over_REST(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.put(device(1), 1, map[string]any{"blob": strings.Repeat("x", 70_000)})
	w.until("the event", 15*time.Second, func() bool { return len(w.first(device(1))) == 1 })
	w.until("an empty queue", 5*time.Second, func() bool { return w.links.Status(w.conn.ID).Backlog == 0 })
}

func TestRate_limits_are_kept_without_a_disconnect(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.tb.Set(func(b *sandbox.Behaviour) {
		b.GatewayLimits = sandbox.Limits{Telemetry: sandbox.Limit{{Count: 50, Per: time.Second}}}
	})
	for f := range 20 {
		for d := range 5 {
			w.put(device(d), int64(f), map[string]any{"t": f})
		}
	}
	w.start()
	w.until("all of it", 20*time.Second, func() bool {
		n := 0
		for d := range 5 {
			n += len(w.first(device(d)))
		}
		return n == 100
	})
	if n := len(w.tb.Connects()); n != 1 {
		t.Errorf("%d connects", n)
	}
}

func TestPoison_that_names_no_culprit_is_parked_and_the_rest_goes_on(t *testing.T) {
	for name, verdict := range map[string]sandbox.Verdict{
		"ThingsBoard closes":           {Withhold: true, Lose: true, Close: true},
		"ThingsBoard says 0x83 to all": {Withhold: true, Lose: true, Disconnect: 0x83},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.tb.Set(func(b *sandbox.Behaviour) {
				b.PubackDelay = 20 * time.Millisecond // so that others are under way beside it
				b.Judge = func(p sandbox.Publish) sandbox.Verdict {
					if strings.Contains(string(p.Payload), "poison") {
						return verdict
					}
					return sandbox.Verdict{}
				}
			})
			w.start()
			w.reaches(connection.Opened, 10*time.Second)
			begin := time.Now()
			w.put(device(0), 1, map[string]any{"t": "poison"})
			w.put(device(0), 2, map[string]any{"t": 2})
			for d := range 10 {
				for f := range 5 {
					w.put(device(d+1), int64(f), map[string]any{"t": f})
				}
			}
			w.until("the lane to go on", 30*time.Second, func() bool { return len(w.first(device(0))) == 1 })
			t.Logf("the lane went on after %v and %d connects", time.Since(begin), len(w.tb.Connects()))
			w.until("an empty queue", 10*time.Second, func() bool { return w.links.Status(w.conn.ID).Backlog == 0 })
			parked, err := w.queue.Parked(context.Background(), w.conn.ID, 0, 10)
			if err != nil || len(parked) != 1 || parked[0].FCntUp != 1 || !strings.Contains(parked[0].Reason, "sent alone") {
				t.Errorf("parked %+v, %v", parked, err)
			}
			for d := range 10 {
				if order := w.first(device(d + 1)); len(order) != 5 || !slices.IsSorted(order) {
					t.Errorf("%s arrived as %v", device(d+1), order)
				}
			}
		})
	}
}

func TestPoison_is_parked_and_the_rest_goes_on(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.tb.Set(func(b *sandbox.Behaviour) {
		b.Judge = func(p sandbox.Publish) sandbox.Verdict {
			if strings.Contains(string(p.Payload), "poison") {
				return sandbox.Verdict{Code: 0x99}
			}
			return sandbox.Verdict{}
		}
	})
	w.start()
	w.put(device(1), 1, map[string]any{"t": "poison"})
	w.put(device(1), 2, map[string]any{"t": 2})
	w.put(device(2), 1, map[string]any{"t": 1})
	w.until("the other device's uplink", 10*time.Second, func() bool { return len(w.first(device(2))) == 1 })
	w.until("the lane to go on", 30*time.Second, func() bool { return len(w.first(device(1))) == 1 })
	parked, err := w.queue.Parked(context.Background(), w.conn.ID, 0, 10)
	if err != nil || len(parked) != 1 || parked[0].Code != connection.ReasonBadPayload || parked[0].FCntUp != 1 {
		t.Errorf("parked %+v, %v", parked, err)
	}
}
