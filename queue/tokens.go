package queue

import (
	"crypto/sha256"
	"time"

	"boardlink/connection"
)

// Token is what a signed document was signed with. Sum vouches for Time: whoever shows the same Sum shows the same Time.
type Token struct {
	Sum  [sha256.Size]byte
	Time time.Time
}

// TokenAge is how long after its Time a Token is remembered. Whoever takes Tokens must refuse older ones, or one that was
// forgotten could be taken twice. It should refuse them much earlier, for a clock that is set back makes Tokens younger.
const TokenAge = 10 * time.Minute

const (
	tokenCharge = 80        // room of one on disk, about
	maxTokens   = 1_000_000 // beyond it the oldest go before their age: some 80 MB, and more than 1,600 a second for ten minutes
	tokenStep   = 2000      // so many are forgotten by one transaction, about
)

// note remembers a Token; fresh is false where it is known.
func (t *tx) note(id connection.ID, token *Token) (fresh bool, err error) {
	n, err := t.execCount(t.stmt.token, token.Time.UnixMilli(), int64(id), token.Sum[:])
	t.noted += n
	return n > 0, err
}

func (q *Queue) tooManyTokens() bool { return q.tokensBeyond() > 0 }

// tokensBeyond is by how many there are too many Tokens.
func (q *Queue) tokensBeyond() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.tokenCount - q.maxTokens
}

// pruneTokens forgets Tokens that are old, and the oldest ones where there are too many.
func (q *Queue) pruneTokens() {
	if beyond := q.tokensBeyond(); beyond > 0 {
		q.log.Warn("More Tokens come than are remembered; the oldest are forgotten early", "tokens", beyond)
	}
	for more := true; more; {
		cutoff := q.now().Add(-TokenAge).UnixMilli()
		err := <-q.writer.do(func(t *tx) error {
			if t.q.tooManyTokens() {
				cutoff = 1<<63 - 1
			}
			n, err := t.pruneTokens(cutoff)
			more = n >= tokenStep || n > 0 && t.q.tokensBeyond() > n
			return err
		})
		if err != nil || !q.pause() {
			return
		}
	}
}

// pruneTokens removes the first Tokens below a time, with those of the same millisecond, and tells how many they were.
func (t *tx) pruneTokens(cutoff int64) (n int64, err error) {
	n, err = t.execText(`DELETE FROM tokens WHERE made <= (SELECT max(made) FROM
		(SELECT made FROM tokens WHERE made < $1 ORDER BY made LIMIT $2))`, cutoff, tokenStep)
	t.noted -= n
	return n, err
}
