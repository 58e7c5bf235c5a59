package thingsboard

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/eclipse/paho.golang/packets"
)

func TestCommands_come_as_ThingsBoard_sent_them(t *testing.T) {
	b := &broker{}
	inBubble(t, b, func(t *testing.T, s *Session) {
		p := b.lastPeer()
		p.publish(topicRPC, `{"device":"A","data":{"id":0,"method":"downlink","params":{"FPort":1}}}`)
		p.publish(topicRPC, `{"device":"A","data":{"id":2147483647,"method":"x"}}`)
		p.publish(topicOwnRPC+"12", `{"method":"gateway_device_renamed","params":{"old":"new"}}`)
		p.publish(topicOwnRPC+"13", `{"method":"gateway_device_deleted","params":"A"}`)
		for _, nonsense := range []string{"", "null", "[]", `{"device":"A"}`, `{"data":{"id":1}}`, `{"device":"A","data":{"id":1.5}}`, `{"device":"A","data":{"id":"x"}}`, `{"device":7}`} {
			p.publish(topicRPC, nonsense)
		}
		p.publish(topicOwnRPC+"x", `{}`)
		p.publish(topicOwnRPC, `{}`)
		p.publish(topicAttributes, `{"device":"A","data":{"k":1}}`)
		p.publish("something/else", `{}`)
		synctest.Wait()
		var got []string
		for len(s.Commands()) > 0 {
			c := <-s.Commands()
			got = append(got, fmt.Sprintf("%s|%d|%s|%s", c.Device, c.ID, c.Method, c.Params))
		}
		want := `A|0|downlink|{"FPort":1} A|2147483647|x|null |12|gateway_device_renamed|{"old":"new"} |13|gateway_device_deleted|"A"`
		if strings.Join(got, " ") != want {
			t.Errorf("got  %v\nwant %v", got, want)
		}
	})
}

func TestCommands_that_overflow_are_refused(t *testing.T) {
	b := &broker{}
	inBubble(t, b, func(t *testing.T, s *Session) {
		p := b.lastPeer()
		for i := range commandQueue + 3 {
			p.publish(topicRPC, fmt.Sprintf(`{"device":"A","data":{"id":%d,"method":"m","params":{}}}`, i))
		}
		synctest.Wait()
		if n := len(s.Commands()); n != commandQueue {
			t.Errorf("%d commands wait", n)
		}
		replies := b.messages()
		if len(replies) != 3 {
			t.Fatalf("%d refusals", len(replies))
		}
		for i, r := range replies {
			if r.topic != topicRPC || !strings.HasPrefix(r.payload, fmt.Sprintf(`{"device":"A","id":%d,"data":{"status":"error","code":"too_many_commands"`, commandQueue+i)) {
				t.Errorf("got %v", r)
			}
		}
	})
}

func TestCommands_never_hold_the_session_up(t *testing.T) {
	b := &broker{published: func(*peer, *packets.Publish) {}} // not even refusals are acknowledged
	inBubble(t, b, func(t *testing.T, s *Session) {
		p := b.lastPeer()
		for i := range 3 * (commandQueue + refusalQueue) {
			p.publish(topicRPC, fmt.Sprintf(`{"device":"A","data":{"id":%d,"method":"m"}}`, i))
		}
		p.publish(topicOwnRPCAnswer+"1", "{}")
		p.publish(topicOwnRPCAnswer+"1", "{}")
		synctest.Wait()
		select {
		case <-s.Done():
			t.Errorf("ended: %v", s.Err())
		default:
		}
	})
}
