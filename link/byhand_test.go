package link

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"boardlink/connection"
	"boardlink/thingpark"
)

// post sends a downlink by hand.
func (b *bench) post(devEUI, params string) (connection.Posting, error) {
	return b.m.PostDownlink(connection.WithOrigin(context.Background(), netip.MustParseAddr("192.0.2.7")), "ann@example.com", b.store.row(one), devEUI, json.RawMessage(params))
}

func TestDownlink_by_hand_is_queued_written_down_and_told_with_who_sent_it(t *testing.T) {
	commanding(t, func(b *bench) {
		b.start()
		p, err := b.post(strings.ToLower(deviceA), turnOn)
		synctest.Wait()
		if err != nil || p.State != connection.CommandQueued || p.Code != "queued" || len(p.CorrelationID) != 16 {
			t.Fatalf("%+v, %v", p, err)
		}
		if sent := b.park.sent; len(sent) != 1 || sent[0].DevEUI != deviceA || sent[0].FPort != 2 || sent[0].CorrelationID != p.CorrelationID {
			t.Errorf("sent %+v", sent)
		}
		c := b.store.commands[0]
		if c.Actor != "ann@example.com" || c.DevEUI != deviceA || c.State != connection.CommandQueued || c.CorrelationID != p.CorrelationID || c.RPC != 0 || c.Hash != "" {
			t.Errorf("written down: %+v", c)
		}
		if e := b.store.events[len(b.store.events)-1]; e.Actor != "ann@example.com" || e.Address != "192.0.2.7" || e.DevEUI != deviceA || e.Kind != connection.KindDownlink || !strings.Contains(e.Message, p.CorrelationID) {
			t.Errorf("event %+v", e)
		}
		if b.count.downlinks != 1 {
			t.Errorf("%d counted", b.count.downlinks)
		}
		// The same again is another downlink: nobody said that it is the same.
		if _, err := b.post(deviceA, turnOn); err != nil || b.park.number() != 2 {
			t.Errorf("%d sent, %v", b.park.number(), err)
		}
	})
}

func TestDownlink_by_hand_is_settled_by_its_delivery_report(t *testing.T) {
	commanding(t, func(b *bench) {
		b.start()
		if _, err := b.post(deviceA, turnOn); err != nil {
			t.Fatal(err)
		}
		b.report(thingpark.KindDownlinkSent, deviceA, b.correlated(deviceA, `,"DeliveryStatus":1,"TransmissionSlot":1`))
		b.pass(time.Second)
		if got := b.store.states(); len(got) != 1 || got[0] != connection.CommandSent {
			t.Errorf("states %v, events %q", got, b.store.messages())
		}
	})
}

func TestDownlink_by_hand_needs_no_open_link(t *testing.T) {
	commanding(t, func(b *bench) {
		b.board.signIn = func(context.Context) error { return errors.New("no route to ThingsBoard") }
		b.start()
		b.pass(10 * time.Second)
		if s := b.status().State; s == connection.Opened {
			t.Fatalf("the link is %s", s)
		}
		if p, err := b.post(deviceA, turnOn); err != nil || p.State != connection.CommandQueued {
			t.Errorf("%+v, %v", p, err)
		}
	})
}

func TestDownlink_by_hand_tells_what_is_known_where_it_is_not_queued(t *testing.T) {
	for outcome, want := range map[thingpark.Outcome]connection.CommandState{
		thingpark.OutcomeRefused: connection.CommandRefused, thingpark.OutcomeNotSent: connection.CommandNotSent, thingpark.OutcomeUnknown: connection.CommandUnknown,
	} {
		t.Run(string(outcome), func(t *testing.T) {
			commanding(t, func(b *bench) {
				b.park.send = func(context.Context) error {
					return &thingpark.SendError{Outcome: outcome, Text: "ThingPark\x00 said so."}
				}
				b.start()
				p, err := b.post(deviceA, turnOn)
				b.pass(time.Second)
				if err != nil || p.State != want || p.Code != string(want) || p.Sentence != connection.Clean("ThingPark\x00 said so.") || p.CorrelationID == "" {
					t.Errorf("%+v, %v", p, err)
				}
				if got := b.store.states(); len(got) != 1 || got[0] != want {
					t.Errorf("states %v", got)
				}
				if rejected := b.count.rejected == 1; rejected == (want == connection.CommandUnknown) || len(b.store.told("said so.")) != 1 {
					t.Errorf("%d rejected, events %q", b.count.rejected, b.store.messages())
				}
			})
		})
	}
}

