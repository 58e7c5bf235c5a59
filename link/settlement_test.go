package link

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"boardlink/connection"
	"boardlink/queue"
	"boardlink/thingpark"
	"boardlink/thingsboard"
)

// report hands in a delivery report about a device.
func (b *bench) report(kind, devEUI, members string) {
	b.queue.put(devEUI, func(e *queue.Event) {
		e.Kind = kind
		e.Body = fmt.Appendf(nil, `{%q:{"DevEUI":%q,"FPort":2%s}}`, kind, devEUI, members)
	})
}

// correlated writes the members of a report about the downlink that was posted for a device.
func (b *bench) correlated(devEUI, members string) string {
	b.fence()
	i := slices.IndexFunc(b.park.sent, func(d thingpark.Downlink) bool { return d.DevEUI == devEUI })
	return fmt.Sprintf(`,"CorrelationID":%q%s`, strings.ToLower(b.park.sent[i].CorrelationID), members)
}

func TestReport_settles_its_command_and_tells_why(t *testing.T) {
	for name, c := range map[string]struct {
		kind, members string
		state         connection.CommandState
		level         connection.Level
		says          string
		rejected      int64
	}{
		"sent": {thingpark.KindDownlinkSent, `,"DeliveryStatus":1,"TransmissionSlot":2`, connection.CommandSent, connection.LevelInfo,
			"The downlink was sent over the air in RX2.", 0},
		"sent, in the untyped form": {thingpark.KindDownlinkSent, `,"DeliveryStatus":"1","TransmissionSlot":"1"`, connection.CommandSent, connection.LevelInfo,
			"The downlink was sent over the air in RX1.", 0},
		"not sent": {thingpark.KindDownlinkSent, `,"DeliveryStatus":0,"DeliveryFailedCause1":"B0","DeliveryFailedCause2":"DA"`, connection.CommandMissed, connection.LevelWarning,
			"The downlink was not sent over the air; RX1: too late (B0), RX2: duty cycle limit found by the network (DA).", 0},
		"rejected": {thingpark.KindDownlinkRejected, `,"DeliveryStatus":350,"DownlinkRejectionCause":"Downlink counter value already used. Expected=1238"`,
			connection.CommandRejected, connection.LevelWarning, "ThingPark rejected the downlink (350): Downlink counter value already used. Expected=1238", 1},
	} {
		t.Run(name, func(t *testing.T) {
			commanding(t, func(b *bench) {
				b.start()
				b.call(deviceA, 0, turnOn)
				b.pass(time.Second)
				for range 3 { // ThingPark may post a report more than once
					b.report(c.kind, deviceA, b.correlated(deviceA, c.members))
				}
				b.pass(time.Second)
				got := b.store.commands[0]
				if got.State != c.state || got.Sentence != c.says {
					t.Errorf("the command is %s: %q", got.State, got.Sentence)
				}
				told := b.store.told(c.says)
				if len(told) != 1 || b.count.rejected != c.rejected {
					t.Errorf("told %q, %d rejected", told, b.count.rejected)
				}
				e := b.store.events[slices.IndexFunc(b.store.events, func(e connection.Event) bool { return strings.Contains(e.Message, c.says) })]
				if e.Level != c.level || e.Kind != connection.KindDownlink || e.DevEUI != deviceA || e.ConnectionID != one || !strings.Contains(e.Message, got.CorrelationID) {
					t.Errorf("event %+v", e)
				}
				if n := len(b.board.last().of("telemetry")); n != 3 {
					t.Errorf("%d of 3 reports went to ThingsBoard", n)
				}
			})
		})
	}
}

