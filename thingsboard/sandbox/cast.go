package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// errConversion says that a payload is JSON, but not what the topic wants.
var errConversion = errors.New("payload cannot be converted")

// member is one member of a JSON object.
type member struct {
	key   string
	value json.RawMessage
}

// members are the members of an object in their order; ok is false for anything that is no object.
func members(raw json.RawMessage) (list []member, ok bool) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return nil, false
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, false
		}
		name, isText := key.(string)
		var value json.RawMessage
		if !isText || dec.Decode(&value) != nil {
			return nil, false
		}
		list = append(list, member{name, value})
	}
	_, err := dec.Token()
	return list, err == nil
}

// entry is one set of values; ts is 0 where the sender gave none.
type entry struct {
	ts     int64
	values map[string]json.RawMessage
}

// readEntries reads what stands for one device in a telemetry message: an object, or an array of objects. An object counts
// as timestamped only with both "ts" and "values" (JsonConverter).
func readEntries(raw json.RawMessage) ([]entry, error) {
	elements := []json.RawMessage{raw}
	if isArray(raw) {
		elements = nil
		if err := json.Unmarshal(raw, &elements); err != nil {
			return nil, fmt.Errorf("%w: %w", errConversion, err)
		}
	}
	entries := make([]entry, 0, len(elements))
	for _, element := range elements {
		e, err := readEntry(element)
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

func readEntry(raw json.RawMessage) (entry, error) {
	list, ok := members(raw)
	if !ok {
		return entry{}, fmt.Errorf("%w: an element is no object", errConversion)
	}
	var ts, values json.RawMessage
	for _, m := range list {
		switch m.key {
		case "ts":
			ts = m.value
		case "values":
			values = m.value
		}
	}
	if ts == nil || values == nil {
		cast, err := castAll(list)
		return entry{values: cast}, err
	}
	stamp, err := strconv.ParseInt(strings.Trim(string(ts), `"`), 10, 64)
	if err != nil {
		return entry{}, fmt.Errorf("%w: ts is no number", errConversion)
	}
	list, ok = members(values)
	if !ok {
		return entry{}, fmt.Errorf("%w: values is no object", errConversion)
	}
	cast, err := castAll(list)
	return entry{ts: stamp, values: cast}, err
}

// castAll turns members into what is stored: nulls are left out, texts that look like numbers become numbers.
func castAll(list []member) (map[string]json.RawMessage, error) {
	values := make(map[string]json.RawMessage, len(list))
	for _, m := range list {
		if m.key == "" {
			return nil, fmt.Errorf("%w: a key is empty", errConversion)
		}
		if v := cast(m.value); v != nil {
			values[m.key] = v
		}
	}
	return values, nil
}

// parsable is what ThingsBoard takes for a number in a text (NumberUtils.isParsable).
var parsable = regexp.MustCompile(`^-?[0-9]*\.?[0-9]+$`)

// cast is one value as it is stored; nil for null (JsonConverter with JSON_TYPE_CAST_ENABLED, its default).
func cast(raw json.RawMessage) json.RawMessage {
	switch raw[0] {
	case 'n':
		return nil
	case 't', 'f':
		return raw
	case '{', '[':
		var b bytes.Buffer
		if json.Compact(&b, raw) != nil {
			return raw
		}
		return b.Bytes()
	case '"':
		var text string
		if json.Unmarshal(raw, &text) != nil || !parsable.MatchString(text) {
			return raw
		}
		return number(text)
	}
	return number(string(raw))
}

// number stores a decimal: as a 64-bit integer where it is whole and written without a point, as a double, or, beyond
// either, as a text.
func number(text string) json.RawMessage {
	digits, exponent := text, 0
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		digits = text[:i]
		e, err := strconv.Atoi(text[i+1:])
		if err != nil || e > 400 || e < -400 {
			return quoted(text)
		}
		exponent = e
	}
	whole, fraction, pointed := strings.Cut(digits, ".")
	scale := len(fraction) - exponent
	mantissa := strings.TrimRight(whole+fraction, "0")
	stripped := scale - (len(whole+fraction) - len(mantissa))
	if simple := pointed && exponent == 0 && !strings.ContainsAny(text, "eE"); stripped <= 0 && !simple {
		plain := shift(whole+fraction, scale)
		n, err := strconv.ParseInt(plain, 10, 64)
		if err != nil {
			return quoted(plain)
		}
		return json.RawMessage(strconv.FormatInt(n, 10))
	}
	f, err := strconv.ParseFloat(text, 64)
	if scale > 16 || err != nil || math.IsInf(f, 0) {
		return quoted(text)
	}
	out := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(out, ".") {
		out += ".0" // a double is shown as one
	}
	return json.RawMessage(out)
}

// shift writes an integer of so many digits without the last scale of them, or with so many zeros more.
func shift(digits string, scale int) string {
	if scale > 0 {
		digits = digits[:max(0, len(digits)-scale)]
	} else {
		digits += strings.Repeat("0", -scale)
	}
	if digits == "" || digits == "-" {
		return "0"
	}
	return digits
}

func quoted(text string) json.RawMessage {
	raw, _ := json.Marshal(text) // a text always marshals
	return raw
}

// plain is a stored value as REST shows it where types are not strict: always as a text.
func plain(raw json.RawMessage) string {
	var text string
	if len(raw) > 0 && raw[0] == '"' && json.Unmarshal(raw, &text) == nil {
		return text
	}
	return string(raw)
}

func isArray(raw json.RawMessage) bool {
	return len(raw) > 0 && raw[0] == '['
}
