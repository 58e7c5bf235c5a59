//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"boardlink/thingsboard/sandbox"
)

// BenchmarkThroughput measures the way of an uplink through the whole program: 64 clients post over HTTP, each waits for
// its 200, and the clock stops when ThingsBoard has acknowledged and stored the last one. The load, the program and
// ThingsBoard share the machine. It also tells the latency of the answers and the program's memory.
func BenchmarkThroughput(b *testing.B) {
	const clients, devices = 64, 500
	var received atomic.Int64
	tb, env := startSandbox(b, sandbox.Options{History: 10, OnTelemetry: func(string, sandbox.Point) { received.Add(1) }})
	p := newProgram(b, append(env, "BOARDLINK_LOG_LEVEL=warn")...)
	p.start()
	atRest := p.memory()
	id := p.connect(tb.HTTPAddr(), tenantPassword, nil)
	p.reach(id, "OPENED", 20*time.Second)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}, Timeout: 30 * time.Second}

	var next atomic.Int64
	took := make([][]time.Duration, clients)
	base := time.Now().Add(-time.Hour)
	b.ResetTimer()
	begun, busy := time.Now(), p.processor()
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			for {
				n := int(next.Add(1)) - 1
				if n >= b.N {
					return
				}
				body := uplinkOf(fmt.Sprintf("02B0A2D10BE4%04X", n%devices), n/devices, base.Add(time.Duration(n)*time.Millisecond))
				at := time.Now()
				if status := p.post(client, id, body); status != http.StatusOK {
					b.Errorf("an uplink was answered %d", status)
					return
				}
				took[c] = append(took[c], time.Since(at))
			}
		})
	}
	wg.Wait()
	accepted := time.Since(begun)
	p.await("deliver everything", func() bool { return received.Load() >= int64(b.N) })
	whole := time.Since(begun)
	b.StopTimer()
	b.ReportMetric(float64((p.processor()-busy).Microseconds())/float64(b.N), "cpu-us/event")

	all := slices.Concat(took...)
	slices.Sort(all)
	b.ReportMetric(float64(b.N)/accepted.Seconds(), "accepted/s")
	b.ReportMetric(float64(b.N)/whole.Seconds(), "delivered/s")
	if len(all) > 0 {
		b.ReportMetric(float64(all[len(all)/2].Microseconds())/1000, "p50-ms")
		b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "p99-ms")
	}
	b.ReportMetric(atRest, "MB-at-rest")
	b.ReportMetric(p.memory(), "MB-after")
}

// memory is what the program holds in RAM, in MiB; 0 where the system does not tell.
func (p *program) memory() float64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			if err == nil {
				return kb / 1024
			}
		}
	}
	return 0
}

// processor is how long the program has kept processors busy; 0 where the system does not tell.
func (p *program) processor() time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	// The name in parentheses may hold anything; user and system time are the 12th and 13th fields behind it, in
	// hundredths of a second (proc(5)).
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 13 {
		return 0
	}
	var ticks int64
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
