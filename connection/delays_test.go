package connection

import (
	"testing"
	"time"
)

func TestDelays_never_say_less_than_the_truth(t *testing.T) {
	if (Delays{}).Within(0.5) != 0 || (Delays{}).Count() != 0 {
		t.Error("there was a delivery where there was none")
	}
	for name, test := range map[string]struct {
		took      []time.Duration
		half, p95 time.Duration
		longest   time.Duration
	}{
		"one":                     {[]time.Duration{3 * time.Millisecond}, 3 * time.Millisecond, 3 * time.Millisecond, 3 * time.Millisecond},
		"on a bound":              {[]time.Duration{25 * time.Millisecond, time.Second}, 25 * time.Millisecond, time.Second, time.Second},
		"just beyond a bound":     {[]time.Duration{25*time.Millisecond + 1, time.Second}, 50 * time.Millisecond, time.Second, time.Second},
		"beyond the last bound":   {[]time.Duration{time.Millisecond, 30 * time.Hour, 70 * time.Hour}, 70 * time.Hour, 70 * time.Hour, 70 * time.Hour},
		"a clock that went back":  {[]time.Duration{0, 0}, 0, 0, 0},
		"few slow among the fast": {append(make([]time.Duration, 94), time.Minute, time.Minute, time.Minute, time.Minute, time.Minute, time.Hour), 10 * time.Millisecond, time.Minute, time.Hour},
	} {
		var d Delays
		for _, took := range test.took {
			d.Note(took)
		}
		if d.Count() != int64(len(test.took)) || d.Within(0.5) != test.half || d.Within(0.95) != test.p95 || d.Within(1) != test.longest || d.Longest != test.longest {
			t.Errorf("%s: %d, half within %v, 95 %% within %v, all within %v", name, d.Count(), d.Within(0.5), d.Within(0.95), d.Within(1))
		}
	}
}

func TestDelays_of_parts_are_those_of_the_whole(t *testing.T) {
	var whole Delays
	var parts [3]Delays
	for i := range 3000 {
		took := time.Duration(i*i) * time.Millisecond
		whole.Note(took)
		parts[i%3].Note(took)
	}
	var sum Delays
	for _, p := range parts {
		sum.Add(p)
	}
	if sum != whole || whole.Count() != 3000 {
		t.Errorf("%+v of the parts, %+v of the whole", sum, whole)
	}
}
