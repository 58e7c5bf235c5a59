package queue

import (
	"bytes"
	"database/sql"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
)

// FuzzLog reads logs of any content, as SQLite would and to mend them: it ends, gives whole pages, and what was mended is
// read the same way again.
func FuzzLog(f *testing.F) {
	_, log := logOf(f)
	f.Add(log[:logHeader+3*frameSize])
	f.Add(log[:logHeader+frameSize])
	f.Add(log[:logHeader-1])
	f.Fuzz(func(t *testing.T, log []byte) {
		if len(log) > logHeader+4*frameSize {
			return
		}
		l := &logReader{log: bytes.Clone(log), mends: true}
		var mended []logFrame
		if l.readHeader() {
			for frame, ok := l.next(); ok; frame, ok = l.next() {
				if len(frame.image) != pageSize || frame.page < 0 || frame.commit < 0 {
					t.Fatalf("frame of page %d with %d bytes, commit %d", frame.page, len(frame.image), frame.commit)
				}
				mended = append(mended, frame)
			}
		}
		if again := framesOf(l.log); len(again) < len(mended) {
			t.Errorf("mended are %d frames, read again %d", len(mended), len(again))
		}
		p := &pages{inLog: map[int64][]byte{}, free: map[int64]bool{}}
		p.readLog(&logReader{log: log})
	})
}

// FuzzRecord reads rows of any content.
func FuzzRecord(f *testing.F) {
	f.Add([]byte{3, 1, 2, 7})
	f.Add([]byte{2, 13, 'a'})
	f.Add([]byte{0x81, 0, 0})
	f.Fuzz(func(t *testing.T, record []byte) {
		values, ok := decodeRecord(record)
		if !ok {
			return
		}
		size := 0
		for _, v := range values {
			switch v := v.(type) {
			case nil, int64:
			case []byte:
				size += len(v)
			default:
				t.Fatalf("a value is %T", v)
			}
		}
		if size > len(record) {
			t.Errorf("%d bytes of values in a record of %d", size, len(record))
		}
	})
}

// FuzzSalvage overwrites bytes of a whole file and salvages it. Whatever stands there, no event comes out whole that was not
// put in; one whose checksum does not hold is told apart when it is read.
func FuzzSalvage(f *testing.F) {
	path := file(f)
	q := open(f, path, Options{})
	was := map[string]bool{}
	for n := range 6 {
		was[string(put(f, q, uplink(n, n)).Body)] = true
	}
	if err := q.Close(); err != nil {
		f.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte{0, 0, 100, 1})
	f.Add([]byte{0x10, 0x05, 0xff, 0x20, 0x08, 0x10})
	f.Add([]byte{0, 28, 0xff, 0, 29, 0xff, 0, 30, 0xff})
	f.Fuzz(func(t *testing.T, changes []byte) {
		if len(changes) > 300 {
			return
		}
		damaged := bytes.Clone(content)
		for ; len(changes) >= 3; changes = changes[3:] { // two bytes say where, the third what
			damaged[int(binary.BigEndian.Uint16(changes))%len(damaged)] = changes[2]
		}
		dir := t.TempDir()
		from, into := filepath.Join(dir, "damaged.db"), filepath.Join(dir, "salvaged.db")
		if err := os.WriteFile(from, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := salvageFile(t.Context(), from, into, known{}); err != nil {
			return // told, and the file stays as it is
		}
		for _, body := range wholeIn(t, into) {
			if !was[body] {
				t.Errorf("there is an event that nobody put: %.200q", body)
			}
		}
	})
}

// wholeIn reads the bodies of the events whose checksums hold.
func wholeIn(t *testing.T, path string) (all []string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }() // it was only read
	const columns = "id, dev_eui, kind, fcnt_up, time, received_at, ts, attempts, checksum, body"
	rows, err := db.QueryContext(t.Context(), "SELECT "+columns+" FROM events UNION ALL SELECT "+columns+" FROM parked")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var e Event
		var at, received, sum int64
		if err := rows.Scan(&e.ID, &e.DevEUI, &e.Kind, &e.FCntUp, &at, &received, &e.TS, &e.Attempts, &sum, &e.Body); err != nil {
			t.Fatal(err)
		}
		e.Connection, e.Time, e.ReceivedAt = connectionOf(e.ID), fromMicros(at), fromMicros(received)
		if checksum(&e) == sum {
			all = append(all, string(e.Body))
		}
	}
	return all
}
