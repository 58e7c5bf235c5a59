package queue

import (
	"bufio"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// killPoints are the steps at which a child kills itself. At "never" it is killed from outside, at any moment.
var killPoints = []string{
	"accept",      // a document came in, the queue has not seen it
	"begin",       // its transaction has not begun
	"write",       // part of it is written
	"commit",      // it is not committed
	"sync",        // it is committed and synced, and nobody has been told
	"answer",      // Put returned, and nobody has been told
	"take",        // an event was handed out
	"publish",     // it was delivered and not acknowledged
	"acknowledge", // it was acknowledged, and that is not on disk
	"delete",      // its removal is not committed
	"checkpoint",  // the log is being brought into the main file
	"never",
}

// TestQueue_loses_nothing_when_it_is_killed kills a process that puts and delivers, at each step and at any moment,
// and starts it again on the same file. QUEUE_ROUNDS says how often.
func TestQueue_loses_nothing_when_it_is_killed(t *testing.T) {
	seed := seeded(t)
	random := rand.New(rand.NewPCG(seed, 5))
	h := &history{ledger: newLedger(), path: file(t), delivered: map[int64]int{}, last: map[string]int64{}, tokens: map[string]bool{}}
	kills := 0
	for range rounds(len(killPoints) * 3 / 2) {
		point := "never"
		if kills%3 < 2 {
			point = killPoints[(kills*2/3)%len(killPoints)]
		}
		before := len(h.acked)
		h.run(t, random.Uint64(), point, random.IntN(120))
		kills++
		if problem := h.checkTokens(t, copyQueue(t, h.path)); problem != "" {
			t.Fatalf("after kill %d (%s): %s (QUEUE_SEED=%d)", kills, point, problem, seed)
		}
		copied := copyQueue(t, h.path)
		if problem := h.check(soon(t), copied); problem != "" {
			t.Fatalf("after kill %d (%s, %d events more): %s (QUEUE_SEED=%d)", kills, point, len(h.acked)-before, problem, seed)
		}
		if h.problem != "" {
			t.Fatalf("up to kill %d (%s): %s (QUEUE_SEED=%d)", kills, point, h.problem, seed)
		}
	}
	h.finish(t, seed)
	t.Logf("%d kills: %d events acknowledged, 0 lost; %d delivered again, at most %d for one kill, %.1f on the average",
		kills, len(h.acked), h.again, h.worst, float64(h.again)/float64(kills))
	t.Logf("%d Tokens came again after a kill: %d of a stored event, each recognised, %d of none, each taken", h.cameAgain+h.neverStored, h.cameAgain, h.neverStored)
	if h.cameAgain == 0 || h.neverStored == 0 {
		t.Error("the kills did not fall on both sides of the commit")
	}
}

// history is what the children said, and what follows from it.
type history struct {
	*ledger
	path      string
	delivered map[int64]int    // how often
	last      map[string]int64 // device: the highest id delivered
	again     int              // deliveries of what was delivered before
	worst     int              // the most of them after one kill
	problem   string

	tokens                 map[string]bool // of this child: whether its event is known to be stored
	cameAgain, neverStored int
}

// duplicatesOfAKill bounds what a kill makes be delivered again: what was outstanding or acknowledged in the
// milliseconds before.
const duplicatesOfAKill = childWindow + lazyMany + 64

// run lets a child work until it is killed: by itself, or after it said some lines.
func (h *history) run(t *testing.T, seed uint64, point string, lines int) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childFile+"="+h.path, fmt.Sprintf("%s=%d", childSeed, seed), childPoint+"="+point)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	guard := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() })
	again := h.again
	n := 0
	for scanner := bufio.NewScanner(out); scanner.Scan(); n++ {
		if n == lines && point == "never" {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
		h.heard(scanner.Text())
	}
	if err := cmd.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("the child (%s) ended by itself: %v", point, err)
	}
	if !guard.Stop() {
		t.Fatalf("the child (%s) hung", point)
	}
	if more := h.again - again; more > h.worst {
		h.worst = more
		if more > duplicatesOfAKill {
			h.problem = fmt.Sprintf("%d events were delivered again after one kill", more)
		}
	}
}

