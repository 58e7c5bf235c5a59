package telemetry

import (
	"bytes"
	"encoding/json"

	"boardlink/thingpark"
)

// typed returns a member's value, with a number for a numeric member that came as a text, also in the list of gateways.
func typed(m thingpark.Member) json.RawMessage {
	switch {
	case thingpark.Numeric(m.Name):
		if number, ok := thingpark.Number(m.Value); ok {
			return number
		}
	case m.Name == "Lrrs":
		return typedTree(m.Value)
	}
	return m.Value
}

// typedTree does the same to the objects within objects and arrays: Lrrs is {"Lrr": [{...}, ...]}.
func typedTree(value json.RawMessage) json.RawMessage {
	members, err := thingpark.Members(value)
	if err != nil {
		return value // no object
	}
	for i, m := range members {
		if m.Name == "Lrr" {
			members[i].Value = typedList(m.Value)
		}
	}
	return typedObject(members)
}

func typedList(value json.RawMessage) json.RawMessage {
	var gateways []json.RawMessage
	if json.Unmarshal(value, &gateways) != nil || gateways == nil {
		return value // no array
	}
	for i, g := range gateways {
		if members, err := thingpark.Members(g); err == nil {
			gateways[i] = typedObject(members)
		}
	}
	list, err := json.Marshal(gateways)
	if err != nil {
		return value
	}
	return list
}

// typedObject writes an object anew, in its order.
func typedObject(members []thingpark.Member) json.RawMessage {
	var buf bytes.Buffer
	buf.WriteByte('{')
	for i, m := range members {
		if i > 0 {
			buf.WriteByte(',')
		}
		buf.Write(quoted(m.Name))
		buf.WriteByte(':')
		buf.Write(typed(m))
	}
	buf.WriteByte('}')
	return buf.Bytes()
}
