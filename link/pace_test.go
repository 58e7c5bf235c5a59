package link

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"boardlink/connection"
	"boardlink/queue"
	"boardlink/thingsboard"
)

// limiter refuses what is too fast as ThingsBoard does: token buckets that start full, PUBACK 0x97, then the end of the
// session. Any of its lists may be empty.
type limiter struct {
	mu                          sync.Mutex
	messages, telemetry, points []*serverBucket
	refused                     []time.Time
	taken                       int
}

type serverBucket struct {
	thingsboard.Rate
	tokens float64
	at     time.Time
}

func full(rates ...thingsboard.Rate) (buckets []*serverBucket) {
	for _, r := range rates {
		buckets = append(buckets, &serverBucket{r, float64(r.Count), time.Now()})
	}
	return buckets
}

func spendTokens(buckets []*serverBucket, n int) bool {
	enough := true
	for _, b := range buckets {
		b.tokens = min(b.tokens+float64(b.Count)*time.Since(b.at).Seconds()/b.Per.Seconds(), float64(b.Count))
		b.at = time.Now()
		enough = enough && b.tokens >= float64(n)
	}
	for _, b := range buckets {
		if enough {
			b.tokens -= float64(n)
		}
	}
	return enough
}

func (l *limiter) publish(s *fakeSession, p published) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	ok := true
	switch p.kind {
	case "connect":
		ok = spendTokens(l.messages, 2)
	case "telemetry":
		var values map[string]json.RawMessage
		if json.Unmarshal([]byte(p.data.(string)), &values) != nil {
			return refusing(connection.ReasonBadPayload, thingsboard.Poison)()
		}
		ok = spendTokens(l.telemetry, 1) && spendTokens(l.points, len(values))
		if ok {
			l.taken++
		}
	case "attributes":
		ok = spendTokens(l.telemetry, 1) && spendTokens(l.points, len(p.data.(map[string]any)))
	}
	if ok {
		return nil
	}
	l.refused = append(l.refused, time.Now())
	e := &thingsboard.Error{Code: connection.ReasonThrottled, Kind: thingsboard.Throttled, SessionEnded: true, ByPeer: true, Reason: 0x97}
	s.end(e)
	return e
}

func (l *limiter) refusals(since time.Time) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, at := range l.refused {
		if !at.Before(since) {
			n++
		}
	}
	return n
}

func (l *limiter) delivered() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.taken
}

func (b *bench) limit(l *limiter, announced thingsboard.Limits) {
	b.board.set(func(f *fakeBoard) {
		f.session = func(s *fakeSession) {
			s.limits = announced
			s.publish = func(_ context.Context, p published) error { return l.publish(s, p) }
		}
	})
}

func rate(count int, per time.Duration) thingsboard.Rate {
	return thingsboard.Rate{Count: count, Per: per}
}

func backlog(b *bench, events, devices int) {
	for i := range events {
		b.queue.put(fmt.Sprintf("70B3D5E75E00%04X", i%devices))
	}
}

// busy lets time pass and sees to it that events wait all the time.
func (b *bench) busy(d time.Duration, put func(i int)) {
	const waiting, look = 500, 5 * time.Second
	for end := time.Now().Add(d); time.Now().Before(end); {
		for i := b.queue.waiting(); i < waiting; i++ {
			put(i)
		}
		b.pass(min(look, time.Until(end)))
	}
}

func (b *bench) uplink(devices int) func(int) {
	return func(i int) { b.queue.put(fmt.Sprintf("70B3D5E75E00%04X", i%devices)) }
}

