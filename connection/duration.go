package connection

import (
	"fmt"
	"strconv"
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
