package queue

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func tokenOf(text string, at time.Time) Token {
	return Token{Sum: sha256.Sum256([]byte(text)), Time: at.Truncate(time.Millisecond)}
}

func putOnce(t testing.TB, q *Queue, e Event, token Token) Event {
	t.Helper()
	stored, err := q.PutOnce(soon(t), e, token)
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

func wantReplayed(t testing.TB, q *Queue, e Event, token Token) {
	t.Helper()
	if _, err := q.PutOnce(soon(t), e, token); !errors.Is(err, ErrReplayed) {
		t.Fatalf("got %v, want ErrReplayed", err)
	}
}

func TestPutOnce_stores_one_event_for_a_Token(t *testing.T) {
	path := file(t)
	q := open(t, path, Options{})
	token := tokenOf("a", time.Now())
	putOnce(t, q, uplink(1, 1), token)
	wantReplayed(t, q, uplink(1, 1), token)
	shifted := uplink(1, 701100) // another event, with digits moved between counter and payload
	wantReplayed(t, q, shifted, token)
	putOnce(t, q, uplink(1, 2), tokenOf("b", token.Time))
	elsewhere := uplink(1, 1)
	elsewhere.Connection = 8 // ThingPark posts one report to several addresses
	putOnce(t, q, elsewhere, token)
	put(t, q, uplink(1, 1))
	wantDepth(t, q, 7, 3, 0)

	drain(t, q.Lanes(7), 3)
	wantReplayed(t, q, uplink(1, 1), token)
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	q = open(t, path, Options{})
	wantReplayed(t, q, uplink(1, 1), token)
	wantDepth(t, q, 7, 0, 0)
}

func TestPutOnce_stores_one_of_many_that_come_at_once(t *testing.T) {
	q := open(t, file(t), Options{})
	token := tokenOf("a", time.Now())
	var wg sync.WaitGroup
	var mu sync.Mutex
	stored, replayed := 0, 0
	for range 40 {
		wg.Go(func() {
			_, err := q.PutOnce(soon(t), uplink(1, 1), token)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				stored++
			case errors.Is(err, ErrReplayed):
				replayed++
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if stored != 1 || replayed != 39 {
		t.Errorf("%d stored, %d replayed; want 1, 39", stored, replayed)
	}
	wantDepth(t, q, 7, 1, 0)
}

// An event that was not stored can come again: its Token was not remembered either.
func TestPutOnce_remembers_no_Token_of_an_event_that_was_not_stored(t *testing.T) {
	t.Run("because a step failed", func(t *testing.T) {
		for _, step := range []string{"begin", "commit"} {
			q := open(t, file(t), Options{})
			token := tokenOf("a", time.Now())
			mend := breakStep(t, q, step)
			for range 2 {
				if _, err := q.PutOnce(soon(t), uplink(1, 1), token); !errors.Is(err, errDisk) {
					t.Fatalf("%s: got %v", step, err)
				}
			}
			mend()
			putOnce(t, q, uplink(1, 1), token)
			wantReplayed(t, q, uplink(1, 1), token)
			wantDepth(t, q, 7, 1, 0)
		}
	})
	t.Run("because the queue is full", func(t *testing.T) {
		q := open(t, file(t), Options{MaxBytes: 20 << 10})
		big := uplink(1, 1)
		big.Body = make([]byte, 15<<10)
		putOnce(t, q, big, tokenOf("a", time.Now()))
		token := tokenOf("b", time.Now())
		if _, err := q.PutOnce(soon(t), big, token); !errors.Is(err, ErrFull) {
			t.Fatalf("got %v", err)
		}
		drain(t, q.Lanes(7), 1)
		if err := q.flush(soon(t)); err != nil {
			t.Fatal(err)
		}
		putOnce(t, q, big, token)
		counted(t, q)
	})
	t.Run("because its sender had gone before", func(t *testing.T) {
		q := open(t, file(t), Options{})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		token := tokenOf("a", time.Now())
		if _, err := q.PutOnce(ctx, uplink(1, 1), token); !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v", err)
		}
		putOnce(t, q, uplink(1, 1), token)
	})
}

func TestTokens_are_forgotten_when_they_are_old(t *testing.T) {
	now := time.Now()
	var passed atomic.Int64
	q := open(t, file(t), Options{Now: func() time.Time { return now.Add(time.Duration(passed.Load())) }})
	const n = tokenStep + 300
	inWriter(t, q, func(t *tx) error {
		_, err := t.execText(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
			INSERT INTO tokens SELECT $2 - i, 7, CAST(printf('%032d', i) AS BLOB) FROM n`, n-1, now.UnixMilli())
		t.noted += n - 1
		return err
	})
	first := tokenOf("1", now.Add(-time.Millisecond))
	putOnce(t, q, uplink(1, 1), first)
	q.pruneTokens()
	if got := tokensOf(q); got != n {
		t.Fatalf("%d Tokens are left of %d new ones", got, n)
	}
	young := tokenOf("young", now.Add(time.Minute))
	putOnce(t, q, uplink(1, n), young)
	passed.Store(int64(TokenAge + 30*time.Second))
	q.pruneTokens()
	if got := tokensOf(q); got != 1 {
		t.Fatalf("%d Tokens are left, want the one that is young enough", got)
	}
	counted(t, q)
	wantReplayed(t, q, uplink(1, n), young)
	putOnce(t, q, uplink(1, 1), first) // its sender is to refuse such an old one
}

func TestTokens_beyond_their_number_go_the_oldest_first(t *testing.T) {
	now := time.Now()
	q := open(t, file(t), Options{Now: func() time.Time { return now }})
	old, young := tokenOf("old", now.Add(-time.Second)), tokenOf("young", now)
	const most = 2 * tokenStep
	inWriter(t, q, func(t *tx) error { // as if so many others had come between
		t.q.mu.Lock()
		t.q.maxTokens = most
		t.q.mu.Unlock()
		_, err := t.execText(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
			INSERT INTO tokens SELECT $2 + i / 10, 7, CAST(printf('%032d', i) AS BLOB) FROM n`, most, old.Time.UnixMilli()+1)
		t.noted += most
		return err
	})
	putOnce(t, q, uplink(1, 1), old)
	putOnce(t, q, uplink(1, 2), young)
	q.pruneTokens()
	if got := tokensOf(q); got > most || got < most-tokenStep-10 {
		t.Errorf("%d are left, want some below %d", got, most)
	}
	counted(t, q)
	wantReplayed(t, q, uplink(1, 2), young)
	putOnce(t, q, uplink(1, 1), old)
}

// A damaged file gives its Tokens back as it does its events.
func TestTokens_survive_a_rebuild(t *testing.T) {
	path := file(t)
	q := open(t, path, Options{})
	now := time.Now()
	var tokens []Token
	for i := range 200 { // several pages of them
		tokens = append(tokens, tokenOf(fmt.Sprint(i), now.Add(time.Duration(i)*time.Millisecond)))
	}
	var wg sync.WaitGroup
	for i, token := range tokens {
		wg.Go(func() { putOnce(t, q, uplink(i%9, i), token) })
	}
	wg.Wait()
	q.writer.distrust()
	for _, token := range tokens {
		// Until the new file is made the queue takes nothing.
		for {
			if _, err := q.PutOnce(soon(t), uplink(1, 1), token); errors.Is(err, ErrReplayed) {
				break
			} else if err == nil {
				t.Fatal("a Token was forgotten")
			} else if !errors.Is(err, errDamaged) {
				t.Fatal(err)
			}
		}
	}
	if damaged, _ := filepath.Glob(path + ".damaged-*"); len(damaged) == 0 {
		t.Fatal("the file was not rebuilt")
	}
	wantDepth(t, q, 7, 200, 0)
}

func TestOpen_brings_a_file_of_the_first_release_up_to_date(t *testing.T) {
	path := file(t)
	q := open(t, path, Options{})
	first := put(t, q, uplink(1, 1))
	inWriter(t, q, func(t *tx) error {
		_, err := t.execText("DROP TABLE tokens; DELETE FROM totals WHERE name = 'tokens'; PRAGMA user_version = 1")
		return err
	})
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	older := copyQueue(t, path)

	q = open(t, path, Options{})
	if damaged, _ := filepath.Glob(path + ".damaged-*"); len(damaged) > 0 {
		t.Fatal("it was taken for damaged")
	}
	token := tokenOf("a", time.Now())
	putOnce(t, q, uplink(1, 2), token)
	wantReplayed(t, q, uplink(1, 2), token)
	if got := drain(t, q.Lanes(7), 2); got[0].ID != first.ID || got[0].TS != first.TS {
		t.Errorf("got %+v, want %+v", got[0], first)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	q = open(t, path, Options{})
	wantReplayed(t, q, uplink(1, 2), token)
	counted(t, q)

	t.Run("also where it is damaged", func(t *testing.T) {
		q := open(t, older, Options{})
		if err := q.Close(); err != nil {
			t.Fatal(err)
		}
		flipped := copyQueue(t, older)
		q = open(t, flipped, Options{})
		inWriter(t, q, func(t *tx) error { // the version alone is another than the tables say
			_, err := t.execText("PRAGMA user_version = 1")
			return err
		})
		if err := q.Close(); err != nil {
			t.Fatal(err)
		}
		q = open(t, flipped, Options{})
		if damaged, _ := filepath.Glob(flipped + ".damaged-*"); len(damaged) == 0 {
			t.Error("it was not noticed")
		}
		wantDepth(t, q, 7, 1, 0)
	})
}

func TestSchema_of_each_release_is_told(t *testing.T) {
	if tablesOf(firstSchema) == tablesOf(schema) || !strings.HasPrefix(tablesOf(schema), tablesOf(firstSchema)) {
		t.Error("the second schema is not the first with more behind it")
	}
}
