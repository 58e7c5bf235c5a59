package link

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"boardlink/connection"
	"boardlink/thingpark"
	"boardlink/thingsboard"
)

// restart ends the manager and runs the next, which remembers what the store does.
func (b *bench) restart() {
	b.stop()
	b.start()
}

// oneAnswer is the only answer of the last session.
func (b *bench) oneAnswer() answer {
	b.t.Helper()
	got := b.answers()
	if len(got) != 1 {
		b.t.Fatalf("answers %+v", got)
	}
	return got[0]
}

func TestCommand_is_on_disk_before_it_is_posted(t *testing.T) {
	commanding(t, func(b *bench) {
		var then []connection.CommandState
		b.park.send = func(context.Context) error { then = b.store.states(); return nil }
		b.start()
		b.call(deviceA, 5, turnOn)
		b.pass(time.Second)
		if !slices.Equal(then, []connection.CommandState{connection.CommandSending}) {
			t.Errorf("at the posting: %v", then)
		}
		c := b.store.commands[0]
		if c.State != connection.CommandQueued || c.DevEUI != deviceA || c.RPC != 5 || c.FPort != 2 || len(c.Hash) != 32 ||
			c.CorrelationID != b.park.sent[0].CorrelationID || c.CameAt.IsZero() || c.SettledAt.IsZero() {
			t.Errorf("written down %+v", c)
		}
	})
}

func TestCommand_sent_again_to_the_next_program_is_answered_by_what_is_known(t *testing.T) {
	for name, c := range map[string]struct {
		becomes connection.CommandState
		says    string
		status  string
		code    string
		posted  int // in addition
	}{
		"queued":               {connection.CommandQueued, "", "queued", "", 0},
		"sent over the air":    {connection.CommandSent, "The downlink was sent over the air.", "queued", "", 0},
		"not sent over it":     {connection.CommandMissed, "The downlink was not sent over the air.", "queued", "", 0},
		"rejected":             {connection.CommandRejected, "ThingPark rejected the downlink (350).", "error", codeRefused, 0},
		"refused":              {connection.CommandRefused, "ThingPark refused the downlink (350).", "error", codeRefused, 0},
		"unknown":              {connection.CommandUnknown, "ThingPark did not answer.", "error", codeUnknown, 0},
		"cut off in the midst": {connection.CommandSending, "", "error", codeUnknown, 0},
		"never sent":           {connection.CommandNotSent, "ThingPark could not be reached.", "queued", "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			commanding(t, func(b *bench) {
				b.start()
				b.call(deviceA, 5, turnOn)
				b.pass(time.Minute)
				b.stop()
				b.fence()
				b.store.commands[0].State, b.store.commands[0].Sentence = c.becomes, c.says
				first := b.store.commands[0].CorrelationID
				b.start()
				b.call(deviceA, 5, `{ "FPort":2,"payload_hex":"01ff"}`) // the same, spaced otherwise
				b.pass(time.Second)
				got := b.oneAnswer()
				if got.Status != c.status || got.Code != c.code || b.park.number() != 1+c.posted {
					t.Errorf("answer %+v, %d posted", got, b.park.number())
				}
				if c.posted == 0 && c.becomes != connection.CommandRefused && got.CorrelationID != first {
					t.Errorf("correlation id %s, want %s", got.CorrelationID, first)
				}
				if c.says != "" && c.posted == 0 && got.Message != c.says || got.Code != "" && got.Message == "" {
					t.Errorf("message %q", got.Message)
				}
			})
		})
	}
}

func TestCommand_is_a_new_one_where_ThingsBoard_began_to_number_anew(t *testing.T) {
	commanding(t, func(b *bench) {
		b.start()
		b.call(deviceA, 0, turnOn)
		b.pass(time.Minute)
		b.restart()
		b.call(deviceA, 0, `{"FPort": 2, "payload_hex": "00"}`)
		b.pass(time.Second)
		if b.park.number() != 2 {
			t.Errorf("another command of that number: %d posted", b.park.number())
		}
		b.pass(time.Hour)
		b.call(deviceA, 0, turnOn)
		b.pass(time.Second)
		if b.park.number() != 3 {
			t.Errorf("the same words after an hour: %d posted", b.park.number())
		}
	})
}

func TestCommand_that_was_under_way_when_the_program_ended_is_told_of(t *testing.T) {
	commanding(t, func(b *bench) {
		b.start()
		b.call(deviceA, 5, turnOn)
		b.pass(time.Minute)
		b.stop()
		b.fence()
		b.store.commands[0].State = connection.CommandSending
		b.start()
		b.pass(time.Second)
		if told := b.store.told("Correlation id " + b.store.commands[0].CorrelationID); b.store.states()[0] != connection.CommandUnknown || len(told) != 1 {
			t.Errorf("%v, told %q", b.store.states(), told)
		}
		b.pass(5 * time.Minute)
		if told := b.store.told("Correlation id "); len(told) != 1 {
			t.Errorf("told %q", told)
		}
	})
}

