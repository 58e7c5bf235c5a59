package queue

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestQueue_gives_back_after_a_restart_what_was_not_acknowledged(t *testing.T) {
	path := file(t)
	q := open(t, path, Options{})
	putAll(t, q, 5, 4)
	l := q.Lanes(7)
	acked := map[int64]bool{}
	events := take(t, l, 5)
	for _, e := range events[:3] {
		ack(t, l, e)
		acked[e.ID] = true
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	q = open(t, path, Options{})
	wantDepth(t, q, 7, 17, 0)
	for _, e := range drain(t, q.Lanes(7), 17) {
		if acked[e.ID] {
			t.Fatalf("event %d came again", e.ID)
		}
		if want := uplink(0, int(e.FCntUp)); e.Kind != want.Kind || e.Connection != 7 || !strings.Contains(string(e.Body), e.DevEUI) {
			t.Fatalf("came back as %+v", e)
		}
	}
	wantDepth(t, q, 7, 0, 0)
}

func TestQueue_never_uses_an_id_again(t *testing.T) {
	path := file(t)
	var last int64
	for range 3 {
		q := open(t, path, Options{})
		e := put(t, q, uplink(1, 1))
		if e.ID <= last {
			t.Fatalf("id %d came after %d", e.ID, last)
		}
		if got := connectionOf(e.ID); got != 7 {
			t.Fatalf("the id is of connection %d", got)
		}
		last = e.ID
		l := q.Lanes(7)
		ack(t, l, takeOne(t, l))
		wantDepth(t, q, 7, 0, 0)
		if _, err := q.Purge(soon(t), 7); err != nil {
			t.Fatal(err)
		}
		if err := q.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestQueue_keeps_connections_apart(t *testing.T) {
	q := open(t, file(t), Options{})
	putAll(t, q, 1, 3)
	other := uplink(1, 9)
	other.Connection = 8
	put(t, q, other)
	wantDepth(t, q, 7, 3, 0)
	wantDepth(t, q, 8, 1, 0)
	if e := takeOne(t, q.Lanes(8)); e.FCntUp != 9 || e.Connection != 8 {
		t.Fatalf("took %+v", e)
	}
	drain(t, q.Lanes(7), 3)
}

func TestPut_refuses_when_full_and_takes_again_when_there_is_room(t *testing.T) {
	q := open(t, file(t), Options{MaxBytes: 20_000})
	e := uplink(1, 0)
	e.Body = make([]byte, 1000)
	var stored int
	for ; ; stored++ {
		e.FCntUp, e.Time = int64(stored), e.Time.Add(time.Second)
		if _, err := q.Put(soon(t), e); errors.Is(err, ErrFull) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if fill := q.Fill(); fill < 0.9 || fill > 1 {
		t.Errorf("full, and Fill says %v", fill)
	}
	wantDepth(t, q, 7, int64(stored), 0)
	l := q.Lanes(7)
	drain(t, l, 3)
	wantDepth(t, q, 7, int64(stored-3), 0)
	put(t, q, e)
}

func TestPut_fails_after_Close(t *testing.T) {
	q := open(t, file(t), Options{})
	l := q.Lanes(7)
	waiting := make(chan error, 1)
	go func() { _, err := l.Take(context.Background(), 1); waiting <- err }()
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := q.Put(soon(t), uplink(1, 1)); !errors.Is(err, ErrClosed) {
		t.Errorf("Put gave %v", err)
	}
	if err := <-waiting; !errors.Is(err, ErrClosed) {
		t.Errorf("Take gave %v", err)
	}
	if _, err := q.Lanes(7).Take(soon(t), 1); !errors.Is(err, ErrClosed) {
		t.Errorf("Take of new lanes gave %v", err)
	}
	if err := q.Close(); err != nil {
		t.Errorf("the second Close gave %v", err)
	}
}

func TestClose_commits_what_has_gathered(t *testing.T) {
	path := file(t)
	q := open(t, path, Options{})
	var all []*putting
	for i := range 2000 {
		all = append(all, start(q, uplink(i%10, i)))
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		if err := <-p.done; err != nil {
			t.Fatal(err)
		}
	}
	wantDepth(t, open(t, path, Options{}), 7, 2000, 0)
}

func TestPut_that_is_given_up_does_no_harm(t *testing.T) {
	q := open(t, file(t), Options{})
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i)*20*time.Microsecond)
			defer cancel()
			_, _ = q.Put(ctx, uplink(i, i)) // both outcomes are right
		})
	}
	wg.Wait()
	if err := q.flush(soon(t)); err != nil {
		t.Fatal(err)
	}
	counted(t, q)
	waiting, _, _ := q.Depth(7)
	if waiting > 0 {
		drain(t, q.Lanes(7), int(waiting))
	}
	wantDepth(t, q, 7, 0, 0)
}