func TestDownlink_by_hand_is_refused_before_anything_is_sent(t *testing.T) {
	for name, c := range map[string]struct {
		edit           func(*connection.Connection)
		device, params string
		code           connection.Code
		field          string
	}{
		"deactivated":       {edit: func(c *connection.Connection) { c.Active = false }, code: connection.CodeConflict},
		"switched off":      {edit: func(c *connection.Connection) { c.Configuration.DownlinkEnabled = false }, code: connection.CodeConflict},
		"no address":        {edit: func(c *connection.Connection) { c.Configuration.DownlinkURL = "" }, code: connection.CodeConflict},
		"no AS key":         {edit: func(c *connection.Connection) { c.Configuration.DownlinkAsKey = "" }, code: connection.CodeConflict},
		"no device":         {params: turnOn, code: connection.CodeInvalid, field: "devEUI"},
		"another device":    {device: deviceA, params: `{"DevEUI":"` + deviceB + `","FPort":2,"payload_hex":"01"}`, code: connection.CodeInvalid, field: "DevEUI"},
		"no port":           {device: deviceA, params: `{"payload_hex":"01"}`, code: connection.CodeInvalid, field: "FPort"},
		"port out of range": {device: deviceA, params: `{"FPort":225,"payload_hex":"01"}`, code: connection.CodeInvalid, field: "FPort"},
		"odd payload":       {device: deviceA, params: `{"FPort":1,"payload_hex":"1"}`, code: connection.CodeInvalid, field: "payload_hex"},
		"unknown member":    {device: deviceA, params: `{"FPort":1,"payload_hex":"01","fport":2}`, code: connection.CodeInvalid, field: "fport"},
	} {
		t.Run(name, func(t *testing.T) {
			commanding(t, func(b *bench) {
				if c.edit != nil {
					b.store.edit(one, c.edit)
					c.device, c.params = deviceA, turnOn
				}
				b.start()
				_, err := b.post(c.device, c.params)
				var f *connection.Failure
				if !errors.As(err, &f) || f.Code != c.code || f.Message == "" || (c.field == "") != (len(f.Fields) == 0) || c.field != "" && f.Fields[0].Path != c.field {
					t.Errorf("%+v", f)
				}
				if b.park.number() != 0 || len(b.store.states()) != 0 {
					t.Errorf("%d sent, states %v", b.park.number(), b.store.states())
				}
			})
		})
	}
}

func TestDownlinks_by_hand_are_bounded_in_number_and_time(t *testing.T) {
	commanding(t, func(b *bench) {
		b.park.send = func(ctx context.Context) error {
			<-ctx.Done()
			return &thingpark.SendError{Outcome: thingpark.OutcomeUnknown, Text: "ThingPark did not answer."}
		}
		b.start()
		began, ends := time.Now(), make(chan error, maxByHand)
		for range maxByHand {
			go func() { _, err := b.post(deviceA, turnOn); ends <- err }()
		}
		synctest.Wait()
		if _, err := b.post(deviceB, turnOn); connection.CodeOf(err) != connection.CodeUnavailable || b.park.number() != maxByHand {
			t.Errorf("one too many: %v, %d sent", err, b.park.number())
		}
		for range maxByHand {
			if err := <-ends; err != nil || time.Since(began) > answerLimit {
				t.Errorf("%v after %v", err, time.Since(began))
			}
		}
		synctest.Wait()
		b.park.mu.Lock()
		b.park.send = nil
		b.park.mu.Unlock()
		if _, err := b.post(deviceB, turnOn); err != nil {
			t.Errorf("when there is room again: %v", err)
		}
	})
}

func TestDownlink_by_hand_is_not_sent_where_the_database_does_not_take_it(t *testing.T) {
	commanding(t, func(b *bench) {
		b.start()
		b.pass(time.Second)
		row := b.store.row(one)
		b.store.fail(errors.New("disk full"))
		p, err := b.m.PostDownlink(context.Background(), "ann", row, deviceA, json.RawMessage(turnOn))
		b.store.fail(nil)
		if err != nil || p.State != connection.CommandNotSent || p.Code != codeNotRecorded || b.park.number() != 0 {
			t.Errorf("%+v, %v, %d sent", p, err, b.park.number())
		}
	})
}

func TestDownlink_by_hand_goes_on_when_its_sender_has_gone(t *testing.T) {
	commanding(t, func(b *bench) {
		b.park.send = func(ctx context.Context) error { return sleep(ctx, time.Second) }
		b.start()
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		_, err := b.m.PostDownlink(ctx, "ann", b.store.row(one), deviceA, json.RawMessage(turnOn))
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		b.pass(2 * time.Second)
		if got := b.store.states(); len(got) != 1 || got[0] != connection.CommandQueued {
			t.Errorf("states %v", got)
		}
	})
}
