package sandbox

import (
	"slices"
	"sync"
	"time"
)

// reorderWait is how long a PUBACK waits for others to be mixed with.
const reorderWait = 100 * time.Millisecond

// acks are the PUBACKs of a session that do not go out at once. The zero value is ready.
type acks struct {
	mu      sync.Mutex
	stopped bool
	timers  map[*time.Timer]struct{}
	held    []func()
}

// add sends an acknowledgement after a delay, and mixed with others where mix is above 1.
func (a *acks) add(delay time.Duration, mix int, send func()) {
	if mix < 2 {
		a.after(delay, send)
		return
	}
	if delay > 0 {
		a.after(delay, func() { a.mix(mix, send) })
		return
	}
	a.mix(mix, send)
}

// mix holds acknowledgements until there are enough, then sends the last first.
func (a *acks) mix(enough int, send func()) {
	a.mu.Lock()
	a.held = append(a.held, send)
	full, first := len(a.held) >= enough, len(a.held) == 1
	a.mu.Unlock()
	switch {
	case full:
		a.flush()
	case first:
		a.after(reorderWait, a.flush)
	}
}

func (a *acks) flush() {
	a.mu.Lock()
	held := a.held
	a.held = nil
	a.mu.Unlock()
	slices.Reverse(held)
	for _, send := range held {
		send()
	}
}

func (a *acks) after(delay time.Duration, f func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stopped {
		return
	}
	if a.timers == nil {
		a.timers = map[*time.Timer]struct{}{}
	}
	var timer *time.Timer
	timer = time.AfterFunc(delay, func() {
		a.mu.Lock()
		delete(a.timers, timer)
		stopped := a.stopped
		a.mu.Unlock()
		if !stopped {
			f()
		}
	})
	a.timers[timer] = struct{}{}
}

// stop drops what has not gone out.
func (a *acks) stop() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stopped = true
	for timer := range a.timers {
		timer.Stop()
	}
	a.held = nil
}
