package ingest

import (
	"sync"
	"testing"

	"boardlink/connection"
)

func TestRegistry_follows_changes(t *testing.T) {
	var r Registry
	knows := func(id connection.ID, key connection.Secret) bool {
		t.Helper()
		e, ok := r.entry(id)
		return ok && e.fits(key)
	}
	r.Changed(connection.Connection{ID: 1, Version: 2, UplinkKey: "two"})
	if !knows(1, "two") || knows(1, "three") || knows(2, "two") {
		t.Error("a new connection is not known by its key alone")
	}
	r.Set(connection.Connection{ID: 1, Version: 3, UplinkKey: "three"})
	if knows(1, "two") || !knows(1, "three") {
		t.Error("a renewed key does not end the old one")
	}
	r.Set(connection.Connection{ID: 1, Version: 2, UplinkKey: "two"})
	if knows(1, "two") {
		t.Error("a change that comes late brings an old key back")
	}
	r.Removed(1)
	r.Set(connection.Connection{ID: 1, Version: 9, UplinkKey: "nine"})
	if knows(1, "nine") {
		t.Error("a change that comes late brings a removed connection back")
	}
	r.Load([]connection.Connection{{ID: 4, UplinkKey: "four"}, {ID: 5, UplinkKey: "five"}})
	if !knows(4, "four") || !knows(5, "five") || knows(4, "five") {
		t.Error("not all that was loaded is known")
	}
}

func TestRegistry_bears_readers_beside_writers(t *testing.T) {
	var r Registry
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for v := range 200 {
				r.Set(connection.Connection{ID: connection.ID(i + 1), Version: int64(v), UplinkKey: "k"})
				if e, ok := r.entry(connection.ID(v%4 + 1)); ok && !e.fits("k") {
					t.Error("a torn entry")
				}
				if v%50 == 0 {
					r.Remove(connection.ID(100 + v))
				}
			}
		})
	}
	wg.Wait()
}
