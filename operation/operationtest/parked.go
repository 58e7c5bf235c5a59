package operationtest

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"boardlink/connection"
	"boardlink/operation"
)

// Parked keeps parked events in memory.
type Parked struct {
	// Fail, where it is set, is the answer to everything; what is settled is settled before it.
	Fail error

	mu      sync.Mutex
	events  map[connection.ID][]connection.ParkedEvent // by id
	retried []int64
	dropped []int64
}

var _ operation.ParkedEvents = (*Parked)(nil)

// Add puts events aside.
func (p *Parked) Add(id connection.ID, events ...connection.ParkedEvent) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.events == nil {
		p.events = map[connection.ID][]connection.ParkedEvent{}
	}
	all := append(p.events[id], events...)
	slices.SortFunc(all, func(a, b connection.ParkedEvent) int { return cmp.Compare(a.ID, b.ID) })
	p.events[id] = all
}

// Retried and Dropped give the ids of the events that were.
func (p *Parked) Retried() []int64 { return p.clone(&p.retried) }

// Dropped gives the ids of the events that were.
func (p *Parked) Dropped() []int64 { return p.clone(&p.dropped) }

func (p *Parked) clone(list *[]int64) []int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(*list)
}

// Count tells how many events of a connection are parked.
func (p *Parked) Count(id connection.ID) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return int64(len(p.events[id]))
}

// Parked implements [operation.ParkedEvents].
func (p *Parked) Parked(_ context.Context, id connection.ID, afterID int64, limit int) ([]connection.ParkedEvent, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var page []connection.ParkedEvent
	for _, e := range p.events[id] {
		if e.ID > afterID && len(page) < limit {
			page = append(page, e)
		}
	}
	return page, p.Fail
}

// ParkedBecause implements [operation.ParkedEvents].
func (p *Parked) ParkedBecause(_ context.Context, id connection.ID, code connection.ReasonCode, afterID int64, limit int) ([]int64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var ids []int64
	for _, e := range p.events[id] {
		if e.ID > afterID && e.ReasonCode == code && len(ids) < limit {
			ids = append(ids, e.ID)
		}
	}
	return ids, p.Fail
}

// ParkedReasons implements [operation.ParkedEvents].
func (p *Parked) ParkedReasons(_ context.Context, id connection.ID) ([]connection.ParkedReason, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	counts := map[connection.ReasonCode]int64{}
	for _, e := range p.events[id] {
		counts[e.ReasonCode]++
	}
	var all []connection.ParkedReason
	for code, n := range counts {
		all = append(all, connection.ParkedReason{Code: code, Count: n})
	}
	slices.SortFunc(all, func(a, b connection.ParkedReason) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Code, b.Code))
	})
	return all, p.Fail
}

// RetryParked implements [operation.ParkedEvents].
func (p *Parked) RetryParked(_ context.Context, id connection.ID, ids []int64) (int64, error) {
	return p.settle(id, ids, &p.retried)
}

// DropParked implements [operation.ParkedEvents].
func (p *Parked) DropParked(_ context.Context, id connection.ID, ids []int64) (int64, error) {
	return p.settle(id, ids, &p.dropped)
}

func (p *Parked) settle(id connection.ID, ids []int64, into *[]int64) (int64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := len(p.events[id])
	p.events[id] = slices.DeleteFunc(p.events[id], func(e connection.ParkedEvent) bool {
		if ids != nil && !slices.Contains(ids, e.ID) {
			return false
		}
		*into = append(*into, e.ID)
		return true
	})
	return int64(before - len(p.events[id])), p.Fail
}
