package telemetry

import (
	"encoding/json"
	"fmt"

	"boardlink/connection"
	"boardlink/thingpark"
)

// Message is what one document becomes. Either Skip says why nothing is sent, or Entries holds at least one entry with
// at least one value.
type Message struct {
	Device     string         // name of the device: its DevEUI; empty for the gateway's own telemetry
	Type       string         // device profile, for a device that does not exist yet
	Label      string         // as ThingPark calls the device; may be empty
	Entries    []Entry        // telemetry
	Attributes map[string]any // client attributes; mostly the same for all uplinks of a device; nil where there are none
	Gateway    bool           // the document is about no device
	Skip       string         // why nothing is sent, a sentence; empty where something is
}

// Entry is one telemetry entry of ThingsBoard. It must have both fields, else ThingsBoard takes it for a set of values
// at its own time (JsonConverter.java).
type Entry struct {
	TS     int64           `json:"ts"` // milliseconds since 1970
	Values json.RawMessage `json:"values"`
}

// Map says what a document becomes under a connection's settings; see the table in the package's comment. ts is the
// entry's time, fixed when the document was accepted. The error tells that doc did not come from [thingpark.Parse].
func Map(cfg connection.Configuration, doc thingpark.Document, ts int64) (Message, error) {
	m := Message{Device: doc.DevEUI, Gateway: doc.DevEUI == ""}
	if !m.Gateway {
		m.Type, m.Label = cfg.DeviceType, cut(entityText(doc.Name), maxText)
		if m.Type == "" {
			m.Type = connection.DefaultDeviceType
		}
	}
	v, err := values(cfg, doc, &m)
	if err != nil {
		return Message{}, fmt.Errorf("map %s: %w", thingpark.ReducedKind(doc.Kind), err)
	}
	if m.Skip == "" && v.n == 0 {
		m.Skip = "The document holds nothing that could be sent."
	}
	if m.Skip != "" {
		m.Attributes = nil
		return m, nil
	}
	m.Entries = []Entry{{TS: ts, Values: v.object()}}
	return m, nil
}

func values(cfg connection.Configuration, doc thingpark.Document, m *Message) (*object, error) {
	v := newObject(len(doc.Body))
	switch {
	case cfg.SendMetadata:
		if !doc.IsUplink() {
			m.Skip = "Only uplinks are sent while Send metadata is on."
			return v, nil
		}
		for _, member := range doc.Members {
			v.add(member.Name, typed(member))
		}
		return v, nil

	case cfg.SendRawDecodedFormat:
		if doc.IsUplink() && doc.Payload != nil {
			if err := decoded(v, doc.Payload); err != nil {
				return nil, err
			}
		}
		if v.n == 0 {
			original(v, doc)
		}
		return v, nil

	case cfg.TelemetryFormat == connection.FormatMeasurements && doc.IsUplink():
		m.Attributes = attributes(doc)
		return v, measurements(v, doc)
	}
	original(v, doc)
	return v, nil
}

// original puts the whole object under one key.
func original(v *object, doc thingpark.Document) {
	v.add(thingpark.ReducedKind(doc.Kind), typedObject(doc.Members))
}

// decoded makes each member of a payload a key. A payload that is no object, as some drivers make, is one key.
func decoded(v *object, payload json.RawMessage) error {
	if payload[0] != '{' {
		v.add("payload", payload)
		return nil
	}
	members, err := thingpark.Members(payload)
	if err != nil {
		return fmt.Errorf("read payload: %w", err)
	}
	for _, member := range members {
		v.add(member.Name, member.Value)
	}
	return nil
}
