package queue

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// The child that is killed is the test's own program, started with these.
const (
	childFile  = "BOARDLINK_QUEUE_TEST_CHILD" // the queue's file
	childSeed  = "BOARDLINK_QUEUE_TEST_SEED"
	childPoint = "BOARDLINK_QUEUE_TEST_POINT"
)

const (
	childDevices = 6
	childWindow  = 32 // events handed out at once
)

// say writes one line at once, so that a kill loses none that was written. "w token" means that an event is about to be put
// with a Token, "a id token" that Put returned, "t id device token" that the event was delivered, "s id" that it is about to
// be acknowledged, "g id" that its removal is on disk. The token is left out where there is none.
func say(word string, id int64, more string) {
	if _, err := os.Stdout.Write(fmt.Appendf(nil, "%s %d %s .\n", word, id, more)); err != nil {
		panic(err)
	}
}

// killer ends the process at the n-th passing of a point.
type killer struct {
	point string
	left  atomic.Int64
}

func (k *killer) pass(point string) {
	if point != k.point || k.left.Add(-1) != 0 {
		return
	}
	if self, err := os.FindProcess(os.Getpid()); err == nil {
		_ = self.Kill() // it works, or the parent sees that it did not
	}
	select {}
}

// child works on a queue until it is killed. It is false in the process that runs the tests.
func child() bool {
	path := os.Getenv(childFile)
	if path == "" {
		return false
	}
	seed, err := strconv.ParseUint(os.Getenv(childSeed), 10, 64)
	if err != nil {
		panic(err)
	}
	random := rand.New(rand.NewPCG(seed, 6))
	k := &killer{point: os.Getenv(childPoint)}
	k.left.Store(1 + random.Int64N(30))
	var q *Queue
	var ready atomic.Bool
	d := watch(filepath.Dir(path))
	d.set(nil, func(op diskOp) {
		switch log := strings.HasSuffix(op.file, "-wal"); {
		case op.kind == diskWrite && log:
			k.pass("write")
		case op.kind == diskWrite:
			k.pass("checkpoint")
		case op.kind == diskSync && log:
			k.pass("sync")
		}
	})
	q, err = Open(context.Background(), path, Options{hook: func(step string) error {
		if step == "commit" && ready.Load() && q.writer.pending.Load() > 0 {
			k.pass("delete")
		}
		k.pass(step)
		return nil
	}})
	if err != nil {
		panic(err)
	}
	if err := <-q.writer.do(func(t *tx) error { _, err := t.execText("PRAGMA wal_autocheckpoint(12)"); return err }); err != nil {
		panic(err)
	}
	ready.Store(true)
	for n := range 4 {
		go childPuts(q, k, rand.New(rand.NewPCG(seed, uint64(10+n))))
	}
	childDelivers(q, k)
	return true
}

// childPuts puts events of changing devices, a little faster than they are delivered now and then.
func childPuts(q *Queue, k *killer, random *rand.Rand) {
	for n := int(time.Now().UnixNano() % 1e9); ; n++ {
		e := uplink(random.IntN(childDevices), n)
		e.Body = append(e.Body, strings.Repeat(" ", random.IntN(3000))...)
		put, word := q.Put, ""
		if random.IntN(2) == 0 {
			token := Token{Time: time.Now().Truncate(time.Millisecond)}
			token.Sum = sha256.Sum256(fmt.Append(e.Body, token.Time, os.Getpid()))
			word = wordOf(token)
			e.Body = append(e.Body, word...)
			put = func(ctx context.Context, e Event) (Event, error) { return q.PutOnce(ctx, e, token) }
			say("w", 0, word)
		}
		k.pass("accept")
		stored, err := put(context.Background(), e)
		if err != nil {
			panic(err)
		}
		k.pass("answer")
		say("a", stored.ID, word)
		if random.IntN(20) == 0 {
			time.Sleep(time.Duration(random.IntN(10)) * time.Millisecond)
		}
	}
}

// wordOf writes a Token down in one word; its event bears the word at the end of its body.
func wordOf(token Token) string { return fmt.Sprintf("%d-%x", token.Time.UnixMilli(), token.Sum) }

func wordIn(body []byte) string {
	_, word, _ := bytes.Cut(body, []byte("}}"))
	return string(bytes.TrimSpace(word))
}

func tokenIn(word string) (token Token, err error) {
	made, sum, _ := strings.Cut(word, "-")
	ms, err1 := strconv.ParseInt(made, 10, 64)
	b, err2 := hex.DecodeString(sum)
	if err := errors.Join(err1, err2); err != nil || len(b) != len(token.Sum) {
		return Token{}, fmt.Errorf("%q is no Token: %w", word, err)
	}
	return Token{Sum: [sha256.Size]byte(b), Time: time.UnixMilli(ms)}, nil
}

// childDelivers takes and acknowledges.
func childDelivers(q *Queue, k *killer) {
	ctx := context.Background()
	lanes := q.Lanes(7)
	var acked []int64
	for {
		events, err := lanes.Take(ctx, childWindow)
		if err != nil {
			panic(err)
		}
		k.pass("take")
		for _, e := range events {
			say("t", e.ID, e.DevEUI+" "+wordIn(e.Body))
			k.pass("publish")
			say("s", e.ID, "")
			if err := lanes.Ack(ctx, e); err != nil {
				panic(err)
			}
			k.pass("acknowledge")
			acked = append(acked, e.ID)
		}
		if len(acked) > 50 {
			if err := q.flush(ctx); err != nil {
				panic(err)
			}
			for _, id := range acked {
				say("g", id, "")
			}
			acked = nil
		}
	}
}
