package connection_test

import (
	"testing"

	"boardlink/connection"
)

func TestDuration_is_joined_and_split(t *testing.T) {
	for _, tc := range []struct{ number, unit, joined, n, u string }{
		{"72", "h", "72h", "72", "h"},
		{" 5 ", "d", "5d", "5", "d"},
		{"90m", "d", "90m", "90", "m"},
		{"", "h", "", "", ""},
		{"soon", "", "soon", "soon", ""},
		{"bad", "s", "bads", "bads", ""},
		{"d", "", "d", "d", ""},
	} {
		if got := connection.JoinDuration(tc.number, tc.unit); got != tc.joined {
			t.Errorf("%q and %q make %q", tc.number, tc.unit, got)
		}
		if n, u := connection.SplitDuration(tc.joined); n != tc.n || u != tc.u {
			t.Errorf("%q is split into %q and %q", tc.joined, n, u)
		}
	}
}

// Each unit that a form offers is one that a duration may have.
func TestDuration_units_are_those_of_the_form(t *testing.T) {
	for _, u := range connection.DurationUnits {
		if d, err := connection.ParseDuration(connection.JoinDuration("1", u.Value)); err != nil || d.Span() <= 0 {
			t.Errorf("1%s: %v", u.Value, err)
		}
	}
}
