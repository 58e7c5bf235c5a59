package queue

import (
	"bytes"
	"log/slog"
	"math/rand/v2"
	"os"
	"testing"
)

// logOf gives the log of a queue that was killed, with some transactions in it.
func logOf(t testing.TB) (path string, log []byte) {
	path = file(t)
	q := open(t, path, Options{})
	for n := range 6 {
		put(t, q, uplink(n, n))
	}
	log, err := openLog(path)
	if err != nil {
		t.Fatal(err)
	}
	path = file(t)
	if err := os.WriteFile(path+"-wal", log, 0o600); err != nil {
		t.Fatal(err)
	}
	return path, log
}

// Any byte of the log's header, and most others, can be told from the checksums and are made what they were. Of the others
// the frame is believed as it is, so that nothing behind it is given up.
func TestMendLog_puts_a_changed_byte_right(t *testing.T) {
	path, log := logOf(t)
	frames := framesOf(log)
	random := rand.New(rand.NewPCG(seeded(t), 8))
	var spots []int
	for at := range logHeader + frameHeader {
		spots = append(spots, at)
	}
	for range 80 {
		spots = append(spots, random.IntN(len(log)))
	}
	spots = append(spots, 24) // with the highest bit, which a byte of the numbers before it would explain as well
	right, believed := 0, 0
	for i, at := range spots {
		by := byte(1 + random.IntN(255))
		if i == len(spots)-1 {
			by = 0x80
		}
		damaged := bytes.Clone(log)
		damaged[at] ^= by
		if err := os.WriteFile(path+"-wal", damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := mendLog(path, slog.New(slog.DiscardHandler)); err != nil {
			t.Fatal(err)
		}
		got, err := openLog(path)
		if err != nil {
			t.Fatal(err)
		}
		last := len(log) - (len(log)-logHeader)%frameSize
		switch {
		case bytes.Equal(got, log):
			right++
		case at < logHeader:
			t.Fatalf("byte %d of the header was not put right", at)
		case len(framesOf(got)) == len(frames):
			believed++
		case at < last-8*frameSize: // otherwise it may have been torn by a crash
			t.Fatalf("after byte %d was changed %d frames of %d are left", at, len(framesOf(got)), len(frames))
		}
	}
	t.Logf("%d of %d were put right, %d frames believed as they were", right, len(spots), believed)
	if right < len(spots)*2/3 {
		t.Error("these are too few")
	}
}

// A page that a crash left half written, over one that was almost the same, is not believed.
func TestMendLog_does_not_believe_what_a_crash_cut_short(t *testing.T) {
	path, log := logOf(t)
	whole := framesOf(log)
	end := logHeader + len(whole)*frameSize
	log = log[:end]
	at := end - pageSize + 39 // the highest byte of a word of the last page: several may be the one
	log[at]++
	if err := os.WriteFile(path+"-wal", log, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := mendLog(path, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	got, err := openLog(path)
	if err != nil {
		t.Fatal(err)
	}
	if left := framesOf(got); len(left) != len(whole)-1 {
		t.Fatalf("%d frames of %d are believed", len(left), len(whole))
	}
}

func framesOf(log []byte) (all []logFrame) {
	l := &logReader{log: bytes.Clone(log)}
	if !l.readHeader() {
		return nil
	}
	for {
		f, ok := l.next()
		if !ok {
			return all
		}
		all = append(all, f)
	}
}

// FuzzCells reads pages of any content: nothing but rows that could be there comes of it, and no panic.
func FuzzCells(f *testing.F) {
	path := file(f)
	q := open(f, path, Options{})
	for n := range 4 {
		put(f, q, uplink(n, n))
	}
	if err := q.Close(); err != nil {
		f.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	for at := 0; at+pageSize <= len(content); at += pageSize {
		f.Add(content[at : at+pageSize])
	}
	f.Fuzz(func(t *testing.T, page []byte) {
		page = append(bytes.Clone(page[:min(len(page), pageSize)]), make([]byte, max(pageSize-len(page), 0))...)
		p := &pages{count: 3, inLog: map[int64][]byte{1: page, 2: page, 3: page}, free: map[int64]bool{}}
		_ = p.findFree() // nothing of it is read from a file
		for number := range int64(3) {
			cells, err := p.cells(number + 1)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range cells {
				if len(c.record) == 11 || len(c.record) == 14 {
					eventOf(c)
				}
				indexed(c)
			}
		}
	})
}
