package queue

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/bits"
	"os"
	"path/filepath"
	"slices"
)

// SQLite's log by sqlite.org/fileformat2.html, section 4: a header, then frames of one page each. A checksum goes on
// from frame to frame. SQLite stops reading at the first frame whose checksum does not hold and says nothing.
const (
	pageSize    = 4096
	logHeader   = 32
	frameHeader = 24
	frameSize   = frameHeader + pageSize
)

// logFrame is one page in the log.
type logFrame struct {
	page   int64
	commit int64 // in the last frame of a transaction: how many pages the file has then
	image  []byte
}

// logReader goes through the frames of a log that SQLite would believe. Where it mends, it puts right what was changed
// by one byte since it was written.
type logReader struct {
	log    []byte
	mends  bool
	mended int // bytes that were put right or, where they could not be told, accepted as they are
	order  binary.ByteOrder
	at     int
	sum    [2]uint32 // of what was read
	was    [2]uint32 // as it was written; something else after a byte that was accepted
}

// openLog reads a queue's log; nil where there is none.
func openLog(path string) ([]byte, error) {
	log, err := os.ReadFile(path + "-wal")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // it was closed as it should be, or is new
	}
	return log, err
}

// readHeader gets ready to read; false where SQLite would not believe the header.
func (l *logReader) readHeader() bool {
	if len(l.log) < logHeader {
		return false
	}
	l.at = logHeader
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} { // a bit of the first number says which
		l.order, l.sum, l.was = order, [2]uint32{}, [2]uint32{}
		header := append([]byte(nil), l.log[:24]...)
		magic := uint32(0x377f0682)
		if order == binary.BigEndian {
			magic++
		}
		for i, always := range []uint32{magic, 3007000, pageSize} {
			binary.BigEndian.PutUint32(header[4*i:], always)
		}
		if len(l.log) >= logHeader+frameSize { // the first frame has the salts too
			if salted := append(header[:16:16], l.log[logHeader+8:logHeader+16]...); walSum(order, l.was, salted) == sums(l.log[24:]) && l.headerIs(salted) {
				return true
			}
		}
		if l.headerIs(header) {
			return true
		}
	}
	return false
}

// headerIs takes what may be the header without its checksum for the header, where that is at most one byte away from it.
func (l *logReader) headerIs(header []byte) bool {
	changed := differing(header, l.log)
	if changed > 0 && !l.mends || changed > 1 || !l.sound(header, l.log[24:logHeader], false) {
		return false
	}
	copy(l.log, header)
	l.mended += changed
	return true
}

// next gives the next frame; false after the last one.
func (l *logReader) next() (logFrame, bool) {
	if l.at+frameSize > len(l.log) {
		return logFrame{}, false
	}
	frame := l.log[l.at : l.at+frameSize]
	if salt := frame[8:16]; string(salt) != string(l.log[16:24]) {
		// An old frame has other salts. The checksum does not cover them.
		if !l.mends || differing(salt, l.log[16:24]) > 1 || walSum(l.order, l.was, frame[:8], frame[frameHeader:]) != sums(frame[16:]) {
			return logFrame{}, false
		}
		copy(salt, l.log[16:24])
		l.mended++
	}
	// What the checksum covers lies on both sides of it.
	covered := append(append(make([]byte, 0, frameSize), frame[:8]...), frame[frameHeader:]...)
	if !l.sound(covered, frame[16:24], true) {
		return logFrame{}, false
	}
	copy(frame, covered[:8])
	copy(frame[frameHeader:], covered[8:])
	l.at += frameSize
	return logFrame{page: int64(binary.BigEndian.Uint32(frame)), commit: int64(binary.BigEndian.Uint32(frame[4:])), image: frame[frameHeader:]}, true
}

