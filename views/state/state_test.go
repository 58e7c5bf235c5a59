package state_test

import (
	"bytes"
	"strings"
	"testing"

	"boardlink/connection"
	"boardlink/views/state"
)

func badge(t *testing.T, s connection.State) string {
	t.Helper()
	var b bytes.Buffer
	if err := state.Badge(s).Render(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestBadge_tells_states_apart_without_colour(t *testing.T) {
	shapes := map[string]connection.State{}
	for _, s := range connection.States {
		html := badge(t, s)
		if !strings.Contains(html, string(s)) {
			t.Errorf("%s is not named", s)
		}
		shape := html[strings.Index(html, "<svg"):strings.Index(html, "</svg>")]
		if other, taken := shapes[shape]; taken {
			t.Errorf("%s and %s share a shape", s, other)
		}
		shapes[shape] = s
	}
}

func TestBadge_colours_are_those_of_the_specification(t *testing.T) {
	for s, want := range map[connection.State]string{
		connection.Opened: "badge-ok", connection.Opening: "badge-wait", connection.Authenticating: "badge-wait", connection.Closing: "badge-wait",
		connection.Closed: "badge-bad", connection.AuthenticationFailed: "badge-bad", connection.Unreachable: "badge-bad", connection.Deactivated: "badge-off",
	} {
		if !strings.Contains(badge(t, s), want) {
			t.Errorf("%s is not %s", s, want)
		}
	}
}

func TestRemedy(t *testing.T) {
	for _, tc := range []struct {
		active bool
		state  connection.State
		want   string
	}{
		{true, connection.Closed, "retry"}, {true, connection.AuthenticationFailed, "retry"}, {true, connection.Unreachable, "retry"},
		{true, connection.Opened, ""}, {true, connection.Opening, ""}, {false, connection.Deactivated, "activate"}, {false, connection.Closing, "activate"},
	} {
		if got, _ := state.Remedy(tc.active, tc.state); got.Value != tc.want {
			t.Errorf("%s, active %v: %q", tc.state, tc.active, got.Value)
		}
	}
}

func TestDoing_says_what_a_transient_state_is_about(t *testing.T) {
	c := connection.Connection{Configuration: connection.Configuration{HostName: "tb.example.com:443", Username: "tenant@example.com"}}
	for s, want := range map[connection.State]string{
		connection.Opening: "Connecting to tb.example.com:443, attempt 3.", connection.Authenticating: "Signing in as tenant@example.com.", connection.Opened: "",
	} {
		if got := state.Doing(t.Context(), &c, connection.Status{State: s, Attempt: 3}); got != want {
			t.Errorf("%s: %q", s, got)
		}
	}
}

func TestFixOf_names_settings_that_there_are(t *testing.T) {
	for code := range connection.Reasons {
		if fix, ok := state.FixOf(code); ok {
			if _, known := connection.FieldByName(fix.Field); !known || fix.Label(t.Context()) == "" || strings.HasPrefix(fix.Label(t.Context()), "state.") {
				t.Errorf("%s: %+v", code, fix)
			}
		}
	}
	if fix, _ := state.FixOf(connection.ReasonAuthRefused); fix.Path(7) != "/connections/7/edit/password" {
		t.Errorf("leads to %q", fix.Path(7))
	}
}
