package queue

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"os"
	"slices"

	"boardlink/connection"
)

// Loss tells of events of a connection that a damaged file did not give back.
type Loss struct {
	Connection connection.ID
	Events     int64
	IDs        []int64 // which they were, as far as that is known
}

// salvage makes a new file of what can be read in a damaged one. Each event bears a checksum of its own, so nothing is
// taken for an event that is none; the index and the counters say which events there should be. Some of what was removed
// before may be there again and be delivered a second time.
type salvage struct {
	ctx     context.Context
	pages   *pages
	conn    *sql.Conn
	pending int

	event, parked, stamp, token, waits, isParked *sql.Stmt

	stored  map[connection.ID]counters // as the damaged file has them
	broken  []Event                    // their checksums do not hold
	sums    []int64                    // of broken
	missing map[connection.ID][]int64  // what the index has and the tables do not
	tooMany map[connection.ID]int64    // how many more than maxMissing

	known     known
	delivered map[connection.ID]int64 // missing, but settled
}

// known is what a running program knows of a file that turns out to be damaged.
type known struct {
	sequences map[connection.ID]int64 // ids that were given out
	settled   map[int64]bool          // events whose removal is not committed
}

const (
	salvageStep = 10_000  // rows of one transaction
	maxBroken   = 1000    // more are counted as lost
	maxMissing  = 100_000 // ids of a connection that are kept
	maxExplain  = 16      // so many are looked at one by one
)

// salvageFile reads path and writes the new file to into. It gives what is lost.
func salvageFile(ctx context.Context, path, into string, k known) (losses []Loss, err error) {
	p, err := openPages(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = p.close() }() // it was only read
	for _, name := range []string{into, into + "-wal", into + "-shm"} {
		if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
	}
	if err := create(into); err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", writerDSN(into))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }() // brings the log into the file
	c, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	if err := prepare(ctx, c, into); err != nil {
		return nil, err
	}
	s := &salvage{
		ctx: ctx, pages: p, conn: c,
		stored: map[connection.ID]counters{}, missing: map[connection.ID][]int64{}, tooMany: map[connection.ID]int64{},
		known: k, delivered: map[connection.ID]int64{},
	}
	defer s.close()
	if err := s.prepare(); err != nil {
		return nil, err
	}
	return s.run()
}

func (s *salvage) prepare() error {
	for _, p := range []struct {
		into  **sql.Stmt
		query string
	}{
		{&s.event, "INSERT OR IGNORE INTO events VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"},
		{&s.parked, "INSERT OR IGNORE INTO parked VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"},
		{&s.stamp, "INSERT OR IGNORE INTO stamps VALUES ($1, $2, $3)"},
		{&s.token, "INSERT OR IGNORE INTO tokens VALUES ($1, $2, $3)"},
		{&s.waits, "SELECT EXISTS (SELECT 1 FROM events WHERE id = $1)"},
		{&s.isParked, "SELECT EXISTS (SELECT 1 FROM parked WHERE id = $1)"},
	} {
		var err error
		if *p.into, err = s.conn.PrepareContext(s.ctx, p.query); err != nil {
			return err
		}
	}
	return nil
}

func (s *salvage) close() {
	for _, stmt := range []*sql.Stmt{s.event, s.parked, s.stamp, s.token, s.waits, s.isParked} {
		if stmt != nil {
			_ = stmt.Close() // the connection is closed next
		}
	}
}

func (s *salvage) run() ([]Loss, error) {
	if err := s.text("BEGIN"); err != nil {
		return nil, err
	}
	if err := s.eachCell(s.takeRow); err != nil {
		return nil, err
	}
	if err := s.text("DELETE FROM events WHERE id IN (SELECT id FROM parked)"); err != nil { // an old page had them
		return nil, err
	}
	if err := s.eachCell(s.takeEntry); err != nil {
		return nil, err
	}
	if err := s.placeBroken(); err != nil {
		return nil, err
	}
	if err := s.explain(); err != nil {
		return nil, err
	}
	losses, err := s.settle()
	if err != nil {
		return nil, err
	}
	return losses, s.text("COMMIT")
}

func (s *salvage) text(query string, args ...any) error {
	_, err := s.conn.ExecContext(s.ctx, query, args...)
	return err
}

// insert writes a row, and commits now and then.
func (s *salvage) insert(stmt *sql.Stmt, args ...any) error {
	if _, err := stmt.ExecContext(s.ctx, args...); err != nil {
		return err
	}
	if s.pending++; s.pending%salvageStep == 0 {
		return s.text("COMMIT; BEGIN")
	}
	return nil
}

// eachCell shows everything that can be read.
func (s *salvage) eachCell(do func(cell) error) error {
	for number := int64(1); number <= s.pages.count; number++ {
		if err := s.ctx.Err(); err != nil {
			return err
		}
		cells, err := s.pages.cells(number)
		if err != nil {
			continue // what stood there is missed in the end
		}
		for _, c := range cells {
			if err := do(c); err != nil {
				return err
			}
		}
	}
	return nil
}