func TestPace_spends_four_fifths_of_what_is_announced(t *testing.T) {
	for name, c := range map[string]struct {
		limits    thingsboard.Limits
		perMinute int
	}{
		"of messages for devices":     {thingsboard.Limits{Messages: []thingsboard.Rate{rate(10, time.Second)}}, 0},
		"of telemetry messages":       {thingsboard.Limits{TelemetryMessages: []thingsboard.Rate{rate(50, time.Second), rate(1200, time.Minute)}}, 960},
		"of data points":              {thingsboard.Limits{DataPoints: []thingsboard.Rate{rate(60, time.Second)}}, 960},
		"of the scarcest of them all": {thingsboard.Limits{TelemetryMessages: []thingsboard.Rate{rate(100, time.Second)}, DataPoints: []thingsboard.Rate{rate(600, time.Minute)}}, 160},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(b *bench) {
				b.store.edit(one, func(c *connection.Connection) { c.Configuration.SendMetadata = true }) // three data points
				l := &limiter{messages: full(c.limits.Messages...), telemetry: full(c.limits.TelemetryMessages...), points: full(c.limits.DataPoints...)}
				b.limit(l, c.limits)
				put := func(i int) {
					b.queue.put(fmt.Sprintf("70B3D5E75E00%04X", i%64), func(e *queue.Event) {
						e.Body = fmt.Appendf(nil, `{"DevEUI_uplink":{"DevEUI":%q,"FPort":1,"FCntUp":%d}}`, e.DevEUI, e.ID)
					})
				}
				b.start()
				warm := 2 * time.Minute // until the buckets' first fill is spent
				if c.perMinute == 0 {
					warm = 30 * time.Second // until each device has its session
				}
				b.busy(warm, put)
				before := l.delivered()
				b.busy(time.Minute, put)
				got := l.delivered() - before
				if n := l.refusals(time.Time{}); n != 0 {
					t.Errorf("%d refusals", n)
				}
				if c.perMinute == 0 && len(b.queue.acked) < 5_000 {
					t.Errorf("%d delivered", len(b.queue.acked))
				}
				if c.perMinute > 0 && (got < c.perMinute*95/100 || got > c.perMinute*105/100) {
					t.Errorf("%d a minute, want %d", got, c.perMinute)
				}
			})
		})
	}
}

func TestPace_follows_limits_that_changed_between_sessions(t *testing.T) {
	in(t, func(b *bench) {
		slow := thingsboard.Limits{TelemetryMessages: []thingsboard.Rate{rate(10, time.Second)}}
		l := &limiter{telemetry: full(slow.TelemetryMessages...)}
		b.limit(l, slow)
		b.start()
		b.busy(time.Minute, b.uplink(64))
		if n := l.delivered(); n < 450 || n > 520 {
			t.Errorf("%d in the first minute", n)
		}
		fast := thingsboard.Limits{TelemetryMessages: []thingsboard.Rate{rate(40, time.Second)}}
		next := &limiter{telemetry: full(fast.TelemetryMessages...)}
		b.limit(next, fast)
		b.board.last().end(lost())
		b.pass(5 * time.Second)
		before := next.delivered()
		b.busy(time.Minute, b.uplink(64))
		if n := next.delivered() - before; n < 1_830 || n > 2_000 || next.refusals(time.Time{}) != 0 {
			t.Errorf("%d in a minute, %d refusals", n, next.refusals(time.Time{}))
		}
		b.limit(next, thingsboard.Limits{})
		next.mu.Lock()
		next.telemetry = nil
		next.mu.Unlock()
		b.board.last().end(lost())
		b.pass(5 * time.Second)
		if b.queue.waiting() != 0 {
			t.Errorf("%d wait, without a limit", b.queue.waiting())
		}
	})
}

func TestPace_splits_what_no_bucket_could_hold(t *testing.T) {
	in(t, func(b *bench) {
		b.store.edit(one, func(c *connection.Connection) { c.Configuration.SendRawDecodedFormat = true })
		limits := thingsboard.Limits{DataPoints: []thingsboard.Rate{rate(100, 10*time.Second), rate(10, time.Second)}}
		l := &limiter{points: full(limits.DataPoints...)}
		b.limit(l, limits)
		payload := map[string]int{}
		for i := range 30 {
			payload[fmt.Sprintf("k%02d <&>", i)] = i
		}
		text, _ := json.Marshal(payload)
		b.queue.put(deviceA, func(e *queue.Event) {
			e.Body = fmt.Appendf(nil, `{"DevEUI_uplink":{"DevEUI":%q,"FPort":1,"payload":%s}}`, deviceA, text)
		})
		b.start()
		b.pass(30 * time.Second)
		sent := b.board.last().of("telemetry")
		all := map[string]int{}
		for _, p := range sent {
			if p.ts != sent[0].ts {
				t.Error("the times differ")
			}
			if err := json.Unmarshal([]byte(p.data.(string)), &all); err != nil {
				t.Error(err)
			}
		}
		if all["k07 _&_"] != 7 {
			t.Errorf("values %v", all)
		}
		if len(sent) != 4 || len(all) != 30 || len(b.queue.acked) != 1 || l.refusals(time.Time{}) != 0 {
			t.Errorf("%d publishes, %d values, %d acknowledged, %d refused", len(sent), len(all), len(b.queue.acked), l.refusals(time.Time{}))
		}
	})
}

