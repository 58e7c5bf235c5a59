package connection

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Duration is a span as somebody wrote it: one number and one unit, 30s, 5m, 72h, 7d. It is kept as written, so that
// what was sent is what is read again. Empty means "not set".
type Duration string

const (
	day         = 24 * time.Hour
	minDuration = time.Second
	maxDuration = 365 * day
)

var durationUnits = []struct {
	letter byte
	span   time.Duration
}{{'d', day}, {'h', time.Hour}, {'m', time.Minute}, {'s', time.Second}}

// DurationUnits are the units of a duration as a form offers them, the shortest first.
var DurationUnits = []Choice{{"s", "seconds"}, {"m", "minutes"}, {"h", "hours"}, {"d", "days"}}

// ParseDuration checks the written form, 1 s to 365 d, and drops leading zeros of its number. The empty text is "not set".
func ParseDuration(s string) (Duration, error) {
	if s == "" {
		return "", nil
	}
	bad := fmt.Errorf("a duration is one number and one unit (s, m, h or d), from 1s to 365d")
	digits, letter := s[:len(s)-1], s[len(s)-1]
	if len(digits) == 0 || len(digits) > 9 || digits[0] < '0' || digits[0] > '9' {
		return "", bad
	}
	n, err := strconv.Atoi(digits)
	if err != nil {
		return "", bad
	}
	for _, u := range durationUnits {
		if u.letter != letter {
			continue
		}
		if d := time.Duration(n) * u.span; d >= minDuration && d <= maxDuration && d/u.span == time.Duration(n) {
			return Duration(strconv.Itoa(n) + string(letter)), nil
		}
	}
	return "", bad
}

// JoinDuration writes a number and a unit that were typed apart as one text. A text that has a unit of its own, or is empty,
// stays as it is: the unit chosen beside it counts for nothing.
func JoinDuration(number, unit string) string {
	number = strings.TrimSpace(number)
	if number == "" || unitOf(number) != "" {
		return number
	}
	return number + unit
}

// SplitDuration gives the number and the unit of a written duration. The unit is empty where the text has none.
func SplitDuration(text string) (number, unit string) {
	text = strings.TrimSpace(text)
	unit = unitOf(text)
	return strings.TrimSuffix(text, unit), unit
}

// unitOf gives the unit that a text ends with, "" where that is none or nothing but letters stands before it.
func unitOf(text string) string {
	if len(text) < 2 || text[len(text)-2] < '0' || text[len(text)-2] > '9' {
		return ""
	}
	for _, u := range durationUnits {
		if u.letter == text[len(text)-1] {
			return string(u.letter)
		}
	}
	return ""
}

// Span is the length of time; zero where it is not set or was never checked.
func (d Duration) Span() time.Duration {
	if d == "" {
		return 0
	}
	n, err := strconv.Atoi(string(d[:len(d)-1]))
	if err != nil {
		return 0
	}
	for _, u := range durationUnits {
		if u.letter == d[len(d)-1] {
			return time.Duration(n) * u.span
		}
	}
	return 0
}
