package history

import (
	"encoding/json"
	"hash/fnv"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// FrameOf finds the frame counter in a point's values, whatever the connection's settings made of the uplink: the key
// fCntUp, the key FCntUp, or that member of DevEUI_uplink.
func FrameOf(values map[string]json.RawMessage) (int64, bool) {
	for _, key := range []string{"fCntUp", "FCntUp"} {
		if raw, ok := values[key]; ok {
			return number(raw)
		}
	}
	var whole struct{ FCntUp json.RawMessage }
	if json.Unmarshal(values["DevEUI_uplink"], &whole) != nil {
		return 0, false
	}
	return number(whole.FCntUp)
}

func number(raw json.RawMessage) (int64, bool) {
	n, err := strconv.ParseInt(strings.Trim(string(raw), `"`), 10, 64)
	return n, err == nil
}

// digest is equal for equal values, byte for byte.
func digest(values map[string]json.RawMessage) uint64 {
	sum := fnv.New64a()
	for _, key := range slices.Sorted(maps.Keys(values)) {
		_, _ = sum.Write([]byte(key)) // never fails
		_, _ = sum.Write([]byte{0})
		_, _ = sum.Write(values[key])
		_, _ = sum.Write([]byte{0})
	}
	return sum.Sum64()
}

// short writes values for a report.
func short(values map[string]json.RawMessage) string {
	text, err := json.Marshal(values)
	if err != nil {
		return err.Error()
	}
	if len(text) > 120 {
		return string(text[:120]) + "…"
	}
	return string(text)
}
