//go:build e2e

package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// kills is how often the program is killed: FAULTS_KILLS, else a few.
func kills(t *testing.T, few int) int {
	t.Helper()
	text := os.Getenv("FAULTS_KILLS")
	if text == "" {
		return few
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("FAULTS_KILLS=%q is no number of kills", text)
	}
	return n
}

// TestKillsUnderLoad kills the program at moments that the seed draws, under load, while it starts too, and while
// ThingsBoard comes and goes. Devices post on as ThingPark does: once, and never again. The history decides.
func TestKillsUnderLoad(t *testing.T) {
	const devices = 40
	n := kills(t, 5)
	r := newLedger(t)
	r.program.start()
	r.connect()

	var over atomic.Bool
	var posters sync.WaitGroup
	for w := range 8 {
		posters.Go(func() {
			client := &http.Client{Timeout: 5 * time.Second}
			frames := map[int]int64{}
			for !over.Load() {
				for d := w; d < devices && !over.Load(); d += 8 {
					r.post(client, d, frames[d])
					frames[d]++
					time.Sleep(5 * time.Millisecond) // a load, not a flood
				}
			}
		})
	}
	random := rand.New(rand.NewPCG(r.seed, 28))
	var repeats []int64
	before := int64(0)
	for range n {
		if r.program.cmd == nil {
			r.program.spawn()
		}
		wait := time.Duration(random.IntN(1500)) * time.Millisecond
		if random.IntN(5) == 0 {
			wait /= 10 // while it starts
		}
		fault := random.IntN(10)
		sleepUntil := time.Now().Add(wait)
		switch {
		case fault < 2:
			r.tb.CutSessions()
		case fault == 2:
			r.tb.Pause()
		}
		for time.Now().Before(sleepUntil) {
			r.look()
			time.Sleep(min(100*time.Millisecond, max(time.Until(sleepUntil), 0)))
		}
		r.kill()
		if err := r.tb.Resume(); err != nil {
			t.Fatal(err)
		}
		now := r.history.Figures().Repeats
		repeats = append(repeats, now-before)
		before = now
	}
	r.program.start()
	r.program.reach(r.id, "OPENED", 60*time.Second)
	over.Store(true)
	posters.Wait()
	v := r.finish(2 * time.Minute)
	most := int64(0)
	for _, k := range append(repeats, v.Figures.Repeats-before) {
		most = max(most, k)
	}
	t.Logf("seed %d: %d kills, %d lost, %.1f repeats a kill, at most %d", r.seed, n, v.Figures.Missing, float64(v.Figures.Repeats)/float64(n), most)
	if most > 320 {
		t.Errorf("%d points were repeated after one kill", most)
	}
}

// TestStopWhileABacklogDrains asks the program to end while it forwards what has gathered.
func TestStopWhileABacklogDrains(t *testing.T) {
	const devices = 50
	each := 40
	if os.Getenv("FAULTS_LONG") != "" {
		each = 2000
	}
	r := newLedger(t)
	r.program.start()
	r.connect()
	r.tb.Pause()
	var posters sync.WaitGroup
	for w := range 10 {
		posters.Go(func() {
			client := &http.Client{Timeout: 10 * time.Second}
			for n := range int64(each) {
				for d := w; d < devices; d += 10 {
					r.post(client, d, n)
				}
			}
		})
	}
	posters.Wait()
	for round := range 2 {
		if err := r.tb.Resume(); err != nil {
			t.Fatal(err)
		}
		want := r.history.Figures().Arrived + int64(devices*each/5)
		r.program.await("deliver a part", func() bool { return r.history.Figures().Arrived >= want })
		took := r.program.stop()
		r.history.Disconnected(r.link)
		t.Logf("stop %d took %v with %d waiting", round, took.Round(time.Millisecond), r.history.Owed())
		if took > 20*time.Second {
			t.Errorf("the program took %v to stop", took)
		}
		r.program.start()
	}
	v := r.finish(2 * time.Minute)
	if f := v.Figures; f.Accepted != int64(devices*each) || f.Arrived != f.Accepted || f.Repeats > 64 {
		t.Error(fmt.Sprint(v))
	}
}
