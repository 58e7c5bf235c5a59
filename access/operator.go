package access

import (
	"crypto/sha256"
	"time"
)

// Operator is a person who may sign in, or is invited to.
type Operator struct {
	ID           int64
	Email        string // as [NormalEmail] gives it; no two operators share one
	PasswordHash string // argon2id in PHC form; empty: invited, and has not set one yet
	Role         Role
	CreatedAt    time.Time
	LastSignInAt time.Time // zero before the first
	DisabledAt   time.Time // zero: is not disabled
	LinkUntil    time.Time // when the one-time link that was made for them ends; zero: there is none. Ignored in writing
	Version      int64     // 1 at first; grows with each change but a sign-in
}

// Invited reports whether the operator has no password yet.
func (o Operator) Invited() bool { return o.PasswordHash == "" }

// Disabled reports whether an admin has shut the operator out.
func (o Operator) Disabled() bool { return !o.DisabledAt.IsZero() }

// CanSignIn reports whether there is a password that opens the account.
func (o Operator) CanSignIn() bool { return !o.Invited() && !o.Disabled() }

// LinkOpen reports whether a one-time link that was made for the operator works at that time.
func (o Operator) LinkOpen(now time.Time) bool { return now.Before(o.LinkUntil) }

// Identity is the operator as an asker.
func (o Operator) Identity() Identity {
	return Identity{Kind: OperatorKind, ID: o.ID, Name: o.Email, Role: o.Role}
}

// Digest is the SHA-256 of a random secret of at least 128 bits (session id, set-up token). Only digests are stored, so
// that a copy of the database opens no session. Passwords are no such secret: they go through a [Hasher].
type Digest [sha256.Size]byte

// DigestOf digests a secret as it stands in the cookie or the link.
func DigestOf(secret string) Digest { return sha256.Sum256([]byte(secret)) }

// SetupToken is a link by which somebody without a password gets one: the first operator, one who is invited, or one who is
// locked out.
type SetupToken struct {
	Digest     Digest
	OperatorID int64 // whose password it sets; 0: it makes the first operator
	ExpiresAt  time.Time
	Enables    bool // it opens the account also of somebody who is disabled, and enables it

	Email   string // of that operator; filled in by reading, ignored in writing
	Invited bool   // that operator has no password yet; likewise
}
