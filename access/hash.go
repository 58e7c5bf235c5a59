package access

import (
	"context"
	"fmt"

	"boardlink/connection"

	"github.com/alexedwards/argon2id"
)

// hashParams are the least that OWASP's Password Storage Cheat Sheet names for Argon2id: 19 MiB, two passes, one lane.
var hashParams = argon2id.Params{Memory: 19 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// hashesAtOnce bounds the memory and the processors that strangers can claim by signing in: 2 x 19 MiB.
const hashesAtOnce = 2

// Hasher turns passwords into hashes and checks them, few at once. It is safe for concurrent use.
type Hasher struct {
	params argon2id.Params
	slots  chan struct{}
	dummy  string // hash of nothing anybody types: what an unknown e-mail is checked against
}

// NewHasher makes a Hasher; it hashes once itself, which takes some 30 ms.
func NewHasher() (*Hasher, error) { return newHasher(hashParams) }

func newHasher(p argon2id.Params) (*Hasher, error) {
	dummy, err := argon2id.CreateHash(randomText(32), &p)
	if err != nil {
		return nil, fmt.Errorf("hash a password: %w", err)
	}
	return &Hasher{params: p, slots: make(chan struct{}, hashesAtOnce), dummy: dummy}, nil
}

// Hash gives the hash of a password in PHC form. It waits for a free slot as long as ctx lets it.
func (h *Hasher) Hash(ctx context.Context, password connection.Secret) (string, error) {
	if err := h.enter(ctx); err != nil {
		return "", err
	}
	defer h.leave()
	hash, err := argon2id.CreateHash(password.Reveal(), &h.params)
	if err != nil {
		return "", fmt.Errorf("hash a password: %w", err)
	}
	return hash, nil
}

// Check reports whether the password belongs to the hash, and whether the hash was made with other parameters than
// today's, so that it should be made anew. With an empty hash it does the same work and reports false: who tries an
// e-mail that nobody has cannot tell by the time it takes.
func (h *Hasher) Check(ctx context.Context, password connection.Secret, hash string) (match, outdated bool, err error) {
	if err := h.enter(ctx); err != nil {
		return false, false, err
	}
	defer h.leave()
	known := hash != ""
	if !known {
		hash = h.dummy
	}
	match, params, err := argon2id.CheckHash(password.Reveal(), hash)
	if err != nil {
		return false, false, fmt.Errorf("check a password: %w", err)
	}
	return match && known, *params != h.params, nil
}

func (h *Hasher) enter(ctx context.Context) error {
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait to hash a password: %w", ctx.Err())
	}
}

func (h *Hasher) leave() { <-h.slots }
