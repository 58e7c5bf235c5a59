package link

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"sync"
	"time"

	"boardlink/connection"
	"boardlink/thingsboard"
)

// maxAnswers bounds the memory; the oldest goes first.
const maxAnswers = 10_000

// answer is what ThingsBoard reads as the reply to a command.
type answer struct {
	Status        string `json:"status"` // "queued" or "error"
	CorrelationID string `json:"correlationId,omitempty"`
	Code          string `json:"code,omitempty"`
	Message       string `json:"message,omitempty"` // beside "queued": what is known since
}

// The codes of an answer with the status "error". They never change their meaning.
const (
	codeUnknownMethod = "unknown_method"
	codeDisabled      = "downlinks_disabled"
	codeNotConfigured = "not_configured"
	codeInvalid       = "invalid_command"
	codeTooMany       = "too_many_commands"
	codeExpired       = "expired"      // it waited too long and was not sent
	codeNotRecorded   = "not_recorded" // Boardlink's database did not take it down, and it was not sent
	codeRefused       = "refused"      // by ThingPark
	codeNotSent       = "not_sent"     // ThingPark could not be reached
	codeUnknown       = "unknown"      // it was sent, and nobody knows what became of it
	codeInternal      = "internal_error"
)

func refusal(code, message string) answer {
	return answer{Status: "error", Code: code, Message: message}
}

// commandKey tells commands apart. ThingsBoard numbers per device, and begins anew at 0 when it restarts; so what the
// command says belongs to its key, and a key holds for an hour only ([connection.CommandsRememberedFor]).
//
// What is left: a ThingsBoard that restarted sends, within the hour, a new command that has the number and the words of
// one before. It is answered as that one was, with its correlation id, and not posted. The other mistake, taking the
// same command for a new one, would make a device act twice; and nothing on the wire tells the two apart, since a
// command that comes again after a lost answer comes over a new session too.
type commandKey struct {
	devEUI string
	id     int64
	hash   string
}

func keyOf(devEUI string, c thingsboard.Command) commandKey {
	return commandKey{devEUI, c.ID, hashOf(c.Method, c.Params)}
}

// hashOf gives 32 hexadecimal digits for what a command says, spaces between JSON tokens aside. They are kept on disk.
func hashOf(method string, params json.RawMessage) string {
	said := bytes.NewBufferString(method + "\x00")
	if json.Compact(said, params) != nil {
		said.Write(params)
	}
	sum := sha256.Sum256(said.Bytes())
	return hex.EncodeToString(sum[:16])
}

// answers remembers commands and what was answered, as long as the program runs. What ThingPark may have is remembered
// on disk too, behind it (record.go).
type answers struct {
	now func() time.Time

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
	return &answers{now: now, byKey: map[commandKey]*pendingAnswer{}}
}

// begin returns the place of a command's answer; first says that the caller is to find the answer, and call settle.
func (a *answers) begin(key commandKey) (p *pendingAnswer, first bool) {
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

// forget makes the store be asked when a command comes again, because more is known of it there. One that is under way
// is not forgotten.
func (a *answers) forget(key commandKey) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.byKey[key]
	if p == nil {
		return
	}
	select {
	case <-p.ready:
		delete(a.byKey, key)
	default:
	}
}

// prune forgets what is old, or too much. a.mu is held.
func (a *answers) prune() {
	now := a.now()
	n := 0
	for _, p := range a.order {
		if now.Sub(p.since) < connection.CommandsRememberedFor && len(a.order)-n < maxAnswers {
			break
		}
		if a.byKey[p.key] == p {
			delete(a.byKey, p.key)
		}
		n++
	}
	a.order = a.order[n:]
}
