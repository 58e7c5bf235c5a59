package queue

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"boardlink/connection"
)

// seeded gives the seed of a test that chooses at random: QUEUE_SEED, or a new one, which the test prints.
func seeded(t testing.TB) uint64 {
	seed := uint64(time.Now().UnixNano()) % 1e9
	if n, err := strconv.ParseUint(os.Getenv("QUEUE_SEED"), 10, 64); err == nil {
		seed = n
	}
	t.Logf("QUEUE_SEED=%d", seed)
	return seed
}

// rounds is how often a test of faults does its round: few by default, as many as QUEUE_ROUNDS says in earnest.
func rounds(few int) int {
	if n, err := strconv.Atoi(os.Getenv("QUEUE_ROUNDS")); err == nil && n > 0 {
		return n
	}
	return few
}

// inode is a file of the model: what a power cut leaves for certain, and what may or may not be on disk as well.
type inode struct {
	durable []byte
	pending []diskOp
	synced  bool
	named   string
}

// image is a folder as the disk has it, after some of the operations on it.
type image struct {
	names   map[string]*inode // as programs see it
	durable map[string]*inode // as a power cut leaves it
}

func newImage() *image { return &image{names: map[string]*inode{}, durable: map[string]*inode{}} }

func (m *image) node(name string) *inode {
	n := m.names[name]
	if n == nil {
		n = &inode{named: name}
		m.names[name] = n
	}
	return n
}

// do takes an operation into account. SQLite syncs the folder with the first sync of a new log or journal, and with a
// deletion where it says so.
func (m *image) do(op diskOp) {
	switch op.kind {
	case diskCreate:
		m.names[op.file] = &inode{named: op.file}
	case diskWrite, diskTruncate:
		n := m.node(op.file)
		n.pending = append(n.pending, op)
	case diskSync:
		n := m.node(op.file)
		for _, p := range n.pending {
			n.durable = applied(n.durable, p)
		}
		n.pending = nil
		if !n.synced && strings.Contains(op.file, "-") {
			m.durable = maps.Clone(m.names)
		}
		n.synced = true
	case diskLost: // programs go on reading what is not on disk and never will be
		m.node(op.file).pending = nil
	case diskDelete:
		delete(m.names, op.file)
		if op.at != 0 {
			m.durable = maps.Clone(m.names)
		}
	}
}

func applied(content []byte, op diskOp) []byte {
	if op.kind == diskTruncate {
		if int(op.at) <= len(content) {
			return content[:op.at:op.at]
		}
		return append(content, make([]byte, int(op.at)-len(content))...)
	}
	if end := int(op.at) + len(op.data); end > len(content) {
		content = append(content, make([]byte, end-len(content))...)
	}
	copy(content[op.at:], op.data)
	return content
}

// How a power cut treats what was not synced.
var powerCuts = []string{"dropped", "kept", "torn", "reordered"}

const sector = 512

// sectors splits a write where a disk may tear it.
func sectors(op diskOp) []diskOp {
	if op.kind != diskWrite {
		return []diskOp{op}
	}
	var all []diskOp
	for at, data := op.at, op.data; len(data) > 0; {
		n := min(int(sector-at%sector), len(data))
		all = append(all, diskOp{kind: diskWrite, at: at, data: data[:n]})
		at, data = at+int64(n), data[n:]
	}
	return all
}

// left is a file after a power cut.
func (n *inode) left(how string, random *rand.Rand) []byte {
	content := append([]byte(nil), n.durable...)
	var pieces []diskOp
	for _, op := range n.pending {
		pieces = append(pieces, sectors(op)...)
	}
	switch how {
	case "dropped":
		pieces = nil
	case "torn":
		pieces = pieces[:random.IntN(len(pieces)+1)]
	case "reordered":
		random.Shuffle(len(pieces), func(i, j int) { pieces[i], pieces[j] = pieces[j], pieces[i] })
		pieces = pieces[:random.IntN(len(pieces)+1)]
	}
	for _, p := range pieces {
		content = applied(content, p)
	}
	return content
}

