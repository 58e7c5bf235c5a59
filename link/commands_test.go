package link

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"boardlink/connection"
	"boardlink/netguard"
	"boardlink/thingpark"
	"boardlink/thingsboard"
)

// commanding is a bench whose connection can send downlinks.
func commanding(t *testing.T, f func(b *bench)) {
	t.Helper()
	in(t, func(b *bench) {
		b.store.edit(one, func(c *connection.Connection) {
			c.Configuration.DownlinkURL = "https://park.example.com/thingpark/lrc/rest/downlink"
			c.Configuration.DownlinkAsID, c.Configuration.DownlinkAsKey = "TWA_1.1.AS", "00112233445566778899aabbccddeeff"
		})
		f(b)
	})
}

// call sends a command as ThingsBoard does.
func (b *bench) call(device string, id int64, params string) {
	b.fence()
	b.board.last().commands <- thingsboard.Command{Device: device, ID: id, Method: methodDownlink, Params: json.RawMessage(params)}
}

// answers lists the replies of the last session.
func (b *bench) answers() []answer {
	var all []answer
	for _, p := range b.board.last().of("reply") {
		all = append(all, p.data.(answer))
	}
	return all
}

const turnOn = `{"FPort": 2, "payload_hex": "01ff"}`

func TestCommand_becomes_a_downlink_and_is_answered_once(t *testing.T) {
	commanding(t, func(b *bench) {
		b.start()
		b.call(deviceA, 0, turnOn)
		synctest.Wait()
		if len(b.park.sent) != 1 || b.park.sent[0].DevEUI != deviceA || b.park.sent[0].FPort != 2 || b.park.sent[0].PayloadHex != "01ff" {
			t.Fatalf("sent %+v", b.park.sent)
		}
		got := b.answers()
		if len(got) != 1 || got[0].Status != "queued" || len(got[0].CorrelationID) != 16 || got[0].CorrelationID != b.park.sent[0].CorrelationID {
			t.Errorf("answers %+v", got)
		}
		text, _ := json.Marshal(got[0])
		if want := `{"status":"queued","correlationId":"` + got[0].CorrelationID + `"}`; string(text) != want {
			t.Errorf("answer %s", text)
		}
		if b.count.downlinks != 1 || len(b.store.told("queued by ThingPark")) != 1 {
			t.Errorf("%d counted, events %q", b.count.downlinks, b.store.messages())
		}
	})
}

func TestCommand_sent_again_by_ThingsBoard_is_answered_from_memory_for_an_hour(t *testing.T) {
	commanding(t, func(b *bench) {
		b.start()
		b.call(deviceA, 7, turnOn)
		b.pass(time.Minute)
		b.board.last().end(lost())
		b.pass(3 * time.Second)
		b.call(deviceA, 7, turnOn) // pending commands come again after a reconnect
		b.pass(time.Second)
		if got := b.answers(); len(got) != 1 || got[0].Status != "queued" || b.park.number() != 1 {
			t.Errorf("answers %+v, %d sent", got, b.park.number())
		}
		b.call(deviceA, 7, `{"FPort": 2, "payload_hex": "00"}`) // ThingsBoard restarted: same id, another command
		b.call(deviceB, 7, turnOn)
		b.pass(time.Second)
		if b.park.number() != 3 {
			t.Errorf("%d sent, want 3", b.park.number())
		}
		b.pass(time.Hour)
		b.call(deviceA, 7, turnOn)
		b.pass(time.Second)
		if b.park.number() != 4 {
			t.Errorf("%d sent after an hour, want 4", b.park.number())
		}
	})
}

func TestCommand_that_comes_again_while_it_is_under_way_is_sent_once(t *testing.T) {
	commanding(t, func(b *bench) {
		b.park.send = func(ctx context.Context) error { return sleep(ctx, 3*time.Second) }
		b.start()
		b.call(deviceA, 1, turnOn)
		b.call(deviceA, 1, turnOn)
		b.pass(4 * time.Second)
		if got := b.answers(); len(got) != 2 || got[0] != got[1] || b.park.number() != 1 {
			t.Errorf("answers %+v, %d sent", got, b.park.number())
		}
	})
}

