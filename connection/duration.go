package connection

import (
	"fmt"
	"strconv"
	"time"
)

// Duration is a span written as one number and one unit: 30s, 5m, 72h, 7d. Zero means "not set" and is written "".
type Duration time.Duration

const (
	day         = 24 * time.Hour
	minDuration = time.Second
	maxDuration = 365 * day
)

var durationUnits = []struct {
	letter byte
	span   time.Duration
}{{'d', day}, {'h', time.Hour}, {'m', time.Minute}, {'s', time.Second}}

// ParseDuration reads the written form, 1 s to 365 d. The empty text is zero.
func ParseDuration(s string) (Duration, error) {
	if s == "" {
		return 0, nil
	}
	bad := fmt.Errorf("a duration is one number and one unit (s, m, h or d), from 1s to 365d")
	digits, letter := s[:len(s)-1], s[len(s)-1]
	if len(digits) == 0 || len(digits) > 9 || digits[0] < '0' || digits[0] > '9' {
		return 0, bad
	}
	n, err := strconv.Atoi(digits)
	if err != nil {
		return 0, bad
	}
	for _, u := range durationUnits {
		if u.letter != letter {
			continue
		}
		if d := time.Duration(n) * u.span; d >= minDuration && d <= maxDuration && d/u.span == time.Duration(n) {
			return Duration(d), nil
		}
	}
	return 0, bad
}

// String writes the span in the largest unit that divides it.
func (d Duration) String() string {
	if d == 0 {
		return ""
	}
	for _, u := range durationUnits {
		if time.Duration(d)%u.span == 0 {
			return strconv.FormatInt(int64(time.Duration(d)/u.span), 10) + string(u.letter)
		}
	}
	return time.Duration(d).String()
}
