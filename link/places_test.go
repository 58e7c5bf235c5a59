package link

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"boardlink/connection"
	"boardlink/thingsboard"
)

func TestPlace_that_is_waited_for_can_be_given_up(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlaces(time.Now, func() float64 { return 0.5 })
		var all []*ticket
		for range openAtOnce / 2 {
			one := p.ask("a", false)
			<-one.granted
			all = append(all, one)
		}
		waits, behind := p.ask("a", false), p.ask("a", false)
		time.Sleep(time.Minute)
		synctest.Wait()
		if _, waiting := waits.turn(); !waiting {
			t.Fatal("a host has more than half of the places")
		}
		waits.leave()
		other := p.ask("b", false)
		<-other.granted
		other.leave()
		all[0].leave()
		<-behind.granted
		for _, one := range append(all, behind) {
			one.leave()
			one.leave() // a second time counts for nothing
		}
		if p.free != openAtOnce {
			t.Errorf("%d places are free", p.free)
		}
	})
}

// Whatever hosts swallow what is dialled, the next one finds a place.
func TestPlaces_are_left_by_several_hosts_that_hang(t *testing.T) {
	for _, dead := range []int{1, 2, 3, 9, 49} {
		synctest.Test(t, func(t *testing.T) {
			p := newPlaces(time.Now, func() float64 { return 0.5 })
			ctx, cancel := context.WithCancel(t.Context())
			var dials sync.WaitGroup
			for i := range dead {
				for range openAtOnce/dead + 2 {
					dials.Go(func() {
						for ctx.Err() == nil {
							one := p.ask(fmt.Sprint("dead", i), false)
							select {
							case <-one.granted:
								_ = sleep(ctx, locateLimit)
							case <-ctx.Done():
							}
							one.leave()
						}
					})
				}
			}
			time.Sleep(time.Minute)
			synctest.Wait()
			if held := p.hosts["dead0"].held; dead == 1 && held != openAtOnce/2 {
				t.Errorf("a host alone holds %d places", held)
			}
			for range openAtOnce {
				healthy := p.ask("healthy", false)
				select {
				case <-healthy.granted:
				case <-time.After(time.Second):
					t.Fatalf("%d dead hosts leave no place", dead)
				}
				healthy.leave()
			}
			cancel()
			dials.Wait()
		})
	}
}

func TestLink_is_not_nudged_for_what_only_it_was_refused_for(t *testing.T) {
	in(t, func(b *bench) {
		b.board.connect = func(context.Context, thingsboard.MQTTEndpoint) error {
			return &thingsboard.Error{Code: connection.ReasonConflict, Kind: thingsboard.Conflict}
		}
		b.start()
		b.pass(2 * time.Minute)
		before := b.status().NextAttemptAt
		b.m.hostBack("tb.example.com")
		synctest.Wait()
		if at := b.status().NextAttemptAt; !at.Equal(before) {
			t.Errorf("the next try went from %v to %v", before, at)
		}
	})
}
