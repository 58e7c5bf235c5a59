package devices

import (
	"context"
	"net/url"
	"strconv"
	"strings"

	"boardlink/connection"
	"boardlink/text"
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
	Name    string             // of the connection
	Missing []connection.Field // settings without which no downlink can be sent
	Fields  []ui.Field
	Outcome connection.CommandState // "" where none was posted
	Problem string                  // why it is not queued
}

// NewDownlink makes the form, filled with what was typed.
func NewDownlink(ctx context.Context, c *connection.Connection, typed url.Values) Downlink {
	port := text.T(ctx, "devices.downlink.port_help")
	if c.Configuration.DownlinkPort > 0 {
		port = text.T(ctx, "devices.downlink.port_help_default", "port", strconv.Itoa(c.Configuration.DownlinkPort))
	}
	d := Downlink{ID: c.ID, Name: c.Name, Missing: missing(c)}
	d.Fields = []ui.Field{
		{Name: "devEUI", Label: "DevEUI", Mandatory: true, Mono: true, Max: 16, Placeholder: "20635F0108000E09", Help: text.T(ctx, "devices.downlink.device_help")},
		{Name: "payload_hex", Label: text.T(ctx, "devices.downlink.payload"), Mono: true, Placeholder: "01ff", Help: text.T(ctx, "devices.downlink.payload_help")},
		{Name: "FPort", Label: "FPort", Kind: ui.KindNumber, Mandatory: c.Configuration.DownlinkPort == 0, Placeholder: "1", Help: port},
		{Name: "ValidityTime", Label: text.T(ctx, "devices.downlink.valid"), Placeholder: "3600", Help: text.T(ctx, "devices.downlink.valid_help")},
		{Name: "Confirmed", Label: text.T(ctx, "devices.downlink.confirmed"), Kind: ui.KindSwitch, Value: "false", Help: text.T(ctx, "devices.downlink.confirmed_help")},
		{Name: "FlushDownlinkQueue", Label: text.T(ctx, "devices.downlink.flush"), Kind: ui.KindSwitch, Value: "false", Help: text.T(ctx, "devices.downlink.flush_help")},
	}
	for i := range d.Fields {
		if f := &d.Fields[i]; typed.Has(f.Name) && (f.Kind != ui.KindSwitch || typed.Get(f.Name) == "true") {
			f.Value = typed.Get(f.Name)
		}
		d.Fields[i].Autofocus = i == 0 && d.Fields[i].Value == "" || i == 1 && d.Fields[0].Value != ""
	}
	return d
}

// missing are the settings without which no downlink can be sent.
func missing(c *connection.Connection) []connection.Field {
	var all []connection.Field
	for _, name := range []string{"downlinkEnabled", "downlinkUrl", "downlinkAsId", "downlinkAsKey"} {
		if f, ok := connection.FieldByName(name); ok && (f.Get(c) == "" || f.Get(c) == "false") {
			all = append(all, f)
		}
	}
	return all
}

// missingNames lists them by their labels.
func (d Downlink) missingNames(ctx context.Context) string {
	var labels []string
	for _, f := range d.Missing {
		labels = append(labels, label(ctx, f))
	}
	return strings.Join(labels, ", ")
}

func label(ctx context.Context, f connection.Field) string {
	return text.Or(ctx, "field."+f.Name+".label", f.Label)
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
func (d Downlink) advice(ctx context.Context) string {
	switch d.Outcome {
	case connection.CommandRefused:
		return text.T(ctx, "devices.downlink.refused")
	case connection.CommandNotSent:
		return text.T(ctx, "devices.downlink.not_sent")
	case connection.CommandUnknown:
		return text.T(ctx, "devices.downlink.unknown")
	}
	return text.T(ctx, "devices.downlink.nothing")
}
