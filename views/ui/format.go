package ui

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Count writes a number with commas between the thousands.
func Count(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// Plural writes a number and its noun: "1 event", "2,000 events".
func Plural(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return Count(n) + " " + many
}

// Span writes a length of time in its largest unit, as people say it: "4 minutes", "1 day". Anything under a second is
// "less than a second".
func Span(d time.Duration) string {
	for _, u := range []struct {
		unit time.Duration
		name string
	}{{365 * 24 * time.Hour, "year"}, {24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}} {
		if d >= u.unit {
			return Plural(int64(d/u.unit), u.name, u.name+"s")
		}
	}
	return "less than a second"
}

// Took writes how long something took that is mostly over soon: "25 ms", "2.5 s", and from a minute on as [Span] does.
func Took(d time.Duration) string {
	switch {
	case d >= time.Minute:
		return Span(d)
	case d >= time.Second:
		return number(d.Round(100*time.Millisecond).Seconds()) + " s"
	}
	return strconv.FormatInt((d+time.Millisecond-1).Milliseconds(), 10) + " ms"
}

// Relative writes a moment as seen from now: "4 minutes ago", "in 2 hours", "a moment ago". static/app.js keeps it fresh by the
// same words.
func Relative(now, t time.Time) string {
	d := now.Sub(t)
	switch {
	case d > -time.Second && d < 5*time.Second:
		return "a moment ago"
	case d < 0:
		return "in " + Span(-d)
	default:
		return Span(d) + " ago"
	}
}

// Until writes a moment that is waited for: "in 2 hours", "now" once it has come.
func Until(now, t time.Time) string {
	if d := t.Sub(now); d > time.Second {
		return "in " + Span(d)
	}
	return "now"
}

// For writes how long something has lasted: "for 18 seconds".
func For(now, since time.Time) string {
	if d := now.Sub(since); d >= time.Second {
		return "for " + Span(d)
	}
	return "for a moment"
}

// Exact writes a moment for the tooltip of a relative one; with JavaScript the reader's own zone takes its place.
func Exact(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// machine writes a moment as the datetime attribute takes it.
func machine(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z07:00") }

// number writes a coordinate of a drawing, short.
func number(f float64) string {
	s := strings.TrimRight(strings.TrimRight(fmt.Sprintf("%.2f", f), "0"), ".")
	if s == "" || s == "-0" {
		return "0"
	}
	return s
}
