package thingpark

import (
	"encoding/json"
	"math"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Values of members come typed or, in the content type "JSON untyped", as texts. null and the empty text mean that
// there is none.

// absent reports whether a member says nothing.
func absent(raw json.RawMessage) bool {
	return len(raw) == 0 || string(raw) == "null" || string(raw) == `""`
}

// text returns the text of a JSON text or the digits of a JSON number. ok is false for every other value.
func text(raw json.RawMessage) (s string, ok bool) {
	if len(raw) == 0 {
		return "", false
	}
	switch raw[0] {
	case '"':
		b, err := jsontext.AppendUnquote(nil, raw)
		return string(b), err == nil
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return string(raw), true
	}
	return "", false
}

// maxNumber bounds the length of a number in characters; a double needs at most 24.
const maxNumber = 40

// Number returns the number that a JSON number or a text stands for, as a JSON number. A text that is no JSON number,
// and a number too large for a double, has none.
func Number(raw json.RawMessage) (json.RawMessage, bool) {
	if len(raw) == 0 || len(raw) > maxNumber+2 {
		return nil, false
	}
	if raw[0] == '"' {
		raw = raw[1 : len(raw)-1]
	}
	value := jsontext.Value(raw)
	if len(raw) == 0 || value.Kind() != jsontext.KindNumber || !value.IsValid() {
		return nil, false
	}
	if f, err := strconv.ParseFloat(string(raw), 64); err != nil || math.IsInf(f, 0) {
		return nil, false
	}
	return raw, true
}

// integer reads a whole number from 0 to limit. It is nil where the member says nothing.
func integer(raw json.RawMessage, limit int64) (n *int64, ok bool) {
	if absent(raw) {
		return nil, true
	}
	s, ok := text(raw)
	if !ok || len(s) > maxNumber {
		return nil, false
	}
	v, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		f, err := strconv.ParseFloat(s, 64) // 17.0 is a whole number too
		if err != nil || f != math.Trunc(f) || f < 0 || f > float64(limit) {
			return nil, false
		}
		v = int64(f)
	}
	if v < 0 || v > limit {
		return nil, false
	}
	return &v, true
}

const (
	maxFPortField = math.MaxUint8
	maxFCnt       = math.MaxUint32
)

// timeLayouts are the forms of ISO 8601 that ThingPark is known to write; fractions of a second of any length are read
// by each.
var timeLayouts = []string{time.RFC3339, "2006-01-02T15:04:05Z0700"}

// timestamp reads a time with its offset. Years beyond 1970 to 9999 are refused: they do not fit ThingsBoard's
// milliseconds. So are offsets of a day and more, which the standard library reads and does not read again.
func timestamp(s string) (time.Time, bool) {
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			_, offset := t.Zone()
			return t, t.UnixMilli() >= 0 && t.Year() <= 9999 && max(offset, -offset) < 24*60*60
		}
	}
	return time.Time{}, false
}

// isHex reports whether s holds hexadecimal digits only. The empty text does.
func isHex(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F') {
			return false
		}
	}
	return true
}