func TestCommand_is_refused_with_an_answer_that_says_why(t *testing.T) {
	set := func(change func(*connection.Configuration)) func(*bench) {
		return func(b *bench) {
			b.store.edit(one, func(c *connection.Connection) { change(&c.Configuration) })
		}
	}
	for name, c := range map[string]struct {
		prepare func(*bench)
		command thingsboard.Command
		code    string
		sent    int
	}{
		"downlinks switched off": {set(func(c *connection.Configuration) { c.DownlinkEnabled = false }), thingsboard.Command{Device: deviceA, Method: methodDownlink, Params: json.RawMessage(turnOn)}, codeDisabled, 0},
		"no downlink address":    {set(func(c *connection.Configuration) { c.DownlinkURL = "" }), thingsboard.Command{Device: deviceA, Method: methodDownlink, Params: json.RawMessage(turnOn)}, codeNotConfigured, 0},
		"no AS ID":               {set(func(c *connection.Configuration) { c.DownlinkAsID = "" }), thingsboard.Command{Device: deviceA, Method: methodDownlink, Params: json.RawMessage(turnOn)}, codeNotConfigured, 0},
		"no AS key":              {set(func(c *connection.Configuration) { c.DownlinkAsKey = "" }), thingsboard.Command{Device: deviceA, Method: methodDownlink, Params: json.RawMessage(turnOn)}, codeNotConfigured, 0},
		"another method":         {nil, thingsboard.Command{Device: deviceA, Method: "setValue", Params: json.RawMessage(`true`)}, codeUnknownMethod, 0},
		"a command to the gateway": {nil, thingsboard.Command{Method: methodDownlink, Params: json.RawMessage(turnOn)},
			codeUnknownMethod, 0},
		"parameters that are no downlink": {nil, thingsboard.Command{Device: deviceA, Method: methodDownlink, Params: json.RawMessage(`{"Fport": 1}`)}, codeInvalid, 0},
		"a device that is no DevEUI":      {nil, thingsboard.Command{Device: "Pump 2", Method: methodDownlink, Params: json.RawMessage(turnOn)}, codeInvalid, 0},
		"another device's DevEUI": {nil, thingsboard.Command{Device: deviceA, Method: methodDownlink,
			Params: json.RawMessage(`{"DevEUI": "` + deviceB + `", "FPort": 2, "payload_hex": "01"}`)}, codeInvalid, 0},
		"a refusal by ThingPark": {func(b *bench) {
			b.park.send = func(context.Context) error {
				return &thingpark.SendError{Outcome: thingpark.OutcomeRefused, Status: 350, Text: "ThingPark refused the downlink (350): no."}
			}
		}, thingsboard.Command{Device: deviceA, Method: methodDownlink, Params: json.RawMessage(turnOn)}, codeRefused, 1},
		"ThingPark out of reach": {func(b *bench) {
			b.park.send = func(context.Context) error {
				return &thingpark.SendError{Outcome: thingpark.OutcomeNotSent, Text: "ThingPark could not be reached."}
			}
		}, thingsboard.Command{Device: deviceA, Method: methodDownlink, Params: json.RawMessage(turnOn)}, codeNotSent, 1},
		"an address that the policy forbids": {func(b *bench) {
			b.park.send = func(context.Context) error {
				return &thingpark.SendError{Outcome: thingpark.OutcomeNotSent, Text: "ThingPark could not be reached.",
					Err: fmt.Errorf("dial: %w", netguard.ErrNotAllowed)}
			}
		}, thingsboard.Command{Device: deviceA, Method: methodDownlink, Params: json.RawMessage(turnOn)}, string(connection.ReasonAddress), 1},
		"an outcome that nobody knows": {func(b *bench) {
			b.park.send = func(context.Context) error {
				return &thingpark.SendError{Outcome: thingpark.OutcomeUnknown, Text: "ThingPark did not answer."}
			}
		}, thingsboard.Command{Device: deviceA, Method: methodDownlink, Params: json.RawMessage(turnOn)}, codeUnknown, 1},
		"an error of our own making": {func(b *bench) {
			b.park.send = func(context.Context) error { return errors.New("?") }
		}, thingsboard.Command{Device: deviceA, Method: methodDownlink, Params: json.RawMessage(turnOn)}, codeUnknown, 1},
		"a panic": {func(b *bench) {
			b.park.send = func(context.Context) error { panic("boom") }
		}, thingsboard.Command{Device: deviceA, Method: methodDownlink, Params: json.RawMessage(turnOn)}, codeInternal, 1},
	} {
		t.Run(name, func(t *testing.T) {
			commanding(t, func(b *bench) {
				if c.prepare != nil {
					c.prepare(b)
				}
				b.start()
				s := b.board.last()
				s.commands <- c.command
				b.pass(time.Second)
				replies := s.of("reply")
				if len(replies) != 1 || b.park.number() != c.sent {
					t.Fatalf("answers %+v, %d sent", replies, b.park.number())
				}
				got := replies[0].data.(answer)
				if got.Status != "error" || got.Code != c.code || got.Message == "" || strings.Contains(got.Message, "boom") {
					t.Errorf("answer %+v", got)
				}
				if strings.Contains(strings.Join(b.store.messages(), ""), "00112233445566778899aabbccddeeff") {
					t.Error("the key stands in an event")
				}
			})
		})
	}
}

