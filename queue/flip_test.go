package queue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"boardlink/connection"
)

// A byte that the disk changed, anywhere in the file or its log, costs at most the events that stood there: each is
// parked, or told of as lost, and the queue goes on by itself.
func TestQueue_survives_a_byte_that_the_disk_changed(t *testing.T) {
	seed := seeded(t)
	random := rand.New(rand.NewPCG(seed, 7))
	path := file(t)
	q := open(t, path, Options{})
	book := newLedger()
	for n := range 20 {
		for d := range 8 {
			e := uplink(d, n)
			e.Body = append(e.Body, strings.Repeat(" ", random.IntN(1500)*(1+9*(random.IntN(10)/9)))...)
			book.acked[put(t, q, e).ID] = 0
			if d%4 == 0 { // tables of all kinds are in the file
				e.Connection = 8
				putOnce(t, q, e, tokenOf(fmt.Sprint(d, n), time.Now()))
			}
		}
	}
	l := q.Lanes(7)
	for range 40 {
		e := takeOne(t, l)
		ack(t, l, e)
		book.settling[e.ID] = true
	}
	if err := q.flush(soon(t)); err != nil {
		t.Fatal(err)
	}
	for n := range 4 { // a changed byte in the last transactions cannot always be told from a crash in the middle of them
		e := uplink(9, n)
		e.Connection = 8
		put(t, q, e)
	}
	logged := copyQueue(t, path) // most of it is in the log
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	for _, where := range []struct{ name, file, of string }{{"the file", "queue.db", path}, {"the log", "queue.db-wal", logged}} {
		t.Run(where.name, func(t *testing.T) {
			told, parked, rebuilt := 0, 0, 0
			most := rounds(12)
			for n := range most {
				damaged := copyQueue(t, where.of)
				offset := flip(t, filepath.Join(filepath.Dir(damaged), where.file), random, n%2 == 0)
				d := book.aftermath(t, damaged)
				if d.problem != "" {
					t.Fatalf("byte %d of %s changed: %s (QUEUE_SEED=%d)", offset, where.file, d.problem, seed)
				}
				told, parked, rebuilt = told+d.told, parked+d.parked, rebuilt+d.rebuilt
				_ = os.RemoveAll(filepath.Dir(damaged)) // it would only pile up until the end
			}
			t.Logf("%d bytes changed: %d files rebuilt, %d events parked, %d told as lost, none lost untold", most, rebuilt, parked, told)
		})
	}
}

// flip changes one byte of a file, near the beginning of a page, where its structure is, or anywhere.
func flip(t *testing.T, path string, random *rand.Rand, structure bool) int64 {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }() // a test
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	at := random.Int64N(info.Size())
	if structure {
		at = at/pageSize*pageSize + random.Int64N(40)
	}
	at = min(at, info.Size()-1)
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, at); err != nil {
		t.Fatal(err)
	}
	b[0] ^= byte(1 + random.IntN(255))
	if _, err := f.WriteAt(b, at); err != nil {
		t.Fatal(err)
	}
	return at
}

// damageDone is what became of a damaged file.
type damageDone struct {
	told, parked, rebuilt int
	problem               string
}

// aftermath uses a damaged file until nothing waits, and compares.
func (l *ledger) aftermath(t *testing.T, path string) (d damageDone) {
	lost := func(losses []Loss) error {
		d.rebuilt++
		for _, loss := range losses {
			if loss.Connection == 7 { // the one that the ledger is about
				d.told += int(loss.Events)
			}
		}
		return nil
	}
	var said bytes.Buffer
	defer func() {
		if d.problem != "" {
			d.problem += "; the log says:\n" + said.String()
		}
	}()
	q, err := Open(soon(t), path, Options{Lost: lost, Log: slog.New(slog.NewTextHandler(&said, nil))})
	if err != nil {
		d.problem = fmt.Sprintf("it does not open: %v", err)
		return d
	}
	defer func() { _ = q.Close() }() // a test
	there, problem := l.useUp(q)
	if problem != "" {
		d.problem = problem
		return d
	}
	if err := q.Close(); err != nil {
		d.problem = fmt.Sprintf("it does not close: %v", err)
		return d
	}
	for id := range there {
		if there[id] == "parked" {
			d.parked++
		}
	}
	missing, strangers := 0, 0
	for id := range l.acked {
		if there[id] == "" && !l.settling[id] {
			missing++
		}
	}
	for id := range there {
		if _, ok := l.acked[id]; !ok {
			strangers++ // parked: its id was what the disk changed
		}
	}
	if missing != d.told+strangers {
		d.problem = fmt.Sprintf("%d events are missing, %d were told as lost, %d were parked under another id", missing, d.told, strangers)
	}
	return d
}

// useUp puts, takes and acknowledges until nothing waits. It gives what became of each event.
func (l *ledger) useUp(q *Queue) (map[int64]string, string) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	there := map[int64]string{}
	wrong := map[connection.ID]suspicion{}
	lanes := q.Lanes(7)
	var lastErr error
	put := func(n int) bool {
		e := uplink(60, n)
		e.Connection = 8
		_, err := q.Put(ctx, e)
		if err != nil && ctx.Err() == nil {
			lastErr = err
		}
		return err == nil
	}
	for n := 0; ; n++ {
		if ctx.Err() != nil {
			return nil, fmt.Sprintf("it does not come to rest: %v", lastErr)
		}
		soon, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
		events, err := lanes.Take(soon, 50)
		cancel()
		if err != nil && soon.Err() == nil {
			lastErr = err
		}
		for _, e := range events {
			there[e.ID] = "delivered"
			if err := lanes.Ack(ctx, e); err != nil {
				return nil, fmt.Sprintf("Ack gave %v", err)
			}
		}
		if len(events) > 0 || !put(n) || q.flush(ctx) != nil {
			continue
		}
		waiting, _, _ := q.Depth(7)
		if waiting == 0 {
			break
		}
		_ = q.audit(wrong) // the counters and the rebuild tell
		lastErr = fmt.Errorf("%d events wait and are not handed out", waiting)
	}
	parked, err := q.Parked(ctx, 7, 0, 1000)
	for damage(err) || errors.Is(err, errNoFile) { // it may be the first to notice
		_ = q.flush(ctx) // the rebuild tells
		parked, err = q.Parked(ctx, 7, 0, 1000)
	}
	if err != nil {
		return nil, err.Error()
	}
	for _, p := range parked {
		there[p.ID] = "parked"
	}
	return there, ""
}

// A crash while a rebuilt file takes the place of the damaged one leaves neither an empty queue nor two.
func TestOpen_finishes_what_a_crash_interrupted_in_a_rebuild(t *testing.T) {
	for _, done := range []int{0, 1, 2} {
		path := file(t)
		q := open(t, path, Options{})
		putAll(t, q, 2, 5)
		copied := copyQueue(t, path)
		if err := q.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := salvageFile(soon(t), copied, copied+rebuiltSuffix, known{}); err != nil {
			t.Fatal(err)
		}
		for _, gone := range []string{"-wal", ""}[:done] {
			if err := os.Rename(copied+gone, copied+".damaged"+gone); err != nil {
				t.Fatal(err)
			}
		}
		q = open(t, copied, Options{})
		wantDepth(t, q, 7, 10, 0)
		drain(t, q.Lanes(7), 10)
	}
}
