package history

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"time"
)

// Sample is what a process holds at a moment.
type Sample struct {
	At         time.Time
	RSS        int64 // bytes, 0 where the system does not tell
	Heap       int64 // bytes of objects in use, garbage that was not collected yet among them
	Goroutines int
	Files      int // open descriptors, 0 where the system does not tell
}

// Measure takes a sample of this process.
func Measure() Sample {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	s := Sample{At: time.Now(), Heap: int64(m.HeapAlloc), Goroutines: runtime.NumGoroutine()}
	if text, err := os.ReadFile("/proc/self/statm"); err == nil {
		if fields := bytes.Fields(text); len(fields) > 1 {
			if pages, err := strconv.ParseInt(string(fields[1]), 10, 64); err == nil {
				s.RSS = pages * int64(os.Getpagesize())
			}
		}
	}
	if open, err := os.ReadDir("/proc/self/fd"); err == nil {
		s.Files = len(open)
	}
	return s
}

// Slope is by how many MB an hour a value of samples grows: the line of least squares through them. It is 0 for fewer
// than two samples.
func Slope(samples []Sample, value func(Sample) int64) float64 {
	if len(samples) < 2 {
		return 0
	}
	var sx, sy, sxx, sxy float64
	for _, s := range samples {
		x, y := s.At.Sub(samples[0].At).Hours(), float64(value(s))/1e6
		sx, sy, sxx, sxy = sx+x, sy+y, sxx+x*x, sxy+x*y
	}
	n := float64(len(samples))
	if d := n*sxx - sx*sx; d > 0 {
		return (n*sxy - sx*sy) / d
	}
	return 0
}

// rest is a pair of moments at which a process should hold the same.
type rest struct{ before, after Sample }

// AtRest writes down what the process held before the run and after it, when all is closed again. Goroutines and files
// may be a twentieth and eight more: libraries keep some.
func (h *History) AtRest(before, after Sample) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.rests = append(h.rests, rest{before, after})
	for _, c := range []struct {
		what          string
		before, after int
	}{{"goroutines", before.Goroutines, after.Goroutines}, {"open files", before.Files, after.Files}} {
		if limit := c.before + c.before/20 + 8; c.after > limit {
			h.blame("I5", 0, "", nil, fmt.Sprintf("%d %s are left, %d were there before", c.after, c.what, c.before))
		}
	}
}
