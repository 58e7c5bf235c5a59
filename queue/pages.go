package queue

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
)

// pages reads the pages of a damaged file without SQLite, as the newest committed state of file and log has them. The
// format is that of sqlite.org/fileformat2.html; the page size is the one that all our files have.
type pages struct {
	file  *os.File
	count int64
	inLog map[int64][]byte // page: its newest image in the log
	free  map[int64]bool   // pages that hold nothing any more, whatever stands in them
}

const maxCellLength = MaxBody + 1<<16 // no record of ours is longer

func openPages(path string) (*pages, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	p := &pages{file: file, inLog: map[int64][]byte{}, free: map[int64]bool{}}
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	p.count = (info.Size() + pageSize - 1) / pageSize
	log, err := openLog(path)
	if err == nil {
		p.readLog(&logReader{log: log})
		err = p.findFree()
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return p, nil
}

func (p *pages) close() error { return p.file.Close() }

// readLog finds the newest image of each page in the log, up to the last commit. The last commit also says how many
// pages there are: what follows them in the file is left over.
func (p *pages) readLog(log *logReader) {
	if !log.readHeader() {
		return
	}
	open := map[int64][]byte{} // of a transaction whose end is not met yet
	for {
		f, ok := log.next()
		if !ok {
			return
		}
		open[f.page] = f.image
		if f.commit == 0 {
			continue
		}
		maps.Copy(p.inLog, open)
		clear(open)
		p.count = f.commit
	}
}

// read gives a page; what the file lacks of it is zeros.
func (p *pages) read(number int64) ([]byte, error) {
	if page := p.inLog[number]; page != nil {
		return page, nil
	}
	page := make([]byte, pageSize)
	if _, err := p.file.ReadAt(page, (number-1)*pageSize); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read page %d: %w", number, err)
	}
	return page, nil
}

// The map of pages, which every file with auto_vacuum has: each page of it says of those that follow it what they are.
const (
	mapSpan  = pageSize/5 + 1 // from one page of the map to the next
	mapsFree = 2
)

// findFree finds the pages that hold nothing. The file's list of them names each; where it is broken, the map is asked.
func (p *pages) findFree() error {
	first, err := p.read(1)
	if err != nil {
		return err
	}
	for trunk := int64(binary.BigEndian.Uint32(first[32:])); trunk > 1 && trunk <= p.count && !p.free[trunk]; {
		page, err := p.read(trunk)
		if err != nil {
			return err
		}
		p.free[trunk] = true
		leaves := int(binary.BigEndian.Uint32(page[4:]))
		for i := range min(leaves, pageSize/4-2) {
			p.free[int64(binary.BigEndian.Uint32(page[8+4*i:]))] = true
		}
		trunk = int64(binary.BigEndian.Uint32(page))
	}
	listed := int64(binary.BigEndian.Uint32(first[36:])) == int64(len(p.free))
	for at := int64(2); at <= p.count; at += mapSpan {
		entries, err := p.read(at)
		if err != nil {
			return err
		}
		p.free[at] = true // the map itself holds no rows
		for i := int64(0); i < mapSpan-1 && !listed; i++ {
			if entries[5*i] == mapsFree {
				p.free[at+1+i] = true
			}
		}
	}
	return nil
}

// Kinds of b-tree pages.
const (
	indexInner = 0x02
	indexLeaf  = 0x0a
	tableLeaf  = 0x0d
)

// cell is one entry of a b-tree page: a row, or an entry of an index, which has no rowid.
type cell struct {
	kind   byte
	rowid  int64
	record []any // int64, []byte for text and blobs, nil
}

