package operationtest

import (
	"context"
	"sync"

	"boardlink/connection"
	"boardlink/operation"
)

var _ operation.Backlog = (*Backlog)(nil)

// Backlog pretends to keep waiting events.
type Backlog struct {
	Fail error // is told after the events are dropped

	mu      sync.Mutex
	waiting map[connection.ID]int64
}

// Set says how many events wait.
func (b *Backlog) Set(id connection.ID, n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.waiting == nil {
		b.waiting = map[connection.ID]int64{}
	}
	b.waiting[id] = n
}

// DropWaiting implements [operation.Backlog].
func (b *Backlog) DropWaiting(_ context.Context, id connection.ID) (int64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := b.waiting[id]
	delete(b.waiting, id)
	return n, b.Fail
}
