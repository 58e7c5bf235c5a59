package web

import (
	"math"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// burstOf is for how many seconds' worth of requests a bucket is deep: a page loads its parts at once, and programs come
	// in waves.
	burstOf = 10
	// maxBuckets bounds the buckets of one kind, whoever comes: some 200 bytes each.
	maxBuckets = 10_000
	sweepEvery = time.Second
)

// buckets holds one token bucket for each key that was seen lately. A full bucket is as good as none, so those are the ones
// that go when there are too many.
type buckets[K comparable] struct {
	rate  rate.Limit // 0: everything passes
	burst int

	mu    sync.Mutex
	each  map[K]*rate.Limiter
	swept time.Time
}

// newBuckets makes buckets that fill with so many tokens a second; 0 or less: everything passes.
func newBuckets[K comparable](perSecond float64, burst int) *buckets[K] {
	return &buckets[K]{rate: rate.Limit(max(perSecond, 0)), burst: max(burst, 1), each: map[K]*rate.Limiter{}}
}

// take takes a token of the key's bucket. Where there is none it says in how many seconds there will be one, 0 otherwise.
func (b *buckets[K]) take(key K, now time.Time) (wait int) {
	if b.rate == 0 {
		return 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	l, ok := b.each[key]
	if !ok {
		b.makeRoom(now)
		l = rate.NewLimiter(b.rate, b.burst)
		b.each[key] = l
	}
	if l.AllowN(now, 1) {
		return 0
	}
	missing := 1 - l.TokensAt(now)
	return max(int(math.Ceil(missing/float64(b.rate))), 1)
}

// makeRoom removes full buckets where there are too many, at most once a second, or else any one.
func (b *buckets[K]) makeRoom(now time.Time) {
	if len(b.each) < maxBuckets {
		return
	}
	if now.Sub(b.swept) >= sweepEvery {
		b.swept = now
		for key, l := range b.each {
			if l.TokensAt(now) >= float64(b.burst) {
				delete(b.each, key)
			}
		}
	}
	for key := range b.each {
		if len(b.each) < maxBuckets {
			return
		}
		delete(b.each, key)
	}
}

// network is whose bucket an address takes from: an IPv4 address has its own, IPv6 addresses share one for each /64, which is
// what a single subscriber is given.
func network(a netip.Addr) netip.Prefix {
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits) // zero for no address at all; those share one
	return p
}
