package link

import (
	"context"
	"sync"
	"time"

	"boardlink/thingsboard"
)

const (
	// slowOnce is the span in which several refusals count as one: what was under way is refused together.
	slowOnce = 2 * time.Second
	// fasterEvery is how often the pace goes up again by a tenth of what it was set to, after nothing was refused.
	fasterEvery = 10 * time.Second
	// freePace is the pace, in publishes a second, above which there is none.
	freePace = 5000
	// leastPace is the slowest.
	leastPace = 1
)

// pace spaces publishes after ThingsBoard said that they came too fast: it halves at a refusal and goes up slowly again.
// It outlives a session, since ThingsBoard ends the session of whoever is too fast.
type pace struct {
	now func() time.Time

	mu      sync.Mutex
	rate    float64 // publishes a second after a refusal; 0: as fast as it goes
	ceiling float64 // publishes a second that the server announced, less a margin; 0: none
	step    float64
	next    time.Time // of the next publish
	slowed  time.Time // last refusal that counted
	changed time.Time

	from time.Time // counting publishes since
	sent int
	seen float64 // publishes a second before that
}

func newPace(now func() time.Time) *pace { return &pace{now: now} }

// announced takes over the rates that a session's server named. A fifth of them is left for answers to commands, as
// ThingsBoard's own gateway does (thingsboard-gateway, issue 1635).
func (p *pace) announced(rates []thingsboard.Rate) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ceiling = 0
	for _, r := range rates {
		perSecond := 0.8 * float64(r.Count) / r.Per.Seconds()
		if p.ceiling == 0 || perSecond < p.ceiling {
			p.ceiling = perSecond
		}
	}
}

// wait waits for the turn of one publish.
func (p *pace) wait(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	turn := p.turn()
	if turn <= 0 {
		return nil
	}
	return sleep(ctx, turn)
}

func (p *pace) turn() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	if span := now.Sub(p.from); span >= time.Second {
		p.seen, p.sent, p.from = float64(p.sent)/span.Seconds(), 0, now
	}
	p.sent++
	if p.rate > 0 && now.Sub(p.changed) >= fasterEvery {
		p.rate, p.changed = p.rate+p.step, now
		if p.rate >= freePace {
			p.rate = 0
		}
	}
	rate := p.rate
	if rate == 0 || p.ceiling > 0 && p.ceiling < rate {
		rate = p.ceiling
	}
	if rate == 0 {
		return 0
	}
	if p.next.Before(now) {
		p.next = now
	}
	turn := p.next.Sub(now)
	p.next = p.next.Add(time.Duration(float64(time.Second) / rate))
	return turn
}

// slow takes in that a publish came too fast.
func (p *pace) slow() {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	if !p.slowed.IsZero() && now.Sub(p.slowed) < slowOnce {
		return
	}
	rate := p.rate
	if rate == 0 {
		rate = p.seen
		if span := now.Sub(p.from).Seconds(); span > 0 {
			rate = max(rate, float64(p.sent)/max(span, 1))
		}
	}
	p.rate = max(rate/2, leastPace)
	p.step = max(p.rate/10, leastPace)
	p.slowed, p.changed, p.next = now, now, now
}
