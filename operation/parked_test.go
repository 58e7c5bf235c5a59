package operation_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"boardlink/connection"
	"boardlink/live"
	"boardlink/operation"
	"boardlink/operation/operationtest"
)

// parked makes a connection with seven parked events, of which those with ids 2, 4 and 6 are too large.
func parked(t *testing.T) (*operationtest.World, connection.ID) {
	w := operationtest.New(nil)
	id := create(t, w)
	for i := range 7 {
		e := connection.ParkedEvent{ID: int64(i + 1), ReasonCode: connection.ReasonRefused}
		if i%2 == 1 {
			e.ReasonCode = connection.ReasonTooLarge
		}
		w.Parked.Add(id, e)
	}
	return w, id
}

func TestParked_pages(t *testing.T) {
	w, id := parked(t)
	for name, test := range map[string]struct {
		filter operation.ParkedFilter
		want   string
		next   int64
	}{
		"all":                     {operation.ParkedFilter{}, "[1 2 3 4 5 6 7]", 0},
		"a page":                  {operation.ParkedFilter{Limit: 3}, "[1 2 3]", 3},
		"the page after":          {operation.ParkedFilter{Limit: 3, AfterID: 3}, "[4 5 6]", 6},
		"the last page":           {operation.ParkedFilter{Limit: 3, AfterID: 6}, "[7]", 0},
		"a page that is full":     {operation.ParkedFilter{Limit: 7}, "[1 2 3 4 5 6 7]", 0},
		"behind the end":          {operation.ParkedFilter{AfterID: 7}, "[]", 0},
		"of a reason":             {operation.ParkedFilter{Reason: connection.ReasonTooLarge, Limit: 2}, "[2 4]", 4},
		"of a reason, the rest":   {operation.ParkedFilter{Reason: connection.ReasonTooLarge, Limit: 2, AfterID: 4}, "[6]", 0},
		"of a reason that is not": {operation.ParkedFilter{Reason: connection.ReasonQuota}, "[]", 0},
	} {
		page, next, err := w.Connections.Parked(t.Context(), id, test.filter)
		ids := []int64{}
		for _, e := range page {
			ids = append(ids, e.ID)
		}
		if err != nil || fmt.Sprint(ids) != test.want || next != test.next {
			t.Errorf("%s: %v, next %d, error %v", name, ids, next, err)
		}
	}
	if _, _, err := w.Connections.Parked(t.Context(), 99, operation.ParkedFilter{}); connection.CodeOf(err) != connection.CodeNotFound {
		t.Errorf("of no connection: %v", err)
	}
	if _, _, err := w.Connections.Parked(t.Context(), id, operation.ParkedFilter{Limit: 1001}); connection.CodeOf(err) != connection.CodeInvalid {
		t.Errorf("too long a page: %v", err)
	}
}

func TestParked_walks_long_lists_in_steps(t *testing.T) {
	w := operationtest.New(nil)
	id := create(t, w)
	for i := range 260 {
		w.Parked.Add(id, connection.ParkedEvent{ID: int64(i + 1)})
	}
	page, next, err := w.Connections.Parked(t.Context(), id, operation.ParkedFilter{Limit: 120})
	if err != nil || len(page) != 120 || next != 120 {
		t.Errorf("%d events, next %d, error %v", len(page), next, err)
	}
	page, next, err = w.Connections.Parked(t.Context(), id, operation.ParkedFilter{Limit: 1000, AfterID: next})
	if err != nil || len(page) != 140 || page[139].ID != 260 || next != 0 {
		t.Errorf("%d events, next %d, error %v", len(page), next, err)
	}
}

func TestRetryParked_takes_what_was_chosen(t *testing.T) {
	for name, test := range map[string]struct {
		choice operation.ParkedChoice
		want   []int64
	}{
		"ids":                       {operation.ParkedChoice{IDs: []int64{3, 5, 99}}, []int64{3, 5}},
		"a reason":                  {operation.ParkedChoice{Reason: connection.ReasonTooLarge}, []int64{2, 4, 6}},
		"all":                       {operation.ParkedChoice{All: true}, []int64{1, 2, 3, 4, 5, 6, 7}},
		"nothing":                   {operation.ParkedChoice{}, nil},
		"a reason that nothing has": {operation.ParkedChoice{Reason: connection.ReasonQuota}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w, id := parked(t)
			n, err := w.RetryParked(t.Context(), actor, id, test.choice)
			if err != nil || n != int64(len(test.want)) || !slices.Equal(w.Parked.Retried(), test.want) {
				t.Errorf("retried %d, %v, error %v", n, w.Parked.Retried(), err)
			}
			told := w.Feed.Published()
			if n == 0 {
				if len(told) != 0 || lastEvent(t, w).Kind != connection.KindCreated {
					t.Error("nothing was done, and it was told")
				}
				return
			}
			if e := lastEvent(t, w); e.Actor != actor || e.Kind != connection.KindUplink || e.ConnectionID != id {
				t.Errorf("event %+v", e)
			}
			if !slices.Contains(told, live.Change{Topic: live.Connection, ID: id.String()}) {
				t.Errorf("published %v", told)
			}
		})
	}
}

func TestDropParked_tells_also_what_was_done_before_it_failed(t *testing.T) {
	w, id := parked(t)
	w.Parked.Fail = errors.New("disk on fire")
	n, err := w.DropParked(t.Context(), actor, id, operation.ParkedChoice{All: true})
	if n != 7 || !errors.Is(err, w.Parked.Fail) {
		t.Errorf("dropped %d, error %v", n, err)
	}
	if e := lastEvent(t, w); e.Message != `7 parked events of the connection "North" were dropped.` || e.Level != connection.LevelWarning {
		t.Errorf("event %+v", e)
	}
	if _, err := w.DropParked(t.Context(), actor, 99, operation.ParkedChoice{All: true}); connection.CodeOf(err) != connection.CodeNotFound {
		t.Errorf("of no connection: %v", err)
	}
}

func TestDevices_page_by_DevEUI(t *testing.T) {
	w := operationtest.New(nil)
	id := create(t, w)
	for i := range 5 {
		w.Store.AddDevices(connection.Device{ConnectionID: id, DevEUI: fmt.Sprintf("20635F0108000E%02X", i), Name: fmt.Sprint("Pump ", i)})
	}
	page, next, err := w.Devices(t.Context(), id, operation.DeviceFilter{Limit: 2, AfterDevEUI: "20635F0108000E00"})
	if err != nil || len(page) != 2 || page[0].Name != "Pump 1" || next != "20635F0108000E02" {
		t.Errorf("%v, next %q, error %v", page, next, err)
	}
	if page, next, err = w.Devices(t.Context(), id, operation.DeviceFilter{Search: "pump 4"}); err != nil || len(page) != 1 || next != "" {
		t.Errorf("%v, next %q, error %v", page, next, err)
	}
	if d, err := w.Device(t.Context(), id, "20635F0108000E03"); err != nil || d.Device.Name != "Pump 3" {
		t.Errorf("%v, error %v", d, err)
	}
	for _, try := range []func() error{
		func() error { _, _, err := w.Devices(t.Context(), 99, operation.DeviceFilter{}); return err },
		func() error { _, err := w.Device(t.Context(), 99, "20635F0108000E03"); return err },
		func() error { _, err := w.Device(t.Context(), id, "20635F0108000EFF"); return err },
	} {
		if err := try(); connection.CodeOf(err) != connection.CodeNotFound {
			t.Errorf("what is not there: %v", err)
		}
	}
}