// takeRow copies a row. Its shape tells of which table it is.
func (s *salvage) takeRow(c cell) error {
	if c.kind != tableLeaf {
		return s.takeToken(c)
	}
	switch len(c.record) {
	case 11, 14:
		e, sum, ok := eventOf(c)
		switch {
		case !ok:
		case len(c.record) == 14:
			return s.takeParked(e, sum, c.record[11:])
		case checksum(&e) == sum:
			return s.insertEvent(e, sum)
		case len(s.broken) < maxBroken:
			s.broken, s.sums = append(s.broken, e), append(s.sums, sum)
		}
	case 6:
		s.takeCounters(c)
	case 3:
		event, ok1 := c.record[1].(int64)
		seen, ok2 := c.record[2].(int64)
		if c.record[0] == nil && ok1 && ok2 {
			return s.insert(s.stamp, c.rowid, event, seen)
		}
	}
	return nil
}

// takeToken copies a Token. Its table has no row ids and is kept like an index, whose entries have two values.
func (s *salvage) takeToken(c cell) error {
	if len(c.record) != 3 {
		return nil
	}
	made, ok1 := c.record[0].(int64)
	of, ok2 := c.record[1].(int64)
	sum, ok3 := c.record[2].([]byte)
	if !ok1 || !ok2 || !ok3 || len(sum) != len(Token{}.Sum) {
		return nil
	}
	return s.insert(s.token, made, of, sum)
}

// eventOf makes an event of a row; ok is false where it cannot be one.
func eventOf(c cell) (e Event, sum int64, ok bool) {
	var number [11]int64
	for _, i := range []int{1, 4, 5, 6, 7, 8, 9} {
		if number[i], ok = c.record[i].(int64); !ok {
			return Event{}, 0, false
		}
	}
	var content [11][]byte
	for _, i := range []int{2, 3, 10} {
		if content[i], ok = c.record[i].([]byte); !ok {
			return Event{}, 0, false
		}
	}
	e = Event{
		ID: c.rowid, Connection: connectionOf(c.rowid), DevEUI: string(content[2]), Kind: string(content[3]), FCntUp: number[4],
		Time: fromMicros(number[5]), ReceivedAt: fromMicros(number[6]), TS: number[7], Attempts: int(number[8]), Body: content[10],
	}
	ok = c.record[0] == nil && e.ID > 0 && (connectionOf(number[1]) == e.Connection || checksum(&e) == number[9])
	return e, number[9], ok
}

func (s *salvage) insertEvent(e Event, sum int64) error { return s.insert(s.event, rowOf(e, sum)...) }

func rowOf(e Event, sum int64) []any {
	return []any{e.ID, laneOf(e.Connection, e.DevEUI), e.DevEUI, e.Kind, e.FCntUp, micros(e.Time), micros(e.ReceivedAt), e.TS, e.Attempts, sum, e.Body}
}

func (s *salvage) takeParked(e Event, sum int64, more []any) error {
	code, ok1 := more[0].([]byte)
	reason, ok2 := more[1].([]byte)
	at, ok3 := more[2].(int64)
	if !ok1 || !ok2 || !ok3 {
		return nil
	}
	return s.insert(s.parked, append(rowOf(e, sum), string(code), string(reason), at)...)
}

func (s *salvage) takeCounters(c cell) {
	var n [6]int64
	for i, value := range c.record[1:] {
		v, ok := value.(int64)
		if !ok {
			return
		}
		n[i+1] = v
	}
	id := connection.ID(c.rowid)
	all := counters{sequence: n[1], waiting: n[2], bytes: n[3], parked: n[4], parkedBytes: n[5]}
	if c.record[0] == nil && id >= 1 && id <= maxID && n[1] >= 0 && n[1] <= sequenceMask && n[1] >= s.stored[id].sequence {
		s.stored[id] = all
	}
}

// takeEntry looks whether the event is there that an entry of the index is about.
func (s *salvage) takeEntry(c cell) error {
	id, ok := indexed(c)
	if !ok {
		return nil
	}
	if s.known.settled[id] { // it was delivered, whatever became of its row
		if there, err := s.has(s.waits, id); err == nil && !there {
			s.delivered[connectionOf(id)]++
		}
		return nil
	}
	for _, stmt := range []*sql.Stmt{s.waits, s.isParked} {
		if there, err := s.has(stmt, id); err != nil || there {
			return err
		}
	}
	if of := connectionOf(id); len(s.missing[of]) < maxMissing {
		s.missing[of] = append(s.missing[of], id)
	} else {
		s.tooMany[of]++
	}
	return nil
}

// indexed gives the id that an entry of the index is about.
func indexed(c cell) (int64, bool) {
	if c.kind == tableLeaf || len(c.record) != 2 {
		return 0, false
	}
	lane, ok1 := c.record[0].(int64)
	id, ok2 := c.record[1].(int64)
	return id, ok1 && ok2 && id > 0 && connectionOf(lane) == connectionOf(id)
}

func (s *salvage) has(stmt *sql.Stmt, id int64) (there bool, err error) {
	err = stmt.QueryRowContext(s.ctx, id).Scan(&there)
	return there, err
}

