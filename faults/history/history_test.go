package history

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"boardlink/connection"
)

const (
	link   connection.ID = 7
	device               = "70B3D5E75E00B001"
	store                = "first"
)

func values(frame int64) map[string]json.RawMessage {
	return map[string]json.RawMessage{"fCntUp": json.RawMessage(fmt.Sprint(frame)), "temperature": json.RawMessage("21.5")}
}

var origin = time.UnixMilli(1_772_356_830_000)

func stamp(frame int64) int64 { return origin.UnixMilli() + 1000*frame }

// post has a frame posted and answered.
func post(h *History, frame int64, o Outcome) {
	time.Sleep(time.Millisecond) // in a bubble: no two things happen at the same moment
	p := h.Post(link, device, frame, time.UnixMilli(stamp(frame)))
	time.Sleep(time.Millisecond)
	p.Answered(o)
}

func arrive(h *History, frame int64) {
	h.Point(store, device, stamp(frame), values(frame), time.Now())
}

// good writes down a run in which all is well: two accepted and delivered, one of them repeated with a cause.
func good(h *History) {
	post(h, 0, Accepted)
	post(h, 1, Accepted)
	arrive(h, 0)
	arrive(h, 1)
	h.Unsettled(link, 1)
	h.Ended(link)
	arrive(h, 1)
	h.State(link, connection.Status{State: connection.Opened, Reason: "Connected to ThingsBoard.", ReasonCode: connection.ReasonConnected}, time.Now())
}

func TestVerdict_finds_no_fault_with_a_run_that_kept_its_promise(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(Options{})
		good(h)
		post(h, 2, Refused)
		post(h, 3, Unknown)
		post(h, 4, Unknown)
		arrive(h, 4)
		post(h, 5, Accepted)
		h.Parked(link, device, 5)
		post(h, 6, Accepted)
		h.Dropped(link, device, 6)
		h.Expired(link, 1)
		post(h, 7, Accepted)
		h.Deleted(link, 1)
		v := h.Verdict()
		if err := v.Err(); err != nil {
			t.Error(err)
		}
		f := v.Figures
		if f.Posts != 8 || f.Accepted != 5 || f.Refused != 1 || f.Unknown != 2 || f.Arrived != 3 || f.Repeats != 1 || f.Excused != 1 ||
			f.Parked != 1 || f.Dropped != 1 || f.Expired != 1 || f.Deleted != 1 || f.Missing != 0 {
			t.Errorf("%+v", f)
		}
	})
}

