package link

import (
	"hash/maphash"
	"sync"
	"time"

	"boardlink/thingsboard"
)

const (
	// answeredFor is how long a command's answer is remembered: ThingsBoard sends a command that is pending again after
	// each reconnect, with the same id.
	answeredFor = time.Hour
	// maxAnswers bounds the memory; the oldest goes first.
	maxAnswers = 10_000
)

// answer is what ThingsBoard reads as the reply to a command.
type answer struct {
	Status        string `json:"status"` // "queued" or "error"
	CorrelationID string `json:"correlationId,omitempty"`
	Code          string `json:"code,omitempty"`
	Message       string `json:"message,omitempty"`
}

// The codes of an answer with the status "error". They never change their meaning.
const (
	codeUnknownMethod = "unknown_method"
	codeDisabled      = "downlinks_disabled"
	codeNotConfigured = "not_configured"
	codeInvalid       = "invalid_command"
	codeTooMany       = "too_many_commands"
	codeExpired       = "expired"  // it waited too long and was not sent
	codeRefused       = "refused"  // by ThingPark
	codeNotSent       = "not_sent" // ThingPark could not be reached
	codeUnknown       = "unknown"  // it was sent, and nobody knows what became of it
	codeInternal      = "internal_error"
)

func refusal(code, message string) answer {
	return answer{Status: "error", Code: code, Message: message}
}

// commandKey tells commands apart. Ids begin anew at 0 when ThingsBoard restarts, so what the command says belongs to
// it.
type commandKey struct {
	device string
	id     int64
	hash   uint64
}

// answers remembers commands and what was answered.
type answers struct {
	now  func() time.Time
	seed maphash.Seed

	mu    sync.Mutex
	byKey map[commandKey]*pendingAnswer
	order []*pendingAnswer // by age
}

// pendingAnswer is the answer to a command, once it is there.
type pendingAnswer struct {
	key   commandKey
	since time.Time
	ready chan struct{} // closed when answer is there
	answer
}

func newAnswers(now func() time.Time) *answers {
	return &answers{now: now, seed: maphash.MakeSeed(), byKey: map[commandKey]*pendingAnswer{}}
}

// begin returns the place of a command's answer; first says that the caller is to find the answer, and call settle.
func (a *answers) begin(c thingsboard.Command) (p *pendingAnswer, first bool) {
	var h maphash.Hash
	h.SetSeed(a.seed)
	_, _ = h.WriteString(c.Method) // a hash cannot fail
	_ = h.WriteByte(0)
	_, _ = h.Write(c.Params)
	key := commandKey{c.Device, c.ID, h.Sum64()}

	a.mu.Lock()
	defer a.mu.Unlock()
	a.prune()
	if p := a.byKey[key]; p != nil {
		return p, false
	}
	p = &pendingAnswer{key: key, since: a.now(), ready: make(chan struct{})}
	a.byKey[key] = p
	a.order = append(a.order, p)
	return p, true
}

// settle gives the answer to whoever waits for it. keep says that the command must not be tried again for an hour;
// else the same command counts as a new one from now on.
func (a *answers) settle(p *pendingAnswer, said answer, keep bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p.answer = said
	close(p.ready)
	if !keep && a.byKey[p.key] == p {
		delete(a.byKey, p.key)
	}
}

// prune forgets what is old, or too much. a.mu is held.
func (a *answers) prune() {
	now := a.now()
	n := 0
	for _, p := range a.order {
		if now.Sub(p.since) < answeredFor && len(a.order)-n < maxAnswers {
			break
		}
		if a.byKey[p.key] == p {
			delete(a.byKey, p.key)
		}
		n++
	}
	a.order = a.order[n:]
}
