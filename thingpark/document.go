package thingpark

import (
	"encoding/json"
	"strings"
	"time"
)

// The kinds of documents that the tunnel interface is known to send. A document of another kind is accepted too: it is
// better to store what nobody knows than to lose it, since ThingPark does not post again.
const (
	KindUplink           = "DevEUI_uplink"
	KindDownlinkSent     = "DevEUI_downlink_Sent"
	KindDownlinkRejected = "DevEUI_downlink_Rejected"
	KindLocation         = "DevEUI_location"
	KindNotification     = "DevEUI_notification"
	KindMulticastSummary = "DevEUI_multicast_summary"
	KindDeviceAlarm      = "DevEUI_alarm"
	KindBaseStationAlarm = "BS_alarm"

	// kindCommand goes the other way: to the device.
	kindCommand = "DevEUI_downlink"
)

// Known reports whether kind is one of the documented ones.
func Known(kind string) bool { return kind == KindBaseStationAlarm || ofDevice(kind) }

// ofDevice reports the documented kinds that cannot be without a DevEUI.
func ofDevice(kind string) bool {
	switch kind {
	case KindUplink, KindDownlinkSent, KindDownlinkRejected, KindLocation, KindNotification, KindMulticastSummary, KindDeviceAlarm:
		return true
	}
	return false
}

const maxReducedKind = 64

// ReducedKind makes a kind fit to be a key, or to be shown: everything but letters, digits and _ of ASCII becomes _, and
// it ends after 64 characters. Documented kinds are left as they are by that; any other came from outside.
func ReducedKind(kind string) string {
	reduced := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' {
			return r
		}
		return '_'
	}, kind)
	if reduced == "" {
		return "_"
	}
	return reduced[:min(len(reduced), maxReducedKind)]
}

// Document is one message of ThingPark: the single member of the root object, taken apart one level deep. Its slices
// share the memory of Body, which must not be changed while the document is in use.
type Document struct {
	Kind       string    // name of the root's member, as sent
	DevEUI     string    // 16 hexadecimal digits in upper case; empty where the document is about no device
	CustomerID string    // as sent, may be empty
	FPort      *int64    // 0 to 255; nil where the document names none, as a join request
	FCntUp     *int64    // 0 to 2^32-1, or nil
	FCntDn     *int64    // 0 to 2^32-1, or nil
	Time       time.Time // as the document says, with its offset; zero where it says nothing
	Name       string    // CustomerData.name, made fit to be shown; may be empty

	Members []Member        // members of the inner object, in the order they came
	Payload json.RawMessage // what a driver of ThingPark decoded; nil where there is none, or null
	Object  json.RawMessage // the inner object itself
	Body    []byte          // the whole document
}

// Member is one member of a JSON object: its name as text, its value as it was written.
type Member struct {
	Name  string
	Value json.RawMessage
}

// Member returns the value of the inner object's member of that exact name, or nil.
func (d Document) Member(name string) json.RawMessage { return Find(d.Members, name) }

// Text returns a member that is a text or a number as text, and "" for any other.
func (d Document) Text(name string) string {
	s, _ := text(d.Member(name))
	return s
}

// IsUplink reports whether the document came from a device over the air, join requests included.
func (d Document) IsUplink() bool { return d.Kind == KindUplink }

// Find returns the value of the member of that exact name, or nil.
func Find(members []Member, name string) json.RawMessage {
	for _, m := range members {
		if m.Name == name {
			return m.Value
		}
	}
	return nil
}
