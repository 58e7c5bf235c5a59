package queue

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// childFile is set for the process that puts until it is killed.
const childFile = "BOARDLINK_QUEUE_TEST_CHILD"

// child puts events from 16 goroutines and prints the id of each that was stored, after Put returned.
func child() bool {
	path := os.Getenv(childFile)
	if path == "" {
		return false
	}
	q, err := Open(context.Background(), path, Options{})
	if err != nil {
		panic(err)
	}
	var mu sync.Mutex
	first := int(time.Now().UnixNano() % 1e9)
	for d := range 16 {
		go func() {
			for n := first; ; n++ {
				e, err := q.Put(context.Background(), uplink(d, n))
				if err != nil {
					panic(err)
				}
				mu.Lock()
				fmt.Println(e.ID)
				mu.Unlock()
			}
		}()
	}
	select {}
}

func TestQueue_loses_no_acknowledged_event_when_it_is_killed(t *testing.T) {
	path := file(t)
	acknowledged := map[int64]bool{}
	for round := range 3 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childFile+"="+path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		scanner := bufio.NewScanner(out)
		for n := 0; scanner.Scan(); n++ {
			if n == 200*(round+1) {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
			// The last line may be cut.
			if id, err := strconv.ParseInt(strings.TrimSpace(scanner.Text()), 10, 64); err == nil && id > floorOf(7) {
				acknowledged[id] = true
			}
		}
		_ = cmd.Wait() // it was killed
	}
	q := open(t, path, Options{})
	waiting, _, _ := q.Depth(7)
	wantDepth(t, q, 7, waiting, 0)
	for _, e := range drain(t, q.Lanes(7), int(waiting)) {
		delete(acknowledged, e.ID)
	}
	if len(acknowledged) > 0 {
		t.Fatalf("%d acknowledged events are lost", len(acknowledged))
	}
	if waiting < 1200 {
		t.Fatalf("only %d events were put", waiting)
	}
}
