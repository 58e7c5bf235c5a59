package db

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"

	"boardlink/connection"
)

// masked is what a list holds of a connection.
func masked(c connection.Connection) connection.Connection {
	for _, s := range []*connection.Secret{&c.Configuration.Password, &c.Configuration.DownlinkAsKey, &c.UplinkKey} {
		if s.IsSet() {
			*s = connection.Mask
		}
	}
	return c
}

// wantListed compares the list with the rows.
func wantListed(t *testing.T, d *DB) {
	t.Helper()
	rows, err := d.Connections(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	listed, err := d.Listed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(listed) != len(rows) {
		t.Errorf("%d are listed, and there are %d", len(listed), len(rows))
		return
	}
	for i, c := range rows {
		if !reflect.DeepEqual(*listed[i], masked(c)) {
			t.Errorf("listed is %+v\nwant      %+v", *listed[i], masked(c))
		}
	}
}

func TestListed_is_what_the_rows_are_after_any_changes(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 15))
	d, _ := newTestDB(t)
	wantListed(t, d) // none
	var ids []connection.ID
	for i := range 80 {
		id := connection.ID(random.IntN(len(ids)+1) + 1) // it may be gone, or not be there yet
		var err error
		switch random.IntN(6) {
		case 0, 1:
			c := testConnection(fmt.Sprint("number ", i))
			if random.IntN(2) == 0 {
				c.Configuration.DownlinkAsKey = ""
			}
			c, err = d.CreateConnection(t.Context(), c, byTest)
			ids = append(ids, c.ID)
		case 2:
			var c connection.Connection
			if c, err = d.Connection(t.Context(), id); err == nil {
				c.Name, c.Active = fmt.Sprint("edited ", i), !c.Active
				c.Version -= int64(random.IntN(2)) // at times somebody else was quicker
				_, err = d.UpdateConnection(t.Context(), c, byTest)
			}
		case 3:
			err = d.DeleteConnection(t.Context(), id, byTest)
		case 4:
			err = d.RequestRestart(t.Context(), id, byTest)
		case 5:
			err = d.SetGatewayDevice(t.Context(), id, fmt.Sprint("gateway ", i))
		}
		if code := connection.CodeOf(err); err != nil && code != connection.CodeNotFound && code != connection.CodeConflict {
			t.Fatal(err)
		}
		if random.IntN(3) > 0 { // several changes between two reads
			wantListed(t, d)
		}
	}
	wantListed(t, d)
}

// Readers and writers work side by side; whoever wrote finds what was written.
func TestListed_holds_what_was_committed_before(t *testing.T) {
	d, _ := newTestDB(t)
	var ids []connection.ID
	for i := range 4 {
		ids = append(ids, createTestConnection(t, d, fmt.Sprint("number ", i)).ID)
	}
	var done atomic.Bool
	var writers, readers sync.WaitGroup
	for _, id := range ids {
		writers.Go(func() {
			for range 8 {
				c, err := d.Connection(t.Context(), id)
				if err == nil {
					c, err = d.UpdateConnection(t.Context(), c, byTest)
				}
				if err != nil {
					t.Error(err)
					return
				}
				listed, err := d.Listed(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				for _, l := range listed {
					if l.ID == id && l.Version < c.Version {
						t.Errorf("connection %s is listed in version %d after version %d was stored", id, l.Version, c.Version)
					}
				}
			}
		})
	}
	for range 2 {
		readers.Go(func() {
			seen := map[connection.ID]int64{}
			for !done.Load() {
				listed, err := d.Listed(t.Context())
				if err != nil || len(listed) != len(ids) {
					t.Errorf("%d listed, %v", len(listed), err)
					return
				}
				for _, l := range listed {
					if l.Version < seen[l.ID] {
						t.Errorf("connection %s went back from version %d to %d", l.ID, seen[l.ID], l.Version)
					}
					seen[l.ID] = l.Version
				}
			}
		})
	}
	writers.Wait()
	done.Store(true)
	readers.Wait()
	wantListed(t, d)
}

func TestListed_reads_again_what_it_could_not_read(t *testing.T) {
	d, _ := newTestDB(t)
	made := createTestConnection(t, d, "north")
	wantListed(t, d)
	made.Name = "south"
	if _, err := d.UpdateConnection(t.Context(), made, byTest); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Listed(ctx); err == nil {
		t.Error("a list was read by a request that had ended")
	}
	wantListed(t, d)
}

// More rows than are read one by one are read with all others.
func TestListed_takes_many_changes_at_once(t *testing.T) {
	d, _ := newTestDB(t)
	made := createTestConnection(t, d, "north")
	wantListed(t, d)
	if err := d.RequestRestart(t.Context(), made.ID, byTest); err != nil {
		t.Fatal(err)
	}
	for id := range connection.ID(2 * fewStale) {
		d.listing.note(id)
	}
	wantListed(t, d)
}

// A list must not need the key: what it opened it could show.
func TestListed_opens_no_secret(t *testing.T) {
	d, _ := newTestDB(t)
	made := createTestConnection(t, d, "north")
	if _, err := d.write.Exec(`UPDATE connections SET password = x'00', uplink_key = x'00', downlink_as_key = x'00' WHERE id = $1`, made.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Connection(t.Context(), made.ID); err == nil {
		t.Fatal("a spoiled secret opens")
	}
	listed, err := d.Listed(t.Context())
	if err != nil || len(listed) != 1 || !reflect.DeepEqual(*listed[0], masked(made)) {
		t.Errorf("listed is %+v, %v", listed, err)
	}
}
