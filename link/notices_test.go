package link

import (
	"encoding/json"
	"slices"
	"testing"
)

func TestNotices_name_their_devices(t *testing.T) {
	for params, want := range map[string][]string{
		`"Pump"`:                  {"Pump"},
		`{"Pump": "Pump 2"}`:      {"Pump"},
		`null`:                    {""},
		`{"Pump": {"new": "no"}}`: nil,
		`[1, 2]`:                  nil,
		``:                        nil,
	} {
		if got := noticed(json.RawMessage(params)); !slices.Equal(got, want) {
			t.Errorf("%s names %q, want %q", params, got, want)
		}
	}
}

func FuzzNotices(f *testing.F) {
	f.Add([]byte(`"Pump"`))
	f.Add([]byte(`{"Pump": "Pump 2"}`))
	f.Fuzz(func(t *testing.T, params []byte) {
		if names := noticed(params); len(names) > len(params) {
			t.Errorf("%d names in %d bytes", len(names), len(params))
		}
	})
}
