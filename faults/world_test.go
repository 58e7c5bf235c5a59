package faults_test

import (
	"testing"
	"time"

	"boardlink/connection"
	"boardlink/faults"
	"boardlink/faults/history"
)

func TestWorld_delivers_while_everything_stops_and_starts(t *testing.T) {
	t.Parallel()
	w := faults.New(t, faults.Options{Links: 3, Sandboxes: 2, Devices: 4})
	w.Start()
	feeder := w.Feed(60)
	w.Until("the first arrivals", 30*time.Second, func() bool { return w.Arrived() > 30 })
	w.TB().Pause()
	w.Until("the loss", 10*time.Second, func() bool { return w.Links[0].Status().State != connection.Opened })
	if err := w.TB().Resume(); err != nil {
		t.Fatal(err)
	}
	w.Links[0].Reaches(connection.Opened, 30*time.Second)
	w.Restart()
	for _, tb := range w.Sandboxes {
		tb.CutSessions()
	}
	before := w.Arrived()
	w.Until("more arrivals", 30*time.Second, func() bool { return w.Arrived() > before+60 })
	feeder.Stop()
	if v := w.Finish(30 * time.Second); v.Figures.Arrived != v.Figures.Accepted || v.Figures.Disconnects == 0 {
		t.Errorf("%+v", v.Figures)
	}
}

func TestWorld_posts_the_same_document_for_the_same_frame(t *testing.T) {
	t.Parallel()
	w := faults.New(t, faults.Options{Seed: 7, Links: 2})
	again := faults.New(t, faults.Options{Seed: 7, Links: 2, Epoch: time.UnixMilli(0)})
	first, at := w.Links[1].Document(2, 9)
	same, _ := w.Links[1].Document(2, 9)
	if string(first) != string(same) || at.IsZero() {
		t.Errorf("%s and %s", first, same)
	}
	other, _ := w.Links[1].Document(2, 10)
	if string(first) == string(other) {
		t.Error("two frames have one document")
	}
	if _, at := again.Links[1].Document(2, 9); at.UnixMilli() != 9 {
		t.Errorf("%v", at)
	}
	if w.Rand(1).Uint64() != again.Rand(1).Uint64() || w.Intn(1000) != again.Intn(1000) {
		t.Error("the seed does not make the same choices")
	}
}

func TestWorld_refuses_uplinks_while_Boardlink_is_down(t *testing.T) {
	t.Parallel()
	w := faults.New(t, faults.Options{})
	w.Start()
	if o := w.Links[0].Put(0); o != history.Accepted {
		t.Fatal(o)
	}
	w.Stop()
	if o := w.Links[0].Put(0); o != history.Refused {
		t.Fatal(o)
	}
	w.Start()
	if v := w.Finish(20 * time.Second); v.Figures.Accepted != 1 || v.Figures.Refused != 1 {
		t.Error(v)
	}
}