// sound tells whether a checksum holds, and goes on from it. Where it does not, and one byte explains that, it is put
// right: of the checksum, or of what it covers. Where several bytes could be the one, a frame that was certainly committed
// stays as it is and gets a checksum that fits; its page is then like one in which the disk changed a byte. An old frame
// is not one byte away from what its checksum says. One that a crash cut short can be, where the page before it there
// was almost the same: it is made what it should have become, or ends the log.
func (l *logReader) sound(covered, stored []byte, frame bool) bool {
	got, want := walSum(l.order, l.was, covered), sums(stored)
	if got != want {
		if !l.mends {
			return false
		}
		is := make([]byte, 8)
		putSums(is, got)
		changed := changedBytes(l.order, covered, got, want)
		if !frame { // the other numbers are the ones that stand in every log, or in the first frame too
			changed = slices.DeleteFunc(changed, func(c change) bool { return c.at < 12 || c.at >= 16 })
		}
		itself := differing(is, stored) == 1
		if itself && len(changed) > 0 { // what follows goes on from the right one
			next := l.at
			if frame {
				next += frameSize
			}
			if itself = l.goesOn(next, got); !itself && !l.goesOn(next, want) {
				return false
			}
		}
		if !itself {
			switch {
			case len(changed) == 1:
				covered[changed[0].at] = changed[0].was
			case len(changed) == 0 || !frame || !l.committed(l.at+frameSize, binary.BigEndian.Uint32(covered[4:]) != 0, want):
				return false
			}
			got = want // as it was written, and what follows goes on from it
		}
		l.mended++
	}
	l.sum, l.was = walSum(l.order, l.sum, covered), got
	if l.mends {
		putSums(stored, l.sum)
	}
	return true
}

// goesOn tells whether the frame at a place follows a checksum.
func (l *logReader) goesOn(at int, sum [2]uint32) bool { return l.committed(at, true, sum) }

// committed tells whether the frame in front of a place is certainly of a transaction that was committed: a further one begins
// behind its end, and none does before the one before it is on disk. ends says that the frame is the last of its transaction.
func (l *logReader) committed(at int, ends bool, sum [2]uint32) bool {
	for ; at+frameSize <= len(l.log); at += frameSize {
		frame := l.log[at : at+frameSize]
		sum = walSum(l.order, sum, frame[:8], frame[frameHeader:])
		if string(frame[8:16]) != string(l.log[16:24]) || sum != sums(frame[16:]) {
			return false
		}
		if ends {
			return true
		}
		ends = binary.BigEndian.Uint32(frame[4:]) != 0
	}
	return false
}

// change is one byte as it was.
type change struct {
	at  int
	was byte
}

// changedBytes finds which one byte of data was changed, by what the checksum is and should be. Each of its steps is linear
// (modulo 2^32), so it can be undone: the difference is traced back to each word that could be its cause. The highest
// byte of a word leaves a trace so short that several may fit.
func changedBytes(order binary.ByteOrder, data []byte, got, want [2]uint32) (all []change) {
	d0, d1 := want[0]-got[0], want[1]-got[1]
	for at := len(data) - 8; at >= 0; at -= 8 {
		word, by := at, d0
		if d0 == 0 {
			word, by = at+4, d1
		}
		if d0 == d1 || d0 == 0 {
			is := order.Uint32(data[word:])
			was := is + by
			if first := bits.TrailingZeros32(is^was) / 8; is != was && (is^was)>>(8*first) < 256 {
				was := byte(was >> (8 * first))
				if order == binary.BigEndian {
					first = 3 - first
				}
				all = append(all, change{word + first, was})
			}
		}
		d0, d1 = 2*d0-d1, d1-d0
	}
	return all
}

func sums(b []byte) [2]uint32 {
	return [2]uint32{binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])}
}

func putSums(b []byte, sum [2]uint32) {
	binary.BigEndian.PutUint32(b, sum[0])
	binary.BigEndian.PutUint32(b[4:], sum[1])
}

func walSum(order binary.ByteOrder, sum [2]uint32, parts ...[]byte) [2]uint32 {
	for _, data := range parts {
		for ; len(data) >= 8; data = data[8:] {
			sum[0] += order.Uint32(data) + sum[1]
			sum[1] += order.Uint32(data[4:]) + sum[0]
		}
	}
	return sum
}

func differing(a, b []byte) (n int) {
	for i := range a {
		if a[i] != b[i] {
			n++
		}
	}
	return n
}

// mendLog puts bytes of a queue's log right that were changed since they were written. Nobody may have the file open.
func mendLog(path string, log *slog.Logger) error {
	content, err := openLog(path)
	if err != nil {
		return fmt.Errorf("mend the log: %w", err)
	}
	l := &logReader{log: content, mends: true}
	if l.readHeader() {
		for ok := true; ok; {
			_, ok = l.next()
		}
	}
	if l.mended == 0 {
		return nil
	}
	log.Error("The queue's log was not what was written; it is mended", "log", path+"-wal", "places", l.mended)
	mended := path + "-mended"
	if err := os.WriteFile(mended, content, 0o600); err != nil {
		return fmt.Errorf("mend the log: %w", err)
	}
	if err := errors.Join(syncFile(mended), os.Rename(mended, path+"-wal"), syncDir(filepath.Dir(path))); err != nil {
		return fmt.Errorf("mend the log: %w", err)
	}
	return nil
}
