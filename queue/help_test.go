package queue

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"boardlink/connection"
)

func TestMain(m *testing.M) {
	installDisk()
	if child() {
		return
	}
	goleak.VerifyTestMain(m)
}

func file(t testing.TB) string { return filepath.Join(t.TempDir(), "queue.db") }

func open(t testing.TB, path string, opt Options) *Queue {
	t.Helper()
	q, err := Open(t.Context(), path, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = q.Close() }) // tests that care close by themselves
	return q
}

// soon bounds every wait of a test.
func soon(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func dev(n int) string { return fmt.Sprintf("70B3D57ED0%06X", n) }

// uplink makes the n-th event of a device of connection 7.
func uplink(device, n int) Event {
	return Event{
		Connection: 7, DevEUI: dev(device), Kind: "DevEUI_uplink", FCntUp: int64(n),
		Time: time.Date(2026, 11, 23, 10, 0, n, device*1e6, time.UTC),
		Body: fmt.Appendf(nil, `{"DevEUI_uplink":{"DevEUI":%q,"FCntUp":%d}}`, dev(device), n),
	}
}

func put(t testing.TB, q *Queue, e Event) Event {
	t.Helper()
	stored, err := q.Put(soon(t), e)
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

// putAll puts n events of each device; those of a device in order, the devices side by side.
func putAll(t testing.TB, q *Queue, devices, n int) {
	t.Helper()
	var wg sync.WaitGroup
	for d := range devices {
		wg.Go(func() {
			for i := range n {
				if _, err := q.Put(soon(t), uplink(d, i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func take(t testing.TB, l *Lanes, most int) []Event {
	t.Helper()
	events, err := l.Take(soon(t), most)
	if err != nil {
		t.Fatal(err)
	}
	return events
}

func takeOne(t testing.TB, l *Lanes) Event {
	t.Helper()
	return take(t, l, 1)[0]
}

func ack(t testing.TB, l *Lanes, e Event) {
	t.Helper()
	if err := l.Ack(soon(t), e); err != nil {
		t.Fatal(err)
	}
}

// nothingToTake checks that Take blocks.
func nothingToTake(t testing.TB, l *Lanes) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if events, err := l.Take(ctx, 10); err == nil {
		t.Fatalf("took %d events, first %d; want none", len(events), events[0].ID&sequenceMask)
	}
}

// drain takes and acknowledges n events and checks that each device's come in order and one at a time.
func drain(t testing.TB, l *Lanes, n int) []Event {
	t.Helper()
	var all []Event
	last := map[string]int64{}
	for len(all) < n {
		for _, e := range take(t, l, 50) {
			if e.ID <= last[e.DevEUI] {
				t.Fatalf("device %s: event %d came after %d", e.DevEUI, e.ID&sequenceMask, last[e.DevEUI]&sequenceMask)
			}
			last[e.DevEUI] = e.ID
			all = append(all, e)
			ack(t, l, e)
		}
	}
	if len(all) != n {
		t.Fatalf("took %d events, want %d", len(all), n)
	}
	return all
}

func wantDepth(t testing.TB, q *Queue, id connection.ID, waiting, parked int64) {
	t.Helper()
	if err := q.flush(soon(t)); err != nil {
		t.Fatal(err)
	}
	w, oldest, p := q.Depth(id)
	if w != waiting || p != parked {
		t.Fatalf("depth is %d waiting, %d parked; want %d, %d", w, p, waiting, parked)
	}
	if (waiting == 0) != oldest.IsZero() {
		t.Fatalf("%d events wait, the oldest since %v", waiting, oldest)
	}
	counted(t, q)
}

// counted checks the counters against the tables.
func counted(t testing.TB, q *Queue) {
	t.Helper()
	if problem := miscounted(q); problem != "" {
		t.Fatal(problem)
	}
}

// miscounted tells where the counters and the tables differ, "" where they do not.
func miscounted(q *Queue) string {
	rows, err := q.reader.db.Query(`SELECT c.id, c.waiting, c.bytes, c.parked, c.parked_bytes,
		(SELECT count(*) FROM events e WHERE e.id >> 40 = c.id),
		(SELECT coalesce(sum(octet_length(body) + octet_length(kind) + octet_length(dev_eui) + (octet_length(body) + octet_length(kind) + octet_length(dev_eui)) / 8 + 256), 0) FROM events e WHERE e.id >> 40 = c.id),
		(SELECT count(*) FROM parked p WHERE p.id >> 40 = c.id),
		(SELECT coalesce(sum(octet_length(body) + octet_length(kind) + octet_length(dev_eui) + (octet_length(body) + octet_length(kind) + octet_length(dev_eui)) / 8 + 256), 0) FROM parked p WHERE p.id >> 40 = c.id)
		FROM connections c`)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = rows.Close() }() // a test
	for rows.Next() {
		var id connection.ID
		var n, is counters
		if err := rows.Scan(&id, &n.waiting, &n.bytes, &n.parked, &n.parkedBytes, &is.waiting, &is.bytes, &is.parked, &is.parkedBytes); err != nil {
			return err.Error()
		}
		if n != is {
			return fmt.Sprintf("connection %d: counters say %+v, the tables hold %+v", id, n, is)
		}
	}
	var said, stamps, tokens int64
	if err := q.reader.db.QueryRow("SELECT value, (SELECT count(*) FROM stamps) FROM totals WHERE name = 'stamps'").Scan(&said, &stamps); err != nil {
		return err.Error()
	}
	if known := stampsOf(q); said != stamps || known != stamps {
		return fmt.Sprintf("%d stamps counted, %d in memory, %d there", said, known, stamps)
	}
	if err := q.reader.db.QueryRow("SELECT value, (SELECT count(*) FROM tokens) FROM totals WHERE name = 'tokens'").Scan(&said, &tokens); err != nil {
		return err.Error()
	}
	if known := tokensOf(q); said != tokens || known != tokens {
		return fmt.Sprintf("%d Tokens counted, %d in memory, %d there", said, known, tokens)
	}
	return ""
}

// start puts an event without waiting for it.
func start(q *Queue, e Event) *putting {
	p := &putting{event: e, done: make(chan error, 1)}
	p.event.ReceivedAt = time.Now().UTC().Truncate(time.Microsecond)
	if err := q.writer.put(p); err != nil {
		p.done <- err
	}
	return p
}

// flush waits until everything that was asked for before it is committed.
func (q *Queue) flush(ctx context.Context) error {
	return await(ctx, q.writer.do(nothing))
}

// tokensOf tells how many Tokens the queue believes to remember.
func tokensOf(q *Queue) int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.tokenCount
}

// stampsOf tells how many stamps the queue believes to have.
func stampsOf(q *Queue) int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.stampCount
}
