package handlers

import (
	"context"
	"crypto/rand"
	"sync"
	"time"

	"boardlink/connection"
	"boardlink/operation"
)

const (
	// trialForgotten is how long a test waits for its page to ask again: one that nobody looks at any more ends.
	trialForgotten = 15 * time.Second
	// trialNews is how long an answer waits for the next step to be over.
	trialNews = 5 * time.Second
	// maxTrials bounds the tests that are remembered.
	maxTrials = 200
)

// trials are the tests that pages follow step by step. A page asks for what is new, and is answered when there is something.
type trials struct {
	mu  sync.Mutex
	all map[string]*trial
}

// trial is a test under way, or one that has just ended.
type trial struct {
	actor  string
	cancel context.CancelFunc
	idle   *time.Timer

	mu     sync.Mutex
	steps  []connection.StepResult
	done   bool
	failed error         // why there is no whole report
	news   chan struct{} // closed when there is something new
}

// attempt tests, and tells each step as it is over.
type attempt func(ctx context.Context, tell func(connection.StepResult)) (operation.Report, error)

// start begins a test in the background and returns the name by which its page asks for it. ctx must not be that of the
// request, which is answered before the test ends.
func (t *trials) start(ctx context.Context, actor string, try attempt) (string, error) {
	ctx, cancel := context.WithCancel(ctx)
	x := &trial{actor: actor, cancel: cancel, news: make(chan struct{})}
	name := rand.Text()
	t.mu.Lock()
	if len(t.all) >= maxTrials {
		t.mu.Unlock()
		cancel()
		return "", connection.Fail(connection.CodeUnavailable, "Too many tests are under way.")
	}
	if t.all == nil {
		t.all = map[string]*trial{}
	}
	t.all[name] = x
	x.idle = time.AfterFunc(trialForgotten, func() { t.forget(name) })
	t.mu.Unlock()
	go func() {
		_, err := try(ctx, x.tell)
		x.end(err)
	}()
	return name, nil
}

// forget ends a test that nobody follows.
func (t *trials) forget(name string) {
	t.mu.Lock()
	x := t.all[name]
	delete(t.all, name)
	t.mu.Unlock()
	if x != nil {
		x.cancel()
	}
}

// stop ends a test under way because its person wants no more of it, and gives what it has found so far. A test that was
// over before is as follow gives it.
func (t *trials) stop(actor, name string) (steps []connection.StepResult, done bool, failed, err error) {
	t.mu.Lock()
	x := t.all[name]
	t.mu.Unlock()
	if x == nil || x.actor != actor {
		return nil, false, nil, errTrialOver()
	}
	x.mu.Lock()
	steps, done, failed = append([]connection.StepResult(nil), x.steps...), x.done, x.failed
	x.mu.Unlock()
	x.idle.Stop()
	t.forget(name)
	return steps, done, failed, nil
}

func errTrialOver() error {
	return connection.Fail(connection.CodeNotFound, "This test is over; start it again.")
}

// follow waits until more steps are over than were seen, or the test has ended, or a moment has passed. failed is why an
// ended test has no whole report.
func (t *trials) follow(ctx context.Context, actor, name string, seen int) (steps []connection.StepResult, done bool, failed, err error) {
	t.mu.Lock()
	x := t.all[name]
	t.mu.Unlock()
	if x == nil || x.actor != actor {
		return nil, false, nil, errTrialOver()
	}
	timer := time.NewTimer(trialNews)
	defer timer.Stop()
	for {
		x.idle.Reset(trialForgotten)
		x.mu.Lock()
		steps, done, failed = append([]connection.StepResult(nil), x.steps...), x.done, x.failed
		news := x.news
		x.mu.Unlock()
		if done || len(steps) > seen {
			return steps, done, failed, nil
		}
		select {
		case <-news:
		case <-timer.C:
			return steps, done, failed, nil
		case <-ctx.Done():
			return nil, false, nil, ctx.Err()
		}
	}
}

func (x *trial) tell(r connection.StepResult) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.steps = append(x.steps, r)
	x.rouse()
}

func (x *trial) end(err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.done, x.failed = true, err
	x.rouse()
}

// rouse wakes who waits. x.mu is held.
func (x *trial) rouse() {
	close(x.news)
	x.news = make(chan struct{})
}
