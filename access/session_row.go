package access

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"strings"
	"time"

	"boardlink/connection"
)

// SessionRow is a browser session as stored.
type SessionRow struct {
	Digest     Digest // of the id in the cookie
	ID         int64  // by which its owner names it; it is no secret and has nothing to do with the cookie
	OperatorID int64  // 0: nobody has signed in
	Role       Role   // of the operator when the session got its cookie
	Data       []byte // values as a JSON object
	UserAgent  string // of the browser that signed in, cleaned, at most 256 characters
	Address    string // from which the browser signed in

	CreatedAt   time.Time // sign-in
	LastSeenAt  time.Time // at most [touchEvery] behind
	ConfirmedAt time.Time // when the password was last given; zero: not since the operator has the role
	ExpiresAt   time.Time // whatever its use
}

// SessionRows keeps sessions by the digest of their id.
type SessionRows interface {
	SaveSession(ctx context.Context, row SessionRow) error // a new one
	// SessionByHash fails with CodeNotFound where there is no such row; it does not look at times.
	SessionByHash(ctx context.Context, d Digest) (SessionRow, error)
	// UpdateSession replaces the data of a session that is still there, and does nothing for one that is not.
	UpdateSession(ctx context.Context, d Digest, data []byte) error
	// RenewSession puts the row in the place of the session with that digest. It fails with CodeNotFound where that one
	// has ended meanwhile, so that what was ended stays ended.
	RenewSession(ctx context.Context, d Digest, row SessionRow) error
	TouchSession(ctx context.Context, d Digest, at time.Time) error
	DeleteSession(ctx context.Context, d Digest) error
	DeleteSessionsOf(ctx context.Context, operatorID int64) error
	// SessionsOf lists an operator's sessions, the one that was seen last first; it does not look at times.
	SessionsOf(ctx context.Context, operatorID int64) ([]SessionRow, error)
	// DeleteSessionOf ends the operator's session of that public id, and fails with CodeNotFound where the operator has none.
	DeleteSessionOf(ctx context.Context, operatorID, id int64) error
	// DeleteOtherSessionsOf ends an operator's sessions but for the one with that digest, and says how many.
	DeleteOtherSessionsOf(ctx context.Context, operatorID int64, kept Digest) (int64, error)
	// PruneSessions removes those that expired by now or were not seen since idleSince, and says how many.
	PruneSessions(ctx context.Context, now, idleSince time.Time) (int64, error)
}

// maxUserAgent bounds what is kept of a browser's name for itself, in characters.
const maxUserAgent = 256

func cleanUserAgent(s string) string {
	r := []rune(connection.Clean(s))
	return strings.TrimSpace(string(r[:min(len(r), maxUserAgent)]))
}

// newPublicID gives a positive number that was given out never before and tells nothing.
func newPublicID() int64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return int64(binary.BigEndian.Uint64(b[:])>>2) + 1
}
