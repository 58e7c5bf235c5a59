package link

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"boardlink/thingsboard"
)

// A link keeps two paces at once. What the server announced is kept to exactly, with token buckets as ThingsBoard's own
// (TbRateLimits.java). What it does not announce, such as the limits of a whole tenant, shows only when it refuses and
// ends the session; that pace is found by halving at a refusal and adding a little while none comes (additive increase,
// multiplicative decrease). Going down by steps would cost a lost session for each step; halving costs few, and lets
// several links that share one tenant's limit come to equal shares. Going up by steps comes near the limit slowly and
// seldom crosses it.
const (
	// spend is the part of an announced rate that is used; the rest is left for answers to commands, as ThingsBoard's own
	// gateway does (thingsboard-gateway, issue 1635).
	spend = 0.8
	// slowOnce is the span in which several refusals count as one: what was under way is refused together.
	slowOnce = 2 * time.Second
	// fasterEvery is how often the pace goes up by a step after nothing was refused, and stepsDouble after how many of
	// them the step doubles: a limit that was lifted must not be felt for hours.
	fasterEvery = 10 * time.Second
	stepsDouble = 12
	// stepPart is the first step's part of the pace that was too fast.
	stepPart = 1.0 / 20
	// freePace is the pace, in messages a second, above which there is none.
	freePace = 5000
	// leastPace is the slowest: what a used-up quota is probed with.
	leastPace = 1.0 / 60
	// sparePause is how often what can wait looks whether there is room, sparePatience how long it does so before it
	// stands in the line like everybody else.
	sparePause    = 50 * time.Millisecond
	sparePatience = 5 * time.Second
)

// cost is what one publish costs the gateway: a message with data points costs a telemetry message and its points,
// any other a message; opening a device's session costs two (DefaultTransportRateLimitService.java).
type cost struct{ messages, telemetry, points int }

// costOpening is the cost of a device's session.
var costOpening = cost{messages: 2}

func (c cost) all() int { return c.messages + c.telemetry }

// bucket is a token bucket for one announced rate.
type bucket struct {
	rate      thingsboard.Rate
	capacity  float64
	perSecond float64
	level     float64
	at        time.Time
}

// newBucket is half full: what was spent before the program started, or the limits were changed, is not known.
func newBucket(r thingsboard.Rate, now time.Time) *bucket {
	capacity := max(spend*float64(r.Count), 1)
	return &bucket{rate: r, capacity: capacity, perSecond: spend * float64(r.Count) / r.Per.Seconds(), level: capacity / 2, at: now}
}

// missing returns how long it takes until n can be spent and left is left over. More than the capacity is never asked
// for.
func (b *bucket) missing(n int, left float64, now time.Time) time.Duration {
	b.level = min(b.level+b.perSecond*now.Sub(b.at).Seconds(), b.capacity)
	b.at = now
	if n == 0 {
		return 0
	}
	short := min(float64(n)+left, b.capacity) - b.level
	if short <= 0 {
		return 0
	}
	return time.Duration(short / b.perSecond * float64(time.Second))
}

// pace spaces publishes. It outlives a session, since ThingsBoard ends the session of whoever is too fast.
type pace struct {
	now  func() time.Time
	line chan struct{} // held by whoever is next
	wait atomic.Int64  // how many stand in the line

	mu                          sync.Mutex
	messages, telemetry, points []*bucket // announced

	rate    float64   // messages a second, found by refusals; 0: as fast as it goes
	step    float64   // of rate
	steps   int       // since the last refusal
	free    time.Time // when the next may go
	slowed  time.Time // last refusal that counted
	changed time.Time // of rate

	from time.Time // counting messages since
	sent int
	seen float64 // messages a second before that
}

func newPace(now func() time.Time) *pace { return &pace{now: now, line: make(chan struct{}, 1)} }

