package link

import (
	"sync"
	"time"
)

// crew runs functions side by side and can be waited for, though not for ever. Its zero value is ready.
type crew struct {
	mu   sync.Mutex
	busy int
	idle []chan struct{} // closed when nobody is busy any more
}

// Go runs f.
func (c *crew) Go(f func()) {
	c.mu.Lock()
	c.busy++
	c.mu.Unlock()
	go func() {
		defer c.left()
		f()
	}()
}

func (c *crew) left() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.busy--; c.busy > 0 {
		return
	}
	for _, idle := range c.idle {
		close(idle)
	}
	c.idle = nil
}

// wait waits until nobody is busy, at most limit (0: for ever), and reports whether that came.
func (c *crew) wait(limit time.Duration) bool {
	c.mu.Lock()
	if c.busy == 0 {
		c.mu.Unlock()
		return true
	}
	idle := make(chan struct{})
	c.idle = append(c.idle, idle)
	c.mu.Unlock()
	if limit == 0 {
		<-idle
		return true
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-idle:
		return true
	case <-timer.C:
		return false
	}
}
