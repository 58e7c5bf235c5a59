package connection

import (
	"math/rand/v2"
	"time"
)

// Strategy is a reconnect strategy: how a link tries again when its peer cannot be reached.
type Strategy string

// The strategies of the original.
const (
	StrategyCalm       Strategy = "CALM"
	StrategyNormal     Strategy = "NORMAL"
	StrategyAggressive Strategy = "AGGRESSIVE"
)

// QuickPhase is how long after a loss the quick tries go on before the strategy takes over.
const QuickPhase = time.Minute

// ProvenAfter is how long delivery must be proven before the quick tries begin anew.
const ProvenAfter = time.Minute

const (
	quickFloor = 200 * time.Millisecond // below it a try would be a hot loop
	quickFirst = 2 * time.Second        // span of the first draw: about 1 s on average
	quickMax   = 32 * time.Second
	jitter     = 0.1
)

// phase is a stretch of a schedule: one try each every, for length, counted from the end of the phase before it.
type phase struct {
	every, length time.Duration // length 0: without limit
}

var schedules = map[Strategy][]phase{
	StrategyCalm:       {{10 * time.Minute, 12 * time.Hour}, {time.Hour, day}},
	StrategyNormal:     {{5 * time.Minute, time.Hour}, {time.Hour, day}, {day, 0}},
	StrategyAggressive: {{3 * time.Minute, 3 * time.Hour}, {30 * time.Minute, 7 * day}, {time.Hour, 0}},
}

// Sentence tells the schedule to people.
func (s Strategy) Sentence() string {
	switch s {
	case StrategyCalm:
		return "every 10 minutes for 12 hours, every hour for a day, then not until somebody restarts it"
	case StrategyAggressive:
		return "every 3 minutes for 3 hours, every 30 minutes for a week, then every hour"
	default:
		return "every 5 minutes for an hour, every hour for a day, then every day"
	}
}

// NextTry returns how long to wait before the next try.
//
// sinceLoss is how long ago the link was lost, attempt how many tries were made since then (0 before the first), random
// a source of numbers in [0, 1); nil takes math/rand. Within [QuickPhase] of the loss the wait is drawn from the whole
// of a doubling span ("full jitter"). After that tries stand on a grid that counts from the loss, each drawn within 10 %
// of its span about its point, so that jitter never adds up and a phase has the number of tries that its length says.
// ok is false when the strategy has come to its end: no more tries until a person asks for one.
func (s Strategy) NextTry(sinceLoss time.Duration, attempt int, random func() float64) (wait time.Duration, ok bool) {
	if random == nil {
		random = rand.Float64
	}
	if sinceLoss < QuickPhase {
		span := min(quickFirst<<min(attempt, 5), quickMax)
		wait = quickFloor + time.Duration(random()*float64(span-quickFloor))
		if sinceLoss+wait < QuickPhase {
			return wait, true
		}
	}
	phases, known := schedules[s]
	if !known {
		phases = schedules[StrategyNormal]
	}
	var start time.Duration
	for _, p := range phases {
		slack := time.Duration(jitter * float64(p.every))
		// The first point of the grid whose earliest draw is still to come.
		k := (sinceLoss+slack-start)/p.every + 1
		point := start + max(k, 1)*p.every
		if p.length == 0 || point <= start+p.length {
			at := point - slack + time.Duration(2*random()*float64(slack))
			return at - sinceLoss, true
		}
		start += p.length
	}
	return 0, false
}
