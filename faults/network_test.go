package faults_test

import (
	"errors"
	"testing"
	"time"

	"boardlink/connection"
	"boardlink/faults"
	"boardlink/faults/proxy"
)

func TestThingsBoard_down_at_the_start_is_told_and_its_return_is_found(t *testing.T) {
	t.Parallel()
	w := faults.New(t, faults.Options{})
	l := w.Links[0]
	l.Net(proxy.Fault{Refuse: true})
	w.TB().Pause()
	w.Start()
	w.Backlog(25)
	s := l.Fails(30 * time.Second)
	if s.ReasonCode != connection.ReasonTCPRefused || s.NextAttemptAt.IsZero() || s.Backlog != 100 {
		t.Errorf("%+v", s)
	}
	l.Net(proxy.Fault{})
	if err := w.TB().Resume(); err != nil {
		t.Fatal(err)
	}
	due := time.Until(l.Status().NextAttemptAt)
	if l.Reaches(connection.Opened, max(due, 0)+20*time.Second); w.Presses() != 0 {
		t.Error("the link did not come back by itself")
	}
	if v := w.Finish(time.Minute); v.Figures.Arrived != 100 || v.Figures.Repeats != 0 {
		t.Error(v)
	}
}

func TestBlack_hole_costs_one_dial_at_a_time_and_no_other_link_anything(t *testing.T) {
	t.Parallel()
	w := faults.New(t, faults.Options{Links: 2})
	stuck, other := w.Links[0], w.Links[1]
	for _, p := range []*proxy.Proxy{stuck.REST(), stuck.MQTT()} {
		if err := p.BlackHole(); errors.Is(err, errors.ErrUnsupported) {
			t.Skip("the system cannot make a black hole")
		} else if err != nil {
			t.Fatal(err)
		}
	}
	w.Start()
	begun := time.Now()
	feeder := w.Feed(20)
	stuck.Reaches(connection.Opening, 20*time.Second)
	s := stuck.Fails(30 * time.Second)
	took := time.Since(begun)
	if s.ReasonCode != connection.ReasonTCPTimeout || s.NextAttemptAt.IsZero() || took < 9*time.Second {
		t.Errorf("after %v %+v", took, s)
	}
	if d := stuck.Dials(); d.AtOnce != 1 {
		t.Errorf("%d dials at once", d.AtOnce)
	}
	if s := other.Status(); s.State != connection.Opened || time.Since(s.LastDeliveredAt) > 8*time.Second { // less than a dial lasts
		t.Errorf("the other link: %+v", s)
	}
	feeder.Stop()
	w.Finish(time.Minute)
}

func TestHalf_open_link_with_a_publish_under_way_is_found_within_ten_seconds(t *testing.T) {
	t.Parallel()
	w := faults.New(t, faults.Options{})
	l := w.Links[0]
	w.Start()
	w.Backlog(10)
	w.Settle(time.Minute)
	l.Net(proxy.HalfOpen)
	w.Backlog(20)
	// 10 s from the first publish; a silent peer without one is found after 20 s.
	w.Until("the loss", 15*time.Second, func() bool { return l.Status().State != connection.Opened })
	if s := l.Fails(12 * time.Second); s.ReasonCode != connection.ReasonNoAck || s.NextAttemptAt.IsZero() {
		t.Errorf("%+v", s)
	}
	if v := w.Finish(time.Minute); v.Figures.Arrived != 120 || v.Figures.Repeats != 0 || v.Figures.Unsettled == 0 {
		t.Error(v) // what was lost never arrived, so nothing is repeated
	}
}

