package link_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"boardlink/connection"
	"boardlink/db"
)

func TestLink_goes_on_while_and_after_its_backlog_is_purged(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.reaches(connection.Opened, 10*time.Second)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 300 {
			w.put(device(i%10), int64(i), map[string]any{"n": i})
		}
	}()
	var dropped int64
	for range 20 {
		n, err := w.queue.DropWaiting(context.Background(), w.conn.ID)
		if err != nil {
			t.Fatal(err)
		}
		dropped += n
	}
	<-done
	w.until("an empty queue", 20*time.Second, func() bool { waiting, _, _ := w.queue.Depth(w.conn.ID); return waiting == 0 })
	w.put(device(42), 1, map[string]any{"n": 1})
	w.until("delivery afterwards", 10*time.Second, func() bool { return len(w.first(device(42))) == 1 })
	delivered := 0
	for i := range 10 {
		delivered += len(w.first(device(i)))
	}
	if int64(delivered)+dropped != 300 {
		t.Errorf("%d delivered and %d dropped of 300", delivered, dropped)
	}
	events, err := w.db.Events(context.Background(), db.EventFilter{ConnectionID: w.conn.ID})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if e.Kind == connection.KindState && e.Level != connection.LevelInfo {
			t.Error(fmt.Sprint(e))
		}
	}
	if s := w.links.Status(w.conn.ID); s.State != connection.Opened {
		t.Errorf("the link is %+v", s)
	}
}