func TestCommand_that_did_not_leave_may_be_tried_again(t *testing.T) {
	commanding(t, func(b *bench) {
		away := true
		b.park.send = func(context.Context) error {
			if away {
				return &thingpark.SendError{Outcome: thingpark.OutcomeNotSent, Text: "ThingPark could not be reached."}
			}
			return nil
		}
		b.start()
		b.call(deviceA, 1, turnOn)
		b.pass(time.Second)
		away = false
		b.call(deviceA, 1, turnOn)
		b.pass(time.Second)
		if got := b.answers(); len(got) != 2 || got[1].Status != "queued" {
			t.Errorf("answers %+v", got)
		}
	})
}

func TestCommands_are_each_answered_within_8_seconds(t *testing.T) {
	commanding(t, func(b *bench) {
		b.park.send = func(ctx context.Context) error { // a platform that hangs
			<-ctx.Done()
			return &thingpark.SendError{Outcome: thingpark.OutcomeUnknown, Text: "ThingPark did not answer."}
		}
		b.start()
		began := time.Now()
		const n = 100
		for i := range n {
			b.call([]string{deviceA, deviceB, "70B3D5E75E00A003"}[i%3], int64(i), turnOn)
		}
		b.pass(9 * time.Second)
		replies := b.board.last().of("reply")
		if len(replies) != n {
			t.Fatalf("%d answers", len(replies))
		}
		codes := map[string]int{}
		for _, r := range replies {
			if r.at.Sub(began) > answerLimit {
				t.Errorf("answered after %v", r.at.Sub(began))
			}
			codes[r.data.(answer).Code]++
		}
		if codes[codeUnknown] != 3 || codes[codeExpired] != 45 || codes[codeTooMany] != 52 {
			t.Errorf("answers %v", codes)
		}
		for _, at := range b.park.at {
			if at.Sub(began) > waitLimit {
				t.Errorf("sent late, after %v", at.Sub(began))
			}
		}
	})
}

func TestCommand_outlives_the_session_that_brought_it(t *testing.T) {
	commanding(t, func(b *bench) {
		b.park.send = func(ctx context.Context) error { return sleep(ctx, 5*time.Second) }
		b.start()
		b.call(deviceA, 3, turnOn)
		b.pass(time.Second)
		b.board.last().end(lost())
		b.pass(2 * time.Second)
		b.call(deviceA, 3, turnOn)
		b.pass(5 * time.Second)
		if got := b.answers(); len(got) != 1 || got[0].Status != "queued" || b.park.number() != 1 {
			t.Errorf("answers %+v, %d sent", got, b.park.number())
		}
	})
}

func TestNotice_of_a_deleted_device_has_it_connected_with_its_type_again(t *testing.T) {
	in(t, func(b *bench) {
		b.start()
		b.queue.put(deviceA)
		b.pass(time.Second)
		s := b.board.last()
		s.commands <- thingsboard.Command{ID: 4, Method: methodDeleted, Params: json.RawMessage(`"` + deviceA + `"`)}
		b.pass(time.Second)
		b.queue.put(deviceA)
		b.pass(time.Second)
		if got := s.of("connect"); len(got) != 2 || got[1].data != connection.DefaultDeviceType {
			t.Errorf("connected %v", got)
		}
		if got := s.of("reply"); len(got) != 1 || got[0].data.(answer).Status != "ok" {
			t.Errorf("answers %v", got)
		}
	})
}
