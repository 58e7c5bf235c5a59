package web

import (
	"net/http"
	"sync"

	"boardlink/access"
	"boardlink/connection"
)

// streams counts the streams that are open, in all and of each asker. Its zero value counts none.
type streams struct {
	mu   sync.Mutex
	open int
	each map[askerKey]int
}

// enter takes a place for a stream; the error is a refusal.
func (s *streams) enter(who access.Identity) (leave func(), err error) {
	key := askerKey{who.Kind, who.ID, who.Name}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.open >= maxStreams:
		return nil, connection.Fail(connection.CodeUnavailable, "Too many pages are open.")
	case s.each[key] >= maxStreamsOfOne:
		return nil, NewProblem(http.StatusTooManyRequests, "Too many streams are open with this account or key. Close some of them.").RetryAfter(streamRetry)
	}
	if s.each == nil {
		s.each = map[askerKey]int{}
	}
	s.open++
	s.each[key]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.open--
		if s.each[key]--; s.each[key] == 0 {
			delete(s.each, key)
		}
	}, nil
}

// number tells how many are open.
func (s *streams) number() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open
}
