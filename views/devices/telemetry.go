package devices

import (
	"bytes"
	"encoding/json"

	"boardlink/connection"
	"boardlink/views/ui"
)

// keyed is one telemetry key with what it holds.
type keyed struct{ key, text string }

// values are the telemetry keys in the order in which they were sent.
func (d Device) values() []keyed {
	var all []keyed
	dec := json.NewDecoder(bytes.NewReader(d.Telemetry.Document))
	if opening, err := dec.Token(); err != nil || opening != json.Delim('{') {
		return nil
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return all
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return all
		}
		text, cut := ui.Document(value)
		if cut {
			text += " …"
		}
		name, _ := key.(string)
		all = append(all, keyed{connection.Clean(name), text})
	}
	return all
}
