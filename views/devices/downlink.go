package devices

import (
	"net/url"
	"strconv"

	"boardlink/connection"
	"boardlink/views/ui"
)

// DownlinkPath is where a downlink is sent by hand. devEUI may be empty.
func DownlinkPath(id connection.ID, devEUI string) string {
	a := "/connections/" + id.String() + "/downlink"
	if devEUI != "" {
		a += "?devEUI=" + url.QueryEscape(devEUI)
	}
	return a
}

// Downlink is the form of a downlink by hand, and what became of the one that was sent.
type Downlink struct {
	ID      connection.ID
	Name    string // of the connection
	Missing connection.Field
	Fields  []ui.Field
	Outcome connection.CommandState // "" where none was posted
	Problem string                  // why it is not queued
}

// NewDownlink makes the form, filled with what was typed.
func NewDownlink(c *connection.Connection, typed url.Values) Downlink {
	port := ""
	if c.Configuration.DownlinkPort > 0 {
		port = " Empty: " + strconv.Itoa(c.Configuration.DownlinkPort) + ", as the connection says."
	}
	d := Downlink{ID: c.ID, Name: c.Name, Missing: missing(c)}
	d.Fields = []ui.Field{
		{Name: "devEUI", Label: "DevEUI", Mandatory: true, Mono: true, Max: 16, Placeholder: "20635F0108000E09", Help: "The device, by its 16 hexadecimal digits."},
		{Name: "payload_hex", Label: "Payload", Mono: true, Placeholder: "01ff", Help: "What is sent, as hexadecimal digits: two for each byte, at most 242 bytes."},
		{Name: "FPort", Label: "FPort", Kind: ui.KindNumber, Placeholder: "1", Help: "The port, 1 to 224." + port},
		{Name: "ValidityTime", Label: "Valid for, in seconds", Placeholder: "3600", Help: "Until when it is worth sending: a number of seconds; a time with its offset does too. Empty: as ThingPark is set."},
		{Name: "Confirmed", Label: "Confirmed", Kind: ui.KindSwitch, Value: "false", Help: "On: the device is asked to acknowledge it, and it is sent again until it does."},
		{Name: "FlushDownlinkQueue", Label: "Forget what waits", Kind: ui.KindSwitch, Value: "false", Help: "On: what else waits at ThingPark for this device is thrown away there."},
	}
	for i := range d.Fields {
		if f := &d.Fields[i]; typed.Has(f.Name) && (f.Kind != ui.KindSwitch || typed.Get(f.Name) == "true") {
			f.Value = typed.Get(f.Name)
		}
		d.Fields[i].Autofocus = i == 0 && d.Fields[i].Value == "" || i == 1 && d.Fields[0].Value != ""
	}
	return d
}

// missing is the setting without which no downlink can be sent; zero where nothing is missing.
func missing(c *connection.Connection) connection.Field {
	for _, name := range []string{"downlinkEnabled", "downlinkUrl", "downlinkAsId", "downlinkAsKey"} {
		if f, ok := connection.FieldByName(name); ok && (f.Get(c) == "" || f.Get(c) == "false") {
			return f
		}
	}
	return connection.Field{}
}

// Refuse puts what is wrong beside the fields. What is about none of them is said above all.
func (d *Downlink) Refuse(wrong map[string]string) {
	for path, message := range wrong {
		found := false
		for i := range d.Fields {
			d.Fields[i].Autofocus = false
			if f := &d.Fields[i]; f.Name == path || f.Name == "devEUI" && path == "DevEUI" {
				f.Error, found = message, true
			}
		}
		if !found {
			d.Problem = message
		}
	}
}

func (d Downlink) wrong() bool {
	for _, f := range d.Fields {
		if f.Error != "" {
			return true
		}
	}
	return false
}

// advice says what to do about a downlink that is not queued.
func (d Downlink) advice() string {
	switch d.Outcome {
	case connection.CommandRefused:
		return "ThingPark does not have it. Sending the same again changes nothing."
	case connection.CommandNotSent:
		return "It never left Boardlink: it may be sent again."
	case connection.CommandUnknown:
		return "It may be queued at ThingPark. Look there, or wait for the device, before you send it again."
	}
	return "Nothing was sent."
}