// write makes the folder that a power cut leaves. The log's index is not of any use after one; there may be anything in it.
func (m *image) write(dir, how string, random *rand.Rand) error {
	names := maps.Clone(m.durable)
	for name, n := range m.names {
		if m.durable[name] != n && (how == "kept" || how != "dropped" && random.IntN(2) == 0) {
			names[name] = n
		}
	}
	for name := range m.durable {
		if m.names[name] == nil && how == "kept" {
			delete(names, name)
		}
	}
	for name, n := range names {
		if err := os.WriteFile(filepath.Join(dir, name), n.left(how, random), 0o600); err != nil {
			return err
		}
	}
	if random.IntN(4) > 0 {
		return nil
	}
	garbage := make([]byte, 32768)
	for i := range garbage {
		garbage[i] = byte(random.Uint32())
	}
	return os.WriteFile(filepath.Join(dir, "queue.db-shm"), garbage, 0o600)
}

// worker does everything that is done to a queue, by a seed, and has the ledger in the disk's log keep account of it.
type worker struct {
	t      testing.TB
	random *rand.Rand
	disk   *disk
	path   string
	q      *Queue
	lanes  *Lanes
	n      int
	failed int // operations that ended with an error

	removing []int64 // acknowledged since the queue was opened
}

func (w *worker) open() {
	w.removing = nil
	q, err := Open(soon(w.t), w.path, Options{hook: w.refreshed})
	for tries := 0; err != nil; tries++ { // a start that fails can be repeated
		if tries == 100 {
			w.t.Fatal(err)
		}
		w.failed++
		q, err = Open(soon(w.t), w.path, Options{hook: w.refreshed})
	}
	// The log is brought into the main file often, so that a short run sees it.
	inWriter(w.t, q, func(t *tx) error { _, err := t.execText("PRAGMA wal_autocheckpoint(12)"); return err })
	w.q, w.lanes = q, q.Lanes(7)
}

// refreshed tells the disk that the queue writes its log anew, for that is not done by SQLite.
func (w *worker) refreshed(step string) error {
	if content, err := os.ReadFile(w.path + "-wal"); err == nil && step == "refresh" && len(content) > 0 {
		name := filepath.Base(w.path) + "-wal"
		w.disk.remember(diskOp{kind: diskWrite, file: name, data: content})
		w.disk.remember(diskOp{kind: diskSync, file: name})
	}
	return nil
}

func (w *worker) step() {
	switch n := w.random.IntN(100); {
	case n < 55:
		w.put()
	case n < 85:
		w.settle()
	case n < 90:
		w.gone()
	case n < 94:
		_, err := w.q.RetryParked(soon(w.t), 7, nil)
		w.told(err)
	case n < 97:
		w.purge()
	case n < 98:
		for w.q.giveBack(vacuumIdle) {
		}
	default:
		w.told(w.q.Close())
		w.open()
	}
}

func (w *worker) told(err error) {
	if err != nil {
		w.failed++
	}
}

func (w *worker) put() {
	var all []*putting
	for range 1 + w.random.IntN(6) {
		w.n++
		e := uplink(w.random.IntN(5), w.n)
		if w.random.IntN(5) == 0 {
			e.Connection = 9
		}
		e.Body = append(e.Body, strings.Repeat(" ", w.random.IntN(2000)*w.random.IntN(4))...)
		all = append(all, start(w.q, e))
	}
	for _, p := range all {
		if err := <-p.done; err != nil {
			w.failed++
			continue
		}
		id := p.event.ID
		w.disk.note(func(l *ledger) { l.acked[id] = 0 })
	}
}

func (w *worker) settle() {
	if waiting, _, _ := w.q.Depth(7); waiting == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(w.t.Context(), 100*time.Millisecond)
	defer cancel()
	events, err := w.lanes.Take(ctx, 8)
	if err != nil {
		if ctx.Err() == nil {
			w.failed++
		} else if w.q.flush(soon(w.t)) == nil { // nothing is outstanding here
			if waiting, _, _ := w.q.Depth(7); waiting > 0 {
				w.lanes.Return(takeOne(w.t, w.lanes))
			}
		}
		return
	}
	for _, e := range events {
		switch n := w.random.IntN(10); {
		case n == 0:
			if err := w.lanes.Park(soon(w.t), e, connection.ReasonRefused, "no"); err != nil {
				w.failed++
				w.lanes.Return(e)
			}
		case n == 1:
			w.lanes.Retry(e, 0)
		case n == 2:
			w.lanes.Return(e)
		default:
			w.disk.note(func(l *ledger) { l.settling[e.ID] = true })
			if err := w.lanes.Ack(soon(w.t), e); err != nil {
				w.t.Errorf("Ack gave %v", err)
			}
			w.removing = append(w.removing, e.ID)
		}
	}
}

