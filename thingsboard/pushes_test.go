package thingsboard

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/eclipse/paho.golang/packets"
)

// text writes a push as a line.
func (p AttributePush) text() string {
	var b strings.Builder
	b.WriteString(p.Device)
	for _, key := range slices.Sorted(maps.Keys(p.Set)) {
		fmt.Fprintf(&b, " %s=%s", key, p.Set[key])
	}
	for _, key := range p.Deleted {
		b.WriteString(" -" + key)
	}
	return b.String()
}

func TestAttributePushes_come_as_ThingsBoard_sent_them(t *testing.T) {
	b := &broker{}
	inBubble(t, b, func(t *testing.T, s *Session) {
		p := b.lastPeer()
		for _, payload := range []string{
			`{"device":"A","data":{"interval":60,"mode":{"x":[1,null]}}}`,
			`{"device":"A","data":{"deleted":["interval","mode"]}}`,
			`{"device":"Pump 2","data":{"deleted":true}}`, // an attribute of that name
			`{"device":"A","data":{"k":1,"deleted":["old"]}}`,
		} {
			p.publish(topicAttributes, payload)
		}
		for _, nonsense := range []string{"", "null", "[]", `{}`, `{"device":"A"}`, `{"device":"A","data":{}}`, `{"device":"A","data":[1]}`,
			`{"device":7,"data":{"k":1}}`, `{"device":"","data":{"k":1}}`, `{"data":{"k":1}}`, `{"device":"A","data":{"k":1}`,
			`{"device":"A","data":{"k":"` + strings.Repeat("x", maxPush) + `"}}`, strings.Repeat("[", 30_000)} {
			p.publish(topicAttributes, nonsense)
		}
		synctest.Wait()
		var got []string
		for len(s.AttributePushes()) > 0 {
			got = append(got, (<-s.AttributePushes()).text())
		}
		want := []string{`A interval=60 mode={"x":[1,null]}`, `A -interval -mode`, `Pump 2 deleted=true`, `A k=1 -old`}
		if !slices.Equal(got, want) {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	})
}

func TestAttributePushes_never_hold_the_session_up(t *testing.T) {
	b := &broker{published: func(*peer, *packets.Publish) {}}
	inBubble(t, b, func(t *testing.T, s *Session) {
		p := b.lastPeer()
		for i := range 3 * pushQueue {
			p.publish(topicAttributes, fmt.Sprintf(`{"device":"A","data":{"k":%d}}`, i))
		}
		p.publish(topicRPC, `{"device":"A","data":{"id":1,"method":"m"}}`)
		synctest.Wait()
		if len(s.AttributePushes()) != pushQueue || len(s.Commands()) != 1 {
			t.Errorf("%d pushes and %d commands wait", len(s.AttributePushes()), len(s.Commands()))
		}
		select {
		case <-s.Done():
			t.Errorf("ended: %v", s.Err())
		default:
		}
	})
}

func TestAttributePushes_end_with_the_session(t *testing.T) {
	b := &broker{}
	inBubble(t, b, func(t *testing.T, s *Session) {
		if err := s.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, open := <-s.AttributePushes(); open {
			t.Error("a push came out of nowhere")
		}
	})
}

func FuzzAttributePush(f *testing.F) {
	for _, seed := range []string{`{"device":"A","data":{"k":1}}`, `{"device":"A","data":{"deleted":["k"]}}`, `{"device":"A","data":{"deleted":[null]}}`,
		"{\"device\":\"\xff\",\"data\":{\"\\u0000\":\"\xfe\"}}", `{"Device":"A","device":"B","data":{"k":1,"k":2}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		push, ok := parsePush(payload)
		if !ok {
			return
		}
		if push.Device == "" || !utf8.ValidString(push.Device) || len(push.Set)+len(push.Deleted) > len(payload) {
			t.Errorf("read %q", push.text())
		}
		for key, value := range push.Set {
			if !utf8.ValidString(key) || !utf8.Valid(value) || !json.Valid(value) {
				t.Errorf("read %q: %q", key, value)
			}
		}
		for _, key := range push.Deleted {
			if !utf8.ValidString(key) {
				t.Errorf("read %q", key)
			}
		}
	})
}

func FuzzCommand(f *testing.F) {
	for _, seed := range []string{`{"device":"A","data":{"id":0,"method":"downlink","params":{"FPort":1}}}`, `{"device":"A","data":{"id":1e3}}`,
		`{"device":"A","data":{"id":-9223372036854775808,"params":null}}`, `{"method":"m","params":[]}`} {
		f.Add([]byte(seed), "12")
	}
	f.Fuzz(func(t *testing.T, payload []byte, number string) {
		s := &Session{log: slog.New(slog.DiscardHandler), now: time.Now, commands: make(chan Command, 2), refusals: make(chan overflow, 2)}
		s.deviceCommand(payload)
		s.ownCommand(number, payload)
		for len(s.commands) > 0 {
			if c := <-s.commands; !json.Valid(c.Params) {
				t.Errorf("took %+v", c)
			}
		}
	})
}
