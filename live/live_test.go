package live

import (
	"context"
	"testing"
	"testing/synctest"
)

func TestFeed(t *testing.T) {
	t.Run("a busy listener finds every change once", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var f Feed
			ctx, cancel := context.WithCancel(t.Context())
			changes := f.Subscribe(ctx)
			for range 100 {
				f.Publish(Change{Connection, "1"})
				f.Publish(Change{Events, ""})
			}
			synctest.Wait()
			seen := map[Change]int{}
			for len(seen) < 2 {
				for _, c := range <-changes {
					seen[c]++
				}
			}
			if seen[Change{Connection, "1"}] > 2 || seen[Change{Events, ""}] > 2 {
				t.Errorf("changes came more than twice: %v", seen)
			}
			cancel()
			if _, open := <-changes; open {
				for range changes {
				}
			}
		})
	})
	t.Run("closing ends all listeners, and later ones at once", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var f Feed
			a := f.Subscribe(t.Context())
			f.Close()
			if _, open := <-a; open {
				t.Error("the listener goes on")
			}
			if _, open := <-f.Subscribe(t.Context()); open {
				t.Error("a late listener goes on")
			}
		})
	})
}