// Each minute and all of them together are looked at; LINK_SLOW makes them eight.
func TestPace_finds_a_limit_that_nobody_announced(t *testing.T) {
	minutes := 4
	if os.Getenv("LINK_SLOW") != "" {
		minutes = 8
	}
	for name, c := range map[string]struct {
		rates []thingsboard.Rate
		share float64 // of the limit that is used at least, on average
	}{
		"five a second":      {[]thingsboard.Rate{rate(5, time.Second)}, 0.5},
		"fifty a second":     {[]thingsboard.Rate{rate(50, time.Second)}, 0.5},
		"a hundred a minute": {[]thingsboard.Rate{rate(100, time.Minute)}, 0.5},
		"two at once":        {[]thingsboard.Rate{rate(30, time.Second), rate(600, time.Minute)}, 0.5},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(b *bench) {
				l := &limiter{telemetry: full(c.rates...)}
				b.limit(l, thingsboard.Limits{})
				begin := time.Now()
				b.start()
				b.busy(2*time.Minute, b.uplink(16))
				before := l.delivered()
				least := 1e9
				for _, r := range c.rates {
					least = min(least, float64(r.Count)/r.Per.Seconds())
				}
				settled := time.Now()
				for range minutes {
					now := time.Now()
					b.busy(time.Minute, b.uplink(16))
					if n := l.refusals(now); n > 2 {
						t.Errorf("%d disconnects in the minute after %v", n, now.Sub(begin))
					}
				}
				if n := l.refusals(settled); n > minutes {
					t.Errorf("%d disconnects in %d minutes", n, minutes)
				}
				if got, most := float64(l.delivered()-before), least*float64(minutes)*60; got < c.share*most {
					t.Errorf("%.0f delivered in %d minutes, %.0f were allowed", got, minutes, most)
				}
			})
		})
	}
}

func TestPace_probes_a_quota_that_is_used_up_once_a_minute(t *testing.T) {
	in(t, func(b *bench) {
		none := &limiter{telemetry: []*serverBucket{{Rate: rate(1, 1000*time.Hour), at: time.Now()}}}
		b.limit(none, thingsboard.Limits{})
		backlog(b, 500, 64)
		b.start()
		b.pass(3 * time.Minute)
		before := time.Now()
		b.pass(30 * time.Minute)
		if n := none.refusals(before); n > 31 { // two may fall into one minute, and none into the next
			t.Errorf("%d probes in half an hour", n)
		}
		if n := none.refusals(time.Time{}); n < 10 || len(b.queue.parked) != 0 {
			t.Errorf("%d probes in all, %d parked", n, len(b.queue.parked))
		}
		b.board.set(func(f *fakeBoard) { f.session = nil })
		b.pass(30 * time.Minute)
		if len(b.queue.acked) != 500 {
			t.Errorf("%d delivered in half an hour after the quota was renewed", len(b.queue.acked))
		}
	})
}

func TestPace_lets_telemetry_pass_what_can_wait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace(time.Now)
		p.announced(thingsboard.Limits{Messages: []thingsboard.Rate{rate(10, time.Second)}})
		ctx := t.Context()
		var mu sync.Mutex
		turns, spare := 0, 0
		begin := time.Now()
		for range 4 {
			go func() {
				for p.turn(ctx, cost{messages: 1}) == nil && time.Since(begin) < time.Minute {
					mu.Lock()
					turns++
					mu.Unlock()
				}
			}()
		}
		go func() {
			for p.spare(ctx, costOpening) == nil && time.Since(begin) < time.Minute {
				mu.Lock()
				spare++
				mu.Unlock()
			}
		}()
		time.Sleep(70 * time.Second)
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		if turns < 440 || spare < 8 || spare > 15 {
			t.Errorf("%d turns, %d spare ones", turns, spare)
		}
	})
}

func TestGreeting_keeps_the_announced_pace(t *testing.T) {
	in(t, func(b *bench) {
		limits := thingsboard.Limits{Messages: []thingsboard.Rate{rate(20, time.Second)}, TelemetryMessages: []thingsboard.Rate{rate(20, time.Second)}}
		l := &limiter{messages: full(limits.Messages...), telemetry: full(limits.TelemetryMessages...)}
		b.limit(l, limits)
		for i := range 300 {
			b.seen = append(b.seen, connection.Device{DevEUI: fmt.Sprintf("70B3D5E75E00C%03X", i)})
		}
		backlog(b, 500, 64)
		b.start()
		b.pass(2 * time.Minute)
		if n := len(b.board.last().of("connect")); l.refusals(time.Time{}) != 0 || n != 364 || len(b.queue.acked) != 500 {
			t.Errorf("%d refusals, %d connects, %d delivered", l.refusals(time.Time{}), n, len(b.queue.acked))
		}
	})
}
