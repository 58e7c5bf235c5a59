package queue

import (
	"errors"
	"time"
)

// batch is what one transaction does.
type batch struct {
	puts     []*putting
	removals []removal
	attempts map[int64]int
	tasks    []*task
}

// take takes what has gathered, within bounds.
func (w *writer) take() *batch {
	w.mu.Lock()
	defer w.mu.Unlock()
	b := &batch{}
	n, size := 0, 0
	for n < len(w.puts) && n < maxPuts && (n == 0 || size+len(w.puts[n].event.Body) <= maxPutBytes) {
		size += len(w.puts[n].event.Body)
		n++
	}
	b.puts, w.puts = w.puts[:n:n], rest(w.puts, n)
	n = min(len(w.removals), maxRemovals)
	b.removals, w.removals = w.removals[:n:n], rest(w.removals, n)
	if len(w.attempts) > 0 {
		b.attempts, w.attempts = w.attempts, map[int64]int{}
	}
	if len(w.removals) == 0 { // tasks come after every removal that came before them
		n = min(len(w.tasks), maxTasks)
		b.tasks, w.tasks = w.tasks[:n:n], rest(w.tasks, n)
	}
	w.lazySince = time.Now()
	return b
}

// rest copies what follows the first n, so that nothing holds on to what was taken.
func rest[T any](s []T, n int) []T {
	if n == len(s) {
		return nil
	}
	return append(make([]T, 0, len(s)), s[n:]...)
}

// failed answers everybody in a batch that was not committed. Removals and attempts stay with the writer.
func (w *writer) failed(b *batch, err error) {
	w.lastErr = err
	if time.Since(w.lastFail) > time.Minute {
		w.q.log.Error("The queue could not commit", "error", err, "events", len(b.puts), "removals", len(b.removals))
		w.lastFail = time.Now()
	}
	w.pause = min(max(2*w.pause, 50*time.Millisecond), maxPause)
	w.pauseEnd = time.Now().Add(w.pause)
	w.mu.Lock()
	w.removals = append(b.removals, w.removals...)
	for id, n := range b.attempts {
		if _, newer := w.attempts[id]; !newer {
			w.attempts[id] = n
		}
	}
	w.lazySince = time.Now()
	w.mu.Unlock()
	w.careful = true
	for _, t := range b.tasks {
		t.done <- errors.Join(t.err, err)
	}
	for _, p := range b.puts {
		p.done <- err
	}
}
