package queue

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"boardlink/connection"
)

// Whatever is done to events, each is delivered exactly once here, for nothing crashes, and those of a device in the
// order in which they came in, but for the parked ones.
func TestLanes_deliver_each_event_once_whatever_is_done(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	q := open(t, file(t), Options{})
	const before, while = 3500, 600
	backlog(t, q, func(n int) int { // one device has most of the backlog, and some come late in it
		if n%5 > 0 {
			return 0
		}
		return 1 + random.IntN(min(2+n/50, 90))
	}, before)
	l := q.Lanes(7)
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := range while {
			e := uplink(n%120, n)
			e.Kind = "DevEUI_location"
			put(t, q, e)
		}
	})
	wg.Go(func() { // an operator who retries what was parked
		for range 20 {
			time.Sleep(10 * time.Millisecond)
			if _, err := q.RetryParked(soon(t), 7, nil); err != nil {
				t.Error(err)
			}
		}
	})
	delivered := map[int64]bool{}
	parked := map[int64]bool{}
	last := map[string]int64{}
	mine := l
	for len(delivered) < before+while {
		if waiting, _, aside := q.Depth(7); waiting == 0 && aside > 0 || len(delivered)+int(aside) == before+while {
			if _, err := q.RetryParked(soon(t), 7, nil); err != nil {
				t.Fatal(err)
			}
			continue
		}
		for _, e := range take(t, mine, 1+random.IntN(100)) {
			if delivered[e.ID] {
				t.Fatalf("event %d of %s was delivered twice", e.ID&sequenceMask, e.DevEUI)
			}
			if !parked[e.ID] && e.ID < last[e.DevEUI] {
				t.Fatalf("event %d of %s came after %d", e.ID&sequenceMask, e.DevEUI, last[e.DevEUI]&sequenceMask)
			}
			switch n := random.IntN(1000); {
			case n < 20:
				mine.Return(e)
			case n < 40:
				mine.Retry(e, time.Duration(random.IntN(20))*time.Millisecond)
			case n < 50:
				if err := mine.Park(soon(t), e, connection.ReasonRefused, "no"); err != nil {
					t.Fatal(err)
				}
				parked[e.ID] = true
			default:
				ack(t, mine, e)
				delivered[e.ID] = true
				if !parked[e.ID] {
					last[e.DevEUI] = e.ID
				}
			}
		}
		inMemory(t, mine)
		if random.IntN(2000) == 0 { // the link starts anew
			mine = q.Lanes(7)
		}
	}
	wg.Wait()
	nothingToTake(t, mine)
	wantDepth(t, q, 7, 0, 0)
	if n := len(mine.win.lanes); n != 0 {
		t.Fatalf("%d lanes are still known of an empty queue", n)
	}
}
