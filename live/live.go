// Package live tells open pages that something changed. It carries no data: a page that hears of a change reads it anew,
// with its own rights.
package live

import (
	"context"
	"sync"
)

// Topic says what kind of thing changed.
type Topic string

// The topics of changes.
const (
	Connection Topic = "connection" // settings or state of one connection; ID is its id
	Figures    Topic = "figures"    // counters of one connection, or of all together: ID is its id or ""
	Events     Topic = "events"     // a new event; ID is the connection's id or ""
)

// Change is one thing that changed.
type Change struct {
	Topic Topic  `json:"topic"`
	ID    string `json:"id"`
}

// Feed hands changes to all who listen. Its zero value is ready; it is safe for concurrent use.
type Feed struct {
	mu        sync.Mutex
	listeners map[*listener]struct{}
	closed    bool
}

// listener keeps changes that were not read yet, each once: a slow page misses no change and holds up nobody.
type listener struct {
	pending map[Change]struct{}
	wake    chan struct{}
}

// Publish tells every listener. It never blocks.
func (f *Feed) Publish(c Change) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for l := range f.listeners {
		l.pending[c] = struct{}{}
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
}

// Subscribe returns a channel of changes that is closed when ctx ends or the feed closes. Changes that come while the
// reader is busy are gathered, each once.
func (f *Feed) Subscribe(ctx context.Context) <-chan []Change {
	l := &listener{pending: map[Change]struct{}{}, wake: make(chan struct{}, 1)}
	out := make(chan []Change)
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		close(out)
		return out
	}
	if f.listeners == nil {
		f.listeners = map[*listener]struct{}{}
	}
	f.listeners[l] = struct{}{}
	f.mu.Unlock()
	go f.pump(ctx, l, out)
	return out
}

func (f *Feed) pump(ctx context.Context, l *listener, out chan<- []Change) {
	defer close(out)
	defer func() {
		f.mu.Lock()
		delete(f.listeners, l)
		f.mu.Unlock()
	}()
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.wake:
		}
		batch, closed := f.take(l)
		if len(batch) > 0 {
			select {
			case out <- batch:
			case <-ctx.Done():
				return
			}
		}
		if closed {
			return
		}
	}
}

func (f *Feed) take(l *listener) ([]Change, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	batch := make([]Change, 0, len(l.pending))
	for c := range l.pending {
		batch = append(batch, c)
		delete(l.pending, c)
	}
	return batch, f.closed
}

// Close ends every subscription; later ones end at once.
func (f *Feed) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	for l := range f.listeners {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
}
