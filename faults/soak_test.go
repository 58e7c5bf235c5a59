package faults_test

import (
	"testing"
	"time"

	"boardlink/faults"
)

// testing's log as a writer.
type logWriter struct{ t *testing.T }

func (w logWriter) Write(p []byte) (int, error) {
	w.t.Logf("%s", p)
	return len(p), nil
}

// Not beside others: it measures what the process holds.
func TestSoak_in_short(t *testing.T) {
	report := faults.Soak(t.Context(), faults.SoakOptions{Duration: 10 * time.Second, Links: 10, Devices: 3, Sandboxes: 2, Rate: 5, Act: 300 * time.Millisecond,
		Progress: 5 * time.Second, Drain: 90 * time.Second, Out: logWriter{t}})
	t.Logf("%s", report)
	if err := report.Err(); err != nil {
		t.Errorf("FAULTS_SEED=%d: %v", report.Seed, err)
	}
}