func TestDepth_tells_the_oldest(t *testing.T) {
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	q := open(t, file(t), Options{Now: func() time.Time { now = now.Add(time.Second); return now }})
	for d := range 3 {
		put(t, q, uplink(d, 0))
	}
	l := q.Lanes(7)
	events := take(t, l, 3)
	for _, step := range []struct{ oldest, settle int }{{0, 1}, {0, 0}, {2, 2}} {
		_, oldest, _ := q.Depth(7)
		if want := events[step.oldest].ReceivedAt; !oldest.Equal(want) {
			t.Fatalf("the oldest is of %v, want %v", oldest, want)
		}
		ack(t, l, events[step.settle])
		if err := q.flush(soon(t)); err != nil {
			t.Fatal(err)
		}
	}
	wantDepth(t, q, 7, 0, 0)
}

func TestPurge_removes_everything_of_one_connection(t *testing.T) {
	q := open(t, file(t), Options{})
	backlog(t, q, func(n int) int { return n % 3 }, 2500)
	other := uplink(1, 1)
	other.Connection = 8
	put(t, q, other)
	l := q.Lanes(7)
	e := takeOne(t, l)
	if err := l.Park(soon(t), e, "refused", "no"); err != nil {
		t.Fatal(err)
	}
	out := takeOne(t, l)
	n, err := q.Purge(soon(t), 7)
	if err != nil || n != 2500 {
		t.Fatalf("purged %d, %v", n, err)
	}
	if err := l.Ack(soon(t), out); !errors.Is(err, ErrFenced) {
		t.Errorf("Ack after the purge gave %v", err)
	}
	wantDepth(t, q, 7, 0, 0)
	wantDepth(t, q, 8, 1, 0)
	if n, err := q.Purge(soon(t), 7); n != 0 || err != nil {
		t.Fatalf("the second purge gave %d, %v", n, err)
	}
}

func TestQueue_gives_room_back_to_the_disk(t *testing.T) {
	path := file(t)
	q := open(t, path, Options{})
	body := make([]byte, 20_000)
	var all []*putting
	for i := range 1000 {
		e := uplink(i, i)
		e.Body = body
		all = append(all, start(q, e))
	}
	for _, p := range all {
		if err := <-p.done; err != nil {
			t.Fatal(err)
		}
	}
	if _, err := q.Purge(soon(t), 7); err != nil {
		t.Fatal(err)
	}
	for q.giveBack(vacuumIdle) {
	}
	if _, err := q.writer.conn.ExecContext(soon(t), "PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if most := int64(keepFree+vacuumStep+200) * 4096; info.Size() > most {
		t.Fatalf("the file has %d bytes, want at most %d", info.Size(), most)
	}
}

func TestOpen_refuses(t *testing.T) {
	t.Run("a newer schema", func(t *testing.T) {
		path := file(t)
		q := open(t, path, Options{})
		if _, err := q.writer.conn.ExecContext(soon(t), "CREATE TABLE later (id INTEGER); PRAGMA user_version = 3"); err != nil {
			t.Fatal(err)
		}
		if err := q.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(soon(t), path, Options{}); err == nil || !strings.Contains(err.Error(), "newer") {
			t.Fatalf("got %v", err)
		}
	})
	t.Run("a file that is no database", func(t *testing.T) {
		path := file(t)
		if err := os.WriteFile(path, []byte(strings.Repeat("not a database ", 100)), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(soon(t), path, Options{}); err == nil {
			t.Fatal("it was opened")
		}
	})
	t.Run("an old engine", func(t *testing.T) {
		for version, want := range map[string]bool{
			"3.51.3": true, "3.51.2": false, "3.52.0": true, "4.0.0": true, "3.9.9": false, "3.51": false, "": false, "3.51.x": false,
		} {
			if atLeast(version, minSQLite) != want {
				t.Errorf("%q: want %v", version, want)
			}
		}
	})
}

func TestOpen_makes_files_that_nobody_else_can_read(t *testing.T) {
	path := file(t)
	q := open(t, path, Options{})
	put(t, q, uplink(1, 1))
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
	}
}