func TestSlow_reader_ends_the_session_and_holds_no_more_than_the_window(t *testing.T) {
	t.Parallel()
	// 30 KB an uplink: the window is more than the sockets of the session take.
	w := faults.New(t, faults.Options{Devices: 70, Links: 2, PadOf: func(_ int, frame int64) int { return 30_000 * int(frame) }})
	l, other := w.Links[0], w.Links[1]
	w.Start()
	w.Backlog(1) // each device is connected by then
	w.Settle(60 * time.Second)
	if err := l.MQTT().Set(proxy.Fault{Up: proxy.Way{Hold: true}}); err != nil {
		t.Fatal(err)
	}
	w.Backlog(1)
	w.Until("the end of the session", 25*time.Second, func() bool { return l.Status().State != connection.Opened })
	w.Until("the other link to deliver", 20*time.Second, func() bool { return other.Status().Backlog == 0 })
	// The history holds more than a window without an outcome against the link.
	if v := w.Finish(60 * time.Second); v.Figures.Arrived != 280 || v.Figures.Unsettled == 0 {
		t.Error(v)
	}
}

func TestTrickle_of_bytes_still_delivers(t *testing.T) {
	t.Parallel()
	w := faults.New(t, faults.Options{Plain: true})
	l := w.Links[0]
	w.Start()
	l.Reaches(connection.Opened, 20*time.Second)
	if err := l.MQTT().Set(proxy.Fault{Up: proxy.Way{Rate: 1000}}); err != nil {
		t.Fatal(err)
	}
	w.Backlog(15)
	w.Until("some arrivals", 20*time.Second, func() bool { return w.Arrived() >= 10 })
	if v := w.Finish(time.Minute); v.Figures.Arrived != 60 {
		t.Error(v)
	}
}

func TestLost_PUBACKs_repeat_no_more_than_was_under_way_and_alter_nothing(t *testing.T) {
	t.Parallel()
	w := faults.New(t, faults.Options{Devices: 80})
	l := w.Links[0]
	w.Start()
	w.Backlog(1) // each device is connected by then
	w.Settle(time.Minute)
	rounds := 2
	if long() {
		rounds = 20
	}
	for range rounds {
		if err := l.MQTT().Set(proxy.Fault{Down: proxy.Way{Lose: true}}); err != nil {
			t.Fatal(err)
		}
		before := w.History.Figures().Points
		w.Backlog(1)
		w.Until("points without a PUBACK", 20*time.Second, func() bool { return w.History.Figures().Points >= before+5 })
		if err := l.MQTT().Pass(); err != nil {
			t.Fatal(err)
		}
		l.MQTT().Reset()
		w.Settle(time.Minute)
	}
	v := w.Finish(time.Minute)
	if f, n := v.Figures, int64(rounds); f.Arrived != 80*(n+1) || f.Repeats < 5*n || f.Repeats > 64*n || f.Disconnects < n {
		t.Error(v)
	}
}

func TestConnection_cut_within_an_answer_loses_nothing(t *testing.T) {
	t.Parallel()
	w := faults.New(t, faults.Options{Devices: 20})
	l := w.Links[0]
	w.Start()
	feeder := w.Feed(40)
	rounds := 4
	if long() {
		rounds = 40
	}
	sessions := 0
	for round := range rounds {
		// A link may still show the session that was cut, and a fault that meets a handshake lets none begin.
		w.Until("another session", time.Minute, func() bool { return len(w.TB().Connects()) > sessions })
		l.Reaches(connection.Opened, time.Minute)
		sessions = len(w.TB().Connects())
		at := int64(1 + w.Intn(400))
		fault := proxy.Fault{Down: proxy.Way{CutAfter: at}}
		if round%2 == 1 {
			fault = proxy.Fault{Up: proxy.Way{CutAfter: at}}
		}
		before := w.History.Figures().Disconnects
		if err := l.MQTT().Set(fault); err != nil {
			t.Fatal(err)
		}
		w.Until("the cut", time.Minute, func() bool { return w.History.Figures().Disconnects > before })
		if err := l.MQTT().Pass(); err != nil {
			t.Fatal(err)
		}
	}
	feeder.Stop()
	w.Finish(time.Minute)
}
