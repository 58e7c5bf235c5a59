package queue

import (
	"context"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"testing"
)

// kill leaves the file as a SIGKILL does: nothing is written any more.
func (w *worker) kill() {
	w.disk.set(func(diskOp) outcome { return diskIsOff }, nil)
	_ = w.q.Close() // it cannot
	w.disk.set(nil, nil)
	w.open()
}

// faults makes operations of a disk fail now and then, as many as it likes in a row.
func faults(random *rand.Rand, kinds map[diskKind]outcome) func(diskOp) outcome {
	left := 0
	return func(op diskOp) outcome {
		result, ok := kinds[op.kind]
		if !ok {
			return wentWell
		}
		if left > 0 {
			left--
			return result
		}
		if random.IntN(8) == 0 {
			left = random.IntN(4)
			return result
		}
		return wentWell
	}
}

// Whatever the disk refuses, what was promised is there after a kill, and after a power cut on top of it: nothing that
// was once refused by a sync is believed to be on disk because a later sync went well.
func TestQueue_keeps_its_promise_on_a_disk_that_fails(t *testing.T) {
	for name, kinds := range map[string]map[diskKind]outcome{
		"when syncs fail":     {diskSync: syncEIO},
		"when writes fail":    {diskWrite: writeEIO},
		"when the disk fills": {diskWrite: diskIsOut},
		"when anything fails": {diskSync: syncEIO, diskWrite: writeEIO, diskTruncate: writeEIO},
	} {
		t.Run(name, func(t *testing.T) {
			seed := seeded(t)
			random := rand.New(rand.NewPCG(seed, 4))
			path := file(t)
			d := watch(filepath.Dir(path))
			defer d.forget()
			d.keep = true
			w := &worker{t: t, random: random, disk: d, path: path}
			w.open()
			most := rounds(24)
			for i := range max(60, most/8) {
				if i%10 == 5 {
					d.set(faults(rand.New(rand.NewPCG(seed, uint64(i))), kinds), nil)
				}
				if i%10 == 0 {
					d.set(nil, nil)
				}
				if i%20 == 9 {
					w.kill()
					continue
				}
				w.step()
			}
			d.set(nil, nil)
			for i := 0; ; i++ { // the disk is well again: the queue must be too, by itself
				if _, err := w.q.Put(soon(t), uplink(50, i)); err == nil {
					break
				} else if i == 10 {
					t.Fatalf("it does not recover: %v", err)
				}
			}
			if err := w.q.Close(); err != nil {
				t.Fatal(err)
			}
			t.Logf("%d operations failed", w.failed)
			cutEverywhere(t, seed, d.log, most)
		})
	}
}

func TestOpen_refuses_a_file_that_another_works_on(t *testing.T) {
	path := file(t)
	q := open(t, path, Options{})
	if _, err := Open(context.Background(), path, Options{}); !errors.Is(err, errHeld) {
		t.Fatalf("a second Open gave %v", err)
	}
	put(t, q, uplink(1, 1))
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	wantDepth(t, open(t, path, Options{}), 7, 1, 0)
}