// placeBroken finds the places of events whose checksums do not hold. Where it is the id that was changed, the missing one
// makes the checksum hold again. Any other is left as it is: whoever reads it sees that, and parks it.
func (s *salvage) placeBroken() error {
	for i, e := range s.broken {
		missing := s.missing[e.Connection]
		at := slices.Index(missing, e.ID)
		if at < 0 && len(missing) <= maxExplain {
			at = slices.IndexFunc(missing, func(id int64) bool {
				as := e
				as.ID = id
				return checksum(&as) == s.sums[i]
			})
		}
		if at >= 0 {
			e.ID = missing[at]
			s.missing[e.Connection] = slices.Delete(missing, at, at+1)
		}
		if err := s.insertEvent(e, s.sums[i]); err != nil {
			return err
		}
	}
	return nil
}

// explain takes those off the missing ones that never were: entries of the index in which the id was changed. Such an
// entry differs in one byte from an event that is there and has no entry of its own.
func (s *salvage) explain() error {
	candidates := map[int64]int64{} // an event that is there: the missing one that it may be
	for _, missing := range s.missing {
		if len(missing) > maxExplain {
			continue
		}
		for _, id := range missing {
			for shift := 0; shift < sequenceBits; shift += 8 {
				for b := range int64(256) {
					other := id&^(0xff<<shift) | b<<shift
					there, err := s.has(s.waits, other)
					if err != nil {
						return err
					}
					if there {
						candidates[other] = id
					}
				}
			}
		}
	}
	if len(candidates) == 0 {
		return nil
	}
	err := s.eachCell(func(c cell) error {
		if id, ok := indexed(c); ok {
			delete(candidates, id)
		}
		return nil
	})
	for id, never := range candidates {
		of := connectionOf(id)
		if at := slices.Index(s.missing[of], never); at >= 0 {
			s.missing[of] = slices.Delete(s.missing[of], at, at+1)
		}
	}
	return err
}

// jump is added to a sequence that is only guessed, so that no id is used again.
const jump = 1 << 20

// settle writes the counters of what is there, and tells what is not.
func (s *salvage) settle() ([]Loss, error) {
	found, least := map[connection.ID]counters{}, s.known.sequences
	for _, table := range []string{"events", "parked"} {
		if err := s.count(table, found); err != nil {
			return nil, err
		}
	}
	all := map[connection.ID]bool{}
	for id := range found {
		all[id] = true
	}
	for id := range s.stored {
		all[id] = true
	}
	for id := range s.missing {
		all[id] = true
	}
	for id := range least {
		all[id] = true
	}
	var losses []Loss
	for _, id := range slices.Sorted(maps.Keys(all)) {
		n, was := found[id], s.stored[id]
		known := was.sequence > 0 || least[id] > 0
		n.sequence = max(n.sequence, was.sequence, least[id])
		if missing := s.missing[id]; len(missing) > 0 {
			n.sequence = max(n.sequence, slices.Max(missing)&sequenceMask)
		}
		if !known {
			n.sequence += jump
		}
		if err := s.text("INSERT INTO connections VALUES ($1, $2, $3, $4, $5, $6)", int64(id), n.sequence, n.waiting, n.bytes, n.parked, n.parkedBytes); err != nil {
			return nil, err
		}
		if l := s.lossOf(id, n, was); l.Events > 0 {
			losses = append(losses, l)
		}
	}
	return losses, s.text(`UPDATE totals SET value = (SELECT count(*) FROM stamps) WHERE name = 'stamps';
		UPDATE totals SET value = (SELECT count(*) FROM tokens) WHERE name = 'tokens'`)
}

// count adds up what a table of the new file holds.
func (s *salvage) count(table string, found map[connection.ID]counters) error {
	const content = "(octet_length(dev_eui) + octet_length(kind) + octet_length(body))"
	rows, err := s.conn.QueryContext(s.ctx, "SELECT id >> 40, count(*), sum("+content+" + "+content+" / 8 + 256), max(id) & $1 FROM "+table+" GROUP BY 1", int64(sequenceMask))
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // rows.Err tells
	for rows.Next() {
		var id connection.ID
		var events, room, last int64
		if err := rows.Scan(&id, &events, &room, &last); err != nil {
			return err
		}
		n := found[id]
		n.sequence = max(n.sequence, last)
		if table == "parked" {
			n.parked, n.parkedBytes = events, room
		} else {
			n.waiting, n.bytes = events, room
		}
		found[id] = n
	}
	return rows.Err()
}

// lossOf tells what is lost of a connection. Of waiting events the index says which ones; where it is damaged itself, and
// for parked events, which have none, the counters are asked. They are believed where number and room agree that something
// is missing, for one changed byte spoils only one of the two.
func (s *salvage) lossOf(id connection.ID, found, was counters) Loss {
	l := Loss{Connection: id, IDs: s.missing[id], Events: int64(len(s.missing[id])) + s.tooMany[id]}
	slices.Sort(l.IDs)
	if was.bytes > found.bytes {
		l.Events = max(l.Events, was.waiting-found.waiting-s.delivered[id])
	}
	if was.parkedBytes > found.parkedBytes {
		l.Events += max(was.parked-found.parked, 0)
	}
	return l
}
