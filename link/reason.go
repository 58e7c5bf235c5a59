package link

import (
	"errors"
	"fmt"
	"runtime/debug"

	"boardlink/connection"
	"boardlink/thingsboard"
)

// stop is why a running link was told to end; it travels as the cause of the link's context.
type stop struct {
	code     connection.ReasonCode
	sentence string
}

func (s *stop) Error() string { return s.sentence }

// abrupt reports whether the socket must be closed at once, without waiting for publishes that are under way.
func (s *stop) abrupt() bool {
	return s.code == connection.ReasonDeactivated || s.code == connection.ReasonDeleted
}

// quiet reports whether the stop makes no event of its own: the program as a whole tells that it goes down, and a
// deactivation is told by the edit that asked for it.
func (s *stop) quiet() bool {
	return s.code == connection.ReasonStopped || s.code == connection.ReasonDeactivated
}

// failure is an end that the link itself found a reason for.
type failure struct {
	code    connection.ReasonCode
	message string // empty: the code's sentence
	err     error  // cause, for the log
}

func (f *failure) Error() string {
	message := f.message
	if message == "" {
		message = f.code.Text().Sentence
	}
	if f.err != nil {
		return fmt.Sprintf("%s: %v", message, f.err)
	}
	return message
}

func (f *failure) Unwrap() error { return f.err }

// refused says that ThingsBoard did not take the account, or that no try is left.
type refused struct {
	err error // what ThingsBoard said; nil where no try was left
}

func (r *refused) Error() string {
	if r.err == nil {
		return "No try is left with these credentials."
	}
	return r.err.Error()
}

func (r *refused) Unwrap() error { return r.err }

// panicked is a panic that was caught.
type panicked struct {
	value any
	stack []byte
}

func (p *panicked) Error() string { return fmt.Sprintf("panic: %v", p.value) }

// guard runs f and turns a panic into an error.
func guard(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicked{value: v, stack: debug.Stack()}
		}
	}()
	return f()
}

// explain tells an error to people: the code, and a sentence that says no more than may be shown.
func explain(err error) (connection.ReasonCode, string) {
	var (
		s *stop
		f *failure
		p *panicked
		t *thingsboard.Error
	)
	switch {
	case err == nil:
		return connection.ReasonConnectionLost, connection.ReasonConnectionLost.Text().Sentence
	case errors.As(err, &s):
		return s.code, s.sentence
	case errors.As(err, &p):
		return connection.ReasonInternal, connection.ReasonInternal.Text().Sentence
	case errors.As(err, &t):
		return t.Code, t.Error()
	case errors.As(err, &f):
		sentence := f.message
		if sentence == "" {
			sentence = f.code.Text().Sentence
		}
		return f.code, sentence
	}
	code := thingsboard.CodeOf(err)
	return code, code.Text().Sentence
}