// announced takes over what a session's server allows. What is as it was before keeps what is spent of it.
func (p *pace) announced(l thingsboard.Limits) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	p.messages = follow(p.messages, l.Messages, now)
	p.telemetry = follow(p.telemetry, l.TelemetryMessages, now)
	p.points = follow(p.points, l.DataPoints, now)
}

func follow(old []*bucket, rates []thingsboard.Rate, now time.Time) (buckets []*bucket) {
	for _, r := range rates {
		b := newBucket(r, now)
		for _, o := range old {
			if o.rate == r {
				b = o
			}
		}
		buckets = append(buckets, b)
	}
	return buckets
}

// mostPoints returns how many data points one publish may have, 0 for as many as it likes. More than a bucket holds
// could never pass.
func (p *pace) mostPoints() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	most := 0
	for _, b := range p.points {
		if n := int(b.capacity); most == 0 || n < most {
			most = n
		}
	}
	return most
}

// turn waits until a publish may go out. Those that wait go in the order in which they came.
func (p *pace) turn(ctx context.Context, c cost) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	p.wait.Add(1)
	defer p.wait.Add(-1)
	select {
	case p.line <- struct{}{}:
		defer func() { <-p.line }()
	case <-ctx.Done():
		return ctx.Err()
	}
	for {
		wait := p.take(c, false)
		if wait <= 0 {
			return nil
		}
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// spare waits as turn does, for what can wait: while others stand in the line, or little is left for them, it lets them
// pass, though not for ever.
func (p *pace) spare(ctx context.Context, c cost) error {
	for until := p.now().Add(sparePatience); p.now().Before(until); {
		if p.wait.Load() == 0 && p.take(c, true) <= 0 {
			return ctx.Err()
		}
		if err := sleep(ctx, sparePause); err != nil {
			return err
		}
	}
	return p.turn(ctx, c)
}

// take spends what a publish costs, or returns how long to wait before that can be asked again. spare leaves half of
// each bucket to others.
func (p *pace) take(c cost, spare bool) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	p.faster(now)
	var wait time.Duration
	if p.rate > 0 {
		wait = p.free.Sub(now)
	}
	each := func(do func(b *bucket, n int)) {
		for _, kind := range []struct {
			buckets []*bucket
			n       int
		}{{p.messages, c.messages}, {p.telemetry, c.telemetry}, {p.points, c.points}} {
			for _, b := range kind.buckets {
				do(b, kind.n)
			}
		}
	}
	each(func(b *bucket, n int) {
		left := 0.0
		if spare {
			left = b.capacity / 2
		}
		wait = max(wait, b.missing(n, left, now))
	})
	if wait > 0 {
		return wait
	}
	each(func(b *bucket, n int) { b.level -= float64(n) })
	if p.rate > 0 {
		p.free = now.Add(time.Duration(float64(c.all()) / p.rate * float64(time.Second)))
	}
	if span := now.Sub(p.from); span >= time.Second {
		p.seen, p.sent, p.from = float64(p.sent)/span.Seconds(), 0, now
	}
	p.sent += c.all()
	return 0
}

// faster lets the pace go up when it is time: one step for each time that it was put to the test, and none for the time
// in which nothing was sent. p.mu is held.
func (p *pace) faster(now time.Time) {
	if p.rate == 0 || now.Sub(p.changed) < fasterEvery {
		return
	}
	p.rate, p.changed = p.rate+p.step, now
	if p.steps++; p.steps%stepsDouble == 0 {
		p.step *= 2
	}
	if p.rate >= freePace {
		p.rate = 0
	}
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
		rate = max(p.seen, float64(p.sent)/max(now.Sub(p.from).Seconds(), 1))
	}
	p.rate = max(rate/2, leastPace)
	p.step, p.steps = max(rate*stepPart, leastPace), 0
	p.slowed, p.changed = now, now
	p.free = now.Add(time.Duration(float64(time.Second) / p.rate))
}

// slowedWithin reports whether ThingsBoard said lately that publishes came too fast.
func (p *pace) slowedWithin(d time.Duration) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.slowed.IsZero() && p.now().Sub(p.slowed) < d
}
