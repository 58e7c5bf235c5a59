package sandbox

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// Rate lets Count through in each Per.
type Rate struct {
	Count int
	Per   time.Duration
}

// Limit is a set of rates that all must allow; none is no limit.
type Limit []Rate

// String writes the limit as ThingsBoard does, "20:1,600:60", in whole seconds rounded up.
func (l Limit) String() string {
	parts := make([]string, len(l))
	for i, r := range l {
		parts[i] = fmt.Sprintf("%d:%d", r.Count, int(math.Ceil(r.Per.Seconds())))
	}
	return strings.Join(parts, ",")
}

// Limits of a gateway or device (tenant profile, transport limits). A message with n data points, n above zero, costs one of
// Telemetry and n of DataPoints; any other costs one of Messages.
type Limits struct {
	Messages, Telemetry, DataPoints Limit
}

// bucketKey names the bucket of one limit of one payer.
type bucketKey struct {
	payer string // a device id, or "REST"
	kind  string
}

// bucket is a token bucket for each rate of a limit, refilled greedily (ThingsBoard: TbRateLimits).
type bucket struct {
	limit  string // what the tokens were made for
	tokens []float64
	at     time.Time
}

type buckets map[bucketKey]*bucket

func newBuckets() buckets { return buckets{} }

// take spends n tokens of each rate, or none and false where one has too few.
func (b buckets) take(key bucketKey, limit Limit, n int, now time.Time) bool {
	if len(limit) == 0 || n == 0 {
		return true
	}
	made := fmt.Sprint([]Rate(limit))
	k := b[key]
	if k == nil || k.limit != made {
		k = &bucket{limit: made, at: now, tokens: make([]float64, len(limit))}
		for i, r := range limit {
			k.tokens[i] = float64(r.Count)
		}
		b[key] = k
	}
	elapsed := now.Sub(k.at)
	k.at = now
	enough := true
	for i, r := range limit {
		k.tokens[i] = min(float64(r.Count), k.tokens[i]+float64(r.Count)*elapsed.Seconds()/r.Per.Seconds())
		enough = enough && k.tokens[i] >= float64(n)
	}
	if !enough {
		return false
	}
	for i := range k.tokens {
		k.tokens[i] -= float64(n)
	}
	return true
}

// charge takes what a message with that many data points costs; with s.mu held.
func (s *Sandbox) charge(payer, role string, limits Limits, points int) bool {
	now := time.Now()
	if points == 0 {
		return s.buckets.take(bucketKey{payer, role + " messages"}, limits.Messages, 1, now)
	}
	return s.buckets.take(bucketKey{payer, role + " telemetry"}, limits.Telemetry, 1, now) &&
		s.buckets.take(bucketKey{payer, role + " points"}, limits.DataPoints, points, now)
}