// heard takes one line of a child; the last one may be cut.
func (h *history) heard(line string) {
	words := strings.Fields(line)
	if len(words) < 3 || words[len(words)-1] != "." {
		return
	}
	id, err := strconv.ParseInt(words[1], 10, 64)
	if err != nil {
		h.problem = line
		return
	}
	switch words[0] {
	case "w":
		h.tokens[words[2]] = false
	case "a":
		h.acked[id] = 0
		if len(words) == 4 {
			h.tokens[words[2]] = true
		}
	case "s":
		h.settling[id] = true
	case "g":
		h.gone[id] = true
	case "t":
		h.took(id, words[2])
		if len(words) == 5 {
			h.tokens[words[3]] = true
		}
	}
}

// checkTokens posts every Token of the last child again. One whose event is stored must be recognised, and one whose event
// is not must be taken, for else its event would be lost.
func (h *history) checkTokens(t *testing.T, path string) (problem string) {
	t.Helper()
	q := open(t, path, Options{})
	defer func() { _ = q.Close() }() // a copy that nobody needs
	rows, err := q.reader.db.QueryContext(soon(t), "SELECT body FROM events")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }() // a test
	waiting := map[string]bool{}
	for rows.Next() {
		var body []byte
		if err := rows.Scan(&body); err != nil {
			t.Fatal(err)
		}
		waiting[wordIn(body)] = true
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for word, stored := range h.tokens {
		stored = stored || waiting[word]
		token, err := tokenIn(word)
		if err != nil {
			return err.Error()
		}
		wg.Go(func() {
			_, err := q.PutOnce(soon(t), uplink(98, 1), token)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case stored && errors.Is(err, ErrReplayed):
				h.cameAgain++
			case !stored && err == nil:
				h.neverStored++
			default:
				problem = fmt.Sprintf("Token %.30s... came again, its event is stored: %v, and the answer is: %v", word, stored, err)
			}
		})
	}
	wg.Wait()
	clear(h.tokens)
	return problem
}

// took judges a delivery: the first ones of a device come in the order of their acceptance.
func (h *history) took(id int64, device string) {
	h.delivered[id]++
	switch {
	case h.gone[id]:
		h.problem = fmt.Sprintf("event %d was delivered after its removal was on disk", id&sequenceMask)
	case h.delivered[id] > 1:
		h.again++
	case id < h.last[device]:
		h.problem = fmt.Sprintf("event %d of %s was first delivered after %d", id&sequenceMask, device, h.last[device]&sequenceMask)
	}
	h.last[device] = max(h.last[device], id)
}

// finish delivers what is left and looks whether each acknowledged event was delivered.
func (h *history) finish(t *testing.T, seed uint64) {
	t.Helper()
	q := open(t, h.path, Options{})
	lanes := q.Lanes(7)
	waiting, _, _ := q.Depth(7)
	for _, e := range drain(t, lanes, int(waiting)) {
		h.took(e.ID, e.DevEUI)
	}
	wantDepth(t, q, 7, 0, 0)
	for _, id := range slices.Sorted(maps.Keys(h.acked)) {
		if h.delivered[id] == 0 {
			t.Fatalf("event %d was acknowledged and never delivered (QUEUE_SEED=%d)", id&sequenceMask, seed)
		}
	}
	if h.problem != "" {
		t.Fatalf("%s (QUEUE_SEED=%d)", h.problem, seed)
	}
}

// copyQueue copies a queue's files, so that looking at them changes nothing.
func copyQueue(t *testing.T, path string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"queue.db", "queue.db-wal", "queue.db-shm"} {
		content, err := os.ReadFile(filepath.Join(filepath.Dir(path), name))
		if err != nil {
			continue // it is not there
		}
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "queue.db")
}