func TestReport_settles_though_it_is_filtered_or_too_old(t *testing.T) {
	for name, change := range map[string]func(*connection.Configuration){
		"filtered": func(c *connection.Configuration) { c.SendMetadata = true },
		"too old":  func(c *connection.Configuration) { c.UplinkTimeValidity = "30s" },
	} {
		t.Run(name, func(t *testing.T) {
			commanding(t, func(b *bench) {
				b.store.edit(one, func(c *connection.Connection) { change(&c.Configuration) })
				b.start()
				b.call(deviceA, 0, turnOn)
				b.pass(time.Second)
				members := b.correlated(deviceA, `,"DeliveryStatus":1`)
				b.queue.put(deviceA, func(e *queue.Event) {
					e.Kind, e.Time = thingpark.KindDownlinkSent, time.Now().Add(-time.Hour)
					e.Body = fmt.Appendf(nil, `{"DevEUI_downlink_Sent":{"DevEUI":%q%s}}`, deviceA, members)
				})
				b.pass(time.Second)
				if got := b.store.states(); got[0] != connection.CommandSent || len(b.board.last().of("telemetry")) != 0 || len(b.queue.dropped) != 1 {
					t.Errorf("states %v, %d dropped", got, len(b.queue.dropped))
				}
			})
		})
	}
}

func TestReport_settles_a_command_whose_outcome_was_unknown(t *testing.T) {
	commanding(t, func(b *bench) {
		b.park.send = func(context.Context) error {
			return &thingpark.SendError{Outcome: thingpark.OutcomeUnknown, Text: "ThingPark did not answer."}
		}
		b.start()
		b.call(deviceA, 0, turnOn)
		b.pass(time.Second)
		if got := b.oneAnswer(); got.Code != codeUnknown || got.CorrelationID != b.park.sent[0].CorrelationID {
			t.Fatalf("answer %+v", got)
		}
		b.report(thingpark.KindDownlinkSent, deviceA, b.correlated(deviceA, `,"DeliveryStatus":1`))
		b.pass(time.Second)
		b.call(deviceA, 0, turnOn) // again: more is known now
		b.pass(time.Second)
		if got := b.answers(); len(got) != 2 || got[1].Status != "queued" || got[1].Message != "The downlink was sent over the air." || b.park.number() != 1 {
			t.Errorf("answers %+v, %d posted", got, b.park.number())
		}
	})
}

func TestReport_that_overtakes_the_answer_of_its_posting_holds(t *testing.T) {
	commanding(t, func(b *bench) {
		b.park.send = func(ctx context.Context) error { return sleep(ctx, 3*time.Second) }
		b.start()
		b.call(deviceA, 0, turnOn)
		b.pass(time.Second)
		b.report(thingpark.KindDownlinkSent, deviceA, b.correlated(deviceA, `,"DeliveryStatus":1`))
		b.pass(4 * time.Second)
		if got := b.store.states(); got[0] != connection.CommandSent || b.oneAnswer().Status != "queued" {
			t.Errorf("states %v, answer %+v", got, b.oneAnswer())
		}
	})
}

func TestReport_about_no_command_of_ours_settles_none(t *testing.T) {
	commanding(t, func(b *bench) {
		b.start()
		b.call(deviceA, 0, turnOn)
		b.pass(time.Second)
		b.report(thingpark.KindDownlinkSent, deviceA, `,"DeliveryStatus":1`)
		b.report(thingpark.KindDownlinkSent, deviceA, `,"DeliveryStatus":1,"CorrelationID":"FFFFFFFFFFFFFFFF"`)
		b.report(thingpark.KindDownlinkSent, deviceA, `,"DeliveryStatus":1,"CorrelationID":"no hex"`)
		b.report(thingpark.KindDownlinkSent, deviceB, b.correlated(deviceA, `,"DeliveryStatus":1`)) // another device
		b.report(thingpark.KindDownlinkRejected, deviceB, `,"DeliveryStatus":350`)
		b.pass(20 * time.Second)
		if got := b.store.states(); got[0] != connection.CommandQueued || b.count.rejected != 0 {
			t.Errorf("states %v, %d rejected", got, b.count.rejected)
		}
		if told := b.store.told("ThingPark rejected the downlink (350)."); len(told) != 1 || len(b.store.told("over the air")) != 0 {
			t.Errorf("told %q", b.store.messages())
		}
		if n := len(b.board.last().of("telemetry")); n != 5 {
			t.Errorf("%d of 5 reports went to ThingsBoard", n)
		}
	})
}

