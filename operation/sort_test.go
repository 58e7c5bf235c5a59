package operation_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"boardlink/connection"
	"boardlink/operation"
	"boardlink/operation/operationtest"
)

var sorts = []operation.Sort{operation.ByID, operation.ByName, operation.ByState, operation.ByBacklog, operation.ByLastDelivered}

func TestList_is_sorted_in_each_order_and_both_ways(t *testing.T) {
	w := operationtest.New(nil)
	for i, name := range []string{"beta", "Alpha", "gamma", "alpha"} {
		c := operationtest.Valid()
		c.Name = name
		c.Active = i != 2
		if _, err := w.Create(t.Context(), "ann", c); err != nil {
			t.Fatal(err)
		}
	}
	w.Links.Set(1, connection.Status{State: connection.Opened, Backlog: 5, LastDeliveredAt: operationtest.Now})
	w.Links.Set(2, connection.Status{State: connection.AuthenticationFailed, Backlog: 50})
	w.Links.Set(4, connection.Status{State: connection.Opened, Backlog: 5, LastDeliveredAt: operationtest.Now.Add(-time.Hour)})
	for sort, want := range map[operation.Sort]string{
		operation.ByID: "[1 2 3 4]", operation.ByName: "[2 4 1 3]", operation.ByState: "[2 1 4 3]", operation.ByBacklog: "[3 1 4 2]", operation.ByLastDelivered: "[2 3 4 1]",
	} {
		ids := func(desc bool) []string {
			views, next, err := w.List(t.Context(), operation.Filter{Sort: sort, Desc: desc})
			if err != nil || next != (operation.Place{}) {
				t.Errorf("%v, %v", next, err)
			}
			var all []string
			for _, v := range views {
				all = append(all, v.Connection.ID.String())
			}
			return all
		}
		up, down := ids(false), ids(true)
		if fmt.Sprint(up) != want {
			t.Errorf("%s: %v, want %s", sort, up, want)
		}
		slices.Reverse(down)
		if !slices.Equal(up, down) {
			t.Errorf("-%s is not the reverse of %v: %v", sort, up, down)
		}
	}
	active, off := true, false
	if views, _, err := w.List(t.Context(), operation.Filter{Active: &active}); err != nil || len(views) != 3 {
		t.Errorf("%d active, %v", len(views), err)
	}
	if views, _, err := w.List(t.Context(), operation.Filter{Active: &off}); err != nil || len(views) != 1 || views[0].Connection.ID != 3 {
		t.Errorf("%d not active, %v", len(views), err)
	}
}

// Connections are made and deleted between the pages. Those that are there all the time come once each, in order.
func TestList_pages_hold_while_connections_are_made_and_deleted(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	for _, sort := range sorts {
		for _, desc := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s %v", sort, desc), func(t *testing.T) { pageThrough(t, random, sort, desc) })
		}
	}
}

func pageThrough(t *testing.T, random *rand.Rand, sort operation.Sort, desc bool) {
	w := operationtest.New(nil)
	make1 := func() connection.ID {
		c := operationtest.Valid()
		c.Name = fmt.Sprintf("Site %d", random.IntN(20))
		v, err := w.Create(t.Context(), "ann", c)
		if err != nil {
			t.Fatal(err)
		}
		w.Links.Set(v.Connection.ID, connection.Status{
			State: connection.States[random.IntN(len(connection.States)-1)], Backlog: int64(random.IntN(5)),
			LastDeliveredAt: operationtest.Now.Add(time.Duration(random.IntN(5)) * time.Minute),
		})
		return v.Connection.ID
	}
	steady, fleeting := map[connection.ID]int{}, []connection.ID{}
	for range 60 {
		steady[make1()] = 0
		fleeting = append(fleeting, make1())
	}
	f := operation.Filter{Sort: sort, Desc: desc, Limit: 7}
	var order []connection.ID
	for {
		page, next, err := w.List(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range page {
			if _, ok := steady[v.Connection.ID]; ok {
				steady[v.Connection.ID]++
				order = append(order, v.Connection.ID)
			}
		}
		if f.After = next; next == (operation.Place{}) || len(order) > 1000 {
			break
		}
		if last := page[len(page)-1].Connection.ID; steady[last] == 0 && random.IntN(2) == 0 { // the place itself goes
			_ = w.Delete(t.Context(), "ann", last)
		}
		for range 2 {
			i := random.IntN(len(fleeting))
			_ = w.Delete(t.Context(), "ann", fleeting[i]) // it may be gone already
			if len(fleeting) < 100 {
				fleeting = append(fleeting, make1())
			}
		}
	}
	for id, n := range steady {
		if n != 1 {
			t.Errorf("connection %s came %d times", id, n)
		}
	}
	whole, _, err := w.List(t.Context(), operation.Filter{Sort: sort, Desc: desc, Limit: operation.MaxLimit})
	if err != nil {
		t.Fatal(err)
	}
	var want []connection.ID
	for _, v := range whole {
		if _, ok := steady[v.Connection.ID]; ok {
			want = append(want, v.Connection.ID)
		}
	}
	if !slices.Equal(order, want) {
		t.Errorf("paged %v\nwhole %v", order, want)
	}
}
