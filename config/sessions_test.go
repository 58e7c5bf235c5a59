package config

import (
	"io"
	"strings"
	"testing"
	"time"
)

func TestSessions_live_within_bounds(t *testing.T) {
	for line, want := range map[string]time.Duration{
		"IDLE=5m": 5 * time.Minute, "IDLE=300s": 5 * time.Minute, "IDLE= 45m ": 45 * time.Minute, "IDLE=12h": 12 * time.Hour,
		"IDLE=4m": 0, "IDLE=299s": 0, "IDLE=25h": 0, "IDLE=0": 0, "IDLE=-5m": 0, "IDLE=30": 0, "IDLE=1h30m": 0, "IDLE=half an hour": 0,
		"LIFETIME=30m": 30 * time.Minute, "LIFETIME=30d": 720 * time.Hour, "LIFETIME=31d": 0, "LIFETIME=14m": 0,
		"LIFETIME=15m": 0, // below the idle time
	} {
		c, err := Load(nil, []string{"BOARDLINK_SESSION_" + line}, io.Discard)
		got := c.SessionIdle
		if strings.HasPrefix(line, "LIFETIME") {
			got = c.SessionLifetime
		}
		name, _, _ := strings.Cut(line, "=")
		if got != want || (err == nil) != (want != 0) || err != nil && !strings.HasPrefix(err.Error(), "BOARDLINK_SESSION_"+name+": ") {
			t.Errorf("%s: %v, %v", line, got, err)
		}
	}
	if _, err := Load(nil, []string{"BOARDLINK_SESSION_IDLE=15m", "BOARDLINK_SESSION_LIFETIME=15m"}, io.Discard); err != nil {
		t.Error(err)
	}
}

func TestShowSpan_is_what_ParseSpan_reads(t *testing.T) {
	for d, want := range map[time.Duration]string{30 * time.Minute: "30m", 12 * time.Hour: "12h", 48 * time.Hour: "2d", 90 * time.Minute: "90m", 301 * time.Second: "301s"} {
		if got := showSpan(d); got != want {
			t.Errorf("%v is shown as %s", d, got)
		}
		if got, err := parseSpan(showSpan(d), time.Second, 72*time.Hour); err != nil || got != d {
			t.Errorf("%v is read as %v, %v", d, got, err)
		}
	}
}