func TestReport_waits_for_the_database_but_not_for_ever(t *testing.T) {
	commanding(t, func(b *bench) {
		b.start()
		b.call(deviceA, 0, turnOn)
		b.call(deviceB, 0, turnOn)
		b.pass(time.Second)
		b.store.fail(errors.New("disk full"))
		b.report(thingpark.KindDownlinkSent, deviceA, b.correlated(deviceA, `,"DeliveryStatus":1`))
		b.queue.put(deviceB)
		b.pass(20 * time.Second)
		if got := b.board.last().of("telemetry"); len(got) != 1 || got[0].device != deviceB {
			t.Errorf("sent %+v", got) // the other device's uplinks flow
		}
		b.store.fail(nil)
		b.pass(10 * time.Second)
		if got := b.store.states(); !slices.Contains(got, connection.CommandSent) || len(b.board.last().of("telemetry")) != 2 {
			t.Errorf("states %v", got)
		}
		b.store.fail(errors.New("disk full"))
		b.report(thingpark.KindDownlinkSent, deviceB, b.correlated(deviceB, `,"DeliveryStatus":1`))
		b.pass(2 * time.Minute)
		if got := b.board.last().of("telemetry"); len(got) != 3 {
			t.Errorf("a report waits for ever: %+v", got)
		}
	})
}

func TestReport_whose_telemetry_is_refused_is_taken_in_once(t *testing.T) {
	commanding(t, func(b *bench) {
		b.start()
		b.board.last().publish = func(context.Context, published) error {
			return &thingsboard.Error{Code: connection.ReasonBadPayload, Kind: thingsboard.Poison}
		}
		b.report(thingpark.KindDownlinkRejected, deviceA, `,"DeliveryStatus":350`)
		b.pass(time.Minute)
		if told := b.store.told("ThingPark rejected the downlink (350)."); len(told) != 1 || len(b.queue.parked) != 1 {
			t.Errorf("told %q", b.store.messages())
		}
	})
}

func TestShared_attributes_are_kept_and_deleted(t *testing.T) {
	in(t, func(b *bench) {
		push := func(device, set string, deleted ...string) {
			p := thingsboard.AttributePush{Device: device, Deleted: deleted}
			if err := json.Unmarshal([]byte(set), &p.Set); err != nil {
				t.Fatal(err)
			}
			b.fence()
			b.board.last().pushes <- p
		}
		b.start()
		push(deviceA, `{"interval":60,"mode":"eco"}`)
		push(deviceA, `{}`, "mode")
		push("Pump 2", `{"interval":60}`)
		push(deviceB, `{"interval":5}`)
		b.pass(time.Second)
		if len(b.store.shared) != 2 || b.store.shared[deviceA+" interval"] != "60" || b.store.shared[deviceB+" interval"] != "5" {
			t.Errorf("kept %v", b.store.shared)
		}
		b.store.fail(errors.New("disk full"))
		push(deviceA, `{"interval":30}`)
		b.pass(10 * time.Second)
		b.store.fail(nil)
		b.pass(5 * time.Second)
		if b.store.shared[deviceA+" interval"] != "30" {
			t.Errorf("kept %v", b.store.shared)
		}
		push(deviceA, `{"large":"`+strings.Repeat("x", connection.MaxSharedAttributeValue)+`"}`)
		b.pass(20 * time.Second)
		if told := b.store.told("1 change of shared attributes"); len(told) != 1 {
			t.Errorf("told %q", b.store.messages())
		}
		b.fence()
		b.board.last().commands <- thingsboard.Command{ID: 1, Method: methodDeleted, Params: json.RawMessage(`"` + deviceA + `"`)}
		b.pass(time.Second)
		if len(b.store.shared) != 1 || b.store.shared[deviceB+" interval"] != "5" {
			t.Errorf("kept %v", b.store.shared)
		}
	})
}

func (s *fakeSession) AttributePushes() <-chan thingsboard.AttributePush { return s.pushes }
