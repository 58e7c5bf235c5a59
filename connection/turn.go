package connection

import "strings"

// How the sentences begin by which a link tells its way in the log. The link writes them, and who draws the link's history
// reads them again: the log keeps no state beside the sentence.
const (
	ToldConnecting = "Connecting to "
	ToldSigningIn  = "Signing in as "
	ToldOpened     = "Opened: "
	ToldClosing    = "Closing: "
)

// Turn is what an event says about whether a link is up.
type Turn int

// The turns.
const (
	NoTurn  Turn = iota // the event says nothing about it
	TurnsUp             // from here on the link carries
	Down                // from here on, or still, it does not
	Planned             // as Down, and because somebody wanted it: an edit, a restart
)

// TurnOf reads it from an event. The loss of a link is a warning, an end that somebody asked for is not.
func TurnOf(e Event) Turn {
	if e.Kind != KindState || e.Actor != System && e.Actor != "" {
		return NoTurn
	}
	switch {
	case strings.HasPrefix(e.Message, ToldOpened):
		return TurnsUp
	case strings.HasPrefix(e.Message, ToldClosing) && e.Level == LevelInfo:
		return Planned
	case strings.HasPrefix(e.Message, ToldClosing), strings.HasPrefix(e.Message, ToldConnecting), strings.HasPrefix(e.Message, ToldSigningIn):
		return Down
	}
	return NoTurn
}
