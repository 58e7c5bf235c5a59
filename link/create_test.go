package link

import (
	"fmt"
	"testing"
	"time"

	"boardlink/connection"
)

// ThingsBoard makes any device that a gateway names, so a link that must not make devices asks for each over REST, and
// remembers the answer for a while: a device made there is found within a minute, one deleted there within ten.
func TestExistence_of_a_device_is_asked_before_it_is_named_and_remembered_for_a_while(t *testing.T) {
	in(t, func(b *bench) {
		b.store.edit(one, func(c *connection.Connection) { c.Configuration.CreateDevices = false })
		b.seen = []connection.Device{{DevEUI: deviceA}} // those seen lately are connected when the link opens
		exists, asked := false, 0
		b.board.find = func(string) (bool, error) { asked++; return exists, nil }
		b.start()
		put := func(span time.Duration) (delivered int) {
			before := len(b.queue.acked)
			for range span / time.Second {
				b.queue.put(deviceA)
				b.pass(time.Second)
			}
			return len(b.queue.acked) - before
		}
		if n := put(30 * time.Second); n != 0 || asked != 1 || len(b.board.last().log) != 0 {
			t.Fatalf("%d delivered, asked %d times, published %v", n, asked, b.board.last().log)
		}
		b.board.set(func(*fakeBoard) { exists = true })
		if n := put(unknownFor); n < 29 || asked != 2 {
			t.Errorf("%d delivered within a minute of the device's making, asked %d times", n, asked)
		}
		b.board.set(func(*fakeBoard) { exists = false })
		put(knownFor)
		if asked < 3 {
			t.Errorf("asked %d times within ten minutes of the device's end", asked)
		}
		before := asked
		if n := put(10 * time.Minute); n != 0 || asked-before != 10 {
			t.Errorf("%d delivered to a device that is gone, asked %d times in ten minutes", n, asked-before)
		}
		b.pass(time.Hour)
		dropped, told := len(b.queue.dropped), 0
		for _, message := range b.store.told("ThingsBoard has no device " + deviceA) {
			var n int
			if _, err := fmt.Sscanf(message, "ThingsBoard has no device "+deviceA+" and Create devices is off: %d", &n); err != nil {
				t.Fatal(err)
			}
			told += n
		}
		if events := len(b.store.told("ThingsBoard has no device")); events > 3 || told != dropped {
			t.Errorf("%d events tell of %d, and %d were skipped", events, told, dropped)
		}
	})
}
