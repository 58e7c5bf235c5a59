package connection_test

import (
	"testing"

	"boardlink/connection"
)

func TestTurnOf_reads_what_a_link_told(t *testing.T) {
	for name, tc := range map[string]struct {
		event connection.Event
		want  connection.Turn
	}{
		"opened":          {connection.Event{Level: connection.LevelInfo, Message: connection.ToldOpened + "connected to ThingsBoard."}, connection.TurnsUp},
		"lost":            {connection.Event{Level: connection.LevelWarning, Message: connection.ToldClosing + "The connection was lost."}, connection.Down},
		"ended":           {connection.Event{Level: connection.LevelInfo, Message: connection.ToldClosing + "alice changed the settings."}, connection.Planned},
		"connecting":      {connection.Event{Level: connection.LevelInfo, Message: connection.ToldConnecting + "tb.example.com:443, try 2."}, connection.Down},
		"signing in":      {connection.Event{Level: connection.LevelInfo, Message: connection.ToldSigningIn + "tenant@example.com."}, connection.Down},
		"something else":  {connection.Event{Level: connection.LevelInfo, Message: "The reconnect strategy was changed."}, connection.NoTurn},
		"by a person":     {connection.Event{Level: connection.LevelInfo, Actor: "alice@example.com", Message: connection.ToldOpened + "says alice"}, connection.NoTurn},
		"of another kind": {connection.Event{Level: connection.LevelInfo, Kind: connection.KindUplink, Message: connection.ToldOpened + "says a device"}, connection.NoTurn},
	} {
		if tc.event.Kind == "" {
			tc.event.Kind = connection.KindState
		}
		if got := connection.TurnOf(tc.event); got != tc.want {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
}
