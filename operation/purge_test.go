package operation_test

import (
	"errors"
	"strings"
	"testing"

	"boardlink/connection"
	"boardlink/operation/operationtest"
)

func TestPurge_tells_who_dropped_how_many(t *testing.T) {
	w := operationtest.New(nil)
	v, err := w.Create(t.Context(), "ann@example.com", operationtest.Valid())
	if err != nil {
		t.Fatal(err)
	}
	id := v.Connection.ID
	if n, err := w.Purge(t.Context(), "ann@example.com", id); n != 0 || err != nil || len(w.Store.AllEvents()) != 1 {
		t.Errorf("of nothing: %d, %v", n, err)
	}
	w.Backlog.Set(id, 12)
	w.Feed.Published()
	n, err := w.Purge(t.Context(), "ann@example.com", id)
	all := w.Store.AllEvents()
	e := all[len(all)-1]
	if n != 12 || err != nil || e.Actor != "ann@example.com" || e.Level != connection.LevelWarning || e.ConnectionID != id ||
		e.Message != `The backlog of connection "North" was purged: 12 waiting events were dropped.` || len(w.Feed.Published()) != 2 {
		t.Errorf("%d, %v, %+v", n, err, e)
	}
	w.Backlog.Set(id, 1)
	w.Backlog.Fail = errors.New("disk full")
	n, err = w.Purge(t.Context(), "ann", id)
	all = w.Store.AllEvents()
	if n != 1 || err == nil || !strings.Contains(all[len(all)-1].Message, "1 waiting event was dropped") {
		t.Errorf("in part: %d, %v, %+v", n, err, all[len(all)-1])
	}
	if _, err := w.Purge(t.Context(), "ann", 99); connection.CodeOf(err) != connection.CodeNotFound {
		t.Errorf("%v", err)
	}
}
