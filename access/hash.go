package access

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"boardlink/connection"

	"github.com/alexedwards/argon2id"
	"golang.org/x/text/unicode/norm"
)

// hashParams are the least that OWASP's Password Storage Cheat Sheet names for Argon2id: 19 MiB, two passes, one lane.
var hashParams = argon2id.Params{Memory: 19 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

const (
	// hashesAtOnce bounds the memory and the processors that strangers can claim by signing in: 2 x 19 MiB.
	hashesAtOnce = 2
	// hashesForKnown come on top, for people who are signed in or whose browser is known: strangers do not keep them waiting.
	hashesForKnown = 1
	// maxWaiting bounds those who wait for either. They wait half a second at most; whoever comes then is told to come back.
	maxWaiting = 16
)

// Hasher turns passwords into hashes and checks them, few at once. It is safe for concurrent use.
//
// A password is hashed in the Unicode form NFC, so that "ü" is the same from a keyboard that sends one character and from one
// that sends two. Not in NFKC: that would also make ² a 2 and ﬁ an fi, which nobody who typed them means.
type Hasher struct {
	params    argon2id.Params
	strangers gate
	known     gate
	dummy     string // hash of nothing anybody types: what an unknown e-mail is checked against
	checks    atomic.Int64
}

// gate lets few in at once, and few wait.
type gate struct {
	slots   chan struct{}
	waiting atomic.Int64
}

// NewHasher makes a Hasher; it hashes once itself, which takes some 30 ms.
func NewHasher() (*Hasher, error) { return newHasher(hashParams) }

func newHasher(p argon2id.Params) (*Hasher, error) {
	dummy, err := argon2id.CreateHash(randomText(32), &p)
	if err != nil {
		return nil, fmt.Errorf("hash a password: %w", err)
	}
	h := &Hasher{params: p, dummy: dummy}
	h.strangers.slots, h.known.slots = make(chan struct{}, hashesAtOnce), make(chan struct{}, hashesForKnown)
	return h, nil
}

// Hash gives the hash of a password in PHC form, for somebody who is known or bears a link. It waits for a free slot as long
// as ctx lets it; a [*Throttled] says that too many wait already.
func (h *Hasher) Hash(ctx context.Context, password connection.Secret) (string, error) {
	if err := h.known.enter(ctx); err != nil {
		return "", err
	}
	defer h.known.leave()
	hash, err := argon2id.CreateHash(normal(password), &h.params)
	if err != nil {
		return "", fmt.Errorf("hash a password: %w", err)
	}
	return hash, nil
}

// Check reports whether the password belongs to the hash, and whether the hash was made with other parameters than
// today's, so that it should be made anew. With an empty hash it does the same work and reports false: who tries an
// e-mail that nobody has cannot tell by the time it takes. known says that the asker is no stranger. A [*Throttled] says that
// too many wait already.
func (h *Hasher) Check(ctx context.Context, known bool, password connection.Secret, hash string) (match, outdated bool, err error) {
	g := &h.strangers
	if known {
		g = &h.known
	}
	if err := g.enter(ctx); err != nil {
		return false, false, err
	}
	defer g.leave()
	h.checks.Add(1)
	made := hash != ""
	if !made {
		hash = h.dummy
	}
	match, params, err := argon2id.CheckHash(normal(password), hash)
	if err != nil {
		return false, false, fmt.Errorf("check a password: %w", err)
	}
	return match && made, *params != h.params, nil
}

// normal is a password as it is hashed.
func normal(password connection.Secret) string { return norm.NFC.String(password.Reveal()) }

func (g *gate) enter(ctx context.Context) error {
	defer g.waiting.Add(-1)
	if g.waiting.Add(1) > maxWaiting {
		return &Throttled{Wait: time.Second}
	}
	select {
	case g.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait to hash a password: %w", ctx.Err())
	}
}

func (g *gate) leave() { <-g.slots }