func TestVerdict_catches(t *testing.T) {
	for name, c := range map[string]struct {
		opt  Options
		run  func(h *History)
		want string // of the report
	}{
		"an event that is lost": {run: func(h *History) { post(h, 2, Accepted) },
			want: "I1 connection 7 device " + device + " frames 2: accepted and nowhere"},
		"several that are lost, as ranges": {run: func(h *History) {
			for f := range int64(6) {
				if post(h, 2+f, Accepted); f == 3 {
					arrive(h, 2+f)
				}
			}
		}, want: "frames 2-4, 6-7: accepted"},
		"an event that was given up and not told of": {run: func(h *History) { post(h, 2, Accepted); h.Dropped(link, device, 2) },
			want: "I1 connection 7: 1 events were given up and 0 were told of"},
		"a loss that a count of other losses does not excuse": {opt: Options{NamedDrops: true},
			run: func(h *History) { post(h, 2, Accepted); h.Expired(link, 1) }, want: "I1 connection 7 device " + device + " frames 2:"},
		"more gone than were deleted": {run: func(h *History) { post(h, 2, Accepted); post(h, 3, Accepted); h.Deleted(link, 1) },
			want: "frames 2-3: accepted and nowhere to be found; of 2 such events of the connection 1 were told of"},
		"a parked event that was let go and never arrived": {run: func(h *History) {
			post(h, 2, Accepted)
			h.Parked(link, device, 2)
			h.Unparked(link, device, 2)
		}, want: "I1 connection 7 device " + device + " frames 2:"},
		"two events in the wrong order": {run: func(h *History) {
			post(h, 2, Accepted)
			post(h, 3, Accepted)
			arrive(h, 3)
			arrive(h, 2)
		}, want: "I2 connection 7 device " + device + " frames 3, 2: 3 arrived before 2"},
		"a repeat with other values": {run: func(h *History) {
			h.Unsettled(link, 1)
			h.Point(store, device, stamp(1), map[string]json.RawMessage{"fCntUp": json.RawMessage("1"), "temperature": json.RawMessage("21.50")}, time.Now())
		}, want: "I3 connection 7 device " + device + " frames 1: came again and was another"},
		"a repeat with another time stamp": {run: func(h *History) {
			h.Unsettled(link, 1)
			h.Point(store, device, stamp(1)+1, values(1), time.Now())
		}, want: "I3 connection 7 device " + device + " frames 1: came again and was another"},
		"a repeat without a cause": {run: func(h *History) { arrive(h, 0) }, want: "I3 connection 7: 2 points were repeated and 1 repeats had a cause"},
		"more under way than the window": {opt: Options{Window: 2}, run: func(h *History) {
			for range 3 {
				h.Unsettled(link, 2)
			}
		}, want: "I3 connection 7: more than 2 publishes"},
		"two events with one time stamp": {run: func(h *History) {
			h.Post(link, device, 2, time.Time{}).Answered(Accepted)
			h.Point(store, device, stamp(1), values(2), time.Now())
		}, want: "I3 connection 7 device " + device + " frames 1-2: share the time stamp"},
		"a time stamp before the document's": {run: func(h *History) {
			post(h, 2, Accepted)
			h.Point(store, device, stamp(2)-1, values(2), time.Now())
		}, want: "I3 connection 7 device " + device + " frames 2: has the time stamp"},
		"a point that says nothing": {run: func(h *History) { h.Point(store, device, 1, map[string]json.RawMessage{"a": nil}, time.Now()) },
			want: "I3 connection 7 device " + device + ": a point at 1 has no frame counter"},
		"a refused event that arrives": {run: func(h *History) { post(h, 2, Refused); arrive(h, 2) },
			want: "I8 connection 7 device " + device + " frames 2: arrived though it was refused"},
		"an event that nobody posted": {run: func(h *History) { arrive(h, 99) }, want: "I8 connection 7 device " + device + " frames 99: arrived and was never posted"},
		"a device that nobody knows":  {run: func(h *History) { h.Point(store, "other", 1, values(1), time.Now()) }, want: "I8 device other: a point arrived"},
		"an event at the place that was left": {run: func(h *History) {
			post(h, 2, Accepted)
			h.Aim(link, "second")
			time.Sleep(transit + time.Millisecond)
			arrive(h, 2)
		}, want: "I8 connection 7 device " + device + " frames 2: arrived at first 251ms after the connection was turned to second"},
		"a link that says nothing": {run: func(h *History) { h.State(link, connection.Status{State: connection.Closed}, time.Now()) },
			want: `I4 connection 7: shows "CLOSED" and no reason`},
		"a link that stays in a transient state": {run: func(h *History) {
			s := connection.Status{State: connection.Closing, Reason: "x", Since: time.Now()}
			h.State(link, s, time.Now())
			time.Sleep(16 * time.Second)
			h.State(link, s, time.Now())
		}, want: "I4 connection 7: is CLOSING for 16s, which it should leave within 10s"},
		"a link that waits for nothing": {run: func(h *History) {
			for range 3 {
				h.State(link, connection.Status{State: connection.Closed, Reason: "x", ReasonCode: connection.ReasonTimeout}, time.Now())
				time.Sleep(4 * time.Second)
			}
		}, want: "I4 connection 7: is CLOSED (timeout: x) and names no next try"},
		"a link that lets its next try pass": {run: func(h *History) {
			s := connection.Status{State: connection.Closed, Reason: "x", ReasonCode: connection.ReasonTimeout, NextAttemptAt: time.Now()}
			time.Sleep(6 * time.Second)
			h.State(link, s, time.Now())
		}, want: "I4 connection 7: is CLOSED (timeout) and should have tried again 6s ago"},
		"a link whose backlog stands still": {run: func(h *History) {
			for range 14 {
				h.State(link, connection.Status{State: connection.Opened, Reason: "x", ReasonCode: connection.ReasonConnected, Backlog: 3}, time.Now())
				time.Sleep(5 * time.Second)
			}
		}, want: "I4 connection 7: is OPENED with 3 waiting, delivered nothing for 1m5s"},
		"goroutines that are left": {run: func(h *History) { h.AtRest(Sample{Goroutines: 100}, Sample{Goroutines: 114}) },
			want: "I5: 114 goroutines are left, 100 were there before"},
		"files that are left": {run: func(h *History) { h.AtRest(Sample{Files: 10}, Sample{Files: 19}) }, want: "I5: 19 open files are left"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := New(c.opt)
				good(h)
				if err := h.Verdict().Err(); err != nil {
					t.Fatalf("before: %v", err)
				}
				c.run(h)
				err := h.Verdict().Err()
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("got %v, want %q", err, c.want)
				}
				if strings.Count(fmt.Sprint(err), "\n  I") != 1 {
					t.Errorf("more was found than what is wrong: %v", err)
				}
			})
		})
	}
}

