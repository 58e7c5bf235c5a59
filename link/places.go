package link

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"boardlink/connection"
)

// Many links that come back together must not all dial at once: neither this machine nor the ThingsBoard that just came
// up would bear it. So a link that is to open waits for a place, in the order of coming at each host; hosts take turns.
const (
	// openAtOnce bounds the links that open at the same moment, openAtHost those of one host, so that a host that does not
	// answer leaves places to others.
	openAtOnce = 100
	openAtHost = 50
	// openASecond is how many links begin to open at one host within a second.
	openASecond = 20
	// maxHosts is how many hosts are remembered before those are forgotten at which nobody opens.
	maxHosts = 1000
	// backEvery is how often at most those that wait for a host are told that it is back.
	backEvery = 10 * time.Second
)

// places are where links open.
type places struct {
	now func() time.Time
	all chan struct{} // a token for each link that opens

	mu    sync.Mutex
	hosts map[string]*host
}

// host is one ThingsBoard's host.
type host struct {
	line  chan struct{} // held by the link that is next
	open  chan struct{} // a token for each link that opens
	ahead atomic.Int64  // links that wait

	began []time.Time // when the latest began to open, at most openASecond; of whoever holds line

	users int       // of places.mu: links that wait or open
	back  time.Time // of places.mu: when it was last told that the host is back
}

func newPlaces(now func() time.Time) *places {
	return &places{now: now, all: make(chan struct{}, openAtOnce), hosts: map[string]*host{}}
}

// hostOf returns what a connection's host is called.
func hostOf(c connection.Configuration) string {
	name, _, wrong := connection.SplitHostPort(c.HostName)
	if wrong != "" {
		name = c.HostName
	}
	return strings.ToLower(name)
}

func (p *places) use(name string) *host {
	p.mu.Lock()
	defer p.mu.Unlock()
	h := p.hosts[name]
	if h == nil {
		if len(p.hosts) >= maxHosts {
			for other, idle := range p.hosts {
				if idle.users == 0 {
					delete(p.hosts, other)
				}
			}
		}
		h = &host{line: make(chan struct{}, 1), open: make(chan struct{}, openAtHost)}
		p.hosts[name] = h
	}
	h.users++
	return h
}

func (p *places) leave(h *host) {
	p.mu.Lock()
	defer p.mu.Unlock()
	h.users--
}

// enter waits for a place at a host and returns how to give it back. While that takes, expect is told when it will be,
// as far as that can be said. The error is the cause of ctx's end.
func (p *places) enter(ctx context.Context, name string, expect func(at time.Time)) (release func(), err error) {
	h := p.use(name)
	ahead := h.ahead.Add(1) - 1
	held := []chan struct{}{}
	giveBack := func() {
		for _, c := range held {
			<-c
		}
		p.leave(h)
	}
	err = p.wait(ctx, h, ahead, expect, &held)
	h.ahead.Add(-1)
	if err != nil {
		giveBack()
		return nil, err
	}
	return sync.OnceFunc(giveBack), nil
}

func (p *places) wait(ctx context.Context, h *host, ahead int64, expect func(time.Time), held *[]chan struct{}) error {
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	defer timer.Stop()
	var at time.Time
	look := func() {
		at = p.now().Add(max(time.Duration(min(ahead, h.ahead.Load()))*time.Second/openASecond, time.Second))
		expect(at)
		timer.Reset(at.Sub(p.now()))
	}
	if ahead > 0 {
		look()
	}
	take := func(c chan struct{}) error {
		for {
			select {
			case c <- struct{}{}:
				return nil
			default:
			}
			if at.IsZero() {
				look()
			}
			select {
			case c <- struct{}{}:
				return nil
			case <-timer.C:
				look()
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
	}
	if err := take(h.line); err != nil {
		return err
	}
	defer func() { <-h.line }()
	if len(h.began) == openASecond {
		if wait := h.began[0].Add(time.Second).Sub(p.now()); wait > 0 && sleep(ctx, wait) != nil {
			return context.Cause(ctx)
		}
		h.began = h.began[1:]
	}
	for _, c := range []chan struct{}{h.open, p.all} {
		if err := take(c); err != nil {
			return err
		}
		*held = append(*held, c)
	}
	h.began = append(h.began, p.now())
	return nil
}

// isBack reports whether those that wait for a host should be told that it answers again.
func (p *places) isBack(name string) bool {
	h := p.use(name)
	defer p.leave(h)
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	if !h.back.IsZero() && now.Sub(h.back) < backEvery {
		return false
	}
	h.back = now
	return true
}
