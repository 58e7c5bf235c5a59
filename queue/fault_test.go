package queue

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"boardlink/connection"
)

var errDisk = errors.New("the disk is on fire")

// breakStep makes a step of every transaction fail until mend is called.
func breakStep(t testing.TB, q *Queue, step string) (mend func()) {
	var mu sync.Mutex
	broken := true
	inWriter(t, q, func(t *tx) error {
		t.writer.hook = func(name string) error {
			mu.Lock()
			defer mu.Unlock()
			if broken && name == step {
				return errDisk
			}
			return nil
		}
		return nil
	})
	return func() {
		mu.Lock()
		defer mu.Unlock()
		broken = false
	}
}

// inWriter does something in the writer's goroutine, whatever the outcome of its transaction.
func inWriter(t testing.TB, q *Queue, do func(*tx) error) {
	t.Helper()
	if err := <-q.writer.do(do); err != nil {
		t.Logf("the transaction ended with: %v", err)
	}
}

func TestQueue_survives_commits_that_fail(t *testing.T) {
	for _, step := range []string{"begin", "commit"} {
		t.Run(step, func(t *testing.T) {
			path := file(t)
			q := open(t, path, Options{})
			putAll(t, q, 2, 3)
			l := q.Lanes(7)
			events := take(t, l, 2)
			mend := breakStep(t, q, step)
			if _, err := q.Put(soon(t), uplink(1, 50)); !errors.Is(err, errDisk) {
				t.Fatalf("Put gave %v", err)
			}
			if err := l.Park(soon(t), events[0], "", ""); !errors.Is(err, errDisk) {
				t.Fatalf("Park gave %v", err)
			}
			ack(t, l, events[0])
			ack(t, l, events[1])
			if _, err := q.Put(soon(t), uplink(1, 51)); !errors.Is(err, errDisk) {
				t.Fatalf("Put gave %v", err)
			}
			mend()
			last := put(t, q, uplink(1, 52))
			if last.ID != floorOf(7)+7 {
				t.Errorf("after failed commits the next id is %d, want 7", last.ID&sequenceMask)
			}
			wantDepth(t, q, 7, 5, 0)
			drain(t, l, 5)
			wantDepth(t, q, 7, 0, 0)
		})
	}
}

func TestQueue_opens_its_file_anew_when_it_must(t *testing.T) {
	q := open(t, file(t), Options{})
	putAll(t, q, 1, 3)
	// The connection dies under the writer.
	inWriter(t, q, func(t *tx) error {
		t.stmt.close()
		return nil
	})
	deadline := soon(t)
	for {
		if _, err := q.Put(deadline, uplink(2, 1)); err == nil {
			break
		} else if deadline.Err() != nil {
			t.Fatal(err)
		}
	}
	wantDepth(t, q, 7, 4, 0)
	drain(t, q.Lanes(7), 4)
}

func TestQueue_answers_when_the_disk_is_full_and_recovers(t *testing.T) {
	q := open(t, file(t), Options{})
	putAll(t, q, 2, 2)
	if err := <-q.writer.do(func(t *tx) error { _, err := t.execText("PRAGMA max_page_count = 40"); return err }); err != nil {
		t.Fatal(err)
	}
	var err error
	for i := 10; err == nil; i++ {
		e := uplink(1, i)
		e.Body = make([]byte, 10_000)
		_, err = q.Put(soon(t), e)
	}
	if !strings.Contains(err.Error(), "full") || errors.Is(err, ErrFull) {
		t.Fatalf("Put gave %v, want what SQLite said", err)
	}
	l := q.Lanes(7)
	for range 4 { // room comes back by what is delivered
		ack(t, l, takeOne(t, l))
	}
	if err := q.flush(soon(t)); err != nil {
		t.Fatal(err)
	}
	put(t, q, uplink(3, 1))
	counted(t, q)
}

func TestQueue_parks_an_event_that_the_disk_changed(t *testing.T) {
	path := file(t)
	q := open(t, path, Options{})
	putAll(t, q, 1, 3)
	if err := <-q.writer.do(func(t *tx) error {
		_, err := t.execText("UPDATE events SET body = CAST(replace(body, 'FCntUp', 'FCntVp') AS BLOB) WHERE id = $1", floorOf(7)+2)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	got := drain(t, q.Lanes(7), 2)
	if got[0].FCntUp != 0 || got[1].FCntUp != 2 {
		t.Fatalf("got frames %d and %d", got[0].FCntUp, got[1].FCntUp)
	}
	wantDepth(t, q, 7, 0, 1)
	parked, err := q.Parked(soon(t), 7, 0, 10)
	if err != nil || len(parked) != 1 || parked[0].Code != connection.ReasonInternal {
		t.Fatalf("parked %+v, %v", parked, err)
	}
}
