// Package devices holds the pages of the devices that were seen on a connection.
package devices

import (
	"encoding/json"
	"net/url"
	"strconv"
	"time"

	"boardlink/connection"
	"boardlink/views/ui"
)

// Path is the address of a connection's devices.
func Path(id connection.ID) string { return "/connections/" + id.String() + "/devices" }

// DevicePath is the address of one device.
func DevicePath(id connection.ID, devEUI string) string {
	return Path(id) + "/" + url.PathEscape(devEUI)
}

// List is the page of a connection's devices, or of those that a search leaves.
type List struct {
	ID      connection.ID
	Name    string // of the connection
	Devices []connection.Device
	Search  string
	After   string // DevEUI behind which this page begins, "" for the first
	Next    string // and the next one, "" for none
	Now     time.Time
}

func (l List) address(after, part string) string {
	q := url.Values{}
	for name, value := range map[string]string{"q": l.Search, "after": after, "part": part} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if len(q) == 0 {
		return Path(l.ID)
	}
	return Path(l.ID) + "?" + q.Encode()
}

// Device is the page of one device.
type Device struct {
	ConnectionName string
	Device         connection.Device
	Attributes     []connection.SharedAttribute
	Telemetry      connection.LastTelemetry // zero where nothing was delivered
	Commands       []connection.Command     // the latest first
	Events         []connection.Event       // the latest first
	Now            time.Time
}

func (d Device) live(topic string) string { return topic + ":" + d.Device.ConnectionID.String() }

func (d Device) path() string { return DevicePath(d.Device.ConnectionID, d.Device.DevEUI) }

func (d Device) part(name string) string { return d.path() + "?part=" + name }

func (d Device) eventsPath() string {
	return "/events?" + url.Values{"connectionId": {d.Device.ConnectionID.String()}, "devEUI": {d.Device.DevEUI}}.Encode()
}

// look is how the state of a command is drawn.
type look struct {
	Tone ui.Tone
	Icon ui.Icon
}

func lookOf(s connection.CommandState) look {
	switch s {
	case connection.CommandSent:
		return look{ui.ToneOK, ui.IconSuccess}
	case connection.CommandSending, connection.CommandQueued:
		return look{ui.ToneWait, ui.IconHourglass}
	case connection.CommandUnknown:
		return look{ui.ToneOff, ui.IconInfo}
	default:
		return look{ui.ToneBad, ui.IconAlert}
	}
}

func number(n int) string { return strconv.Itoa(n) }

// value writes the value of an attribute. A text stands in quotes, so that it is told from a number, and without JSON's
// escapes.
func value(a connection.SharedAttribute) string {
	raw := []byte(a.Value)
	var s *string
	if json.Unmarshal(raw, &s) == nil && s != nil { // null is no text
		raw = []byte(`"` + *s + `"`)
	}
	text, cut := ui.Document(raw)
	if cut {
		text += " …"
	}
	return text
}

// title is the device's name, where it has one.
func (d Device) title() string {
	if d.Device.Name != "" {
		return d.Device.Name
	}
	return d.Device.DevEUI
}