func TestCommand_is_not_sent_where_the_database_does_not_take_it(t *testing.T) {
	t.Run("it fails", func(t *testing.T) {
		commanding(t, func(b *bench) {
			b.start()
			b.store.fail(errors.New("disk full"))
			b.call(deviceA, 1, turnOn)
			b.pass(time.Second)
			if got := b.oneAnswer(); got.Code != codeNotRecorded || b.park.number() != 0 || strings.Contains(got.Message, "disk") {
				t.Errorf("answer %+v, %d posted", got, b.park.number())
			}
			b.store.fail(nil)
			b.call(deviceA, 1, turnOn)
			b.pass(time.Second)
			if got := b.answers(); len(got) != 2 || got[1].Status != "queued" || b.count.rejected != 1 {
				t.Errorf("answers %+v", got)
			}
		})
	})
	t.Run("it hangs, and takes it after all", func(t *testing.T) {
		commanding(t, func(b *bench) {
			b.start()
			b.store.beginning = func() { time.Sleep(30 * time.Second) } // whatever its context says
			began := time.Now()
			b.call(deviceA, 1, turnOn)
			b.pass(recordLimit + time.Second)
			replies := b.board.last().of("reply")
			if len(replies) != 1 || replies[0].data.(answer).Code != codeNotRecorded || replies[0].at.Sub(began) > answerLimit {
				t.Fatalf("answers %+v", replies)
			}
			b.pass(time.Minute)
			if got := b.store.states(); !slices.Equal(got, []connection.CommandState{connection.CommandNotSent}) || b.park.number() != 0 {
				t.Errorf("states %v, %d posted", got, b.park.number())
			}
		})
	})
	t.Run("it panics", func(t *testing.T) {
		commanding(t, func(b *bench) {
			b.start()
			b.store.beginning = func() { panic("boom") }
			b.call(deviceA, 1, turnOn)
			b.pass(time.Second)
			if got := b.oneAnswer(); got.Code != codeNotRecorded || b.park.number() != 0 {
				t.Errorf("answer %+v", got)
			}
		})
	})
}

func TestCommand_is_answered_in_time_where_its_end_cannot_be_written_down(t *testing.T) {
	commanding(t, func(b *bench) {
		b.park.send = func(context.Context) error { b.store.fail(errors.New("disk full")); return nil }
		b.start()
		b.call(deviceA, 1, turnOn)
		b.pass(time.Second)
		if got := b.oneAnswer(); got.Status != "queued" {
			t.Errorf("answer %+v", got)
		}
		b.call(deviceA, 1, turnOn)
		b.pass(time.Second)
		if got := b.answers(); len(got) != 2 || got[1] != got[0] || b.park.number() != 1 {
			t.Errorf("answers %+v", got)
		}
		b.store.fail(nil)
		b.pass(3 * time.Minute) // its row is given up: nobody else knows
		if got := b.store.states(); !slices.Equal(got, []connection.CommandState{connection.CommandUnknown}) {
			t.Errorf("states %v", got)
		}
	})
}

func TestCommand_repeated_five_times_at_once_is_posted_once(t *testing.T) {
	commanding(t, func(b *bench) {
		b.park.send = func(ctx context.Context) error { return sleep(ctx, 5*time.Second) }
		b.start()
		for range 5 {
			b.call(deviceA, 9, turnOn)
		}
		b.pass(time.Second)
		b.board.last().end(lost())
		b.pass(3 * time.Second)
		for range 5 {
			b.call(deviceA, 9, turnOn)
		}
		b.pass(2 * time.Second)
		got := b.answers()
		if len(got) != 5 || b.park.number() != 1 || slices.ContainsFunc(got, func(a answer) bool { return a != got[0] || a.Status != "queued" }) {
			t.Errorf("answers %+v, %d posted", got, b.park.number())
		}
		b.restart()
		for range 5 {
			b.call(deviceA, 9, turnOn)
		}
		b.pass(time.Second)
		got = b.answers()
		if len(got) != 5 || b.park.number() != 1 || len(b.store.commands) != 1 {
			t.Errorf("answers %+v, %d posted", got, b.park.number())
		}
	})
}

// A command does not get younger by waiting in the session, nor in front of the places to send.
func TestCommands_beyond_the_places_to_send_are_answered_within_8_seconds_too(t *testing.T) {
	commanding(t, func(b *bench) {
		b.park.send = func(ctx context.Context) error {
			<-ctx.Done()
			return &thingpark.SendError{Outcome: thingpark.OutcomeUnknown, Text: "ThingPark did not answer."}
		}
		b.start()
		var mu sync.Mutex
		came := map[int64]time.Time{}
		const devices, waves = 40, 12
		for wave := range waves { // a wave each second, to many devices
			for d := range devices {
				id := int64(wave*devices + d)
				mu.Lock()
				came[id] = time.Now()
				mu.Unlock()
				name := []byte("70B3D5E75E00C000")
				name[14], name[15] = "0123456789ABCDEF"[d/16], "0123456789ABCDEF"[d%16]
				b.fence()
				b.board.last().commands <- thingsboard.Command{Device: string(name), ID: id, Method: methodDownlink, Params: json.RawMessage(turnOn), CameAt: time.Now()}
			}
			b.pass(time.Second)
		}
		b.pass(10 * time.Second)
		replies := b.board.last().of("reply")
		if len(replies) != devices*waves {
			t.Fatalf("%d answers", len(replies))
		}
		for _, r := range replies {
			if took := r.at.Sub(came[r.id]); took > answerLimit {
				t.Errorf("command %d was answered after %v: %+v", r.id, took, r.data)
			}
		}
		if last := b.park.at[len(b.park.at)-1].Sub(b.park.at[0]); last > (waves-1)*time.Second+waitLimit {
			t.Errorf("the last was posted %v after the first", last)
		}
	})
}
