// Package state draws where a link stands: its badge with shape, colour and word, the menu of what can be done about it,
// and the sentences that explain it.
package state

import (
	"context"

	"boardlink/connection"
	"boardlink/text"
	"boardlink/views/ui"
)

// look is how a state is drawn: no two share a shape, so that colour is never alone in telling them apart.
type look struct {
	Tone ui.Tone
	Icon ui.Icon
}

func lookOf(s connection.State) look {
	switch s {
	case connection.Opened:
		return look{ui.ToneOK, ui.IconSuccess}
	case connection.Opening:
		return look{ui.ToneWait, ui.IconHalfCircle}
	case connection.Authenticating:
		return look{ui.ToneWait, ui.IconKey}
	case connection.Closing:
		return look{ui.ToneWait, ui.IconHourglass}
	case connection.Closed:
		return look{ui.ToneBad, ui.IconSquare}
	case connection.AuthenticationFailed:
		return look{ui.ToneBad, ui.IconKeyOff}
	case connection.Unreachable:
		return look{ui.ToneBad, ui.IconUnlink}
	default:
		return look{ui.ToneOff, ui.IconPause}
	}
}

// ToneOf is the colour of a state.
func ToneOf(s connection.State) ui.Tone { return lookOf(s).Tone }

// Title is what the state is called on the page: the name that API and events use as well.
func Title(s connection.State) string { return string(s) }

// Meaning explains the states whose names do not explain themselves, "" for the others.
func Meaning(ctx context.Context, s connection.State) string {
	switch s {
	case connection.Closed:
		return text.T(ctx, "state.meaning.closed")
	case connection.Unreachable:
		return text.T(ctx, "state.meaning.unreachable")
	case connection.Closing:
		return text.T(ctx, "state.meaning.closing")
	}
	return ""
}

// Doing says in a sentence what the link does in a transient state, "" in the others.
func Doing(ctx context.Context, c *connection.Connection, s connection.Status) string {
	switch s.State {
	case connection.Opening:
		if s.Attempt > 0 {
			return text.T(ctx, "state.connecting_again", "host", c.Configuration.HostName, "attempt", s.Attempt)
		}
		return text.T(ctx, "state.connecting", "host", c.Configuration.HostName)
	case connection.Authenticating:
		return text.T(ctx, "state.signing_in", "username", c.Configuration.Username)
	}
	return ""
}

// Action is one thing that can be done about a link.
type Action struct {
	Value string // what the form sends
	Icon  ui.Icon
}

// Label is what the button of the action says.
func (a Action) Label(ctx context.Context) string { return text.T(ctx, "state.action."+a.Value) }

// The actions.
func restart() Action    { return Action{"restart", ui.IconRestart} }
func retry() Action      { return Action{"retry", ui.IconRestart} }
func activate() Action   { return Action{"activate", ui.IconPlay} }
func deactivate() Action { return Action{"deactivate", ui.IconPower} }

// Actions lists what the menu of a state offers.
func Actions(active bool) []Action {
	if !active {
		return []Action{activate()}
	}
	return []Action{restart(), deactivate()}
}

// Remedy is the one button that helps in a state, if there is one.
func Remedy(active bool, s connection.State) (Action, bool) {
	switch {
	case !active:
		return activate(), true
	case s == connection.Closed || s == connection.AuthenticationFailed || s == connection.Unreachable:
		return retry(), true
	}
	return Action{}, false
}

// Fix is a setting whose correction helps.
type Fix struct {
	Field string
	words string // ends the id of the message
}

// Label is what the button that leads to the setting says.
func (f Fix) Label(ctx context.Context) string { return text.T(ctx, "state.fix."+f.words) }

// FixOf names the setting that a reason asks to be corrected, if it is one that can be.
func FixOf(code connection.ReasonCode) (Fix, bool) {
	switch code {
	case connection.ReasonAuthRefused, connection.ReasonAuthExpired:
		return Fix{"password", "password"}, true
	case connection.ReasonAuth2FA, connection.ReasonAuthSysAdmin, connection.ReasonNoGateway, connection.ReasonPermission:
		return Fix{"username", "username"}, true
	case connection.ReasonDNSNotFound, connection.ReasonTCPRefused, connection.ReasonTLSName, connection.ReasonNotThingsBoard, connection.ReasonProtocol:
		return Fix{"hostName", "host_name"}, true
	case connection.ReasonTLSUnknownCA:
		return Fix{"caCertificate", "ca_certificate"}, true
	case connection.ReasonTLSNotOffered:
		return Fix{"protocol", "protocol"}, true
	case connection.ReasonMQTTNotFound:
		return Fix{"mqttHostName", "mqtt_host_name"}, true
	}
	return Fix{}, false
}

// FixesOf names the settings that a reason may ask to be corrected, the likeliest first: who is refused may have a wrong
// password or a wrong name.
func FixesOf(code connection.ReasonCode) []Fix {
	fix, ok := FixOf(code)
	if !ok {
		return nil
	}
	if code == connection.ReasonAuthRefused {
		return []Fix{fix, {"username", "username"}}
	}
	return []Fix{fix}
}

// Path is the address where the setting is edited.
func (f Fix) Path(id connection.ID) string { return "/connections/" + id.String() + "/edit/" + f.Field }
