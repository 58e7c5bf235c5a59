package connection

import (
	"testing"
	"time"
)

// walk makes every try of a strategy over a span, each failing at once, and returns when they were made.
func walk(s Strategy, span time.Duration, random func() float64) (tries []time.Duration, ended bool) {
	var now time.Duration
	for attempt := 0; ; attempt++ {
		wait, ok := s.NextTry(now, attempt, random)
		if !ok {
			return tries, true
		}
		now += wait
		if now > span {
			return tries, false
		}
		tries = append(tries, now)
	}
}

func within(tries []time.Duration, from, to time.Duration) int {
	n := 0
	for _, t := range tries {
		if t > from && t <= to {
			n++
		}
	}
	return n
}

func TestSchedules(t *testing.T) {
	draws := map[string]func() float64{
		"earliest": func() float64 { return 0 },
		"middle":   func() float64 { return 0.5 },
		"latest":   func() float64 { return 0.999999 },
		"chance":   nil,
	}
	for name, random := range draws {
		t.Run("CALM makes 72 tries, then 24, then none, drawing "+name, func(t *testing.T) {
			tries, ended := walk(StrategyCalm, 100*day, random)
			slow := tries[within(tries, 0, QuickPhase):]
			if len(slow) != 72+24 || !ended {
				t.Fatalf("%d tries after the quick phase, ended %v; want 96 and an end", len(slow), ended)
			}
			if first := slow[0]; first < 9*time.Minute || first > 11*time.Minute {
				t.Errorf("first try after %v, want 10 minutes within a tenth", first)
			}
			if last := slow[95]; last < 36*time.Hour-6*time.Minute || last > 36*time.Hour+6*time.Minute {
				t.Errorf("last try after %v, want 36 hours within a tenth of an hour", last)
			}
		})
		t.Run("NORMAL goes on every day for ever, drawing "+name, func(t *testing.T) {
			tries, ended := walk(StrategyNormal, 100*day, random)
			slow := tries[within(tries, 0, QuickPhase):]
			if ended || len(slow) < 12+24+97 || len(slow) > 12+24+99 {
				t.Fatalf("%d tries in 100 days, ended %v", len(slow), ended)
			}
		})
		t.Run("AGGRESSIVE tries 60 times in 3 hours, drawing "+name, func(t *testing.T) {
			tries, ended := walk(StrategyAggressive, 30*day, random)
			slow := tries[within(tries, 0, QuickPhase):]
			if ended {
				t.Fatal("the strategy ended")
			}
			if n := within(slow, 0, 3*time.Hour+10*time.Minute); n < 60 || n > 61 {
				t.Errorf("%d tries in the first three hours, want 60", n)
			}
			if n := within(slow, 0, 3*time.Hour+7*day+3*time.Minute); n < 60+335 || n > 60+337 {
				t.Errorf("%d tries until a week later, want about 396", n)
			}
		})
		t.Run("quick tries come within the first minute and are few, drawing "+name, func(t *testing.T) {
			tries, _ := walk(StrategyNormal, QuickPhase, random)
			if len(tries) < 2 || len(tries) > 300 {
				t.Fatalf("%d quick tries", len(tries))
			}
			if tries[0] > 2*time.Second {
				t.Errorf("first quick try after %v, want at most 2 s", tries[0])
			}
		})
	}
	t.Run("an unknown strategy is NORMAL", func(t *testing.T) {
		if wait, ok := Strategy("?").NextTry(2*time.Minute, 9, func() float64 { return 0.5 }); !ok || wait != 3*time.Minute {
			t.Fatalf("waits %v, %v", wait, ok)
		}
	})
	t.Run("a try that comes late finds the next point of the grid", func(t *testing.T) {
		wait, ok := StrategyNormal.NextTry(7*time.Minute, 9, func() float64 { return 0.5 })
		if !ok || wait != 3*time.Minute {
			t.Fatalf("waits %v, %v; want 3m", wait, ok)
		}
	})
}
