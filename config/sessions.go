package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"boardlink/connection"
)

// How long browser sessions live where nothing is set.
const (
	DefaultSessionIdle     = 30 * time.Minute
	DefaultSessionLifetime = 12 * time.Hour
)

// Bounds of sessions. Their use is noted once a minute, so a shorter idle time would end what is in use.
const (
	minSessionIdle, maxSessionIdle         = 5 * time.Minute, 24 * time.Hour
	minSessionLifetime, maxSessionLifetime = 15 * time.Minute, 30 * 24 * time.Hour
)

// parseSpan reads a duration of one number and one unit: 30m, 12h, 7d.
func parseSpan(v string, least, most time.Duration) (time.Duration, error) {
	d, err := connection.ParseDuration(strings.TrimSpace(v))
	if span := d.Span(); err == nil && span >= least && span <= most {
		return span, nil
	}
	return 0, fmt.Errorf("write a duration from %s to %s: one number and one unit (m, h or d)", showSpan(least), showSpan(most))
}

// showSpan writes a duration as parseSpan reads it.
func showSpan(d time.Duration) string {
	for _, u := range []struct {
		span   time.Duration
		letter string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}} {
		if d >= u.span && d%u.span == 0 {
			return strconv.FormatInt(int64(d/u.span), 10) + u.letter
		}
	}
	return strconv.FormatInt(int64(d/time.Second), 10) + "s"
}
