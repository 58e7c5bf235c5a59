package ui

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"boardlink/text"
)

// Count writes a number with commas between the thousands, for texts that no catalogue holds yet; see [text.Count].
func Count(n int64) string { return text.Count(context.Background(), n) }

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