// cells gives what can be read of a page. What cannot is passed over.
func (p *pages) cells(number int64) ([]cell, error) {
	if p.free[number] {
		return nil, nil
	}
	page, err := p.read(number)
	if err != nil {
		return nil, err
	}
	top := 0
	if number == 1 {
		top = 100
	}
	kind := page[top]
	pointers := top + 8
	switch kind {
	case indexInner:
		pointers += 4
	case indexLeaf, tableLeaf:
	default:
		return nil, nil
	}
	n := int(binary.BigEndian.Uint16(page[top+3:]))
	var all []cell
	for i := range min(n, (pageSize-pointers)/2) {
		at := int(binary.BigEndian.Uint16(page[pointers+2*i:]))
		if at < pointers || at >= pageSize {
			continue
		}
		if c, ok := p.cell(kind, page, at); ok {
			all = append(all, c)
		}
	}
	return all, nil
}

func (p *pages) cell(kind byte, page []byte, at int) (cell, bool) {
	if kind == indexInner {
		at += 4
	}
	length, n := uvarint(page[min(at, pageSize):])
	if n == 0 || length < 1 || length > maxCellLength {
		return cell{}, false
	}
	at += n
	c := cell{kind: kind}
	if kind == tableLeaf {
		if c.rowid, n = uvarint(page[at:]); n == 0 {
			return cell{}, false
		}
		at += n
	}
	payload, ok := p.payload(kind, page, at, int(length))
	if !ok {
		return cell{}, false
	}
	c.record, ok = decodeRecord(payload)
	return c, ok
}

// payload puts a record together that may go on in other pages.
func (p *pages) payload(kind byte, page []byte, at, length int) ([]byte, bool) {
	most := pageSize - 35
	if kind != tableLeaf {
		most = (pageSize-12)*64/255 - 23
	}
	local := length
	if length > most {
		least := (pageSize-12)*32/255 - 23
		if local = least + (length-least)%(pageSize-4); local > most {
			local = least
		}
	}
	if at+local > pageSize {
		return nil, false
	}
	all := append(make([]byte, 0, length), page[at:at+local]...)
	if local == length {
		return all, true
	}
	if at+local+4 > pageSize {
		return nil, false
	}
	for next := int64(binary.BigEndian.Uint32(page[at+local:])); len(all) < length; {
		if next < 2 || next > p.count {
			return nil, false
		}
		more, err := p.read(next)
		if err != nil {
			return nil, false
		}
		all = append(all, more[4:4+min(pageSize-4, length-len(all))]...)
		next = int64(binary.BigEndian.Uint32(more))
	}
	return all, true
}

// uvarint reads SQLite's variable-length integer; n is 0 where it is cut.
func uvarint(b []byte) (value int64, n int) {
	var v uint64
	for i := range min(len(b), 9) {
		if i == 8 {
			return int64(v<<8 | uint64(b[i])), 9
		}
		v = v<<7 | uint64(b[i]&0x7f)
		if b[i] < 0x80 {
			return int64(v), i + 1
		}
	}
	return 0, 0
}

// decodeRecord reads a record's values.
func decodeRecord(b []byte) ([]any, bool) {
	length, n := uvarint(b)
	if n == 0 || length < int64(n) || length > int64(len(b)) {
		return nil, false
	}
	types, values := b[n:length], b[length:]
	var all []any
	for len(types) > 0 {
		kind, n := uvarint(types)
		if n == 0 {
			return nil, false
		}
		types = types[n:]
		var value any
		size := 0
		switch {
		case kind == 0:
		case kind >= 1 && kind <= 6:
			size = [...]int{0, 1, 2, 3, 4, 6, 8}[kind]
		case kind == 8 || kind == 9:
			value = kind - 8
		case kind >= 12 && kind <= maxCellLength:
			size = int(kind-12) / 2
		default:
			return nil, false
		}
		if size > len(values) {
			return nil, false
		}
		if kind >= 1 && kind <= 6 {
			v := int64(int8(values[0]))
			for _, more := range values[1:size] {
				v = v<<8 | int64(more)
			}
			value = v
		} else if kind >= 12 {
			value = values[:size:size]
		}
		values = values[size:]
		all = append(all, value)
	}
	return all, true
}
