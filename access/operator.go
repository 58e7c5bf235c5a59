package access

import (
	"crypto/sha256"
	"time"
)

// Operator is a person who may sign in.
type Operator struct {
	ID           int64
	Email        string // as [NormalEmail] gives it; no two operators share one
	PasswordHash string // argon2id in PHC form
	Role         Role
	CreatedAt    time.Time
	LastSignInAt time.Time // zero before the first
}

// Identity is the operator as an asker.
func (o Operator) Identity() Identity {
	return Identity{Kind: OperatorKind, ID: o.ID, Name: o.Email, Role: o.Role}
}

// Digest is the SHA-256 of a random secret of at least 128 bits (session id, set-up token). Only digests are stored, so
// that a copy of the database opens no session. Passwords are no such secret: they go through a [Hasher].
type Digest [sha256.Size]byte

// DigestOf digests a secret as it stands in the cookie or the link.
func DigestOf(secret string) Digest { return sha256.Sum256([]byte(secret)) }

// SetupToken is a link by which somebody without a password gets one: the first operator, or one who is locked out.
type SetupToken struct {
	Digest     Digest
	OperatorID int64  // whose password it sets; 0: it makes the first operator
	Email      string // of that operator; filled in by reading, ignored in writing
	ExpiresAt  time.Time
}