func TestVerdict_takes_an_answer_that_comes_after_the_arrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(Options{})
		first := h.Post(link, device, 0, time.Time{})
		time.Sleep(time.Millisecond)
		second := h.Post(link, device, 1, time.Time{})
		arrive(h, 1) // both were under way: either order will do
		arrive(h, 0)
		first.Answered(Accepted)
		second.Answered(Accepted)
		if err := h.Verdict().Err(); err != nil {
			t.Error(err)
		}
	})
}

func TestVerdict_lets_repeats_of_a_repeated_post_and_of_a_kill_pass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(Options{Window: 2, Batch: 1})
		for range 10 {
			post(h, 0, Accepted)
		}
		for range 13 {
			arrive(h, 0)
		}
		h.Killed()
		if v := h.Verdict(); v.Err() != nil || v.Figures.Repeats != 12 || v.Figures.Excused != 12 || v.Figures.Accepted != 1 {
			t.Error(v)
		}
		arrive(h, 0)
		if h.Verdict().Err() == nil {
			t.Error("one repeat too many passed")
		}
	})
}

func TestForget_keeps_the_verdict_and_lets_the_memory_go(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(Options{})
		for f := range int64(100) {
			switch post(h, f, Accepted); {
			case f == 50:
				h.Parked(link, device, f)
			case f == 51:
				h.Dropped(link, device, f)
				h.Expired(link, 1)
			case f != 90:
				arrive(h, f)
			}
		}
		time.Sleep(time.Minute)
		h.Forget(time.Now())
		if n := len(h.lanes[device].frames); n != 10 {
			t.Errorf("%d frames are remembered", n)
		}
		h.Excuse(link, 1)
		arrive(h, 3)
		v := h.Verdict()
		if f := v.Figures; len(v.Violations) != 1 || !strings.Contains(v.Violations[0].String(), "frames 90: accepted and nowhere") ||
			f.Accepted != 100 || f.Arrived != 97 || f.Parked != 1 || f.Dropped != 1 || f.Expired != 1 || f.Missing != 1 || f.Repeats != 1 || f.Unchecked != 1 {
			t.Error(v)
		}
	})
}

func TestViolations_are_bounded_and_counted(t *testing.T) {
	h := New(Options{})
	for f := range int64(1000) {
		h.Point(store, fmt.Sprint("nobody's ", f), 1, values(1), time.Now())
	}
	if v := h.Verdict(); len(v.Violations) != most || v.More["I8"] != 1000-most || !strings.Contains(v.Err().Error(), "1000 violations") {
		t.Error(v)
	}
}

func TestSlope_is_the_line_through_the_samples(t *testing.T) {
	var samples []Sample
	for i := range 60 {
		wobble := int64(i%2) * 1000
		samples = append(samples, Sample{At: origin.Add(time.Duration(i) * time.Minute), RSS: 100e6 + int64(i)*1e6 + wobble})
	}
	if got := Slope(samples, func(s Sample) int64 { return s.RSS }); got < 59.9 || got > 60.1 {
		t.Errorf("%v MB/h, want 60", got)
	}
	if got := Slope(samples[:1], func(s Sample) int64 { return s.RSS }); got != 0 {
		t.Errorf("%v of one sample", got)
	}
}

func TestFrameOf_reads_what_each_setting_makes_of_an_uplink(t *testing.T) {
	for text, want := range map[string]int64{`{"fCntUp":5}`: 5, `{"FCntUp":"6"}`: 6, `{"DevEUI_uplink":{"FCntUp":7,"x":1}}`: 7, `{}`: -1, `{"fCntUp":"a"}`: -1} {
		var v map[string]json.RawMessage
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		if n, ok := FrameOf(v); ok != (want >= 0) || ok && n != want {
			t.Errorf("%s: %d, %v", text, n, ok)
		}
	}
}

func TestMeasure_sees_this_process(t *testing.T) {
	if s := Measure(); s.Goroutines < 1 || s.Heap == 0 || s.At.IsZero() {
		t.Errorf("%+v", s)
	}
}
