package sandbox

import "time"

// SweepAt does at once what the sandbox would do at that time about sessions and sub-devices that are silent.
func (s *Sandbox) SweepAt(now time.Time) { s.sweepAt(now) }
