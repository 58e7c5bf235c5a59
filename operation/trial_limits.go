package operation

import (
	"context"
	"sync"
	"time"

	"boardlink/connection"
)

// The bounds of trials. Each dials where a person says, so few run at once, and nobody starts them without pause.
const (
	trialsAtOnce = 4
	trialWait    = 5 * time.Second // for one of those that run to end
	trialBurst   = 30              // by one person or key, without pause
	trialEvery   = 2 * time.Second // after the burst
	trialActors  = 1000            // whose pace is remembered
)

// Busy says that no test may begin now. It wraps a [connection.Failure] with [connection.CodeUnavailable].
type Busy struct {
	Wait    time.Duration // how long to wait before asking again
	failure *connection.Failure
}

func (b *Busy) Error() string { return b.failure.Error() }

// Unwrap gives the failure.
func (b *Busy) Unwrap() error { return b.failure }

func busy(wait time.Duration, sentence string) *Busy {
	return &Busy{Wait: wait, failure: connection.Fail(connection.CodeUnavailable, "%s", sentence)}
}

// trials runs tests of connections within their limits.
type trials struct {
	prober Prober
	tries  Tries
	now    func() time.Time
	slots  chan struct{}

	mu    sync.Mutex
	paces map[string]time.Time // by actor: when the burst would be whole again

	refusing sync.Mutex
	refusals map[account][]time.Time // when logins of unsaved configurations were made that were not taken
}

func newTrials(prober Prober, tries Tries, now func() time.Time) *trials {
	return &trials{
		prober: prober, tries: tries, now: now, slots: make(chan struct{}, trialsAtOnce),
		paces: map[string]time.Time{}, refusals: map[account][]time.Time{},
	}
}

// enter waits for a place. leave gives it back.
func (t *trials) enter(ctx context.Context, actor string) (leave func(), err error) {
	if wait := t.pace(actor); wait > 0 {
		return nil, busy(wait, "There were too many tests without a pause.")
	}
	timer := time.NewTimer(trialWait)
	defer timer.Stop()
	select {
	case t.slots <- struct{}{}:
		return func() { <-t.slots }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-timer.C:
		return nil, busy(trialWait, "Other tests are under way.")
	}
}

// pace counts a test of an actor's; where it comes too soon it is not counted, and wait says how much too soon.
func (t *trials) pace(actor string) (wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	if len(t.paces) >= trialActors {
		for name, whole := range t.paces {
			if !whole.After(now) {
				delete(t.paces, name)
			}
		}
	}
	whole := t.paces[actor]
	if whole.Before(now) {
		whole = now
	}
	if wait = whole.Sub(now) - (trialBurst-1)*trialEvery; wait > 0 {
		return wait
	}
	t.paces[actor] = whole.Add(trialEvery)
	return 0
}