// gone waits until all acknowledgements are on disk.
func (w *worker) gone() {
	if err := w.q.flush(soon(w.t)); err != nil {
		w.failed++
		return
	}
	all := w.removing
	w.removing = nil
	w.disk.note(func(l *ledger) {
		for _, id := range all {
			l.gone[id] = true
		}
	})
}

func (w *worker) purge() {
	w.disk.note(func(l *ledger) {
		for id := range l.acked {
			if connectionOf(id) == 9 {
				l.settling[id] = true
			}
		}
	})
	if _, err := w.q.Purge(soon(w.t), 9); err != nil {
		w.failed++
		return
	}
	w.disk.note(func(l *ledger) {
		for id := range l.settling {
			if connectionOf(id) == 9 {
				l.gone[id] = true
			}
		}
	})
}

// A power cut at any write leaves every event that Put returned and that nobody acknowledged, and brings none back
// whose removal was on disk. QUEUE_ROUNDS says how many moments are tried.
func TestQueue_survives_a_power_cut_at_any_write(t *testing.T) {
	seed := seeded(t)
	random := rand.New(rand.NewPCG(seed, 2))
	path := file(t)
	d := watch(filepath.Dir(path))
	defer d.forget()
	d.keep = true
	w := &worker{t: t, random: random, disk: d, path: path}
	w.open()
	most := rounds(60)
	for range max(60, most/8) {
		w.step()
	}
	if err := w.q.Close(); err != nil {
		t.Fatal(err)
	}
	if w.failed > 0 {
		t.Fatalf("%d operations failed on a disk in order", w.failed)
	}
	cutEverywhere(t, seed, d.log, most)
}

// cutEverywhere opens what a power cut would have left after some of the operations of a log, most of them at most.
func cutEverywhere(t *testing.T, seed uint64, log []diskOp, most int) {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 3))
	var moments int
	for _, op := range log {
		if op.kind != diskMark {
			moments++
		}
	}
	m, book := newImage(), newLedger()
	cuts, first := map[string]int{}, -1
	for i, op := range log {
		if op.kind == diskMark {
			op.mark(book)
			continue
		}
		m.do(op)
		if first < 0 && len(book.acked) > 0 {
			first = i
		}
		if random.IntN(moments) >= most {
			continue
		}
		how := powerCuts[random.IntN(len(powerCuts))]
		cuts[how]++
		dir := t.TempDir()
		if err := m.write(dir, how, random); err != nil {
			t.Fatal(err)
		}
		kept := keepImage(t, dir)
		if problem := book.check(soon(t), filepath.Join(dir, "queue.db")); problem != "" {
			t.Fatalf("a power cut after operation %d of %d with unsynced writes %s: %s (QUEUE_SEED=%d, the folder is kept as %s)",
				i, len(log), how, problem, seed, kept())
		}
		_ = os.RemoveAll(dir) // it would only pile up until the end
	}
	t.Logf("%d operations on files, %d events acknowledged; power cuts: %v", moments, len(book.acked), fmt.Sprint(cuts))
}

// keepImage remembers a folder before something is done to it; the result writes it down where it outlives the test.
func keepImage(t *testing.T, dir string) func() string {
	files := map[string][]byte{}
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		if files[f.Name()], err = os.ReadFile(filepath.Join(dir, f.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return func() string {
		kept, err := os.MkdirTemp("", "queue-powercut-")
		if err != nil {
			return err.Error()
		}
		for name, content := range files {
			_ = os.WriteFile(filepath.Join(kept, name), content, 0o600) // best effort, the test has failed already
		}
		return kept
	}
}
